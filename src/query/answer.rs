//! A query answered the best way: divided among functions when that pays, else on one.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use arrow::array::{Int64Array, RecordBatch};
use quack_function::wire::{Metadata, Spill};
use tokio_util::sync::CancellationToken;

use super::answered::{Answer, Data, Finished};
use super::coordinator::Coordinator;
use super::divided::merge::Finish;
use super::divided::run;
use super::request::Request;
use crate::lake::catalog;
use crate::planner::{self, GATHER_BYTES, Planner, QueryPlan, Strategy, Workers};
use crate::rows::ResultSet;
use quack_pinned::duckdb;

/// Runs one query, to the end or until `cancel`: on as many functions as `workers` allows and the planner finds worth it.
///
/// # Errors
/// As for [`Coordinator::run`]; of a divided query also the parts of the table that a failure came from.
pub(crate) async fn answer(
    coordinator: &Coordinator<'_>,
    request: &Request,
    workers: Workers,
    cancel: &CancellationToken,
) -> Result<Answer> {
    let started = Instant::now();
    if request.spill == Spill::Always && request.limit.is_some() {
        // A few rows as Parquet: whether there are more is only known where all of them are.
        return coordinator.run(request, cancel).await;
    }
    let plan = plan(coordinator, request, workers);
    if plan.strategy == Strategy::Single {
        coordinator.context.detail(&plan.reason);
        return coordinator.run(request, cancel).await;
    }
    coordinator.context.detail(format_args!("{}: {}", plan.strategy, plan.reason));
    let (merge, mut stats) = match run(coordinator, &plan, workers.most(), cancel).await {
        Ok(done) => done,
        Err(error) if cancel.is_cancelled() => return Err(error),
        Err(error) => {
            // A `load --replace` may have removed the files that the functions were sent to read.
            let catalog = catalog::read(&coordinator.target.bucket).await?;
            if catalog == *coordinator.catalog {
                return Err(error);
            }
            coordinator.context.detail("tables were loaded anew while the query ran; running it again");
            return Box::pin(answer(&Coordinator { catalog: &catalog, ..*coordinator }, request, workers, cancel))
                .await;
        }
    };
    let finish = if request.spill == Spill::Always { Finish::Parquet } else { Finish::Rows };
    let mut finished = merge.finish(finish).await?;
    let limit = request.limit.filter(|_| finish == Finish::Rows);
    let (batches, truncated) = tokio::task::block_in_place(|| collect(&mut finished.result, limit))?;
    let rows = match finish {
        Finish::Rows => batches.iter().map(|batch| batch.num_rows() as u64).sum(),
        Finish::Parquet => copied(&batches),
    };
    let ResultSet { schema, columns, .. } = finished.result;
    let batches = Box::new(batches.into_iter().map(Ok));
    let result = ResultSet { schema, columns: columns.clone(), batches };
    let elapsed = started.elapsed();
    stats.functions = plan.fetches.iter().map(|fetch| fetch.splits.len()).sum();
    let metadata = Metadata {
        time_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        epoch_ms: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64),
        event_id: String::new(),
        query: request.sql.clone(),
        warm: stats.cold_starts == 0,
        rows,
        bytes: 0,
        truncated,
        engine: format!("v{}", duckdb::VERSION),
        init_ms: 0.0,
        columns,
    };
    let data = Data::Merged(Box::new(Finished { result, ..finished }));
    Ok(Answer { metadata, report: None, cost_usd: Some(stats.cost_usd), elapsed, divided: Some(stats), data })
}

/// How a query would be answered.
pub(crate) fn plan(coordinator: &Coordinator<'_>, request: &Request, workers: Workers) -> QueryPlan {
    Planner::default().plan(&planner::Request {
        sql: &request.sql,
        catalog: coordinator.catalog,
        workers,
        gather_bytes: GATHER_BYTES,
        limit: request.limit,
    })
}

/// The batches up to `limit` rows, and whether there are more.
fn collect(result: &mut ResultSet, limit: Option<u64>) -> Result<(Vec<RecordBatch>, bool)> {
    let mut left = limit.unwrap_or(u64::MAX);
    let mut batches = Vec::new();
    for batch in &mut result.batches {
        let batch = batch?;
        let rows = batch.num_rows() as u64;
        if rows > left {
            batches.push(batch.slice(0, usize::try_from(left)?));
            return Ok((batches, true));
        }
        left -= rows;
        batches.push(batch);
    }
    Ok((batches, false))
}

/// The number of rows that `COPY` says it wrote.
fn copied(batches: &[RecordBatch]) -> u64 {
    let column = batches.first().and_then(|batch| batch.columns().first());
    let counts = column.and_then(|column| column.as_any().downcast_ref::<Int64Array>());
    counts.and_then(|counts| counts.values().first()).map_or(0, |count| u64::try_from(*count).unwrap_or(0))
}
