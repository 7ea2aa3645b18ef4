//! One call to AWS, as a server sees it: which service is to do what; and how each service refuses.

use std::fmt;

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

/// A call: `s3 PUT /bucket/key`, `cloudformation CreateChangeSet`, `registry POST /v2/name/blobs/uploads/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    /// As in the credential scope of its signature; `registry` for the image protocol, whose calls carry none.
    pub service: String,
    /// The operation's name, or method and path where the protocol has no name. Without the query, which may be random.
    pub action: String,
}

impl Call {
    /// `form` is the body of a call in the query protocol, and empty for others.
    pub(crate) fn new(parts: &Parts, form: &[u8]) -> Self {
        let path = parts.uri.path();
        let service = match scope(&parts.headers).or_else(|| presigned(parts.uri.query().unwrap_or_default())) {
            Some(service) => service,
            None if path.starts_with("/v2/") => "registry".to_owned(),
            None => "unsigned".to_owned(),
        };
        let target = header(&parts.headers, "x-amz-target").and_then(|target| target.rsplit('.').next());
        let form = String::from_utf8_lossy(form);
        let action = target.or_else(|| form.split('&').find_map(|pair| pair.strip_prefix("Action=")));
        let action = action.map_or_else(|| format!("{} {path}", parts.method), str::to_owned);
        Self { service, action }
    }

    /// Whether the call is to change something; an invocation of the function is not.
    pub(crate) fn writes(&self) -> bool {
        let reads = ["GET ", "HEAD ", "Get", "List", "Describe", "BatchGet", "BatchCheck", "Filter"];
        !reads.iter().any(|read| self.action.starts_with(read)) && !self.action.ends_with("/invocations")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service, self.action)
    }
}

fn header<'a>(headers: &'a HeaderMap<HeaderValue>, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The service in `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn scope(headers: &HeaderMap<HeaderValue>) -> Option<String> {
    let credential = header(headers, AUTHORIZATION.as_str())?.split_once("Credential=")?.1;
    credential.split('/').nth(3).map(str::to_owned)
}

fn presigned(query: &str) -> Option<String> {
    let credential = query.split_once("X-Amz-Credential=")?.1;
    credential.split("%2F").nth(3).map(str::to_owned)
}

/// How a service says that it cannot do now what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Internal,
    Unavailable,
    Throttled,
    /// There is nothing to do: CloudFormation's alone, of what would change a stack.
    NoUpdates,
}

impl Refusal {
    /// What the call's service would answer. Sources: "Common errors" in each service's API reference; for images
    /// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>.
    pub(crate) fn response(self, call: &Call) -> Response<String> {
        let status = |usual: StatusCode| match self {
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Throttled | Self::NoUpdates => usual,
        };
        let code = |throttled: &'static str| match self {
            Self::Internal => "InternalFailure",
            Self::Unavailable => "ServiceUnavailable",
            Self::Throttled => throttled,
            Self::NoUpdates => "ValidationError",
        };
        let (status, code, kind, body) = match call.service.as_str() {
            "s3" => {
                let code = if self == Self::Internal { "InternalError" } else { "SlowDown" };
                let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>test</Message></Error>");
                (status(StatusCode::SERVICE_UNAVAILABLE), code, "application/xml", body)
            }
            "cloudformation" | "iam" | "sts" => {
                let code = code("Throttling");
                let message = if self == Self::NoUpdates { "No updates are to be performed." } else { "Rate exceeded" };
                let body = format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>test</RequestId></ErrorResponse>"
                );
                (status(StatusCode::BAD_REQUEST), code, "text/xml", body)
            }
            "lambda" => {
                let code = if self == Self::Throttled { "TooManyRequestsException" } else { "ServiceException" };
                let body = "{\"Type\":\"Service\",\"Message\":\"Rate exceeded\"}".to_owned();
                (status(StatusCode::TOO_MANY_REQUESTS), code, "application/json", body)
            }
            "registry" => {
                let code = if self == Self::Throttled { "TOOMANYREQUESTS" } else { "UNKNOWN" };
                let body = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"test\"}}]}}");
                (status(StatusCode::TOO_MANY_REQUESTS), code, "application/json", body)
            }
            _ => {
                let code = code("ThrottlingException");
                let body = format!("{{\"__type\":\"{code}\",\"message\":\"Rate exceeded\"}}");
                (status(StatusCode::BAD_REQUEST), code, "application/x-amz-json-1.1", body)
            }
        };
        let response = Response::builder().status(status).header("content-type", kind);
        response.header("x-amzn-errortype", code).body(body).expect("a response of constants")
    }
}
