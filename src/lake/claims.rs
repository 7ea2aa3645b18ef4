//! Files that nobody needs any more, where there are branches: the lake and each of its branches have catalogs of their own, which
//! share files, so that none is deleted before all of them were asked.
//!
//! Between two catalogs a name of a file passes only as a branch is made, of what the lake names, and as it is published. Both write
//! the branch's catalog, so if all branches are the same before and after the catalogs were read, what was read is of one moment.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context as _, Result};

use super::iceberg::history;
use super::iceberg::state::Pointer;
use super::iceberg::store;
use super::stored::{self, Form};
use crate::bucket::Bucket;
use crate::bucket::layout::Layout;

/// Times that it is looked again because a branch was changed meanwhile.
const ATTEMPTS: u32 = 20;

/// The branches at one moment: the key of each one's catalog, and its tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Branches(Vec<(String, String)>);

impl Branches {
    /// Those that there are now.
    ///
    /// # Errors
    /// What S3 says.
    pub(super) async fn now(bucket: &Bucket) -> Result<Self> {
        let folder = &bucket.layout.branches;
        let mut pages = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(folder).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.with_context(|| format!("cannot list s3://{}/{folder}", bucket.name))?;
            let objects = page.contents.unwrap_or_default().into_iter();
            found.extend(objects.filter_map(|object| Some((object.key?, object.e_tag.unwrap_or_default()))));
        }
        found.sort();
        Ok(Self(found))
    }

    /// Their names.
    pub(super) fn names<'a>(&'a self, layout: &'a Layout) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(|(key, _)| key.strip_prefix(&layout.branches)?.strip_suffix(".json"))
    }

    /// Those of `keys`, which are not named by the catalog that the bucket is looked at with, that no other names either. Whoever asks
    /// has read that catalog after the branches. Nothing, when that is not known, or the branches have changed meanwhile.
    pub(super) async fn free(&self, bucket: &Bucket, keys: BTreeSet<String>) -> Option<BTreeSet<String>> {
        let free = self.unnamed(bucket, keys).await.ok()?;
        (Self::now(bucket).await.ok()? == *self).then_some(free)
    }

    async fn unnamed(&self, bucket: &Bucket, mut keys: BTreeSet<String>) -> Result<BTreeSet<String>> {
        let Layout { catalog: own, lake, .. } = &bucket.layout;
        let others = self.0.iter().map(|(key, _)| key).chain([lake]).filter(|key| *key != own);
        let mut tables = Vec::new();
        for catalog in others {
            match stored::get(bucket, catalog).await? {
                None => {}
                // Of that form there are no branches yet, and files of it are the catalog's own.
                Some((Form::Whole(catalog), _)) => {
                    catalog.tables.values().flat_map(|table| table.keys()).for_each(|key| {
                        keys.remove(key);
                    })
                }
                Some((Form::Stored(stored), _)) => tables.extend(stored.tables),
            }
        }
        // Those in the same folders first: most often they say all, and no other is read.
        let folders: HashSet<&str> = keys.iter().filter_map(|key| folder(bucket, key)).collect();
        tables.sort_by_cached_key(|(_, pointer)| {
            !folder(bucket, &pointer.metadata).is_some_and(|folder| folders.contains(folder))
        });
        let mut seen = HashSet::new();
        for (name, pointer) in &tables {
            if keys.is_empty() {
                break;
            }
            if seen.insert(&pointer.metadata) {
                let named = all_of(bucket, name, pointer).await?;
                keys.retain(|key| !named.contains(key));
            }
        }
        Ok(keys)
    }
}

/// Those of `keys` that no catalog names: the one that the bucket is looked at with has named them, and does not any more.
pub(super) async fn free(bucket: &Bucket, keys: Vec<String>) -> BTreeSet<String> {
    if keys.is_empty() {
        return BTreeSet::new();
    }
    let keys: BTreeSet<String> = keys.into_iter().collect();
    for _ in 0..ATTEMPTS {
        let Ok(branches) = Branches::now(bucket).await else { break };
        if let Some(free) = branches.free(bucket, keys.clone()).await {
            return free;
        }
    }
    BTreeSet::new()
}

/// The keys of all that a table has or had.
///
/// # Errors
/// What of it cannot be read.
pub(super) async fn all_of(bucket: &Bucket, name: &str, pointer: &Pointer) -> Result<BTreeSet<String>> {
    let table = store::table(bucket, name, pointer, true).await?;
    history::keys(bucket, &table).await.with_context(|| format!("the history of `{name}` cannot be read"))
}

/// The table's folder that a key is in.
fn folder<'a>(bucket: &Bucket, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(&bucket.layout.tables)?.split_once('/').map(|(folder, _)| folder)
}
