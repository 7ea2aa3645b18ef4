//! `INSERT INTO`: rows of a query, added to a table in files of their own.

use anyhow::Result;
use quack_function::sql::identifier;
use quack_function::wire::Column;
use tokio_util::sync::CancellationToken;

use super::columns::Columns;
use super::done::{Changed, Deed};
use super::land;
use super::parts;
use super::statement::Insert;
use super::transaction::Transaction;
use super::write::{Rows, Work};
use crate::lake::load::Mode;
use crate::lake::load::commit::Arrival;
use crate::query::Coordinator;

/// Adds rows to a table.
///
/// # Errors
/// There is no such table; rows that do not fit it; what DuckDB says of the query.
pub(super) async fn run(
    coordinator: &Coordinator<'_>,
    transaction: &Transaction,
    insert: &Insert,
    cancel: &CancellationToken,
) -> Result<Changed> {
    let (name, table) = coordinator.catalog.table(&insert.table)?;
    parts::check_query(&insert.query)?;
    let mut work = Work::new(coordinator, transaction, cancel);
    let given = work.columns(&insert.query.behind("DESCRIBE ")).await?;
    let (own, partitions) = (table.own_columns(), table.partitions.clone());
    let sql = fitted(&Columns::of(name, table), insert, &given)?;
    let staged =
        work.write(&Rows { sql, label: name, columns: Some(&own), partitions: &partitions }).await?.without_empty();
    let done = Changed { cost_usd: work.cost_usd, ..Changed::nothing(Deed::Insert, name) };
    if staged.files.is_empty() {
        staged.discard().await;
        return Ok(done);
    }
    let partition_by = table.partition_by.clone();
    let arrival = Arrival { partition_by, partitions, ..land::arrival(name, Mode::Append, &staged) };
    let rows = land::land(&work, staged, arrival).await?;
    Ok(Changed { rows, ..done }.made())
}

/// A query that gives the rows with the table's columns, in their order and of their types.
fn fitted(columns: &Columns<'_>, insert: &Insert, given: &[Column]) -> Result<String> {
    // For each of the query's columns, which of the table's it is for.
    let places = match insert.by_name {
        true => columns.places(given.iter().map(|column| column.name.as_str()))?,
        false => columns.places_of(insert.columns.as_deref(), given.len())?,
    };
    let called: Vec<String> = (0..given.len()).map(|at| identifier(&format!("quack_{at}"))).collect();
    let value = |at: usize| called[places.iter().position(|place| *place == at).unwrap_or_default()].clone();
    let from = format!("(\n{}\n) AS quack_rows({})", insert.query.text(), called.join(", "));
    Ok(format!("{}{}", insert.query.variables(), columns.rows(&places, value, &from)))
}
