//! `INSERT INTO`: rows of a query, added to a table in files of their own.

use std::collections::BTreeMap;

use anyhow::Result;
use quack_function::names;
use quack_function::sql::{identifier, literal};
use quack_function::wire::Column;
use serde::Deserialize;

use super::batches;
use super::columns::Columns;
use super::done::{Changed, Deed, Outcome};
use super::inserted::{File, Insert, Source};
use super::land;
use super::parts;
use super::replace;
use super::staged::{self, Staged};
use super::temporary;
use super::tidy;
use super::write::{Rows, Session, Work};
use crate::lake::catalog::{DataFile, Table};
use crate::lake::load::Mode;
use crate::lake::load::commit::Arrival;
use crate::planner;
use crate::query::{Coordinator, Part};

/// Adds rows to a table.
///
/// # Errors
/// There is no such table; rows that do not fit it; what DuckDB says of the query.
pub(super) async fn run(coordinator: &Coordinator<'_>, session: &Session<'_>, insert: &Insert) -> Result<Outcome> {
    replace::until_current(coordinator, session, &insert.table, async |now| once(now, session, insert).await).await
}

/// As [`run`], unless the table comes to be partitioned otherwise meanwhile.
async fn once(coordinator: &Coordinator<'_>, session: &Session<'_>, insert: &Insert) -> Result<Option<Outcome>> {
    let (name, table) = coordinator.catalog.table(&insert.table)?;
    table.check_is_own(name)?;
    let returning = parts::check_returning(&insert.returning, names::parts(name).1, None)?;
    let mut work = Work::new(coordinator, session);
    let (own, partitions) = (table.own_columns(), table.partitions.clone());
    let columns = Columns::of(name, table);
    let query = match &insert.rows {
        Source::Query(query) => {
            parts::check_query(query)?;
            Some(query.clone())
        }
        Source::File(file) => {
            parts::check_expressions(file.expressions())?;
            Some(file.query(&columns, &columns.given(insert.columns.as_deref())?, &[]))
        }
        Source::Defaults => None,
    };
    let mut given = Vec::new();
    let (variables, rows) = match &query {
        None => ("", columns.rows(&[], |_| String::new(), "(SELECT 1) AS quack_rows")),
        Some(query) => {
            given = work.columns(&query.behind("DESCRIBE ")).await?;
            (query.variables(), fitted(&columns, insert, query.text(), &given)?)
        }
    };
    let rows = Rows { variables, sql: rows, label: name, columns: &own, partitions: &partitions, may_divide: true };
    let parts = match &insert.rows {
        Source::File(file) => of_files(&mut work, insert, file, &columns, &given, &rows).await?,
        _ => Vec::new(),
    };
    let staged = match parts.len() {
        0 | 1 => tidy::write(&mut work, &rows).await?,
        _ => tidy::write_parts(&mut work, &rows, &parts).await?,
    };
    let rows = match returning.is_empty() {
        true => None,
        // Of the files that were written: nothing is reckoned again for it.
        false => {
            let from =
                format!("({}) AS {}", written(&columns, &staged, &partitions)?, identifier(names::parts(name).1));
            match work.returned(&returning, &from, variables).await {
                Ok(answer) => Some(answer),
                Err(error) => {
                    staged.discard().await;
                    return Err(error);
                }
            }
        }
    };
    let done = work.spent(Changed::nothing(Deed::Insert, name));
    if staged.files.is_empty() {
        staged.discard().await;
        return Ok(Some(Outcome { changed: done, rows }));
    }
    let partition_by = table.partition_by.clone();
    let arrival = Arrival { partition_by, partitions, ..land::arrival(name, Mode::Append, &staged) };
    let folder = temporary::folder_as_known(&coordinator.target.bucket, coordinator.catalog, name);
    match land::land(&work, staged, arrival, None, &folder).await {
        Ok(Some(count)) => Ok(Some(Outcome { changed: Changed { rows: count, ..done }.made(), rows })),
        other => {
            coordinator.discard(rows).await;
            other.map(|_| None)
        }
    }
}

/// What several functions write of files that a pattern stands for, where that pays.
async fn of_files(
    work: &mut Work<'_>,
    insert: &Insert,
    file: &File,
    columns: &Columns<'_>,
    given: &[Column],
    rows: &Rows<'_>,
) -> Result<Vec<Part>> {
    #[derive(Deserialize)]
    struct Listed {
        filename: String,
        size: u64,
    }
    let Some(pattern) = file.pattern().filter(|_| work.session.workers.most() > 1) else { return Ok(Vec::new()) };
    let sql = format!("SELECT filename, size FROM read_blob({}) ORDER BY filename", literal(pattern));
    let listed: Vec<Listed> = work.rows(&sql).await?;
    let files: Vec<DataFile> = listed
        .into_iter()
        .map(|Listed { filename, size }| DataFile {
            key: filename,
            rows: 1,
            bytes: size,
            partition: Vec::new(),
            columns: BTreeMap::new(),
            schema: None,
        })
        .collect();
    let all = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    let most = planner::share(all, work.session.workers);
    if all <= most {
        return Ok(Vec::new());
    }
    // As the first file has them: another may have them in another order, or of other types.
    let same: Vec<String> = given
        .iter()
        .map(|Column { name, sql_type }| format!("CAST({0} AS {sql_type}) AS {0}", identifier(name)))
        .collect();
    let places = columns.given(insert.columns.as_deref())?;
    let parts = batches::in_order(&Table::default(), &files, most)?.into_iter().map(|batch| {
        let addresses: Vec<String> = batch.iter().map(|file| file.key.clone()).collect();
        let query = file.query(columns, &places, &addresses);
        let read = format!("SELECT {} FROM ({})", same.join(", "), query.text());
        Ok(work.part(rows, &fitted(columns, insert, &read, given)?, &batch))
    });
    parts.collect()
}

/// The rows that were written, as the table has them.
fn written(columns: &Columns<'_>, staged: &Staged<'_>, partitions: &[Column]) -> Result<String> {
    let all = columns.all().iter();
    if staged.files.is_empty() {
        let nulls: Vec<String> =
            all.map(|Column { name, sql_type }| format!("CAST(NULL AS {sql_type}) AS {}", identifier(name))).collect();
        return Ok(format!("SELECT {} LIMIT 0", nulls.join(", ")));
    }
    let names: Vec<String> = all.map(|column| identifier(&column.name)).collect();
    let read = staged::read(&staged.addresses(), &staged.columns, partitions)?;
    Ok(format!("SELECT {} FROM {read}", names.join(", ")))
}

/// A query that gives the rows with the table's columns, in their order and of their types.
fn fitted(columns: &Columns<'_>, insert: &Insert, query: &str, given: &[Column]) -> Result<String> {
    // For each of the query's columns, which of the table's it is for.
    let places = match insert.by_name {
        true => columns.places(given.iter().map(|column| column.name.as_str()))?,
        false => columns.places_of(insert.columns.as_deref(), given.len())?,
    };
    let called: Vec<String> = (0..given.len()).map(|at| identifier(&format!("quack_{at}"))).collect();
    let value = |at: usize| called[places.iter().position(|place| *place == at).unwrap_or_default()].clone();
    let from = format!("(\n{query}\n) AS quack_rows({})", called.join(", "));
    Ok(columns.rows(&places, value, &from))
}
