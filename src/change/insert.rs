//! `INSERT INTO`: rows of a query, added to a table in files of their own.

use anyhow::Result;
use quack_function::sql::identifier;
use quack_function::wire::Column;
use tokio_util::sync::CancellationToken;

use super::done::{Changed, Deed};
use super::land;
use super::parts;
use super::statement::Insert;
use super::transaction::Transaction;
use super::write::{Rows, Work};
use crate::error::{failure, nearest, usage};
use crate::lake::catalog::Table;
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
    let sql = fitted(name, table, insert, &given)?;
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
fn fitted(name: &str, table: &Table, insert: &Insert, given: &[Column]) -> Result<String> {
    let (own, partitions) = (table.own_columns(), table.partitions.clone());
    let all: Vec<&Column> = own.iter().chain(&partitions).collect();
    let place = |wanted: &str| {
        all.iter().position(|column| column.name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            let near = nearest(wanted, all.iter().map(|column| column.name.as_str()));
            let names = || all.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            let help = near.map_or_else(|| format!("columns: {}", names()), |near| format!("did you mean `{near}`?"));
            usage(format!("`{name}` has no column `{wanted}`"), help)
        })
    };
    // How partition columns are reckoned from the others, where the table was loaded so.
    let reckoned: Vec<Option<&str>> = partitions
        .iter()
        .map(|column| {
            table.partition_by.iter().find_map(|by| by.split_once('=').filter(|(of, _)| of.trim() == column.name))
        })
        .map(|found| found.map(|(_, expression)| expression.trim()))
        .collect();
    let is_itself = |at: usize, by: &str| by.trim_matches('"').eq_ignore_ascii_case(&partitions[at].name);
    let reckoned: Vec<Option<&str>> =
        reckoned.into_iter().enumerate().map(|(at, by)| by.filter(|by| !is_itself(at, by))).collect();
    // For each of the query's columns, which of the table's it is for.
    let places: Vec<usize> = match (&insert.columns, insert.by_name) {
        (Some(names), _) => names.iter().map(|name| place(name)).collect::<Result<_>>()?,
        (None, true) => given.iter().map(|column| place(&column.name)).collect::<Result<_>>()?,
        (None, false) if given.len() == own.len() && reckoned.iter().all(Option::is_some) => (0..own.len()).collect(),
        (None, false) => (0..all.len()).collect(),
    };
    if places.len() != given.len() {
        let wanted = if insert.columns.is_some() { "the list names".to_owned() } else { format!("`{name}` has") };
        return Err(failure(
            format!("{wanted} {}, and the rows have {}", columns(places.len()), columns(given.len())),
            "name the columns that the rows are for: INSERT INTO name (column, ...) SELECT ...",
        ));
    }
    if let Some(twice) = (0..places.len()).find(|at| places[..*at].contains(&places[*at])) {
        return Err(usage(format!("`{}` is named twice", all[places[twice]].name), "name each column once"));
    }
    let called: Vec<String> = (0..given.len()).map(|at| identifier(&format!("quack_{at}"))).collect();
    let value = |at: usize| match places.iter().position(|place| *place == at) {
        Some(from) => called[from].clone(),
        None => "NULL".to_owned(),
    };
    let is_reckoned = |at: usize| at >= own.len() && reckoned[at - own.len()].is_some() && !places.contains(&at);
    let cast = |at: usize| {
        let Column { name, sql_type } = all[at];
        format!("CAST({} AS {sql_type}) AS {}", value(at), identifier(name))
    };
    let list: Vec<String> = (0..all.len()).filter(|at| !is_reckoned(*at)).map(cast).collect();
    let inner =
        format!("SELECT {} FROM (\n{}\n) AS quack_rows({})", list.join(", "), insert.query.text(), called.join(", "));
    let mut more: Vec<String> = Vec::new();
    for at in (0..all.len()).filter(|at| is_reckoned(*at)) {
        let expression = reckoned[at - own.len()].unwrap_or_default();
        let Column { name, sql_type } = all[at];
        more.push(format!("CAST(({expression}\n) AS {sql_type}) AS {}", identifier(name)));
    }
    let sql = match more.is_empty() {
        true => inner,
        false => format!("SELECT *, {} FROM (\n{inner}\n) AS {}", more.join(", "), identifier(name)),
    };
    Ok(format!("{}{sql}", insert.query.variables()))
}

fn columns(count: usize) -> String {
    format!("{count} column{}", if count == 1 { "" } else { "s" })
}
