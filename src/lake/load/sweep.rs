//! What loads left in the bucket that were killed before they could take it back.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::bucket::Bucket;
use crate::bucket::upload;
use crate::lake::catalog::{self, Table};

/// How the folder of a load begins; a random part follows.
pub(super) const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A load may take this long before its files count as left behind.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// Deletes the files under the table's folder that are neither a table's, this one's or one's that was called so before, nor
/// young enough to become it. As far as the bucket lets it: the next load tries again.
pub(crate) async fn sweep(bucket: &Bucket, name: &str) {
    let Ok(catalog) = catalog::read(bucket).await else { return };
    let named: HashSet<&str> = catalog.tables.values().flat_map(Table::keys).collect();
    let folder = bucket.layout.table(name);
    let mut pages = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(&folder).into_paginator().send();
    while let Some(Ok(page)) = pages.next().await {
        let keys = page.contents().iter().filter_map(|object| object.key());
        let stale = keys.filter(|key| is_stale(key, &folder, Utc::now()) && !named.contains(key));
        upload::delete(bucket, stale.map(str::to_owned)).await;
    }
}

fn is_stale(key: &str, folder: &str, now: DateTime<Utc>) -> bool {
    let load = key.strip_prefix(folder).and_then(|rest| rest.split_once('-'));
    let began = load.and_then(|(stamp, _)| NaiveDateTime::parse_from_str(stamp, STAMP).ok());
    began.is_some_and(|began| now - began.and_utc() > PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_loads_are_stale() {
        let now = "2026-03-03T12:00:00Z".parse().unwrap();
        let stale = |key| is_stale(key, "tables/t/", now);
        assert!(stale("tables/t/20260301T000000Z-0badcafe/data.parquet"));
        assert!(!stale("tables/t/20260303T110000Z-0badcafe/date=2019-04-01/data_0.parquet"));
        assert!(!stale("tables/t/mine.parquet") && !stale("tables/other/20260301T000000Z-0badcafe/data.parquet"));
    }
}
