//! `UPDATE`, `DELETE` and `TRUNCATE`: the files that have such rows are written anew, all others stay.

use anyhow::Result;
use quack_function::sql::identifier;
use quack_function::wire::Column;
use serde::Deserialize;

use super::batches::{self, Batch};
use super::columns::Columns;
use super::deeds::{Act, Action, Branch};
use super::done::{Changed, Deed, Outcome};
use super::parts::{self, Part};
use super::replace::{self, Deeds};
use super::statement::Rewrite;
use super::tidy;
use super::write::{Rows, Session, Work};
use crate::error::failure;
use crate::lake::catalog::{DataFile, Table};
use crate::planner;
use crate::query::Coordinator;

/// What the column is called that says which rows are meant.
const MEANT: &str = "quack_is_meant";

/// Rewrites a table.
///
/// # Errors
/// There is no such table or column; what DuckDB says of the condition and the values; others that keep changing the table.
pub(super) async fn run(coordinator: &Coordinator<'_>, session: &Session<'_>, rewrite: &Rewrite) -> Result<Outcome> {
    rewrite.with.iter().try_for_each(parts::check_with)?;
    let values = rewrite.set.iter().filter_map(|(_, value)| value.part());
    parts::check_expressions(values)?;
    // Which files it touches is asked first, which rows in them when they are written: that must be the same both times.
    let is_settled = rewrite.predicate.as_ref().map_or(Ok(true), |predicate| parts::are_settled([predicate]))?;
    if let Some(from) = &rewrite.from {
        parts::check_from(from, "name tables or queries in brackets")?;
    }
    let returning = parts::check_returning(&rewrite.returning, &rewrite.alias, None)?;
    replace::until_current(coordinator, session, &rewrite.table, async |now| {
        let work = Work::new(now, session);
        let (name, table) = now.catalog.table(&rewrite.table)?;
        table.check_is_own(name)?;
        let columns = Columns::of(name, table);
        let set = columns.assignments(&rewrite.set)?;
        match rewrite.with.is_some() || rewrite.from.is_some() || !is_settled || !returning.is_empty() {
            true => by_deeds(work, rewrite, &returning, name, table, &columns, set).await,
            false => by_files(work, rewrite, name, table, &columns, set).await.map(|done| done.map(Outcome::from)),
        }
    })
    .await
}

fn deed(rewrite: &Rewrite) -> Deed {
    if rewrite.set.is_empty() { Deed::Delete } else { Deed::Update }
}

/// What sets variables before the statement.
fn variables(rewrite: &Rewrite) -> &str {
    pieces(rewrite).next().map_or("", Part::variables)
}

/// What the statement was made of.
fn pieces(rewrite: &Rewrite) -> impl Iterator<Item = &Part> {
    let values = rewrite.set.iter().filter_map(|(_, value)| value.part());
    rewrite.with.iter().chain(&rewrite.predicate).chain(&rewrite.from).chain(values)
}

/// By a list of the rows that are meant, had once.
async fn by_deeds(
    work: Work<'_>,
    rewrite: &Rewrite,
    returning: &[String],
    name: &str,
    table: &Table,
    columns: &Columns<'_>,
    set: Vec<(usize, String)>,
) -> Result<Option<Outcome>> {
    let source = replace::whole(&work, table, &rewrite.alias)?;
    let mut from = source.sql;
    if let Some(others) = &rewrite.from {
        from.push_str(&format!(", {}\n", others.text()));
    }
    if let Some(predicate) = &rewrite.predicate {
        from.push_str(&format!(" WHERE {}", predicate.bracketed()));
    }
    let act = if set.is_empty() { Act::Delete } else { Act::Update(set) };
    let branch = Branch {
        from,
        also: String::new(),
        target: Some(source.target),
        repeats: rewrite.from.is_some(),
        actions: vec![Action { condition: None, act }],
    };
    let deeds = Deeds {
        before: rewrite.with.iter().map(Part::queries).collect(),
        branches: vec![branch],
        variables: variables(rewrite),
        is_strict: false,
        deed: deed(rewrite),
        alias: &rewrite.alias,
        returning,
    };
    replace::by_deeds(work, name, table, columns, deeds).await
}

/// By the files that have such rows, which are asked for first; nothing when somebody else was quicker.
async fn by_files(
    mut work: Work<'_>,
    rewrite: &Rewrite,
    name: &str,
    table: &Table,
    columns: &Columns<'_>,
    set: Vec<(usize, String)>,
) -> Result<Option<Changed>> {
    let done = Changed::nothing(deed(rewrite), name);
    let (touched, rows) = touched(&mut work, rewrite, table).await?;
    if rows == 0 {
        return Ok(Some(Changed { cost_usd: work.cost_usd, ..done }));
    }
    let gone: Vec<String> = touched.iter().map(|(at, _)| table.files[*at].key.clone()).collect();
    // A file all of whose rows are deleted needs no writing.
    let anew: Vec<usize> = touched
        .iter()
        .filter(|(at, meant)| !set.is_empty() || *meant < table.files[*at].rows)
        .map(|(at, _)| *at)
        .collect();
    let staged = match anew.is_empty() {
        true => None,
        false => {
            let files: Vec<DataFile> = anew.iter().filter_map(|at| table.files.get(*at)).cloned().collect();
            let bucket = &work.coordinator.target.bucket.name;
            let sql = |files: &[&DataFile]| -> Result<String> {
                let source = replace::rows(table, files.iter().copied(), bucket)?;
                Ok(select(rewrite, columns, &set, &source))
            };
            let (own, partitions) = (table.own_columns(), &table.partitions[..]);
            let variables = variables(rewrite);
            let rows =
                Rows { variables, sql: String::new(), label: name, columns: &own, partitions, may_divide: false };
            let all: Batch<'_> = files.iter().collect();
            let most = planner::share(batches::size(&all), work.session.workers);
            let is_much = batches::size(&all) > most;
            // Where each row becomes the same whoever looks at it.
            let batches = match is_much && parts::are_settled(pieces(rewrite))? {
                true => batches::in_order(table, &files, most)?,
                false => Vec::new(),
            };
            Some(match batches.len() {
                0 | 1 => tidy::write(&mut work, &Rows { sql: sql(&all)?, ..rows }).await?,
                _ => {
                    let parts = batches.iter().map(|batch| Ok(work.part(&rows, &sql(batch)?, batch)));
                    let parts = parts.collect::<Result<Vec<_>>>()?;
                    tidy::write_parts(&mut work, &rows, &parts).await?
                }
            })
        }
    };
    let is_made = replace::finish(&mut work, name, table, gone, staged, false).await?;
    Ok(is_made.then(|| Changed { rows, ..work.spent(done) }.made()))
}

/// A file that has rows that are meant.
#[derive(Debug, Deserialize)]
struct Touched {
    filename: String,
    meant: u64,
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
    let from = format!("{} AS {}", replace::files(table, &every, bucket)?, identifier(&rewrite.alias));
    let from = format!("FROM {from} WHERE ({})", predicate.bracketed());
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
        let at = table.files.iter().position(|file| file.address(bucket) == filename);
        let unknown = || failure("the function's answer is not as it should be", "run `quackctl up`, and try again");
        let at = at.ok_or_else(unknown)?;
        let meant = meant.min(table.files[at].rows);
        rows += meant;
        found.push((at, meant));
    }
    Ok((found, rows))
}

/// The rows of `source` as they are to be.
fn select(rewrite: &Rewrite, columns: &Columns<'_>, set: &[(usize, String)], source: &str) -> String {
    let alias = identifier(&rewrite.alias);
    let condition = rewrite.predicate.as_ref().map_or_else(|| "(true)".to_owned(), Part::bracketed);
    if set.is_empty() {
        return format!("SELECT * FROM {source} AS {alias} WHERE ({condition}) IS NOT TRUE");
    }
    let values: Vec<String> = set
        .iter()
        .map(|(at, value)| {
            let Column { name, sql_type } = &columns.all()[*at];
            let name = identifier(name);
            format!("CASE WHEN {MEANT} THEN CAST({value} AS {sql_type}) ELSE {name} END AS {name}")
        })
        .collect();
    format!(
        "SELECT * EXCLUDE ({MEANT}) REPLACE ({}) FROM (SELECT *, ({condition}) IS TRUE AS {MEANT} FROM {source} AS {alias}) AS {alias}",
        values.join(", ")
    )
}
