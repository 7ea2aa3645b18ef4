//! Requests to function URLs as their functions see them, and what those say as responses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::instance::Outcome;
use super::response::{json_response, set};

/// The account that is nobody's.
const ACCOUNT: &str = "000000000000";

/// Whom a URL answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Whoever signs with the owner's keys.
    Owner,
    Anybody,
}

/// The event for a request: payload format 2.0, <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>.
pub(super) fn event(request: &Parts, name: &str, path: &str, id: &str, body: &Bytes, caller: Caller) -> Value {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // What those before the function say of a request, nobody else does; cookies have a place of their own.
    let is_ours = |name: &HeaderName| name.as_str().starts_with("x-forwarded-") || name == "cookie";
    let headers = request.headers.iter().filter(|(name, _)| *name != "authorization" && !is_ours(name));
    let mut headers: serde_json::Map<String, Value> =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into()))).collect();
    headers.insert("x-forwarded-for".to_owned(), "127.0.0.1".into());
    headers.insert("x-forwarded-proto".to_owned(), "http".into());
    let cookies = request.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<&str> = cookies.flat_map(|value| value.split(';')).map(str::trim).collect();
    let now = chrono::Utc::now();
    let text = str::from_utf8(body).ok();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": name,
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
    });
    if caller == Caller::Owner {
        event["requestContext"]["authorizer"] = json!({ "iam": {
            "accountId": ACCOUNT,
            "userArn": format!("arn:aws:iam::{ACCOUNT}:root"),
            "userId": ACCOUNT,
        } });
    }
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    event
}

/// What came of an invocation, as a response.
pub(super) fn response(outcome: Outcome, caller: Caller) -> Response<Bytes> {
    match outcome.failed {
        true => json_response(StatusCode::BAD_GATEWAY, &json!({ "Message": "Internal Server Error" })),
        false => answer(outcome.payload, caller),
    }
}

/// What a function answered, as a response: what it says with a `statusCode`; anything else is the body.
fn answer(payload: Bytes, caller: Caller) -> Response<Bytes> {
    // Of the engine's, which may be large, only an object that begins with it: a query's own answer has none.
    let is_told = caller == Caller::Anybody || payload.starts_with(b"{\"statusCode\"");
    let told = is_told.then(|| serde_json::from_slice::<Value>(&payload).ok()).flatten();
    let Some(told) = told.filter(|told| told.get("statusCode").is_some()) else {
        let mut response = Response::new(payload);
        set(&mut response, "content-type", "application/json");
        return response;
    };
    let status = told["statusCode"].as_u64().and_then(|status| StatusCode::from_u16(status as u16).ok());
    let text = told["body"].as_str().unwrap_or_default();
    let body = match told["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(text).ok(),
        _ => Some(text.as_bytes().to_vec()),
    };
    let (Some(body), Some(status)) = (body, status) else {
        return json_response(StatusCode::BAD_GATEWAY, &json!({ "Message": "Internal Server Error" }));
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    set(&mut response, "content-type", "application/json");
    for (name, value) in told["headers"].as_object().into_iter().flatten() {
        // Whatever is no header goes no further.
        let header = value
            .as_str()
            .and_then(|value| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)));
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
    }
    let cookies = told["cookies"].as_array().into_iter().flatten();
    for cookie in cookies.filter_map(|cookie| HeaderValue::try_from(cookie.as_str()?).ok()) {
        response.headers_mut().append("set-cookie", cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_the_function_says() {
        let told = answer(Bytes::from_static(b"{\"statusCode\":403,\"headers\":{},\"body\":\"no\"}"), Caller::Owner);
        assert_eq!((told.status(), told.body().as_ref()), (StatusCode::FORBIDDEN, &b"no"[..]));
        let other = answer(Bytes::from_static(b"{\"metadata\":{}}"), Caller::Owner);
        assert_eq!((other.status(), other.body().as_ref()), (StatusCode::OK, &b"{\"metadata\":{}}"[..]));
        assert_eq!(answer(Bytes::from_static(b"{\"statusCode\":9}"), Caller::Owner).status(), StatusCode::BAD_GATEWAY);
        let whole = answer(
            Bytes::from_static(
                b"{\"statusCode\":303,\"headers\":{\"location\":\"/a\",\"x\":\"a\\nb\"},\"cookies\":[\"a=1; Path=/\",\"b=2\"],\
              \"body\":\"AP8=\",\"isBase64Encoded\":true}",
            ),
            Caller::Owner,
        );
        assert_eq!((whole.status(), whole.body().as_ref()), (StatusCode::SEE_OTHER, &[0_u8, 255][..]));
        assert_eq!(whole.headers()["location"], "/a");
        assert_eq!((whole.headers().get_all("set-cookie").iter().count(), whole.headers().get("x")), (2, None));
    }

    #[test]
    fn what_a_browser_sends_of_others_is_not_believed() {
        let request = hyper::Request::get("/a%20b?x=1").header("host", "h").header("cookie", "a=1; b=2");
        let request =
            request.header("x-forwarded-proto", "https").header("x-forwarded-for", "8.8.8.8").body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let event = event(&parts, "f", parts.uri.path(), "1", &Bytes::new(), Caller::Anybody);
        assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/a%20b"), &json!("x=1")));
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        let headers = json!({ "host": "h", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http" });
        assert_eq!(event["headers"], headers);
        assert!(event["requestContext"].get("authorizer").is_none());
    }
}
