//! `INSERT INTO`: rows of a query, added to a table in files of their own.

use anyhow::Result;
use quack_function::names;
use quack_function::sql::identifier;
use quack_function::wire::Column;

use super::columns::Columns;
use super::done::{Changed, Deed, Outcome};
use super::inserted::{Insert, Source};
use super::land;
use super::parts::{self, Part};
use super::replace;
use super::staged::{self, Staged};
use super::tidy;
use super::write::{Rows, Session, Work};
use crate::lake::load::Mode;
use crate::lake::load::commit::Arrival;
use crate::query::Coordinator;

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
            Some(file.query(&columns, &columns.given(insert.columns.as_deref())?))
        }
        Source::Defaults => None,
    };
    let (variables, rows) = match &query {
        None => ("", columns.rows(&[], |_| String::new(), "(SELECT 1) AS quack_rows")),
        Some(query) => {
            let given = work.columns(&query.behind("DESCRIBE ")).await?;
            (query.variables(), fitted(&columns, insert, query, &given)?)
        }
    };
    let sql = format!("{variables}{rows}");
    let rows = Rows { sql, label: name, columns: Some(&own), partitions: &partitions, may_divide: true };
    let staged = tidy::write(&mut work, &rows).await?;
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
    match land::land(&work, staged, arrival, None).await {
        Ok(Some(count)) => Ok(Some(Outcome { changed: Changed { rows: count, ..done }.made(), rows })),
        other => {
            coordinator.discard(rows).await;
            other.map(|_| None)
        }
    }
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
    Ok(format!("SELECT {} FROM {}", names.join(", "), staged::read(&staged.addresses(), partitions)?))
}

/// A query that gives the rows with the table's columns, in their order and of their types.
fn fitted(columns: &Columns<'_>, insert: &Insert, query: &Part, given: &[Column]) -> Result<String> {
    // For each of the query's columns, which of the table's it is for.
    let places = match insert.by_name {
        true => columns.places(given.iter().map(|column| column.name.as_str()))?,
        false => columns.places_of(insert.columns.as_deref(), given.len())?,
    };
    let called: Vec<String> = (0..given.len()).map(|at| identifier(&format!("quack_{at}"))).collect();
    let value = |at: usize| called[places.iter().position(|place| *place == at).unwrap_or_default()].clone();
    let from = format!("(\n{}\n) AS quack_rows({})", query.text(), called.join(", "));
    Ok(columns.rows(&places, value, &from))
}
