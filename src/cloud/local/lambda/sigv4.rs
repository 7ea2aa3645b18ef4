//! AWS Signature Version 4, checked: the request is put in canonical form again and signed again, and the two
//! signatures must be one. S3's variant of it is checked by crate `s3s`.

use std::time::{Duration, SystemTime};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use chrono::NaiveDateTime;
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::ApiError;
use crate::cloud::local::claim::{ALGORITHM, Claim};
use crate::cloud::local::credentials::Credentials;
use crate::digest::hex;

/// How far the clocks of client and daemon may be apart.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// A request whose signature is of the right form, by the right key, of about now: all but right.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    claim: Claim<'a>,
    date: &'a str,
    time: SystemTime,
}

/// The key that a request says it is signed with.
pub(super) fn key_id(request: &Parts) -> Option<&str> {
    let authorization = request.headers.get("authorization")?.to_str().ok()?;
    Claim::parse(authorization).map(|claim| claim.key_id)
}

/// Looks at all of a signature that can be looked at before the body, which need not be read for nothing.
///
/// # Errors
/// AWS's own: `MissingAuthenticationTokenException`, `IncompleteSignatureException`, `UnrecognizedClientException`,
/// `InvalidSignatureException`.
pub(super) fn precheck<'a>(
    request: &'a Parts,
    keys: &Credentials,
    service: &str,
    now: SystemTime,
) -> Result<Signed<'a>, ApiError> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(authorization) = header("authorization") else { return Err(ApiError::missing_token()) };
    let claim = Claim::parse(authorization).ok_or_else(|| ApiError::incomplete_signature(authorization))?;
    if claim.key_id != keys.access_key_id {
        return Err(ApiError::unrecognized_client());
    }
    let date = header("x-amz-date").ok_or_else(|| ApiError::incomplete_signature("no X-Amz-Date"))?;
    let time = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ")
        .map(|time| SystemTime::from(time.and_utc()))
        .map_err(|_| ApiError::incomplete_signature(date))?;
    let apart = now.duration_since(time).or_else(|_| time.duration_since(now)).unwrap_or(Duration::MAX);
    if apart > SKEW {
        return Err(ApiError::invalid_signature(format!("Signature expired: {date} is too far from now")));
    }
    if !date.starts_with(claim.date) || claim.service != service || !claim.signs("host") || !claim.signs("x-amz-date") {
        return Err(ApiError::invalid_signature("Credential should be scoped to this service, region and day"));
    }
    if let Some(name) = claim.unsigned(&request.headers) {
        return Err(ApiError::invalid_signature(format!("The header {name} is not signed")));
    }
    if claim.missing(&request.headers).is_some() {
        return Err(ApiError::bad_signature());
    }
    Ok(Signed { claim, date, time })
}

/// Checks that the request with `body` is what was signed with `keys`.
///
/// # Errors
/// `InvalidSignatureException`.
pub(super) fn verify(signed: &Signed<'_>, request: &Parts, body: &[u8], keys: &Credentials) -> Result<(), ApiError> {
    let Signed { claim, date, time } = signed;
    let hash = hex(&Sha256::digest(body));
    if request.headers.get("x-amz-content-sha256").is_some_and(|said| said.as_bytes() != hash.as_bytes()) {
        return Err(ApiError::invalid_signature("The payload is not the one that was signed"));
    }
    let canonical = canonical_request(request, claim.signed_headers, &hash).ok_or_else(ApiError::bad_signature)?;
    let scope = format!("{}/{}/{}/aws4_request", claim.date, claim.region, claim.service);
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = generate_signing_key(&keys.secret_access_key, *time, claim.region, claim.service);
    let right = calculate_signature(key, to_sign.as_bytes());
    if right.as_bytes().ct_eq(claim.signature.as_bytes()).into() { Ok(()) } else { Err(ApiError::bad_signature()) }
}

fn canonical_request(request: &Parts, signed_headers: &str, payload_hash: &str) -> Option<String> {
    let mut canonical = format!("{}\n{}\n", request.method, encode_again(request.uri.path()));
    let mut query: Vec<(&str, &str)> = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    query.sort_unstable();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    canonical.push_str(&query.join("&"));
    canonical.push('\n');
    for name in signed_headers.split(';') {
        let values: Option<Vec<String>> = request
            .headers
            .get_all(name)
            .iter()
            .map(|value| Some(value.to_str().ok()?.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect();
        let values = values.filter(|values| !values.is_empty())?;
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    canonical.push_str(&format!("\n{signed_headers}\n{payload_hash}"));
    Some(canonical)
}

/// Every service but S3 signs the path encoded once more than it is sent.
fn encode_again(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials as AwsCredentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4;
    use hyper::Request;

    use super::*;

    const PATH: &str = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aname/invocations?Qualifier=%24LATEST&A=";

    fn keys() -> Credentials {
        Credentials { access_key_id: "QUAKKEY".to_owned(), secret_access_key: "secret".to_owned() }
    }

    /// A request signed by AWS's own signer.
    fn signed(keys: &Credentials, body: &[u8], time: SystemTime) -> Parts {
        let identity = AwsCredentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "test").into();
        let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name("lambda").time(time);
        let params = params.settings(SigningSettings::default()).build().unwrap().into();
        let uri = format!("http://127.0.0.1:1{PATH}");
        let headers = [("x-amz-invocation-type", "Event"), ("content-type", "application/json")];
        let signable = SignableRequest::new("POST", &uri, headers.into_iter(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut request = Request::post(PATH).header("host", "127.0.0.1:1");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn check(request: &Parts, body: &[u8], service: &str, now: SystemTime) -> Result<(), ApiError> {
        verify(&precheck(request, &keys(), service, now)?, request, body, &keys())
    }

    fn refusal(request: &Parts, body: &[u8], now: SystemTime) -> &'static str {
        check(request, body, "lambda", now).unwrap_err().kind()
    }

    #[test]
    fn what_aws_signs_is_right_and_nothing_else() {
        let now = SystemTime::now();
        let request = signed(&keys(), b"{}", now);
        check(&request, b"{}", "lambda", now).unwrap();
        assert_eq!(refusal(&request, b"{ }", now), "InvalidSignatureException");
        assert_eq!(refusal(&request, b"{}", now + SKEW + Duration::from_secs(2)), "InvalidSignatureException");
        let mut other = request.clone();
        other.headers.insert("x-amz-invocation-type", "DryRun".parse().unwrap());
        assert_eq!(refusal(&other, b"{}", now), "InvalidSignatureException");
        let mut unsigned = request.clone();
        unsigned.headers.remove("authorization");
        assert_eq!(refusal(&unsigned, b"{}", now), "MissingAuthenticationTokenException");
        let mut more = request.clone();
        more.headers.insert("x-amz-log-type", "Tail".parse().unwrap());
        assert_eq!(refusal(&more, b"{}", now), "InvalidSignatureException");
        let wrong = Credentials { secret_access_key: "wrong".to_owned(), ..keys() };
        assert_eq!(refusal(&signed(&wrong, b"{}", now), b"{}", now), "InvalidSignatureException");
        let stranger = Credentials { access_key_id: "stranger".to_owned(), ..keys() };
        assert_eq!(refusal(&signed(&stranger, b"{}", now), b"{}", now), "UnrecognizedClientException");
        assert!(check(&request, b"{}", "s3", now).is_err());
    }
}
