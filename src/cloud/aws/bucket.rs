//! The lake's bucket: whether it is there and whose it is, and emptying it.

use anyhow::Result;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::errors::{self, explain};
use super::session::Session;
use crate::bucket::layout::Layout;
use crate::bucket::object;
use crate::cloud::holding::{self, Holding};
use crate::config::Config;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::failure;

/// Most keys that one request deletes.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.
const BATCH: usize = 1000;

/// Times that a bucket is emptied in which something is written at the same moment.
const ATTEMPTS: u32 = 5;

/// Requests under way at once.
const WINDOW: usize = 4;

/// What the mark says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub project: String,
    pub stage: String,
    /// The project's id; absent in a mark of an older quackctl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Buckets that were the stage's before `lake.bucket` changed; they still hold their tables.
    #[serde(default)]
    previous: Vec<String>,
}

impl Mark {
    pub(super) fn of(config: &Config, previous: Vec<String>) -> Self {
        Self { project: config.project.clone(), stage: config.stage.clone(), id: config.id.clone(), previous }
    }

    /// Whether it is the mark of the stage that `config` is about.
    pub(super) fn is_of(&self, config: &Config) -> bool {
        let same = self.project == config.project && self.stage == config.stage;
        same && (self.id.is_none() || self.id == config.id)
    }
}

/// Whether the bucket is there.
///
/// # Errors
/// A bucket of another account, or one that our credentials may not see.
pub(super) async fn exists(session: &Session, bucket: &str) -> Result<bool> {
    match session.s3.head_bucket().bucket(bucket).expected_bucket_owner(&session.account).send().await {
        Ok(_) => Ok(true),
        Err(error) if errors::is_status(&error, 404) => Ok(false),
        Err(error) if errors::is_status(&error, 403) => Err(failure(
            format!("the bucket {bucket} exists, and your credentials may not use it"),
            "bucket names are shared by all of AWS: if it is not yours, choose another one, [lake] bucket = \"...\"; \
             else `quackctl doctor` tells what is missing",
        )),
        Err(error) => Err(explain(error, &format!("look for the bucket {bucket}"))),
    }
}

/// Whether `bucket` bears this stage's mark; a bucket that is not there does not.
///
/// # Errors
/// What AWS says.
pub(super) async fn is_marked(config: &Config, session: &Session, bucket: &str) -> Result<bool> {
    Ok(read_mark(config, session, bucket).await?.is_some())
}

/// Whether `bucket` is there and nothing is in it.
///
/// # Errors
/// What AWS says.
pub(super) async fn is_empty(session: &Session, bucket: &str) -> Result<bool> {
    match session.s3.list_object_versions().bucket(bucket).max_keys(1).send().await {
        Ok(found) => Ok(found.versions().is_empty() && found.delete_markers().is_empty()),
        Err(error) if errors::is_code(&error, &["NoSuchBucket"]) => Ok(false),
        Err(error) => Err(explain(error, &format!("list the bucket {bucket}"))),
    }
}

/// The buckets that were this stage's before `bucket`.
///
/// # Errors
/// What AWS says.
pub(super) async fn previous(config: &Config, session: &Session, bucket: &str) -> Result<Vec<String>> {
    Ok(read_mark(config, session, bucket).await?.map(|mark| mark.previous).unwrap_or_default())
}

/// The stage's mark in `bucket`.
async fn read_mark(config: &Config, session: &Session, bucket: &str) -> Result<Option<Mark>> {
    // A bucket without it is never adopted nor emptied.
    Ok(mark_at(session, bucket, &Layout::managed().mark).await?.filter(|mark| mark.is_of(config)))
}

/// The mark that is at `key`, whosever it is.
///
/// # Errors
/// What AWS says.
pub(super) async fn mark_at(session: &Session, bucket: &str, key: &str) -> Result<Option<Mark>> {
    match object::whole(session.s3.get_object().bucket(bucket).key(key)).await {
        Ok((found, _)) => Ok(serde_json::from_slice(&found).ok()),
        Err(error) if errors::is_code(&error, &["NoSuchKey", "NoSuchBucket"]) => Ok(None),
        Err(error) => Err(explain(error, &format!("read {key} in the bucket {bucket}"))),
    }
}

/// Marks the bucket as this stage's, and `replaced` as one that was.
///
/// # Errors
/// What AWS says.
pub(super) async fn mark(config: &Config, session: &Session, bucket: &str, replaced: Option<&str>) -> Result<()> {
    let mut previous = previous(config, session, bucket).await?;
    if let Some(replaced) = replaced {
        previous.extend(self::previous(config, session, replaced).await?);
        previous.push(replaced.to_owned());
    }
    previous.sort();
    previous.dedup();
    previous.retain(|name| name != bucket);
    let body = ByteStream::from(serde_json::to_vec(&Mark::of(config, previous))?);
    let put = session.s3.put_object().bucket(bucket).key(Layout::managed().mark).body(body).send().await;
    put.map(drop).map_err(|error| explain(error, &format!("write to the bucket {bucket}")))
}

/// The data in `bucket`, which is laid out as `layout` says, under `prefix`; nothing when there are none. What quackctl
/// can make again does not count.
///
/// # Errors
/// What AWS says.
pub(super) async fn holding(session: &Session, bucket: &str, layout: &Layout, prefix: &str) -> Result<Option<Holding>> {
    let doing = || format!("list the bucket {bucket}");
    let list = |prefix: &str| session.s3.list_objects_v2().bucket(bucket).prefix(prefix).delimiter("/");
    let mut tables = Vec::new();
    let mut pages = list(&layout.tables).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) if errors::is_code(&error, &["NoSuchBucket"]) => return Ok(None),
            Err(error) => return Err(explain(error, &doing())),
        };
        let folders = page.common_prefixes().iter().filter_map(|folder| folder.prefix()?.strip_prefix(&layout.tables));
        tables.extend(folders.map(|name| name.trim_end_matches('/').to_owned()));
    }
    let catalog = list(&layout.catalog).send().await.map_err(|error| explain(error, &doing()))?;
    let top = list(prefix).send().await.map_err(|error| explain(error, &doing()))?;
    // In a bucket of ours, what others put there goes, too.
    let others = prefix.is_empty()
        && (!top.contents().is_empty()
            || top.common_prefixes().iter().any(|folder| folder.prefix() != Some("_quack/")));
    let is_data = !tables.is_empty() || !catalog.contents().is_empty() || others;
    if !tables.is_empty() {
        let get = session.s3.get_object().bucket(bucket).key(&layout.catalog);
        // Without it, the folders are named.
        let catalog = object::whole(get).await.map(|(bytes, _)| bytes).unwrap_or_default();
        tables = holding::tables(&catalog, tables);
    }
    Ok(is_data.then(|| Holding { bucket: bucket.to_owned(), prefix: prefix.to_owned(), tables }))
}

/// Deletes every version of every object under the prefixes (an empty one is the whole bucket), and every unfinished
/// upload. A bucket that is not there is empty.
///
/// # Errors
/// What AWS says, also of a single object.
pub(super) async fn empty(context: &Context, session: &Session, bucket: &str, prefixes: &[String]) -> Result<()> {
    let bar = progress::spinner(context, &format!("Emptying {bucket}"));
    for prefix in prefixes {
        delete_versions(session, bucket, prefix, &bar).await?;
        abort_uploads(session, bucket, prefix).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

async fn delete_versions(session: &Session, bucket: &str, prefix: &str, bar: &indicatif::ProgressBar) -> Result<()> {
    let (mut key, mut version) = (None, None);
    loop {
        let request = session.s3.list_object_versions().bucket(bucket).prefix(prefix);
        let page = match request.set_key_marker(key).set_version_id_marker(version).send().await {
            Ok(page) => page,
            Err(error) if errors::is_code(&error, &["NoSuchBucket"]) => return Ok(()),
            Err(error) => return Err(explain(error, &format!("list the bucket {bucket}"))),
        };
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let keys: Vec<ObjectIdentifier> = versions
            .chain(markers)
            // What was there before the bucket had versions is version `null`: without its name, it would be hidden only.
            .filter_map(|(key, version)| {
                ObjectIdentifier::builder().key(key?).set_version_id(version.map(str::to_owned)).build().ok()
            })
            .collect();
        stream::iter(keys.chunks(BATCH).map(<[_]>::to_vec))
            .map(|batch| async move {
                let count = batch.len() as u64;
                delete_batch(session, bucket, batch).await?;
                bar.inc(count);
                anyhow::Ok(())
            })
            .buffer_unordered(WINDOW)
            .try_collect::<()>()
            .await?;
        bar.set_message(format!("{} objects", bar.position()));
        if page.is_truncated() != Some(true) {
            return Ok(());
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
}

async fn delete_batch(session: &Session, bucket: &str, keys: Vec<ObjectIdentifier>) -> Result<()> {
    let doing = format!("empty the bucket {bucket}");
    let request = Delete::builder().set_objects(Some(keys)).quiet(true).build()?;
    let done = session.s3.delete_objects().bucket(bucket).delete(request).send().await;
    let done = match done {
        Ok(done) => done,
        Err(error) if errors::is_code(&error, &["NoSuchBucket"]) => return Ok(()),
        Err(error) => return Err(explain(error, &doing)),
    };
    match done.errors().first() {
        None => Ok(()),
        Some(error) => Err(failure(
            format!(
                "cannot {doing}: {}: {}",
                error.key().unwrap_or_default(),
                error.message().or(error.code()).unwrap_or("AWS gave no reason")
            ),
            "run the command again: it goes on from here",
        )),
    }
}

async fn abort_uploads(session: &Session, bucket: &str, prefix: &str) -> Result<()> {
    let doing = format!("end the unfinished uploads to the bucket {bucket}");
    loop {
        let listed = session.s3.list_multipart_uploads().bucket(bucket).prefix(prefix).send().await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if errors::is_code(&error, &["NoSuchBucket"]) => return Ok(()),
            Err(error) => return Err(explain(error, &doing)),
        };
        if listed.uploads().is_empty() {
            return Ok(());
        }
        for upload in listed.uploads() {
            let request = session.s3.abort_multipart_upload().bucket(bucket);
            let request = request.set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone());
            match request.send().await {
                Err(error) if !errors::is_code(&error, &["NoSuchUpload"]) => return Err(explain(error, &doing)),
                _ => {}
            }
        }
        if listed.is_truncated() != Some(true) {
            return Ok(());
        }
    }
}

/// Empties a bucket of ours and deletes it. A bucket that is not there is no trouble.
///
/// # Errors
/// What AWS says.
pub(super) async fn delete(context: &Context, session: &Session, bucket: &str) -> Result<()> {
    for _ in 0..ATTEMPTS {
        empty(context, session, bucket, &[String::new()]).await?;
        match session.s3.delete_bucket().bucket(bucket).send().await {
            // Something was written meanwhile.
            Err(error) if errors::is_code(&error, &["BucketNotEmpty"]) => {}
            Err(error) if !errors::is_code(&error, &["NoSuchBucket"]) => {
                return Err(explain(error, &format!("delete the bucket {bucket}")));
            }
            _ => return Ok(()),
        }
    }
    Err(failure(
        format!("somebody keeps writing to the bucket {bucket}, which is to be deleted"),
        "run the command again when nobody else is at it",
    ))
}
