//! Old versions of a table forgotten, and the files deleted that only they had.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use serde::Serialize;

use super::catalog::{self, Scope, Table};
use super::claims;
use super::iceberg::history;
use crate::bucket::{Bucket, upload};
use crate::error::{failure, usage};

/// Nobody reads a version any more that is older, unless he says so.
const YOUNG: Duration = Duration::from_secs(86_400);

/// What went, or would go.
#[derive(Debug, Serialize)]
pub(crate) struct Expired {
    pub table: String,
    /// Numbers of the versions.
    pub versions: Vec<i64>,
    /// How many files, metadata among them.
    pub files: usize,
    /// Whether they went.
    pub done: bool,
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, versions, files, done } = self;
        let listed = versions.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        match (versions.as_slice(), done) {
            ([], _) => writeln!(f, "`{table}` has no version that is old enough"),
            (_, true) => writeln!(f, "`{table}` has forgotten its versions {listed}; files deleted: {files}"),
            (_, false) => writeln!(
                f,
                "`{table}` would forget its versions {listed}, and {files} files would be deleted; add --yes to do it"
            ),
        }
    }
}

/// Has the table `name` forget versions that are older than `age`, but for the one that it is at; only if it `is_meant`.
///
/// # Errors
/// There is no such table; an age under a day that is not `forced`; history that cannot be read; what the bucket says.
pub(crate) async fn expire(
    bucket: &Bucket,
    name: &str,
    age: Duration,
    is_meant: bool,
    forced: bool,
) -> Result<Expired> {
    if age < YOUNG && !forced {
        return Err(usage(
            "versions that are younger than a day may be read by somebody at this moment",
            "give --older-than 1d or more, or add --force",
        ));
    }
    let catalog = catalog::read_in(bucket, Scope::Whole(name)).await?;
    let (name, table) = catalog.table(name)?;
    let before = Utc::now().timestamp_millis().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let old = old(table, before);
    let mut kept = table.clone();
    kept.forgotten = old.iter().map(|(id, _)| *id).collect();
    let unreadable =
        || failure(format!("the history of `{name}` cannot be read"), "`quackctl recover` lists earlier states");
    let all = history::keys(bucket, table).await.ok_or_else(unreadable)?;
    let left = history::keys(bucket, &kept).await.ok_or_else(unreadable)?;
    let gone: Vec<String> = all.difference(&left).filter(|key| bucket.layout.is_of_tables(key)).cloned().collect();
    let versions: Vec<i64> = old.iter().map(|(_, number)| *number).collect();
    let mut expired = Expired { table: name.to_owned(), versions, files: gone.len(), done: is_meant };
    if !is_meant || old.is_empty() {
        return Ok(expired);
    }
    catalog::update(bucket, Scope::Whole(name), |catalog| {
        let (name, now) = catalog.table(name)?;
        let (name, mut now) = (name.to_owned(), now.clone());
        if !now.origin.is(&table.origin) {
            return Err(failure(
                format!("somebody else has changed `{name}` meanwhile"),
                "nothing was deleted; run it again",
            ));
        }
        now.forgotten.clone_from(&kept.forgotten);
        catalog.tables.insert(name, now);
        Ok(())
    })
    .await?;
    // What a branch still has stays.
    let gone = claims::free(bucket, gone).await;
    expired.files = gone.len();
    upload::delete(bucket, gone).await;
    Ok(expired)
}

/// Numbers of the snapshots, and of the versions, that were made before a time.
fn old(table: &Table, before_ms: i64) -> Vec<(i64, i64)> {
    let Some(state) = &table.origin.0 else { return Vec::new() };
    let current = state.metadata.current_snapshot_id;
    let snapshots = state.metadata.snapshots.iter();
    snapshots
        .filter(|snapshot| snapshot.timestamp_ms < before_ms && Some(snapshot.snapshot_id) != current)
        .map(|snapshot| (snapshot.snapshot_id, snapshot.sequence_number))
        .collect()
}
