//! What loads left in the bucket that were killed before they could take it back.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::bucket::Bucket;
use crate::bucket::upload;
use crate::lake::catalog::{self, Table};
use crate::lake::claims::Branches;
use crate::lake::iceberg::history;

/// How the folder of a load begins; a random part follows.
pub(super) const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A load may take this long before its files count as left behind.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// Changes between two sweeps, once there were as many.
const EVERY: usize = 16;

/// Pages of objects that are looked at in one sweep of a long folder, and how many are on one.
const PAGES: u64 = 20;
const PAGE_FILES: u64 = 1_000;

/// Most snapshots of a table that is swept: of each all files have to be known.
const MOST_SNAPSHOTS: usize = 100;

/// Deletes the files under the table's folder that are neither a table's, this one's or one's that was called so before, at any
/// of its snapshots, nor young enough to become it. As far as the bucket lets it: the next load tries again. Of a table that
/// has a long history, as the one that was changed, `before`, tells, only now and then: its folder is long, too.
pub(crate) async fn sweep(bucket: &Bucket, name: &str, before: &Table) {
    let snapshots = before.origin.0.as_ref().map_or(0, |state| state.metadata.snapshots.len());
    if snapshots >= EVERY && !snapshots.is_multiple_of(EVERY) {
        return;
    }
    let folder = bucket.layout.table(name);
    let mut stale = BTreeSet::new();
    let list = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(&folder);
    let begin = from(before);
    let most = if begin.is_some() { PAGES } else { u64::MAX };
    let list = list.set_start_after(begin.map(|stamp| format!("{folder}{stamp}")));
    let (mut pages, mut looked) = (list.into_paginator().send(), 0);
    while looked < most
        && let Some(Ok(page)) = pages.next().await
    {
        looked += 1;
        for object in page.contents() {
            let Some(key) = object.key() else { continue };
            let written = object.last_modified().and_then(|at| DateTime::from_timestamp(at.secs(), 0));
            if is_stale(key, &folder, written, Utc::now()) {
                stale.insert(key.to_owned());
            }
        }
    }
    // Most often there is nothing, and nothing else needs to be known.
    if stale.is_empty() {
        return;
    }
    let Ok(branches) = Branches::now(bucket).await else { return };
    let Ok(catalog) = catalog::read(bucket).await else { return };
    for (known, table) in &catalog.tables {
        if !table.folders(known).any(|folder| folder == name) {
            continue;
        }
        let snapshots = table.origin.0.as_ref().map_or(0, |state| state.metadata.snapshots.len());
        // What is not known to be nobody's stays.
        let Some(named) = history::keys(bucket, table).await.filter(|_| snapshots <= MOST_SNAPSHOTS) else {
            return;
        };
        named.iter().for_each(|key| {
            stale.remove(key);
        });
    }
    upload::delete(bucket, branches.free(bucket, stale).await.unwrap_or_default()).await;
}

/// Where to begin to look: in a folder that is too long to be looked at whole, somewhere in the table's time, each time elsewhere.
fn from(table: &Table) -> Option<String> {
    if table.file_count() < PAGES * PAGE_FILES {
        return None;
    }
    let first_ms = table.origin.0.as_ref()?.metadata.snapshots.first()?.timestamp_ms;
    let some_ms = rand::random_range(first_ms..=Utc::now().timestamp_millis().max(first_ms));
    DateTime::from_timestamp_millis(some_ms).map(|time| time.format(STAMP).to_string())
}

/// Whether what was `written` then may be left over: a load's file by when the load began, metadata by when it was written.
fn is_stale(key: &str, folder: &str, written: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let Some(rest) = key.strip_prefix(folder) else { return false };
    let began = match rest.strip_prefix("metadata/") {
        Some(_) => written,
        None => rest
            .split_once('-')
            .and_then(|(stamp, _)| NaiveDateTime::parse_from_str(stamp, STAMP).ok())
            .map(|began| began.and_utc()),
    };
    began.is_some_and(|began| now - began > PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_loads_are_stale() {
        let now = "2026-03-03T12:00:00Z".parse().unwrap();
        let written = |key, at: &str| is_stale(key, "tables/t/", Some(at.parse().unwrap()), now);
        let stale = |key| written(key, "2026-01-01T00:00:00Z");
        assert!(stale("tables/t/20260301T000000Z-0badcafe/data.parquet"));
        assert!(!stale("tables/t/20260303T110000Z-0badcafe/date=2019-04-01/data_0.parquet"));
        assert!(stale("tables/t/metadata/00001-x.metadata.json"));
        assert!(!written("tables/t/metadata/00001-x.metadata.json", "2026-03-03T11:00:00Z"));
        assert!(!stale("tables/t/mine.parquet") && !stale("tables/other/20260301T000000Z-0badcafe/data.parquet"));
    }
}
