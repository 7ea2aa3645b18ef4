//! The versions of a table: what it was after each change, as long as its history is kept.

use std::fmt;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat};
use indicatif::HumanCount;
use quack_function::iceberg::metadata::Snapshot;
use serde::Serialize;

use super::catalog::{self, Scope, Table};
use super::iceberg::store;
use super::load::stats;
use crate::bucket::Bucket;
use crate::error::{Kind, failure, failure_of};
use crate::output::grid::grid;
use crate::rows::counted;

/// What a table was after each change.
#[derive(Debug, Serialize)]
pub(crate) struct Versions {
    pub table: String,
    /// The newest first.
    pub versions: Vec<Version>,
}

/// A table after one change.
#[derive(Debug, Serialize)]
pub(crate) struct Version {
    /// One more than that before.
    pub version: i64,
    /// Iceberg's number of it.
    pub snapshot_id: i64,
    /// RFC 3339, to the millisecond.
    pub at: String,
    /// `append`, `overwrite` or `delete`.
    pub change: String,
    /// Rows after it, and those that came and went with it.
    pub rows: u64,
    pub added: u64,
    pub gone: u64,
    pub files: u64,
    pub current: bool,
}

/// The versions of the table called `name`.
pub(crate) fn list(name: &str, table: &Table) -> Versions {
    let snapshots = snapshots(table);
    let current = table.origin.0.as_ref().and_then(|state| state.metadata.current_snapshot_id);
    let version = |snapshot: &Snapshot| {
        let number = |name: &str| snapshot.summary.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        Version {
            version: snapshot.sequence_number,
            snapshot_id: snapshot.snapshot_id,
            at: moment(snapshot.timestamp_ms),
            change: snapshot.summary.get("operation").cloned().unwrap_or_default(),
            rows: number("total-records"),
            added: number("added-records"),
            gone: number("deleted-records"),
            files: number("total-data-files"),
            current: Some(snapshot.snapshot_id) == current,
        }
    };
    Versions { table: name.to_owned(), versions: snapshots.iter().rev().map(version).collect() }
}

fn snapshots(table: &Table) -> &[Snapshot] {
    table.origin.0.as_ref().map(|state| state.metadata.snapshots.as_slice()).unwrap_or_default()
}

fn moment(timestamp_ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(timestamp_ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.versions.is_empty() {
            let table = &self.table;
            return writeln!(
                f,
                "`{table}` has no history yet: it was loaded by an older quackctl, and its first change begins one"
            );
        }
        let mut grid = grid(&["version", "at", "change", "rows", "added", "gone", "files", ""], &[0, 3, 4, 5, 6]);
        for version in &self.versions {
            grid.add_row([
                version.version.to_string(),
                version.at.clone(),
                version.change.clone(),
                HumanCount(version.rows).to_string(),
                HumanCount(version.added).to_string(),
                HumanCount(version.gone).to_string(),
                HumanCount(version.files).to_string(),
                if version.current { "now" } else { "" }.to_owned(),
            ]);
        }
        writeln!(f, "{grid}")
    }
}

/// Which version of a table is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Its number, or Iceberg's number of the snapshot.
    Version(i64),
    /// Milliseconds since 1970: the newest that is not younger.
    Time(i64),
}

impl At {
    /// The table as it was then.
    ///
    /// # Errors
    /// There is no such version; what the bucket says.
    pub(crate) async fn of(self, bucket: &Bucket, name: &str, table: &Table) -> Result<Table> {
        let snapshots = snapshots(table);
        let found = match self {
            Self::Version(wanted) => {
                snapshots.iter().find(|known| known.sequence_number == wanted || known.snapshot_id == wanted)
            }
            Self::Time(wanted) => snapshots.iter().rev().find(|known| known.timestamp_ms <= wanted),
        };
        let found = found.ok_or_else(|| {
            let what = match self {
                Self::Version(wanted) => format!("`{name}` has no version {wanted}"),
                Self::Time(wanted) => format!("of `{name}` nothing is known that is as old as {}", moment(wanted)),
            };
            let first = snapshots.first().map(|first| {
                format!(", the oldest is version {} of {}", first.sequence_number, moment(first.timestamp_ms))
            });
            let help = format!("`quackctl tables {name} --history` lists its versions{}", first.unwrap_or_default());
            failure_of(Kind::Missing, what, help)
        })?;
        store::at(bucket, name, table, found).await
    }
}

/// What a table is again.
#[derive(Debug, Serialize)]
pub(crate) struct RolledBack {
    pub table: String,
    /// The version that it is like.
    pub to: i64,
    pub rows: u64,
}

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}` is as it was at version {}: {}", self.table, self.to, counted(self.rows))
    }
}

/// Has the table `name` be as it was: as a new version, so that nothing of its history is lost.
///
/// # Errors
/// There is no such table or version; somebody else changed the table meanwhile; what the bucket says.
pub(crate) async fn roll_back(bucket: &Bucket, name: &str, to: i64) -> Result<RolledBack> {
    let catalog = catalog::read_in(bucket, Scope::Whole(name)).await?;
    let (name, table) = catalog.table(name)?;
    table.check_is_own(name)?;
    let mut then = At::Version(to).of(bucket, name, table).await?;
    then.columns = stats::of_table(&then.own_columns(), &then.partitions, None, &then.files)?;
    let rows = then.rows;
    catalog::update(bucket, Scope::Whole(name), |catalog| {
        let now = catalog.table(name)?.1;
        if !now.origin.is(&table.origin) {
            return Err(failure(
                format!("somebody else has changed `{name}` meanwhile"),
                "nothing was changed; look again",
            ));
        }
        catalog.tables.insert(name.to_owned(), then.clone());
        Ok(())
    })
    .await?;
    Ok(RolledBack { table: name.to_owned(), to, rows })
}
