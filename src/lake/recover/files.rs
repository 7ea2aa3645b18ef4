//! The files of earlier tables: whether the bucket still keeps them, and how they come back.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use super::versions::{self, Version};
use crate::bucket::Bucket;
use crate::bucket::copy::{Source, copy};
use crate::error::{Kind, failure, failure_of};
use crate::lake::catalog::{DataFile, Table, is_elsewhere};

/// Requests under way at once.
const WINDOW: usize = 8;

/// S3 tells times to the second, and a file is written before the catalog that names it.
const SLACK: TimeDelta = TimeDelta::seconds(1);

/// A file that is not there as its table has it, and how it comes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub key: String,
    /// Its bytes, of which the table knows.
    pub bytes: u64,
    /// The version that the table had.
    pub version: String,
    pub how: Way,
}

/// How a version comes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing but these marks lies on it: without them it is the current one again.
    Uncover(Vec<String>),
    /// Something else was written in its place: a copy of it becomes the current one.
    Copy,
}

/// The files of `tables`, as a catalog written at `at` has them, that are not there now. Nothing is changed.
///
/// # Errors
/// A file that is lost for good; what S3 says.
pub(super) async fn lost(bucket: &Bucket, tables: &[(&str, &Table)], at: DateTime<Utc>) -> Result<Vec<Lost>> {
    let mut lost = Vec::new();
    for (name, table) in tables {
        // A catalog that names a file elsewhere is none: it was looked at when it was read.
        let mut found = BTreeMap::new();
        for folder in table.folders(name) {
            found.extend(versions::of_prefix(bucket, &bucket.layout.table(folder)).await?);
        }
        let mut gone = Vec::new();
        // Those that lie elsewhere nobody here deletes, so there is nothing to bring back.
        for file in table.files.iter().filter(|file| !is_elsewhere(&file.key)) {
            match look(file, found.get(&file.key).map(Vec::as_slice).unwrap_or_default(), at) {
                Look::There => {}
                Look::Lost(file) => lost.push(file),
                Look::Gone => gone.push(&file.key),
            }
        }
        if let Some(first) = gone.first() {
            return Err(failure_of(
                Kind::Missing,
                format!(
                    "{} of the {} files of `{name}` are not kept any more, e.g. {first}; nothing was changed",
                    gone.len(),
                    table.files.len()
                ),
                "what is replaced or deleted is kept for 7 days; `quackctl recover` lists all catalogs that are kept",
            ));
        }
    }
    Ok(lost)
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    There,
    Lost(Lost),
    Gone,
}

/// Looks for `file` among the versions of its key, the newest first.
pub(super) fn look(file: &DataFile, versions: &[Version], at: DateTime<Utc>) -> Look {
    let is_it = |version: &&Version| version.content.as_ref().is_some_and(|content| content.bytes == file.bytes);
    let in_time = |version: &&Version| version.at <= at + SLACK;
    let candidates = || versions.iter().filter(is_it);
    let Some(chosen) = candidates().find(in_time).or_else(|| candidates().next()) else { return Look::Gone };
    let same = |version: &Version| version.id == chosen.id || version.content == chosen.content;
    if versions.iter().any(|version| version.is_latest && same(version)) {
        return Look::There;
    }
    let above: Vec<&Version> = versions
        .iter()
        .take_while(|version| version.id != chosen.id)
        // A mark of the same second may be told after it.
        .chain(versions.iter().filter(|version| version.content.is_none() && version.at == chosen.at))
        .collect();
    let how = match above.iter().all(|version| version.content.is_none()) {
        true => {
            let mut marks: Vec<String> = above.iter().map(|mark| mark.id.clone()).collect();
            marks.sort();
            marks.dedup();
            Way::Uncover(marks)
        }
        false => Way::Copy,
    };
    Look::Lost(Lost { key: file.key.clone(), bytes: file.bytes, version: chosen.id.clone(), how })
}

/// Brings files back, and looks whether each is there. Files that no catalog names harm nobody, so nothing is undone when
/// one fails: the next load into the table sweeps them.
///
/// # Errors
/// What S3 says; a file that is not there afterwards.
pub(super) async fn bring_back(bucket: &Bucket, lost: &[Lost]) -> Result<()> {
    stream::iter(lost)
        .map(|file| async move {
            let doing = || format!("cannot bring back {}; the catalog was not changed", file.key);
            bring_one_back(bucket, file).await.with_context(doing)
        })
        .buffer_unordered(WINDOW)
        .try_collect()
        .await
}

async fn bring_one_back(bucket: &Bucket, file: &Lost) -> Result<()> {
    let Bucket { s3, name, .. } = bucket;
    let mut copies = file.how == Way::Copy;
    if let Way::Uncover(marks) = &file.how {
        for mark in marks {
            s3.delete_object().bucket(name).key(&file.key).version_id(mark).send().await?;
        }
        copies = !is_there(bucket, file, Some(&file.version)).await?;
    }
    if copies {
        let source = Source { key: &file.key, version: Some(&file.version), bytes: file.bytes };
        copy(bucket, source, &file.key).await?;
        if !is_there(bucket, file, None).await? {
            return Err(failure("it is not there, though S3 said that it was copied", "run the command again"));
        }
    }
    Ok(())
}

/// Whether the current version of the file has its bytes, and is `version` if one is given.
async fn is_there(bucket: &Bucket, file: &Lost, version: Option<&str>) -> Result<bool> {
    let found = match bucket.s3.head_object().bucket(&bucket.name).key(&file.key).send().await {
        Ok(found) => found,
        Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 404) => {
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    let same_size = found.content_length.and_then(|bytes| u64::try_from(bytes).ok()) == Some(file.bytes);
    let same_version = version.is_none_or(|version| found.version_id.as_deref().unwrap_or("null") == version);
    Ok(same_size && same_version)
}
