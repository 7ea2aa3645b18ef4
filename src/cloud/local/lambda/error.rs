//! Errors of the Lambda API, in AWS's own names and shapes.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// An error that the API answers with.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    body: Value,
}

impl ApiError {
    fn user(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        // Some of AWS's shapes spell it `Message`, the others `message`; each client reads the one it knows.
        let message = message.into();
        Self { status, kind, body: json!({ "Type": "User", "Message": message, "message": message }) }
    }

    fn forbidden(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, kind, body: json!({ "message": message.into() }) }
    }

    pub(super) fn missing_token() -> Self {
        Self::forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    pub(super) fn incomplete_signature(said: &str) -> Self {
        Self::forbidden("IncompleteSignatureException", format!("The request signature is not of AWS's form: {said}"))
    }

    pub(super) fn unrecognized_client() -> Self {
        Self::forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
    }

    pub(super) fn invalid_signature(message: impl Into<String>) -> Self {
        Self::forbidden("InvalidSignatureException", message)
    }

    pub(super) fn bad_signature() -> Self {
        Self::invalid_signature(
            "The request signature we calculated does not match the signature you provided. \
             Check your AWS Secret Access Key and signing method.",
        )
    }

    pub(super) fn function_not_found(arn: &str) -> Self {
        Self::user(StatusCode::NOT_FOUND, "ResourceNotFoundException", format!("Function not found: {arn}"))
    }

    /// A request to the URL of a function that has none, or of none.
    pub(super) fn no_url() -> Self {
        Self::forbidden("AccessDeniedException", "there is no function with such a URL")
    }

    /// Asked with keys that are not good for it.
    pub(super) fn not_authorized(method: &str, path: &str) -> Self {
        Self::forbidden("AccessDeniedException", format!("these keys are not authorized to perform {method} {path}"))
    }

    pub(super) fn no_url_config(name: &str) -> Self {
        let message = format!("the function {name} has no URL");
        Self::user(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub(super) fn unknown_operation(method: &str, path: &str) -> Self {
        let message = format!("The local target does not know {method} {path}");
        Self::user(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }

    pub(super) fn function_exists(name: &str) -> Self {
        let message = format!("Function already exist: {name}");
        Self::user(StatusCode::CONFLICT, "ResourceConflictException", message)
    }

    pub(super) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::user(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
    }

    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        let message = format!("Could not parse request body into json: {error}");
        Self::user(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }

    pub(super) fn request_too_large(limit_bytes: usize) -> Self {
        let message = format!("Request must be smaller than {limit_bytes} bytes for the InvokeFunction operation");
        Self::user(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
    }

    pub(super) fn too_many_functions(most: usize) -> Self {
        let message = format!("the local target keeps {most} functions at most");
        Self::user(StatusCode::BAD_REQUEST, "CodeStorageExceededException", message)
    }

    pub(super) fn body_did_not_come() -> Self {
        Self::user(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", "The request's body did not come in time")
    }

    pub(super) fn too_many_requests() -> Self {
        let body = json!({
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User",
            "message": "Rate Exceeded.",
        });
        Self { status: StatusCode::TOO_MANY_REQUESTS, kind: "TooManyRequestsException", body }
    }

    pub(super) fn service(error: impl std::fmt::Display) -> Self {
        let body = json!({ "Type": "Service", "Message": format!("{error}") });
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, kind: "ServiceException", body }
    }

    #[cfg(test)]
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", hyper::header::HeaderValue::from_static(self.kind));
        response
    }
}
