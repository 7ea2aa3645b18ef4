//! A query answered the best way: divided among functions when that pays, else on one.

use std::time::Instant;

use anyhow::Result;
use quack_function::wire::Spill;
use quack_pinned::duckdb;
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::answered::{Answer, Data, Finished};
use super::coordinator::Coordinator;
use super::divided::merge::Finish;
use super::request::Request;
use super::stream::Counted;
use super::{counted, divided, measured, needed, rerun, single};
use crate::history::budget;
use crate::invoke::fault;
use crate::planner::{self, GATHER_BYTES, Grain, Planner, QueryPlan, Strategy, Workers};
use crate::rows::ResultSet;

/// Runs one query, until its rows can be taken or until `cancel`: on as many functions as `workers` allows and the planner
/// finds worth it. When the query's tables are loaded anew meanwhile, it runs again over the new ones.
///
/// # Errors
/// What the function says of the SQL; what Lambda says of the function; `cancel`. Each says what to do next. Of a divided
/// query also the parts of the table that a failure came from.
pub(crate) async fn answer(
    coordinator: &Coordinator<'_>,
    request: &Request,
    workers: Workers,
    cancel: &CancellationToken,
) -> Result<Answer> {
    if coordinator.asked.is_none() {
        budget::check(coordinator.context).await?;
    }
    rerun::while_replaced(coordinator, &request.sql, async |coordinator| {
        // A few rows as Parquet: whether there are more is only known where all of them are.
        if request.spill == Spill::Always && request.limit.is_some() {
            return single::run(coordinator, request, cancel).await;
        }
        if let Some(sql) = counted::without_files(&request.sql, coordinator.catalog) {
            coordinator.context.detail("the table's metadata tells how many rows it has");
            let mut answer = single::run(coordinator, &Request { sql, ..request.clone() }, cancel).await?;
            answer.account.facts.query.clone_from(&request.sql);
            return Ok(answer);
        }
        let needed = needed::by_query(coordinator, &request.sql).await?;
        let coordinator = &coordinator.over(needed.as_ref());
        let plan = plan(coordinator, request, workers);
        let answer = if plan.strategy == Strategy::Single {
            coordinator.context.detail(&plan.reason);
            single::run(coordinator, request, cancel).await?
        } else {
            coordinator.context.detail(format_args!("{}: {}", plan.strategy, plan.reason));
            by_many(coordinator, request, &plan, workers.most(), cancel).await?
        };
        measured::note(coordinator, &request.sql, plan.table_bytes, &answer.account);
        Ok(answer)
    })
    .await
}

/// Runs `plan`; the rows of its final stage come as they are taken.
async fn by_many(
    coordinator: &Coordinator<'_>,
    request: &Request,
    plan: &QueryPlan,
    workers: usize,
    cancel: &CancellationToken,
) -> Result<Answer> {
    let started = Instant::now();
    let (merge, stats) = divided::run(coordinator, plan, workers, cancel).await?;
    let finish = if request.spill == Spill::Always { Finish::Parquet } else { Finish::Rows };
    let Finished { result, folder } = merge.finish(finish).await?;
    let ResultSet { schema, columns, batches } = result;
    let engine = format!("v{}", duckdb::VERSION);
    let account = Account::of_many(request.sql.clone(), engine, columns.clone(), stats);
    account.tally().elapsed = started.elapsed();
    let batches: Box<dyn Iterator<Item = _>> = match finish {
        Finish::Rows => Box::new(Counted::new(batches, request.limit, account.clone(), started)),
        Finish::Parquet => batches,
    };
    let result = ResultSet { schema, columns, batches };
    Ok(Answer { account, data: Data::Merged(Box::new(Finished { result, folder })) })
}

/// Refuses a statement that is wrong as far as that is known without the function.
///
/// # Errors
/// What DuckDB says of it.
pub(crate) fn check(coordinator: &Coordinator<'_>, sql: &str) -> Result<()> {
    match planner::check(sql, coordinator.catalog) {
        Some(words) => Err(fault::of_words(&words, coordinator.catalog)),
        None => Ok(()),
    }
}

/// How a query would be answered.
pub(crate) fn plan(coordinator: &Coordinator<'_>, request: &Request, workers: Workers) -> QueryPlan {
    planned(&Planner::default(), coordinator, request, workers)
}

/// The same, by a planner that may have planned others.
pub(super) fn planned(
    planner: &Planner,
    coordinator: &Coordinator<'_>,
    request: &Request,
    workers: Workers,
) -> QueryPlan {
    planner.plan(&planner::Request {
        sql: &request.sql,
        catalog: coordinator.catalog,
        workers,
        gather_bytes: GATHER_BYTES,
        limit: request.limit,
        grain: Grain::default(),
    })
}
