//! A query's parts run one after the other, to see what each takes by itself; and the final stage over all of them at once.

use std::time::{Duration, Instant};

use anyhow::Result;
use arrow::array::RecordBatch;
use tokio_util::sync::CancellationToken;

use super::merge::{Finish, Merge};
use super::merged::{events, partial};
use crate::error::{failure, interrupted};
use crate::history::budget;
use crate::invoke::call::{self, Invoked, Payload, Refused};
use crate::invoke::cost::Report;
use crate::invoke::pending::Pending;
use crate::invoke::{fault, response, version};
use crate::planner::QueryPlan;
use crate::query::coordinator::Coordinator;

/// How often a part is sent that did not run.
const ATTEMPTS: u32 = 5;

/// What running the parts of a query by themselves told.
pub(crate) struct Alone {
    /// Of each part, in the plan's order.
    pub reports: Vec<Report>,
    /// Bytes of the answers of all parts, as they came from Lambda.
    pub answered_bytes: u64,
    /// The final stage, from having all rows of all parts to the answer's last row.
    pub finish: Duration,
    pub rows: Vec<RecordBatch>,
}

/// Runs the parts of `plan` one after the other, and then the final query.
///
/// # Errors
/// A part that fails, an invocation without a REPORT line, `cancel`.
pub(crate) async fn alone(
    coordinator: &Coordinator<'_>,
    plan: &QueryPlan,
    mut told: impl FnMut(),
    cancel: &CancellationToken,
) -> Result<Alone> {
    let Coordinator { context, target, catalog, .. } = *coordinator;
    let arch = context.config.function_arch()?;
    let mut merge = Merge::start(plan)?;
    let (mut reports, mut partials, mut answered_bytes) = (Vec::new(), Vec::new(), 0);
    for (index, fetch) in plan.fetches.iter().enumerate() {
        for event in events(coordinator, fetch)? {
            let (payload, result) = (Payload::new(&event)?, Pending::new(&target.bucket));
            let invoked = tokio::select! {
                invoked = once(coordinator, &payload, &result) => invoked?,
                () = cancel.cancelled() => {
                    result.leave().await;
                    return Err(interrupted("interrupted"));
                }
            };
            if invoked.failed {
                result.remove(false).await;
                return Err(fault::of_function(&invoked.payload, catalog, &context.config));
            }
            let report = invoked.report.ok_or_else(unreported)?;
            budget::note(context, Some(report.cost_usd(arch)));
            let (metadata, rows) = response::parse(&invoked.payload, &result.uri())?;
            version::tell(context, &metadata);
            answered_bytes += invoked.payload.len() as u64;
            partials.push((index, partial(coordinator, merge.folder(), rows, cancel).await?));
            reports.push(report);
            told();
        }
    }
    let began = Instant::now();
    for (fetch, partial) in partials {
        merge.add(fetch, partial).await?;
    }
    let finished = merge.finish(Finish::Rows).await?;
    let rows = tokio::task::block_in_place(|| finished.result.batches.collect::<Result<_>>())?;
    Ok(Alone { reports, answered_bytes, finish: began.elapsed(), rows })
}

/// Sends a part until it runs.
async fn once(coordinator: &Coordinator<'_>, payload: &Payload, result: &Pending<'_>) -> Result<Invoked> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match call::once(coordinator.target, payload, result).await {
            Ok(invoked) => return Ok(invoked),
            Err(Refused::Throttled) if attempt < ATTEMPTS => tokio::time::sleep(call::pause_before(attempt)).await,
            Err(Refused::Throttled) => return Err(fault::throttled()),
            Err(Refused::Lost(error) | Refused::Never(error)) => return Err(error),
        }
    }
}

/// That an invocation's log says nothing of what it took.
pub(crate) fn unreported() -> anyhow::Error {
    failure("an invocation came without Lambda's REPORT line, which says what it took", "run it again")
}
