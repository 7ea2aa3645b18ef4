//! A query's parts as they really are, each run by itself on an instance of its own.

use std::time::Duration;

use anyhow::Result;
use quack_function::wire::Spill;
use tokio_util::sync::CancellationToken;

use super::model::Work;
use crate::bench::rows::Rows;
use crate::invoke::cost::Report;
use crate::planner::{Strategy, Workers};
use crate::query::{Coordinator, Request, alone, answer, needed, plan, unreported};

/// What was measured of a query on so many functions.
pub(super) struct Measured {
    pub strategy: Strategy,
    pub works: Vec<Work>,
    /// What the instances said of themselves.
    pub reports: Vec<Report>,
    /// The final stage here.
    pub finish: Duration,
    /// Bytes of all answers; nothing is known of one function's.
    pub answered_bytes: Option<u64>,
    pub rows: Rows,
}

/// How many parts the query has at most `functions` functions.
pub(super) async fn parts(coordinator: &Coordinator<'_>, sql: &str, functions: usize) -> Result<usize> {
    let needed = needed::by_query(coordinator, sql).await?;
    let plan = plan(&coordinator.over(needed.as_ref()), &request(sql), Workers::Exactly(functions));
    Ok(plan.fetches.iter().map(|fetch| fetch.splits.len()).sum::<usize>().max(1))
}

/// Runs the parts that the query has on at most `functions` functions, one after the other.
///
/// # Errors
/// A part that fails; `cancel`.
pub(super) async fn measure(
    coordinator: &Coordinator<'_>,
    sql: &str,
    functions: usize,
    told: impl FnMut(),
    cancel: &CancellationToken,
) -> Result<Measured> {
    let coordinator = &coordinator.asking(sql);
    let needed = needed::by_query(coordinator, sql).await?;
    let coordinator = &coordinator.over(needed.as_ref());
    let request = request(sql);
    let plan = plan(coordinator, &request, Workers::Exactly(functions));
    if plan.strategy == Strategy::Single {
        return one(coordinator, &request, told, cancel).await;
    }
    let alone = alone(coordinator, &plan, told, cancel).await?;
    Ok(Measured {
        strategy: plan.strategy,
        works: alone.reports.iter().map(work).collect(),
        reports: alone.reports,
        finish: alone.finish,
        answered_bytes: Some(alone.answered_bytes),
        rows: Rows::of(&alone.rows),
    })
}

/// The whole query on one function.
async fn one(
    coordinator: &Coordinator<'_>,
    request: &Request,
    mut told: impl FnMut(),
    cancel: &CancellationToken,
) -> Result<Measured> {
    let answer = answer(coordinator, request, Workers::Exactly(1), cancel).await?;
    let report = answer.account.report.ok_or_else(unreported)?;
    let result = coordinator.rows(answer, cancel).await?;
    let rows: Vec<_> = tokio::task::block_in_place(|| result.batches.collect::<Result<_>>())?;
    told();
    Ok(Measured {
        strategy: Strategy::Single,
        works: vec![work(&report)],
        reports: vec![report],
        finish: Duration::ZERO,
        answered_bytes: None,
        rows: Rows::of(&rows),
    })
}

fn request(sql: &str) -> Request {
    Request { sql: sql.to_owned(), limit: None, spill: Spill::Auto }
}

fn work(report: &Report) -> Work {
    let ms = super::cloud::ms;
    Work {
        run: ms(report.duration_ms),
        init: ms(report.init_ms.unwrap_or_default()),
        requests: report.s3_requests.unwrap_or_default(),
    }
}
