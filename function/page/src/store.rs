//! The bucket, as far as the function may reach into it.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Method;

use crate::aws::{Aws, Service};

/// How long S3 may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What stands in an address as it is, of a key and of a function's name; all else is encoded.
pub(crate) const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The objects of a bucket.
pub(crate) struct Store<'a> {
    pub aws: &'a Aws,
    pub bucket_url: &'a str,
}

/// What an object is now.
#[derive(Debug)]
pub(crate) enum Found {
    Object(Object),
    /// It has the entity tag that was named.
    Same,
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub tag: String,
    pub body: Vec<u8>,
}

/// When an object is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When<'a> {
    Always,
    /// There is none.
    Absent,
    /// It has this entity tag.
    Same(&'a str),
}

impl Store<'_> {
    /// An object, unless it still has the entity tag `known`.
    ///
    /// # Errors
    /// When S3 does not answer, or refuses.
    pub(crate) fn get(&self, key: &str, known: Option<&str>) -> Result<Found, String> {
        let headers: Vec<(&str, &str)> = known.map(|tag| ("if-none-match", tag)).into_iter().collect();
        let reply = self.aws.send(Service::S3, Method::GET, &self.url(key), &headers, b"", PATIENCE);
        let reply = reply.map_err(|error| format!("{key} cannot be read: {error}"))?;
        match reply.status {
            200 => {
                let tag = reply.header("etag").unwrap_or_default().to_owned();
                Ok(Found::Object(Object { tag, body: reply.body }))
            }
            304 => Ok(Found::Same),
            // To who may not list a bucket, S3 says of what is not there that it may not be read.
            403 | 404 => Ok(Found::Nothing),
            status => Err(format!("{key} cannot be read: S3 answers {status}")),
        }
    }

    /// Writes an object; false where it is not as `when` says.
    ///
    /// # Errors
    /// When S3 does not answer, or refuses.
    pub(crate) fn put(&self, key: &str, body: &[u8], when: When<'_>) -> Result<bool, String> {
        let condition = match when {
            When::Always => None,
            When::Absent => Some(("if-none-match", "*")),
            When::Same(tag) => Some(("if-match", tag)),
        };
        let headers: Vec<(&str, &str)> = condition.into_iter().collect();
        let reply = self.aws.send(Service::S3, Method::PUT, &self.url(key), &headers, body, PATIENCE);
        let reply = reply.map_err(|error| format!("{key} cannot be written: {error}"))?;
        match reply.status {
            200..=299 => Ok(true),
            // Somebody else wrote it, does so now, or it is gone.
            404 | 409 | 412 if !matches!(when, When::Always) => Ok(false),
            status => Err(format!("{key} cannot be written: S3 answers {status}")),
        }
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{}", self.bucket_url, utf8_percent_encode(key, PLAIN))
    }
}
