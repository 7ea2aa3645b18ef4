//! What several of S3's operations have in common, whose generated types share nothing but the names of their fields.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use s3s::dto::{Checksum, CopySource, Range, StreamingBlob};
use s3s::{S3Error, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::body::{self, Expected};
use super::conditions::Conditions;
use super::failure::failed;
use super::headers::{self, Headers};
use super::store::{Scratch, Store};

/// The S3 service on one store.
pub(super) struct Storage(pub(super) Arc<Store>);

impl Storage {
    /// Runs `work` where it may wait for the disk.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let store = self.0.clone();
        spawn_blocking(move || work(&store)).await.map_err(S3Error::internal_error)?
    }
}

/// Headers of an object from any of the requests that give them.
macro_rules! given {
    ($input:expr) => {
        Headers {
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            metadata: $input.metadata.take().unwrap_or_default(),
        }
    };
}
pub(super) use given;

/// What a client says that something adds up to, from any of the requests that do.
macro_rules! sums {
    ($input:expr) => {
        Checksum {
            checksum_crc32: $input.checksum_crc32.take(),
            checksum_crc32c: $input.checksum_crc32c.take(),
            checksum_crc64nvme: $input.checksum_crc64nvme.take(),
            checksum_sha1: $input.checksum_sha1.take(),
            checksum_sha256: $input.checksum_sha256.take(),
            ..Default::default()
        }
    };
}
pub(super) use sums;

/// What a client says its body adds up to, from any of the requests that have one.
macro_rules! expected {
    ($input:expr, $headers:expr, $trailers:expr) => {
        Expected {
            length: $input.content_length,
            declared: $headers.get("x-amz-trailer").and_then(|names| Some(names.to_str().ok()?.to_ascii_lowercase())),
            md5: $input.content_md5.take(),
            algorithm: $input.checksum_algorithm.take().map(|algorithm| algorithm.as_str().to_owned()),
            checksum: $crate::cloud::local::s3::shapes::sums!($input),
            trailers: $trailers,
        }
    };
}
pub(super) use expected;

/// What GET and HEAD both say of an object.
macro_rules! described {
    ($output:ident, $stat:expr, $headers:expr) => {{
        let (stat, headers) = ($stat, $headers);
        $output {
            accept_ranges: Some("bytes".to_owned()),
            content_length: stat.length(),
            last_modified: Some(stat.modified.into()),
            e_tag: Some(stat.e_tag()),
            content_type: headers.content_type.or_else(|| Some("binary/octet-stream".to_owned())),
            content_encoding: headers.content_encoding,
            content_disposition: headers.content_disposition,
            content_language: headers.content_language,
            cache_control: headers.cache_control,
            metadata: Some(headers.metadata),
            ..Default::default()
        }
    }};
}
pub(super) use described;

/// The answer to a body that has been kept.
macro_rules! received {
    ($output:ident, $stat:expr, $checksum:expr) => {{
        let checksum = $checksum;
        $output {
            e_tag: Some($stat.e_tag()),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }
    }};
}
pub(super) use received;

/// Conditions on the source of a copy.
macro_rules! source_conditions {
    ($input:expr) => {
        Conditions::of(
            $input.copy_source_if_match.take(),
            $input.copy_source_if_none_match.take(),
            $input.copy_source_if_modified_since.take(),
            $input.copy_source_if_unmodified_since.take(),
        )
    };
}
pub(super) use source_conditions;

/// Most bytes of one request's body, and of one copy.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const MOST_BYTES: u64 = 5 << 30;

/// Writes a request's body to a new file.
///
/// # Errors
/// `EntityTooLarge`, and those of [`body::write`].
pub(super) async fn receive(
    storage: &Storage,
    body: Option<StreamingBlob>,
    expected: Expected,
) -> S3Result<(Scratch, Checksum)> {
    if expected.length.and_then(|length| u64::try_from(length).ok()).is_some_and(|length| length > MOST_BYTES) {
        return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
    }
    let scratch = storage.0.scratch()?;
    let checksum = match body {
        Some(body) => body::write(body, &scratch.file, expected).await?,
        None => Checksum::default(),
    };
    Ok((scratch, checksum))
}

/// Copies the bytes `range` of an object (all without one) to a new file, if the source is as `conditions` want it.
pub(super) fn copy_source(
    store: &Store,
    source: &CopySource,
    conditions: &Conditions,
    range: Option<&str>,
) -> S3Result<(Scratch, Headers)> {
    let CopySource::Bucket { bucket, key, version_id } = source else { return Err(s3_error!(NotImplemented)) };
    let (mut file, stat) = store.read(bucket, key, version_id.as_deref())?;
    conditions.check(&stat).map_err(|_| s3_error!(PreconditionFailed))?;
    let headers = headers::read(&file);
    let range = match range {
        None => None,
        Some(range) => Some(Range::parse(range).map_err(|_| s3_error!(InvalidArgument))?.check(stat.size)?),
    };
    if range.as_ref().map_or(stat.size, |range| range.end - range.start) > MOST_BYTES {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy source: {MOST_BYTES}"
        ));
    }
    let scratch = match range {
        None => store.copy(&mut file)?,
        Some(range) => {
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
            store.copy(&mut file.take(range.end - range.start))?
        }
    };
    Ok((scratch, headers))
}
