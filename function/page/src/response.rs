//! Responses, each with what keeps a browser from doing more than it is to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a page may load and do: our own script and style, our own forms, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Nobody keeps a page or its rows.
const PRIVATE: &str = "private, no-store";
/// What is called after its content stays what it is.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Most bytes that are sent as text: JSON makes up to six of one.
const LARGEST_TEXT: usize = 512 << 10;

#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    headers: Vec<(&'static str, String)>,
    cookies: Vec<String>,
    body: Vec<u8>,
    /// Why it is none of what was asked for; for the log.
    pub refused: Option<String>,
    /// What it cost, US dollars.
    pub usd: Option<f64>,
}

impl Response {
    pub(crate) fn of(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", content_type.to_owned()), ("cache-control", PRIVATE.to_owned())];
        Self { status, headers, cookies: Vec::new(), body: body.into(), refused: None, usd: None }
    }

    pub(crate) fn html(status: u16, text: String) -> Self {
        Self::of(status, "text/html; charset=utf-8", text)
    }

    /// What went wrong, for a script.
    pub(crate) fn error(status: u16, message: &str, hint: &str) -> Self {
        let hint = Some(hint).filter(|hint| !hint.is_empty());
        let body = json!({ "error": { "message": message, "hint": hint } });
        Self { refused: Some(message.to_owned()), ..Self::of(status, "application/json", body.to_string()) }
    }

    /// Leads to another page of the site.
    pub(crate) fn elsewhere(to: &str) -> Self {
        Self::of(303, "text/plain; charset=utf-8", "").with("location", to)
    }

    /// The same, refused for a reason.
    pub(crate) fn because(mut self, words: &str) -> Self {
        self.refused = Some(words.to_owned());
        self
    }

    pub(crate) fn forever(self) -> Self {
        self.with("cache-control", FOREVER)
    }

    /// The same with a header, in the place of one that it has.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(own, _)| *own != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn with_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// What Lambda takes.
    pub(crate) fn into_event(self) -> Value {
        let guards = [
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ];
        let guards = guards.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let own = self.headers.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        let headers: serde_json::Map<String, Value> = guards.into_iter().chain(own).collect();
        let (body, is_base64) = match String::from_utf8(self.body) {
            Ok(text) if text.len() <= LARGEST_TEXT => (text, false),
            Ok(text) => (STANDARD.encode(text), true),
            Err(error) => (STANDARD.encode(error.as_bytes()), true),
        };
        json!({
            "statusCode": self.status, "headers": headers, "cookies": self.cookies, "body": body, "isBase64Encoded": is_base64,
        })
    }
}
