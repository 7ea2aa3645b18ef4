//! A request: as it stands nobody has signed it, so that nothing may come of it. Signed by AWS's own signer it is let in;
//! changed after that it is not.

use std::time::SystemTime;

use aws_sigv4::http_request::SignableBody;
use hyper::Method;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use s3s::Body;

use super::{HOST, Local, signed};
use crate::cloud::local::lambda::is_lambda;

/// Headers that belong to a connection, to a signature, or to the length of a body that is sent whole.
const NOT_SIGNED: [&str; 12] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amzn-trace-id",
];

impl Local {
    /// See [`crate::fuzz::Targets::signature`].
    pub(crate) fn signature(&self, bytes: &[u8]) -> bool {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let now = chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let text = text
            .replace("{now}", &now)
            .replace("{today}", &now[..8])
            .replace("{host}", HOST)
            .replace("{key}", "QUAKFUNCTION");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let Some(parts) = parse(head) else { return false };
        let body = Bytes::copy_from_slice(body.as_bytes());
        if self.door.check(&Request::from_parts(parts.clone(), ())).is_ok() {
            let (status, answer) = self.ask(parts.clone(), body.clone());
            assert!(status >= 400, "{status} for a request that nobody signed: {answer}");
        }
        self.signed(parts, &body)
    }

    fn ask(&self, parts: Parts, body: Bytes) -> (u16, String) {
        match is_lambda(parts.uri.path()) {
            true => self.ask_lambda(parts, body),
            false => self.ask_s3(parts, Body::from(body)),
        }
    }

    /// True if the signature is right, whatever comes of the request then.
    fn is_right(&self, parts: Parts, body: Bytes) -> bool {
        let for_lambda = is_lambda(parts.uri.path());
        let (status, answer) = self.ask(parts, body);
        // The function's keys are good for nothing in S3, which is what it says when it knows whose they are.
        if for_lambda { status != 403 } else { status == 403 && answer.contains("<Message>Access Denied</Message>") }
    }

    /// Whether a request that AWS's signer signs is let in.
    fn signed(&self, mut parts: Parts, body: &Bytes) -> bool {
        let (service, keys) = match is_lambda(parts.uri.path()) {
            true => ("lambda", &self.owner),
            false => ("s3", &self.function),
        };
        if service == "lambda" {
            // Nothing is to be made, and nothing run.
            parts.method = Method::GET;
        }
        NOT_SIGNED.iter().for_each(|name| drop(parts.headers.remove(*name)));
        let is_tame = is_tame(&parts);
        let of_body = SignableBody::Bytes(body);
        let Some((parts, signature)) = signed(parts, keys, service, SystemTime::now(), of_body) else { return false };
        if !self.is_right(parts.clone(), body.clone()) {
            let (status, answer) = self.ask(parts.clone(), body.clone());
            let refused = answer.contains("SignatureDoesNotMatch") || answer.contains("signature we calculated");
            assert!(!(is_tame && refused), "{status} for {parts:?}: {answer}");
            return false;
        }
        for (what, parts, body) in changed(&parts, body, &signature) {
            assert!(!self.is_right(parts.clone(), body), "{what} was changed, and nobody saw: {parts:?}");
        }
        true
    }
}

/// The head of a request, a line for each header; `None` for what could not come through a connection.
fn parse(head: &str) -> Option<Parts> {
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        request = request.header(name, value.trim());
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    parts.uri.path().starts_with('/').then_some(parts)
}

/// Whether a request is spelled as clients spell theirs: what is signed of it is in no doubt.
fn is_tame(parts: &Parts) -> bool {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    let mut segments = parts.uri.path()[1..].split('/');
    let path = parts.uri.path() == "/" || segments.all(|segment| plain(segment) && !["", ".", ".."].contains(&segment));
    let pairs = parts.uri.query().unwrap_or_default().split('&');
    let query = parts.uri.query().is_none()
        || pairs
            .into_iter()
            .all(|pair| pair.split_once('=').is_some_and(|(a, b)| !a.is_empty() && plain(a) && plain(b)));
    let headers = parts.headers.keys().all(|name| parts.headers.get_all(name).iter().count() == 1)
        && parts.headers.values().all(|value| value.to_str().is_ok_and(|value| !value.contains(['"', '\t', '\u{7f}'])));
    path && query && headers
}

/// A signed request, changed in one thing after another.
fn changed(parts: &Parts, body: &Bytes, signature: &str) -> Vec<(&'static str, Parts, Bytes)> {
    let mut all = Vec::new();
    let mut add = |what: &'static str, body: Bytes, change: &dyn Fn(&mut Parts) -> Option<()>| {
        let mut parts = parts.clone();
        if change(&mut parts).is_some() {
            all.push((what, parts, body));
        }
    };
    let path_and_query = |parts: &mut Parts, text: String| {
        let mut uri = std::mem::take(&mut parts.uri).into_parts();
        uri.path_and_query = Some(text.parse::<PathAndQuery>().ok()?);
        parts.uri = uri.try_into().ok()?;
        Some(())
    };
    let text = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    // S3 looks at a body when it writes it, which the target `chunked` sees to.
    if is_lambda(parts.uri.path()) {
        add("the body", [body, &b"x"[..]].concat().into(), &|_| Some(()));
    }
    add("the method", body.clone(), &|parts| {
        parts.method = if parts.method == Method::DELETE { Method::GET } else { Method::DELETE };
        Some(())
    });
    add("the path", body.clone(), &|parts| path_and_query(parts, format!("/x{text}")));
    add("the query", body.clone(), &|parts| {
        let and = if text.contains('?') { '&' } else { '?' };
        path_and_query(parts, format!("{text}{and}versionId=1"))
    });
    add("the signature", body.clone(), &|parts| {
        let other = if signature.starts_with('0') { "1" } else { "0" };
        let said = parts.headers.get("authorization")?.to_str().ok()?;
        let said = said.replace(signature, &format!("{other}{}", &signature[1..]));
        parts.headers.insert("authorization", said.parse().ok()?);
        Some(())
    });
    add("a header", body.clone(), &|parts| {
        let name = HeaderName::from_static("x-amz-meta-added");
        parts.headers.append(name, HeaderValue::from_static("x"));
        Some(())
    });
    add("the date", body.clone(), &|parts| {
        let date = parts.headers.get("x-amz-date")?.to_str().ok()?;
        let minute = if date.ends_with("00Z") { "01Z" } else { "00Z" };
        let other = format!("{}{minute}", &date[..date.len() - 3]);
        parts.headers.insert("x-amz-date", other.parse().ok()?);
        Some(())
    });
    all
}
