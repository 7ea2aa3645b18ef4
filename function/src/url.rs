//! A function URL: the request that Lambda hands on as an event, and the answer to it. Only a URL with `AWS_IAM` is ever made, so
//! that Lambda has checked who asks before anything comes here.
//!
//! Payload format 2.0: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>. An answer without `statusCode` is a
//! JSON body with 200, so that a query's own goes out as it is.

use crate::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Whether an event is the request of a function URL.
pub(crate) fn is_request(event: &Map<String, Value>) -> bool {
    let http = event.get("requestContext").and_then(|context| context.get("http"));
    http.is_some() && event.contains_key("rawPath") && !event.contains_key("q")
}

/// The event that a request carries as its body.
///
/// # Errors
/// `Quack.BadEvent` for one that carries none.
pub(crate) fn body(event: &Map<String, Value>) -> Result<String, Failure> {
    let bad = |what: &str| {
        Failure::new("Quack.BadEvent", format!("{what}: POST an object such as {{\"q\": \"SELECT 42\"}}, as JSON"))
    };
    let text = event.get("body").and_then(Value::as_str).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| bad("the request has no body"))?;
    if event.get("isBase64Encoded").and_then(Value::as_bool) != Some(true) {
        return Ok(text.to_owned());
    }
    let bytes = STANDARD.decode(text).map_err(|_| bad("the request's body is no base64, though it is said to be"))?;
    String::from_utf8(bytes).map_err(|_| bad("the request's body is not UTF-8"))
}

/// Who Lambda says asks, by the signature: an ARN.
pub(crate) fn caller(event: &Map<String, Value>) -> Option<String> {
    let arn = event.get("requestContext")?.get("authorizer")?.get("iam")?.get("userArn")?;
    arn.as_str().map(str::to_owned)
}

/// An answer that is no query's.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    status_code: u16,
    headers: Value,
    body: String,
}

impl Refusal {
    /// Of a failed invocation, as JSON with the fields that Lambda's own errors have.
    pub fn of(failure: &Failure) -> Self {
        let status_code = match failure.error_type.as_str() {
            "Quack.SandboxError" | "DuckDB.PermissionError" => 403,
            _ if failure.is_internal() || failure.error_type == "DuckDB.OutofMemoryError" => 500,
            _ => 400,
        };
        let body = json!({ "errorType": failure.error_type, "errorMessage": failure.message });
        Self { status_code, headers: json!({ "content-type": "application/json" }), body: body.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &Value) -> Map<String, Value> {
        let mut request =
            json!({ "version": "2.0", "rawPath": "/", "requestContext": { "http": { "method": "POST" } } });
        for (name, value) in fields.as_object().unwrap() {
            request[name] = value.clone();
        }
        request.as_object().unwrap().clone()
    }

    #[test]
    fn an_event_comes_as_text_or_as_base64() {
        let event = r#"{"q": "SELECT 'é'"}"#;
        let text = request(&json!({ "body": event, "isBase64Encoded": false }));
        assert_eq!((is_request(&text), body(&text).unwrap().as_str()), (true, event));
        let encoded = request(&json!({ "body": STANDARD.encode(event), "isBase64Encoded": true }));
        assert_eq!(body(&encoded).unwrap(), event);
        for (fields, told) in [
            (json!({}), "no body"),
            (json!({ "body": "" }), "no body"),
            (json!({ "body": 7 }), "no body"),
            (json!({ "body": "%%", "isBase64Encoded": true }), "no base64"),
            (json!({ "body": "/w==", "isBase64Encoded": true }), "not UTF-8"),
        ] {
            let failure = body(&request(&fields)).unwrap_err();
            assert!(failure.message.contains(told) && failure.message.contains("POST"), "{failure}");
        }
    }

    #[test]
    fn who_asks_is_what_lambda_says() {
        let arn = "arn:aws:iam::123456789012:user/ann";
        let context = json!({ "http": {}, "authorizer": { "iam": { "userArn": arn } } });
        assert_eq!(caller(&request(&json!({ "requestContext": context }))).as_deref(), Some(arn));
        assert_eq!(caller(&request(&json!({}))), None);
        // An event of somebody who may invoke the function is no request, whatever else it says.
        assert!(!is_request(&request(&json!({ "q": "SELECT 1" }))));
        assert!(!is_request(json!({ "rawPath": "/", "requestContext": 1 }).as_object().unwrap()));
    }

    #[test]
    fn a_failure_has_a_status() {
        for (kind, status) in [
            ("Quack.BadEvent", 400),
            ("DuckDB.ParserError", 400),
            ("Quack.SandboxError", 403),
            ("DuckDB.FATALError", 500),
        ] {
            assert_eq!(Refusal::of(&Failure::new(kind, "x")).status_code, status);
        }
        let refusal = serde_json::to_value(Refusal::of(&Failure::new("Quack.BadEvent", "a \"b\""))).unwrap();
        assert_eq!(refusal["body"], r#"{"errorMessage":"a \"b\"","errorType":"Quack.BadEvent"}"#);
    }
}
