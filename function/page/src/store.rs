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
#[derive(Clone, Copy)]
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

/// A piece of an object.
#[derive(Debug)]
pub(crate) struct Piece {
    pub tag: String,
    pub body: Vec<u8>,
    /// Bytes of the whole object.
    pub of: u64,
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

    /// So many bytes of an object from there on, or fewer where it ends; nothing where it has none there.
    ///
    /// # Errors
    /// When S3 does not answer, or refuses.
    pub(crate) fn piece(&self, key: &str, from: u64, bytes: u64) -> Result<Option<Piece>, String> {
        let range = format!("bytes={from}-{}", from.saturating_add(bytes).saturating_sub(1));
        let reply = self.aws.send(Service::S3, Method::GET, &self.url(key), &[("range", &range)], b"", PATIENCE);
        let reply = reply.map_err(|error| format!("{key} cannot be read: {error}"))?;
        match reply.status {
            206 => {
                let of = reply.header("content-range").and_then(|range| range.rsplit('/').next()?.parse().ok());
                let of = of.ok_or_else(|| format!("{key} cannot be read: S3 does not tell its size"))?;
                let tag = reply.header("etag").unwrap_or_default().to_owned();
                Ok(Some(Piece { tag, body: reply.body, of }))
            }
            403 | 404 | 416 => Ok(None),
            status => Err(format!("{key} cannot be read: S3 answers {status}")),
        }
    }

    /// Writes an object, and gives the entity tag that it has then; nothing where it is not as `when` says.
    ///
    /// # Errors
    /// When S3 does not answer, or refuses.
    pub(crate) fn put(&self, key: &str, body: &[u8], when: When<'_>) -> Result<Option<String>, String> {
        let condition = match when {
            When::Always => None,
            When::Absent => Some(("if-none-match", "*")),
            When::Same(tag) => Some(("if-match", tag)),
        };
        let headers: Vec<(&str, &str)> = condition.into_iter().collect();
        let reply = self.aws.send(Service::S3, Method::PUT, &self.url(key), &headers, body, PATIENCE);
        let reply = reply.map_err(|error| format!("{key} cannot be written: {error}"))?;
        match reply.status {
            200..=299 => Ok(Some(reply.header("etag").unwrap_or_default().to_owned())),
            // Somebody else wrote it, does so now, or it is gone.
            404 | 409 | 412 if !matches!(when, When::Always) => Ok(None),
            status => Err(format!("{key} cannot be written: S3 answers {status}")),
        }
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{}", self.bucket_url, utf8_percent_encode(key, PLAIN))
    }
}
