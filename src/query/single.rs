//! A query on one function.

use std::time::Instant;

use anyhow::Result;
use quack_function::wire::{Encoding, Event};
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::answered::{Answer, Data};
use super::coordinator::Coordinator;
use super::half::Written;
use super::request::Request;
use crate::history::budget;
use crate::invoke::tables::{self, Named};
use crate::invoke::{call, fault, response, version};
use crate::planner::{MANY_FILES, Planner};

/// Runs one query on one function, to the end or until `cancel`.
///
/// # Errors
/// What the function says of the SQL; what Lambda says of the function; `cancel`. Each says what to do next.
pub(super) async fn run(
    coordinator: &Coordinator<'_>,
    request: &Request,
    cancel: &CancellationToken,
) -> Result<Answer> {
    let bucket = &coordinator.target.bucket.name;
    let Named { tables: mut defined, views } = tables::named_in(&request.sql, coordinator.catalog, bucket);
    for (name, kept) in Planner::default().keep(&request.sql, coordinator.catalog, MANY_FILES) {
        let (_, table) = coordinator.catalog.table(name)?;
        let keys = kept.iter().filter_map(|at| table.files.get(*at)).map(|file| file.key.as_str().into());
        coordinator.context.detail(format_args!("of `{name}`, {} of {} files", kept.len(), table.files.len()));
        defined.retain(|definition| definition.name != name);
        defined.push(table.definition_over(keys, name, bucket));
    }
    let event = Event {
        q: request.sql.clone(),
        limit: request.limit,
        all: request.limit.is_none(),
        format: Encoding::Arrow,
        spill: request.spill,
        into: None,
        tables: defined,
        views,
        params: coordinator.params.clone(),
        result: None,
        who: coordinator.who(&request.sql),
    };
    let written = Written::by(&request.sql, &coordinator.target.bucket).await;
    let answer = ask(coordinator, &event, cancel).await;
    if answer.is_err() {
        written.take_back().await;
    }
    answer
}

/// Has one function answer one event, to the end or until `cancel`.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn ask(coordinator: &Coordinator<'_>, event: &Event, cancel: &CancellationToken) -> Result<Answer> {
    let Coordinator { context, target, catalog, .. } = *coordinator;
    let started = Instant::now();
    let (invoked, result) = call::invoke(context, target, event, cancel).await?;
    let arch = context.config.function_arch()?;
    let cost_usd = invoked.report.map(|report| report.cost_usd(arch));
    budget::note(context, cost_usd);
    if invoked.failed {
        result.remove(false).await;
        return Err(fault::of_function(&invoked.payload, catalog, &context.config));
    }
    let (metadata, data) = match response::parse(&invoked.payload, &result.uri()) {
        Ok(parsed) => parsed,
        Err(error) => {
            result.remove(false).await;
            return Err(error);
        }
    };
    version::tell(context, &metadata);
    let (report, elapsed) = (invoked.report, started.elapsed());
    let account = Account::of_function(metadata, report, cost_usd, elapsed, context.config.target);
    Ok(Answer { account, data: Data::Function(data) })
}
