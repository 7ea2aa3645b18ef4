//! What S3 refuses before crate `s3s` checks a signature: other mechanisms than Signature Version 4, and signatures
//! that are not of all that the request says.

use hyper::http::request::Parts;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::cloud::local::claim::{ALGORITHM, Claim};

/// How long a presigned URL may be good for, seconds: 7 days.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.
const EXPIRES_MAX_S: u64 = 7 * 24 * 3600;

/// Parameters of a presigned URL.
const PRESIGNED: [&str; 6] =
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"];

/// # Errors
/// S3's own for requests that it does not look further at.
pub(super) fn check(request: &Parts) -> S3Result<()> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    if header("content-type")
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
    {
        // Forms carry their signature in their body, which would be read before it is known whose it is.
        return Err(s3_error!(MethodNotAllowed, "forms are not taken here"));
    }
    let query = pairs(request.uri.query().unwrap_or_default())?;
    let has = |name: &str| query.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let presigned = PRESIGNED.iter().any(|name| has(name));
    let authorization = request.headers.contains_key("authorization");
    match (authorization, presigned) {
        (true, true) => return Err(s3_error!(InvalidArgument, "Only one auth mechanism allowed")),
        (false, true) => return url(request, &query),
        _ => {}
    }
    if has("Signature") || has("AWSAccessKeyId") {
        return Err(old_mechanism());
    }
    if !authorization {
        return Err(s3_error!(AccessDenied, "Signature is required"));
    }
    let authorization = header("authorization").unwrap_or_default();
    if !authorization.starts_with(ALGORITHM) {
        return Err(old_mechanism());
    }
    let malformed = || s3_error!(AuthorizationHeaderMalformed, "The authorization header is malformed");
    let claim = Claim::parse(authorization).ok_or_else(malformed)?;
    covers(&claim, request)
}

/// A presigned URL.
fn url(request: &Parts, query: &[(String, String)]) -> S3Result<()> {
    let malformed = |message: &'static str| {
        let code = S3ErrorCode::AuthorizationQueryParametersError;
        S3Error::with_message(code, message)
    };
    let [algorithm, credential, date, expires, signed_headers, signature] = PRESIGNED.map(|name| {
        let mut values = query.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let first = values.next().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if values.next().is_some() { None } else { first }
    });
    let (Some(credential), Some(_), Some(signed_headers), Some(signature)) =
        (credential, date, signed_headers, signature)
    else {
        return Err(malformed("a query parameter of the signature is missing, or there twice"));
    };
    if algorithm != Some(ALGORITHM) {
        return Err(malformed("X-Amz-Algorithm only supports AWS4-HMAC-SHA256"));
    }
    let seconds = expires.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match seconds.and_then(|text| text.parse::<u64>().ok()) {
        Some(seconds) if (1..=EXPIRES_MAX_S).contains(&seconds) => {}
        _ => return Err(malformed("X-Amz-Expires must be between 1 and 604800 seconds")),
    }
    let claim = Claim::of(credential, signed_headers, signature)
        .ok_or_else(|| malformed("X-Amz-Credential, X-Amz-SignedHeaders or X-Amz-Signature is malformed"))?;
    covers(&claim, request)
}

/// True of a signature that is of the host and of everything else that changes what S3 does.
fn covers(claim: &Claim<'_>, request: &Parts) -> S3Result<()> {
    if claim.service != "s3" {
        return Err(s3_error!(AuthorizationHeaderMalformed, "incorrect service `{}`; expecting s3", claim.service));
    }
    if let Some(name) = claim.unsigned(&request.headers) {
        return Err(s3_error!(AccessDenied, "There were headers present in the request which were not signed: {name}"));
    }
    if !claim.signs("host") {
        return Err(s3_error!(AccessDenied, "There were headers present in the request which were not signed: host"));
    }
    if claim.missing(&request.headers).is_some() {
        return Err(s3_error!(SignatureDoesNotMatch, "a header that was signed is not there"));
    }
    Ok(())
}

fn old_mechanism() -> S3Error {
    s3_error!(InvalidRequest, "The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.")
}

/// Names and values of a query, decoded.
pub(super) fn pairs(query: &str) -> S3Result<Vec<(String, String)>> {
    let decode = |text: &str| decoded(text).ok_or_else(|| s3_error!(InvalidURI));
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Text without its percent signs; nothing if it is not UTF-8 or not encoded rightly.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
                bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
                rest = &after[2..];
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn code(uri: &str, headers: &[(&str, &str)]) -> String {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        let parts = request.body(()).unwrap().into_parts().0;
        check(&parts).map_or_else(|error| error.code().as_str().to_owned(), |()| String::new())
    }

    #[test]
    fn presigned_urls_are_whole_and_end_within_a_week() {
        let signature = "a".repeat(64);
        let url = |expires: &str, more: &str| {
            format!(
                "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2F20260101%2Fus-east-1%2Fs3%2Faws4_request\
                 &X-Amz-Date=20260101T000000Z&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature={signature}{more}"
            )
        };
        let host = ("host", "localhost:1");
        assert_eq!(code(&url("604800", ""), &[host]), "");
        for expires in ["604801", "0", "-1", "", "99999999999999999999", "1e3"] {
            assert_eq!(code(&url(expires, ""), &[host]), "AuthorizationQueryParametersError", "{expires}");
        }
        assert_eq!(code(&url("60", "&X-Amz-Expires=60"), &[host]), "AuthorizationQueryParametersError");
        assert_eq!(code(&url("60", "&x-amz-expires=60"), &[host]), "AuthorizationQueryParametersError");
        assert_eq!(code(&url("60", ""), &[host, ("x-amz-copy-source", "/a/b")]), "AccessDenied");
        assert_eq!(code(&url("60", ""), &[host, ("authorization", "AWS K:S")]), "InvalidArgument");
        assert_eq!(code("/b/k?AWSAccessKeyId=K&Signature=S&Expires=9", &[host]), "InvalidRequest");
        assert_eq!(code("/b/k", &[host, ("authorization", "AWS K:S")]), "InvalidRequest");
        assert_eq!(code("/b/k?x=%zz", &[host]), "InvalidURI");
    }
}
