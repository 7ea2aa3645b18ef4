//! Small files of a table put together into few; or all of it sorted, so that queries skip more of it.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use quack_function::sql::identifier;
use serde::Serialize;

use super::land::overtaken;
use super::replace;
use super::write::{Rows, Session, Work};
use crate::error::{nearest, usage};
use crate::lake::catalog::{DataFile, Table};
use crate::query::Coordinator;

/// A file that is smaller is put together with others, bytes.
const SMALL_BYTES: u64 = 64 << 20;

/// What became of a table's files.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Compacted {
    pub table: String,
    pub rows: u64,
    /// How many files there were, and are.
    pub before: usize,
    pub after: usize,
    pub cost_usd: f64,
}

impl fmt::Display for Compacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, before, after, .. } = self;
        match before == after && self.rows == 0 {
            true => writeln!(f, "none of the files of `{table}` ({before}) would be better put together"),
            false => writeln!(f, "files of `{table}`: {after}, before {before}"),
        }
    }
}

/// Puts together what is small of the table `name`, each partition for itself; sorted by columns, all of it.
///
/// # Errors
/// There is no such table or column; somebody else who changed those files meanwhile; what the function or the bucket says.
pub(crate) async fn compact(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    name: &str,
    sort: &[String],
) -> Result<Compacted> {
    let (name, table) = coordinator.catalog.table(name)?;
    let order = order(name, table, sort)?;
    let chosen = match order.is_empty() {
        true => small(table),
        false => table.files.iter().filter(|file| file.rows > 0).collect(),
    };
    let before = table.files.len();
    if chosen.is_empty() {
        let nothing = Compacted { table: name.to_owned(), rows: 0, before, after: before, cost_usd: 0.0 };
        return Ok(nothing);
    }
    let bucket = &coordinator.target.bucket.name;
    let mut work = Work::new(coordinator, session);
    let own = table.own_columns();
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    let sql = format!("SELECT * FROM {}{order}", replace::rows(table, chosen.iter().copied(), bucket)?);
    let staged = work.write(&Rows { sql, label: name, columns: Some(&own), partitions: &table.partitions }).await?;
    let (rows, made) = (chosen.iter().map(|file| file.rows).sum(), staged.files.len());
    let gone = chosen.iter().map(|file| file.key.clone()).collect();
    let after = before - chosen.len() + made;
    if !replace::finish(&mut work, name, table, gone, Some(staged), false).await? {
        return Err(overtaken(name));
    }
    Ok(Compacted { table: name.to_owned(), rows, before, after, cost_usd: work.cost_usd })
}

/// The small files of partitions that have more than one such.
fn small(table: &Table) -> Vec<&DataFile> {
    let mut by_partition: BTreeMap<&[Option<String>], Vec<&DataFile>> = BTreeMap::new();
    for file in table.files.iter().filter(|file| file.bytes < SMALL_BYTES) {
        by_partition.entry(&file.partition).or_default().push(file);
    }
    by_partition.into_values().filter(|files| files.len() > 1).flatten().collect()
}

/// The columns to sort by, as SQL.
fn order(name: &str, table: &Table, sort: &[String]) -> Result<Vec<String>> {
    let column = |wanted: &String| {
        let wanted = wanted.trim();
        let known = table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(wanted));
        known.map(|column| identifier(&column.name)).ok_or_else(|| {
            let near = nearest(wanted, table.columns.iter().map(|column| column.name.as_str()));
            let help = near.map_or_else(
                || format!("`quackctl tables {name}` lists them"),
                |near| format!("did you mean `{near}`?"),
            );
            usage(format!("`{name}` has no column `{wanted}`"), help)
        })
    };
    sort.iter().map(column).collect()
}
