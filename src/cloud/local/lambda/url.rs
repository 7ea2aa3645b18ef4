//! Function URLs: their part of the Lambda API, and the requests to them. As on AWS, with `AWS_IAM` whoever signs with the owner's
//! keys is answered, and with `NONE` everybody, at a port of the function's own (`public.rs`).

use bytes::Bytes;
use hyper::Response;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::error::ApiError;
use super::function::Function;
use super::service::Lambda;
use super::url_event::{self, Caller};

/// What paths of requests to function URLs begin with; the function's name follows. No bucket has such a name.
const PATH: &str = "/_aws/lambda-url/";

/// The function that a request is for, and the path there.
pub(super) fn parse(path: &str) -> Option<(&str, String)> {
    let rest = path.strip_prefix(PATH)?;
    let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
    Some((name, format!("/{path}")))
}

/// AWS's `FunctionUrlConfig` of a function at `endpoint`.
pub(super) fn configuration(function: &Function, endpoint: &str) -> Value {
    let (url, auth) = match function.public_port {
        Some(port) => (format!("http://127.0.0.1:{port}/"), "NONE"),
        None => (format!("{endpoint}{PATH}{}/", function.name), "AWS_IAM"),
    };
    json!({
        "FunctionUrl": url,
        "FunctionArn": function.arn(),
        "AuthType": auth,
        "InvokeMode": "BUFFERED",
        "CreationTime": function.last_modified,
        "LastModifiedTime": function.last_modified,
    })
}

/// Whom a URL is wanted for.
///
/// # Errors
/// What is no JSON; no `AuthType` of AWS's.
pub(super) fn wanted(body: &[u8]) -> Result<Caller, ApiError> {
    let wish: Value = serde_json::from_slice(body).map_err(|error| ApiError::not_json(&error))?;
    match wish.get("AuthType").and_then(Value::as_str) {
        Some("AWS_IAM") => Ok(Caller::Owner),
        Some("NONE") => Ok(Caller::Anybody),
        other => Err(ApiError::invalid_parameter(format!("AuthType {other:?}: it is AWS_IAM or NONE"))),
    }
}

impl Lambda {
    /// Answers a request to a function's URL, which was found to be signed rightly.
    pub(super) async fn by_url(
        &self,
        request: &Parts,
        name: &str,
        path: &str,
        id: &str,
        body: &Bytes,
    ) -> Result<Response<Bytes>, ApiError> {
        if !self.pool(name).is_ok_and(|pool| pool.function().url) {
            return Err(ApiError::no_url());
        }
        let event = url_event::event(request, name, path, id, body, Caller::Owner);
        Ok(url_event::response(self.invoke(name, id, Bytes::from(event.to_string())).await?, Caller::Owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_function_and_a_path() {
        assert_eq!(parse("/_aws/lambda-url/quack/"), Some(("quack", "/".to_owned())));
        assert_eq!(parse("/_aws/lambda-url/quack"), Some(("quack", "/".to_owned())));
        assert_eq!(parse("/_aws/lambda-url/quack/a/b"), Some(("quack", "/a/b".to_owned())));
        assert_eq!(parse("/quack/_aws/lambda-url/"), None);
    }

    #[test]
    fn a_url_says_whom_it_answers() {
        assert_eq!(wanted(b"{\"AuthType\": \"AWS_IAM\"}").ok(), Some(Caller::Owner));
        assert_eq!(wanted(b"{\"AuthType\": \"NONE\"}").ok(), Some(Caller::Anybody));
        for body in ["{\"AuthType\": \"none\"}", "{}", "x"] {
            assert!(wanted(body.as_bytes()).is_err(), "{body}");
        }
    }
}
