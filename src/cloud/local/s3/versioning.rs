//! Operations on a bucket's versions.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::failure::failed;
use super::list::{self, Query};
use super::listing::{MAX_KEYS, max_keys};
use super::settings::Rule;
use super::shapes::Storage;
use super::store::Store;
use super::versions::Version;

pub(super) async fn put(
    storage: &Storage,
    req: S3Request<PutBucketVersioningInput>,
) -> S3Result<S3Response<PutBucketVersioningOutput>> {
    let PutBucketVersioningInput { bucket, versioning_configuration, .. } = req.input;
    let versioned = match versioning_configuration.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => true,
        Some(BucketVersioningStatus::SUSPENDED) => false,
        _ => return Err(s3_error!(MalformedXML)),
    };
    storage
        .blocking(move |store| {
            store.bucket_path(&bucket)?;
            store.settings.change(&bucket, |settings| settings.versioned = versioned).map_err(failed)
        })
        .await?;
    Ok(S3Response::new(PutBucketVersioningOutput::default()))
}

pub(super) async fn get(
    storage: &Storage,
    req: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let versioned = storage
        .blocking(move |store| {
            store.bucket_path(&req.input.bucket)?;
            Ok(store.settings.of(&req.input.bucket).versioned)
        })
        .await?;
    let status = versioned.then(|| BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED));
    Ok(S3Response::new(GetBucketVersioningOutput { status, ..Default::default() }))
}

pub(super) async fn put_lifecycle(
    storage: &Storage,
    req: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    let PutBucketLifecycleConfigurationInput { bucket, lifecycle_configuration, .. } = req.input;
    let rules = lifecycle_configuration.map(|configuration| configuration.rules).unwrap_or_default();
    let rules = rules.into_iter().map(rule).collect::<S3Result<Vec<_>>>()?;
    storage
        .blocking(move |store| {
            store.bucket_path(&bucket)?;
            let rules = rules.into_iter().flatten().collect();
            store.settings.change(&bucket, |settings| settings.rules = rules).map_err(failed)
        })
        .await?;
    Ok(S3Response::new(PutBucketLifecycleConfigurationOutput::default()))
}

/// A rule of the one kind that is honoured; nothing of one that is disabled.
fn rule(rule: LifecycleRule) -> S3Result<Option<Rule>> {
    let other = |what: &str| s3_error!(NotImplemented, "lifecycle rules here know NoncurrentDays only, not {what}");
    if rule.expiration.is_some() || rule.transitions.is_some() || rule.noncurrent_version_transitions.is_some() {
        return Err(other("expiration or transitions"));
    }
    if rule.abort_incomplete_multipart_upload.is_some() {
        return Err(other("AbortIncompleteMultipartUpload, which is a day for every bucket"));
    }
    let prefix = match rule.filter {
        Some(LifecycleRuleFilter {
            and: None,
            object_size_greater_than: None,
            object_size_less_than: None,
            tag: None,
            prefix,
        }) => prefix,
        Some(_) => return Err(other("filters but by prefix")),
        None => rule.prefix,
    };
    let days = match rule.noncurrent_version_expiration {
        Some(NoncurrentVersionExpiration { newer_noncurrent_versions: None, noncurrent_days }) => noncurrent_days,
        _ => return Err(other("others")),
    };
    let days = days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0);
    let Some(noncurrent_days) = days else { return Err(s3_error!(InvalidArgument, "NoncurrentDays is less than 1")) };
    let enabled = rule.status.as_str() == ExpirationStatus::ENABLED;
    Ok(enabled.then(|| Rule { id: rule.id, prefix: prefix.unwrap_or_default(), noncurrent_days }))
}

pub(super) async fn get_lifecycle(
    storage: &Storage,
    req: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    let rules = storage
        .blocking(move |store| {
            store.bucket_path(&req.input.bucket)?;
            Ok(store.settings.of(&req.input.bucket).rules)
        })
        .await?;
    if rules.is_empty() {
        return Err(s3_error!(NoSuchLifecycleConfiguration));
    }
    let rule = |rule: Rule| LifecycleRule {
        abort_incomplete_multipart_upload: None,
        expiration: None,
        filter: Some(LifecycleRuleFilter { prefix: Some(rule.prefix), ..Default::default() }),
        id: rule.id,
        noncurrent_version_expiration: Some(NoncurrentVersionExpiration {
            newer_noncurrent_versions: None,
            noncurrent_days: i32::try_from(rule.noncurrent_days).ok(),
        }),
        noncurrent_version_transitions: None,
        prefix: None,
        status: ExpirationStatus::from_static(ExpirationStatus::ENABLED),
        transitions: None,
    };
    let rules = Some(rules.into_iter().map(rule).collect());
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput { rules, ..Default::default() }))
}

pub(super) async fn list(
    storage: &Storage,
    req: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let input = req.input;
    if input.delimiter.as_deref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(s3_error!(NotImplemented, "versions are listed without a delimiter"));
    }
    let max = max_keys(input.max_keys)?;
    let (bucket, prefix) = (input.bucket.clone(), input.prefix.clone().unwrap_or_default());
    let after = (input.key_marker.clone().unwrap_or_default(), input.version_id_marker.clone());
    let page = storage.blocking(move |store| Page::of(store, &bucket, &prefix, after, max)).await?;
    let next = page.next;
    Ok(S3Response::new(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(input.prefix.unwrap_or_default()),
        key_marker: Some(input.key_marker.unwrap_or_default()),
        version_id_marker: input.version_id_marker,
        max_keys: i32::try_from(max).ok(),
        is_truncated: Some(next.is_some()),
        next_key_marker: next.as_ref().map(|(key, _)| key.clone()),
        next_version_id_marker: next.map(|(_, id)| id),
        versions: Some(page.versions),
        delete_markers: Some(page.markers),
        ..Default::default()
    }))
}

/// A page of versions, and the key and id of its last if another page follows.
#[derive(Default)]
struct Page {
    versions: Vec<ObjectVersion>,
    markers: Vec<DeleteMarkerEntry>,
    next: Option<(String, String)>,
}

impl Page {
    /// The first `max` versions behind `after`, a key and perhaps one of its versions: by key, then the latest first.
    fn of(store: &Store, bucket: &str, prefix: &str, after: (String, Option<String>), max: usize) -> S3Result<Self> {
        let (marker, marker_version) = after;
        let mut page = Self::default();
        if max == 0 {
            return Ok(page);
        }
        let mut keys = store.versioned_keys(bucket, prefix).map_err(failed)?;
        // One more than fits says whether another page follows, and the marked key itself may have more versions.
        let query = Query { prefix, delimiter: "", after: &marker, max: max.max(MAX_KEYS) + 1 };
        let listed = list::list(&store.bucket_path(bucket)?, &query).map_err(failed)?;
        keys.extend(listed.objects.into_iter().map(|(key, _)| key));
        keys.sort();
        keys.dedup();
        let mut last = None;
        for key in keys.into_iter().filter(|key| *key > marker || (*key == marker && marker_version.is_some())) {
            for (place, version) in store.history(bucket, &key)?.into_iter().enumerate() {
                let id = version.stat.version().to_owned();
                if key == marker && marker_version.as_ref().is_some_and(|marked| id >= *marked) {
                    continue;
                }
                if page.versions.len() + page.markers.len() == max {
                    page.next = last;
                    return Ok(page);
                }
                last = Some((key.clone(), id));
                page.push(&key, version, place == 0);
            }
        }
        Ok(page)
    }

    fn push(&mut self, key: &str, version: Version, latest: bool) {
        let Version { stat, marker, .. } = version;
        let (key, version_id) = (Some(key.to_owned()), Some(stat.version().to_owned()));
        let (is_latest, last_modified) = (Some(latest), Some(stat.modified.into()));
        match marker {
            true => {
                self.markers.push(DeleteMarkerEntry { key, version_id, is_latest, last_modified, ..Default::default() })
            }
            false => self.versions.push(ObjectVersion {
                key,
                version_id,
                is_latest,
                last_modified,
                e_tag: Some(stat.e_tag()),
                size: stat.length(),
                storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
                ..Default::default()
            }),
        }
    }
}
