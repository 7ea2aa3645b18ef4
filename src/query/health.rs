//! The health check: the whole way to the data and back, with one query.

use std::fmt;

use anyhow::Result;
use arrow::array::Int64Array;
use quack_function::sql::qualified;
use quack_function::wire::Spill;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::coordinator::Coordinator;
use super::request::Request;
use super::summary::Summary;
use super::{rerun, single};
use crate::error::failure;
use crate::rows;

/// An engine that answered, and rightly.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    pub healthy: bool,
    /// The table whose rows were counted; absent when there is none yet.
    pub table: Option<String>,
    /// Its rows.
    pub rows: Option<u64>,
    pub metadata: Summary,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.table, self.rows) {
            (Some(table), Some(rows)) => write!(f, "healthy: `{table}` has {}", rows::counted(rows))?,
            _ => write!(f, "healthy: the engine answers, and there are no tables yet")?,
        }
        writeln!(f, "  ({})", self.metadata.timing())
    }
}

/// Counts the rows of the catalog's first table that has not very many files on the function; without a table, has it answer at all.
///
/// # Errors
/// An engine that does not answer, or counts other than the catalog says.
pub(crate) async fn check(coordinator: &Coordinator<'_>, cancel: &CancellationToken) -> Result<Health> {
    let context = coordinator.context.without_budget();
    let coordinator = &Coordinator { context: &context, ..*coordinator };
    // One of very many files is for no check.
    let table = coordinator.catalog.tables.iter().find(|(_, table)| table.unread.is_empty());
    let sql = match table {
        Some((name, _)) => format!("SELECT count(*) FROM {}", qualified(name)),
        None => "SELECT CAST(1 AS BIGINT)".to_owned(),
    };
    let request = Request { sql, limit: Some(1), spill: Spill::Auto };
    let one = async |coordinator: &Coordinator<'_>| single::run(coordinator, &request, cancel).await;
    let answer = rerun::while_replaced(coordinator, &request.sql, one).await?;
    let metadata = answer.account.summary();
    let mut rows = coordinator.rows(answer, cancel).await?;
    let batch = rows.batches.next().transpose()?;
    let counted = batch.as_ref().and_then(|batch| {
        let column = batch.columns().first()?.as_any().downcast_ref::<Int64Array>()?;
        u64::try_from(*column.values().first()?).ok()
    });
    let Some(counted) = counted else {
        return Err(failure("the engine answered without a number", "`quackctl up` renews the function"));
    };
    if let Some((name, known)) = table
        && known.rows != counted
    {
        return Err(failure(
            format!("`{name}` has {} in the bucket and {} in the catalog", rows::counted(counted), known.rows),
            format!(
                "its files were changed by other means: load it again with `quackctl load SOURCE --table {name} --replace`"
            ),
        ));
    }
    let name = table.map(|(name, _)| name.clone());
    Ok(Health { healthy: true, rows: name.is_some().then_some(counted), table: name, metadata })
}
