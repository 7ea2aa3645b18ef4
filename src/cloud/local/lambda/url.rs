//! Function URLs: their part of the Lambda API, and the requests to them. As on AWS, with `AWS_IAM`: whoever signs with the owner's
//! keys is answered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::error::ApiError;
use super::function::Function;
use super::response::{json_response, set};
use super::service::Lambda;

/// What paths of requests to function URLs begin with; the function's name follows. No bucket has such a name.
const PATH: &str = "/_aws/lambda-url/";

/// The account that is nobody's.
const ACCOUNT: &str = "000000000000";

/// The function that a request is for, and the path there.
pub(super) fn parse(path: &str) -> Option<(&str, String)> {
    let rest = path.strip_prefix(PATH)?;
    let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
    Some((name, format!("/{path}")))
}

/// AWS's `FunctionUrlConfig` of a function at `endpoint`.
pub(super) fn configuration(function: &Function, endpoint: &str) -> Value {
    json!({
        "FunctionUrl": format!("{endpoint}{PATH}{}/", function.name),
        "FunctionArn": function.arn(),
        "AuthType": "AWS_IAM",
        "InvokeMode": "BUFFERED",
        "CreationTime": function.last_modified,
        "LastModifiedTime": function.last_modified,
    })
}

/// Refuses a URL that would be open to all.
///
/// # Errors
/// What is no JSON; another `AuthType` than `AWS_IAM`.
pub(super) fn check(body: &[u8]) -> Result<(), ApiError> {
    let wish: Value = serde_json::from_slice(body).map_err(|error| ApiError::not_json(&error))?;
    match wish.get("AuthType").and_then(Value::as_str) {
        Some("AWS_IAM") => Ok(()),
        other => Err(ApiError::invalid_parameter(format!("AuthType {other:?}: the local target has AWS_IAM alone"))),
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
        let outcome = self.invoke(name, id, Bytes::from(event(request, name, path, id, body).to_string())).await?;
        if outcome.failed {
            let answer = json!({ "Message": "Internal Server Error" });
            return Ok(json_response(StatusCode::BAD_GATEWAY, &answer));
        }
        Ok(answer(outcome.payload))
    }
}

/// The event for a request: payload format 2.0, <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>.
fn event(request: &Parts, name: &str, path: &str, id: &str, body: &Bytes) -> Value {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let headers = request.headers.iter().filter(|(name, _)| *name != "authorization");
    let headers: serde_json::Map<String, Value> =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into()))).collect();
    let now = chrono::Utc::now();
    let text = str::from_utf8(body).ok();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": name,
            "authorizer": { "iam": {
                "accountId": ACCOUNT,
                "userArn": format!("arn:aws:iam::{ACCOUNT}:root"),
                "userId": ACCOUNT,
            } },
            "domainName": header("host"),
            "domainPrefix": name,
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": header("user-agent"),
            },
            "requestId": id,
            "routeKey": "$default",
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
        "body": text.map_or_else(|| STANDARD.encode(body), str::to_owned),
        "isBase64Encoded": text.is_none(),
    })
}

/// What a function answered, as a response: what it says with a `statusCode`; anything else is the body.
fn answer(payload: Bytes) -> Response<Bytes> {
    // Only an object that begins with it: a query's own answer may be large, and has none.
    let told =
        payload.starts_with(b"{\"statusCode\"").then(|| serde_json::from_slice::<Value>(&payload).ok()).flatten();
    let Some(told) = told else {
        let mut response = Response::new(payload);
        set(&mut response, "content-type", "application/json");
        return response;
    };
    let status = told["statusCode"].as_u64().and_then(|status| StatusCode::from_u16(status as u16).ok());
    let mut response = Response::new(Bytes::from(told["body"].as_str().unwrap_or_default().to_owned()));
    *response.status_mut() = status.unwrap_or(StatusCode::BAD_GATEWAY);
    set(&mut response, "content-type", told["headers"]["content-type"].as_str().unwrap_or("application/json"));
    response
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
    fn answers_are_what_the_function_says() {
        let told = answer(Bytes::from_static(b"{\"statusCode\":403,\"headers\":{},\"body\":\"no\"}"));
        assert_eq!((told.status(), told.body().as_ref()), (StatusCode::FORBIDDEN, &b"no"[..]));
        let other = answer(Bytes::from_static(b"{\"metadata\":{}}"));
        assert_eq!((other.status(), other.body().as_ref()), (StatusCode::OK, &b"{\"metadata\":{}}"[..]));
        assert_eq!(answer(Bytes::from_static(b"{\"statusCode\":9}")).status(), StatusCode::BAD_GATEWAY);
    }

    #[test]
    fn only_a_url_that_asks_who_is_there_is_made() {
        assert!(check(b"{\"AuthType\": \"AWS_IAM\"}").is_ok());
        for body in ["{\"AuthType\": \"NONE\"}", "{}", "x"] {
            assert!(check(body.as_bytes()).is_err(), "{body}");
        }
    }
}
