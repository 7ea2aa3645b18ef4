//! `UPDATE`, `DELETE` and `TRUNCATE`: the files that have such rows are written anew, all others stay.

use std::time::Duration;

use anyhow::Result;
use quack_function::sql::{identifier, literal};
use quack_function::table::hive_options;
use quack_function::wire::Column;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::done::{Changed, Deed};
use super::parts::{self, Part};
use super::statement::Rewrite;
use super::transaction::Transaction;
use super::write::{Rows, Staged, Work};
use crate::bucket::upload;
use crate::error::{failure, nearest, usage};
use crate::lake::catalog::{Catalog, Table};
use crate::lake::load::{commit, sweep};
use crate::query::Coordinator;

/// Times that a rewrite begins anew because somebody else changed its files meanwhile.
const ATTEMPTS: u32 = 20;

/// The longest pause before that.
const PAUSE_MS: u64 = 300;

/// What the column is called that says which rows are meant.
const MEANT: &str = "quack_is_meant";

/// Rewrites a table.
///
/// # Errors
/// There is no such table or column; what DuckDB says of the condition and the values; others that keep changing the table.
pub(super) async fn run(
    coordinator: &Coordinator<'_>,
    transaction: &Transaction,
    rewrite: &Rewrite,
    cancel: &CancellationToken,
) -> Result<Changed> {
    for part in rewrite.predicate.iter().chain(rewrite.set.iter().map(|(_, value)| value)) {
        parts::check_expression(part)?;
    }
    let mut fresh: Option<Catalog> = None;
    for _ in 0..ATTEMPTS {
        let known = fresh.as_ref().unwrap_or(coordinator.catalog);
        let now = Coordinator { catalog: known, ..*coordinator };
        if let Some(changed) = once(&now, transaction, rewrite, cancel).await? {
            return Ok(changed);
        }
        coordinator.context.detail("somebody else changed the table meanwhile; beginning anew");
        // Else those who meet once would meet again and again.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..PAUSE_MS))).await;
        fresh = Some(transaction.catalog(&coordinator.target.bucket).await?);
    }
    Err(failure(
        format!("others keep changing `{}`", rewrite.table),
        "nothing was changed; run the statement again when they are done",
    ))
}

/// A file that has rows that are meant.
#[derive(Debug, Deserialize)]
struct Touched {
    filename: String,
    meant: u64,
}

/// One try; nothing when somebody else was quicker.
async fn once(
    coordinator: &Coordinator<'_>,
    transaction: &Transaction,
    rewrite: &Rewrite,
    cancel: &CancellationToken,
) -> Result<Option<Changed>> {
    let (name, table) = coordinator.catalog.table(&rewrite.table)?;
    let bucket = &coordinator.target.bucket;
    let deletes = rewrite.set.is_empty();
    let done = Changed::nothing(if deletes { Deed::Delete } else { Deed::Update }, name);
    let set = assignments(name, table, rewrite)?;
    let (own, partitions) = (table.own_columns(), table.partitions.clone());
    let mut work = Work::new(coordinator, transaction, cancel);
    let (touched, rows) = touched(&mut work, rewrite, table).await?;
    if rows == 0 {
        return Ok(Some(Changed { cost_usd: work.cost_usd, ..done }));
    }
    let gone: Vec<String> = touched.iter().map(|(at, _)| table.files[*at].key.clone()).collect();
    // A file all of whose rows are deleted needs no writing.
    let anew: Vec<usize> =
        touched.iter().filter(|(at, meant)| !deletes || *meant < table.files[*at].rows).map(|(at, _)| *at).collect();
    let staged = match anew.is_empty() {
        true => None,
        false => {
            let source = source(table, &anew, &bucket.name)?;
            let sql = select(rewrite, &set, &source);
            let rows = Rows { sql, label: name, columns: Some(&own), partitions: &partitions };
            Some(work.write(&rows).await?.without_empty())
        }
    };
    let left = table.files.len() - gone.len() + staged.as_ref().map_or(0, |staged| staged.files.len());
    let staged = match (staged, left) {
        // A table without rows has an empty file.
        (emptied, 0) => {
            if let Some(emptied) = emptied {
                emptied.discard().await;
            }
            Some(work.write_empty(&own, name, &partitions).await?)
        }
        (staged, _) => staged,
    };
    let files = match &staged {
        Some(staged) => staged.keep(&commit::folder(bucket, name), cancel).await,
        None => Ok(Vec::new()),
    };
    if let Some(staged) = staged {
        Staged::discard(staged).await;
    }
    let files = files?;
    let committed = transaction.update(bucket, |catalog| commit::rewrite(catalog, name, &gone, &files)).await;
    let files = files.into_iter().map(|file| file.key);
    match &committed {
        Ok(true) => transaction.made(files),
        _ => upload::delete(bucket, files).await,
    }
    sweep::sweep(bucket, name).await;
    Ok(committed?.then(|| Changed { rows, cost_usd: work.cost_usd, ..done }.made()))
}

/// Which of the table's files have rows that are meant, by their place, and how many; and how many in all.
async fn touched(work: &mut Work<'_>, rewrite: &Rewrite, table: &Table) -> Result<(Vec<(usize, u64)>, u64)> {
    let all = |meant: fn(u64) -> u64| -> Vec<(usize, u64)> {
        let files = table.files.iter().enumerate().filter(|(_, file)| file.rows > 0);
        files.map(|(at, file)| (at, meant(file.rows))).collect()
    };
    let Some(predicate) = &rewrite.predicate else { return Ok((all(|rows| rows), table.rows)) };
    let bucket = &work.coordinator.target.bucket.name;
    let every: Vec<usize> = (0..table.files.len()).collect();
    let from = format!("{} AS {}", source(table, &every, bucket)?, identifier(&rewrite.alias));
    let from = format!("FROM {from} WHERE ((\n{}\n))", predicate.text());
    let variables = predicate.variables();
    // DuckDB's own column with the file's name is hidden behind one of the table's.
    if table.columns.iter().any(|column| column.name.eq_ignore_ascii_case("filename")) {
        let counted: Vec<Touched> =
            work.rows(&format!("{variables}SELECT '' AS filename, count(*) AS meant {from}")).await?;
        let rows = counted.first().map_or(0, |counted| counted.meant);
        return Ok((all(|_| 0), rows));
    }
    let touched: Vec<Touched> =
        work.rows(&format!("{variables}SELECT filename, count(*) AS meant {from} GROUP BY filename")).await?;
    let (mut found, mut rows) = (Vec::with_capacity(touched.len()), 0);
    for Touched { filename, meant } in touched {
        let key = filename.strip_prefix(&format!("s3://{bucket}/")).unwrap_or_default();
        let at = table.files.iter().position(|file| file.key == key);
        let unknown = || failure("the function's answer is not as it should be", "run `quackctl up`, and try again");
        let at = at.ok_or_else(unknown)?;
        let meant = meant.min(table.files[at].rows);
        rows += meant;
        found.push((at, meant));
    }
    Ok((found, rows))
}

/// Files of a table, as a table in FROM.
fn source(table: &Table, files: &[usize], bucket: &str) -> Result<String> {
    let list: Vec<String> =
        files.iter().map(|at| literal(&format!("s3://{bucket}/{}", table.files[*at].key))).collect();
    let hive =
        hive_options(&table.partitions).map_err(|error| failure(format!("the catalog is damaged: {error}"), ""))?;
    Ok(format!("read_parquet([{}], {hive})", list.join(", ")))
}

/// The new values by the table's own columns: each with its type.
fn assignments<'a>(name: &str, table: &'a Table, rewrite: &'a Rewrite) -> Result<Vec<(Column, &'a Part)>> {
    let mut set: Vec<(Column, &Part)> = Vec::with_capacity(rewrite.set.len());
    for (column, value) in &rewrite.set {
        let Some(known) = table.columns.iter().find(|known| known.name.eq_ignore_ascii_case(column)) else {
            let near = nearest(column, table.columns.iter().map(|known| known.name.as_str()));
            let help =
                near.map_or_else(|| format!("DESCRIBE {name} lists them"), |near| format!("did you mean `{near}`?"));
            return Err(usage(format!("`{name}` has no column `{column}`"), help));
        };
        if set.iter().any(|(other, _)| other.name == known.name) {
            return Err(usage(format!("`{column}` is set twice"), "set each column once"));
        }
        set.push((Column { name: known.name.clone(), sql_type: known.sql_type.clone() }, value));
    }
    Ok(set)
}

/// The rows of `source` as they are to be.
fn select(rewrite: &Rewrite, set: &[(Column, &Part)], source: &str) -> String {
    let alias = identifier(&rewrite.alias);
    let condition = rewrite.predicate.as_ref().map_or("true", Part::text);
    let variables = rewrite.predicate.as_ref().or(set.first().map(|(_, value)| *value)).map_or("", Part::variables);
    if set.is_empty() {
        return format!("{variables}SELECT * FROM {source} AS {alias} WHERE ((\n{condition}\n)) IS NOT TRUE");
    }
    let values: Vec<String> = set
        .iter()
        .map(|(Column { name, sql_type }, value)| {
            let name = identifier(name);
            format!("CASE WHEN {MEANT} THEN CAST((\n{}\n) AS {sql_type}) ELSE {name} END AS {name}", value.text())
        })
        .collect();
    format!(
        "{variables}SELECT * EXCLUDE ({MEANT}) REPLACE ({}) FROM (SELECT *, ((\n{condition}\n)) IS TRUE AS {MEANT} FROM {source} AS {alias}) AS {alias}",
        values.join(", ")
    )
}
