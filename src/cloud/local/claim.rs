//! What a request says of its own signature (AWS Signature Version 4), taken apart strictly: what two readers could read
//! differently is refused. Whether the signature is right, S3 and Lambda check each in its own way.

use hyper::header::{HeaderMap, HeaderName};

/// The one algorithm that there is; Signature Version 2 and its kin are refused.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The signature of a request, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim<'a> {
    pub key_id: &'a str,
    /// `YYYYMMDD`.
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    /// Names in lower case, with `;` between.
    pub signed_headers: &'a str,
    /// 64 hexadecimal digits.
    pub signature: &'a str,
}

impl<'a> Claim<'a> {
    /// What an `Authorization` header says; nothing if it is not of AWS's form.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>.
    pub(super) fn parse(authorization: &'a str) -> Option<Self> {
        let fields = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let [mut credential, mut signed_headers, mut signature] = [None; 3];
        for field in fields.split(',') {
            let (name, value) = field.trim().split_once('=')?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return None,
            };
            // The same field twice is two claims.
            if slot.replace(value).is_some() {
                return None;
            }
        }
        Self::of(credential?, signed_headers?, signature?)
    }

    /// The claim of its three parts.
    pub(super) fn of(credential: &'a str, signed_headers: &'a str, signature: &'a str) -> Option<Self> {
        let mut parts = credential.split('/');
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let (key_id, date, region, service, end) = (part()?, part()?, part()?, part()?, part()?);
        let whole = end == "aws4_request" && parts.next().is_none();
        let hex = signature.len() == 64 && signature.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let lower = !signed_headers.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_whitespace());
        (whole && hex && lower).then_some(Self { key_id, date, region, service, signed_headers, signature })
    }

    /// True if the signature is also of the header `name`.
    pub(super) fn signs(&self, name: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed == name)
    }

    /// An `x-amz-*` header that the signature is not of: whoever changed the request on its way put it there.
    pub(super) fn unsigned<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderName> {
        headers.keys().find(|name| name.as_str().starts_with("x-amz-") && !self.signs(name.as_str()))
    }

    /// A header that the signature is of and the request has not.
    pub(super) fn missing(&self, headers: &HeaderMap) -> Option<&'a str> {
        self.signed_headers.split(';').find(|name| !headers.contains_key(*name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_read_in_one_way_or_not_at_all() {
        let signature = "0".repeat(64);
        let whole = format!(
            "AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        let claim = Claim::parse(&whole).unwrap();
        assert_eq!((claim.key_id, claim.date, claim.region, claim.service), ("K", "20260101", "us-east-1", "s3"));
        assert!(claim.signs("host") && !claim.signs("x-amz-copy-source"));
        for (from, to) in [
            ("AWS4-HMAC-SHA256 ", "AWS "),
            ("Credential=K/", "Credential=K/K/"),
            ("Credential=K/", "Credential=/"),
            ("aws4_request", "aws4_request/"),
            ("aws4_request", "aws5_request"),
            ("SignedHeaders=host", "SignedHeaders=Host"),
            (", Signature=", ", Signature=1, Signature="),
            (", Signature=", ", Other=1, Signature="),
            ("Signature=0", "Signature=G"),
            ("Signature=0", "Signature="),
        ] {
            let other = whole.replacen(from, to, 1);
            assert_ne!(other, whole);
            assert_eq!(Claim::parse(&other), None, "{other}");
        }
    }
}
