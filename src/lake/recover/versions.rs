//! The versions that the bucket keeps of its objects.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::BucketVersioningStatus;
use chrono::{DateTime, Utc};

use crate::bucket::Bucket;
use crate::error::{Kind, failure_of};

/// One version of an object, or the mark that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub id: String,
    /// When it was written, to the second at least.
    pub at: DateTime<Utc>,
    /// Whether it is what is there now.
    pub is_latest: bool,
    /// Nothing for the mark that the object was deleted.
    pub content: Option<Content>,
}

/// What is known of a version without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub bytes: u64,
    pub e_tag: String,
}

/// Whether old versions are kept from now on; they may have been until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    On,
    Suspended,
}

/// Whether the bucket keeps old versions.
///
/// # Errors
/// It never did, or its S3 cannot.
pub(super) async fn keeping(bucket: &Bucket) -> Result<Keeping> {
    let name = &bucket.name;
    match bucket.s3.get_bucket_versioning().bucket(name).send().await {
        Ok(found) => match found.status {
            Some(BucketVersioningStatus::Enabled) => Ok(Keeping::On),
            Some(_) => Ok(Keeping::Suspended),
            None => Err(failure_of(
                Kind::Missing,
                format!("the bucket {name} keeps no earlier versions, so nothing can be recovered"),
                "`quackctl up` has a bucket of its own keep them for 7 days from then on; of somebody else's bucket, \
                 the owner turns versioning on",
            )),
        },
        Err(error) if error.code() == Some("NoSuchBucket") => {
            Err(failure_of(Kind::Missing, format!("nothing is up: there is no bucket {name}"), "run `quackctl up`"))
        }
        Err(error) if matches!(error.code(), Some("NotImplemented" | "MethodNotAllowed")) => Err(failure_of(
            Kind::Missing,
            format!("the S3 that the bucket {name} is in keeps no earlier versions, so nothing can be recovered"),
            "",
        )),
        Err(error) => Err(error).with_context(|| format!("cannot ask whether the bucket {name} keeps versions")),
    }
}

/// All versions of the objects whose keys begin with `prefix`, by key, the newest first.
///
/// # Errors
/// What S3 says.
pub(super) async fn of_prefix(bucket: &Bucket, prefix: &str) -> Result<HashMap<String, Vec<Version>>> {
    let mut found: HashMap<String, Vec<Version>> = HashMap::new();
    let (mut key, mut version) = (None, None);
    loop {
        let request = bucket.s3.list_object_versions().bucket(&bucket.name).prefix(prefix);
        let page = request.set_key_marker(key).set_version_id_marker(version).send().await;
        let page = page.with_context(|| format!("cannot list the versions of s3://{}/{prefix}", bucket.name))?;
        for entry in page.versions.unwrap_or_default() {
            let bytes = entry.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            let content = Content { bytes, e_tag: entry.e_tag.unwrap_or_default() };
            let at = time(entry.last_modified);
            let id = entry.version_id.unwrap_or_else(|| "null".to_owned());
            let version = Version { id, at, is_latest: entry.is_latest.unwrap_or(false), content: Some(content) };
            found.entry(entry.key.unwrap_or_default()).or_default().push(version);
        }
        for entry in page.delete_markers.unwrap_or_default() {
            let at = time(entry.last_modified);
            let id = entry.version_id.unwrap_or_else(|| "null".to_owned());
            let mark = Version { id, at, is_latest: entry.is_latest.unwrap_or(false), content: None };
            found.entry(entry.key.unwrap_or_default()).or_default().push(mark);
        }
        if page.is_truncated != Some(true) {
            break;
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
    for versions in found.values_mut() {
        // S3 tells versions and marks apart from one another. What it says in one second keeps its order.
        versions.sort_by_key(|version| (!version.is_latest, std::cmp::Reverse(version.at)));
    }
    Ok(found)
}

fn time(told: Option<aws_sdk_s3::primitives::DateTime>) -> DateTime<Utc> {
    let told = told.and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()));
    told.unwrap_or(DateTime::UNIX_EPOCH)
}
