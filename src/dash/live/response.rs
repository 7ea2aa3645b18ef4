//! Responses, each with what keeps a browser from doing more than it is to.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use std::convert::Infallible;

pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What is said instead of what was asked for.
pub(super) type Refusal = Box<Answer>;

/// What a page may load and do: our own script and style, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A response of this type.
pub(super) fn of(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    guarded(status, content_type, Full::new(body.into()).boxed())
}

/// The same with any body.
pub(super) fn guarded(status: StatusCode, content_type: &'static str, body: BoxBody<Bytes, Infallible>) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = [
        ("content-type", content_type),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

pub(super) fn html(status: StatusCode, text: String) -> Answer {
    of(status, "text/html; charset=utf-8", text)
}

/// What went wrong, for a script.
pub(super) fn error(status: StatusCode, message: &str, hint: &str) -> Answer {
    let hint = Some(hint).filter(|hint| !hint.is_empty());
    let body = json!({ "error": { "message": message, "hint": hint } });
    of(status, "application/json", body.to_string())
}

/// What is wrong with SQL, and the character of it, from 1 on, that is meant.
pub(super) fn error_at(message: &str, hint: &str, position: Option<usize>) -> Answer {
    let hint = Some(hint).filter(|hint| !hint.is_empty());
    let body = json!({ "error": { "message": message, "hint": hint, "position": position } });
    of(StatusCode::UNPROCESSABLE_ENTITY, "application/json", body.to_string())
}

/// Sets a header to what is none of a reader's text.
pub(super) fn set(response: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
