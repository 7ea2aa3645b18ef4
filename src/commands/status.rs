//! `quackctl status`: what is up, where, and whether it is well.

use std::fmt;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cloud::place::{Place, RestCost};
use crate::cloud::{self, Target};
use crate::console::context::Context;
use crate::lake::catalog;
use crate::query::Engine;
use crate::query::health;
use indicatif::{HumanBytes, HumanCount};
use quack_pinned::duckdb;

#[derive(Debug, Serialize)]
struct Status {
    project: String,
    stage: String,
    kind: String,
    quackctl: &'static str,
    duckdb: &'static str,
    up: bool,
    #[serde(flatten)]
    engine: Option<EngineStatus>,
}

/// What is only there once it is up.
#[derive(Debug, Serialize)]
struct EngineStatus {
    #[serde(flatten)]
    place: Place,
    bucket: String,
    function: String,
    memory_mb: Option<i32>,
    timeout_s: Option<i32>,
    tables: Vec<TableStatus>,
    healthy: bool,
    /// Why it is not healthy, or how the check went.
    health: String,
}

#[derive(Debug, Serialize)]
struct TableStatus {
    name: String,
    rows: u64,
    bytes: u64,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, stage, kind, quackctl, duckdb, .. } = self;
        let Some(engine) = &self.engine else {
            return writeln!(f, "{project} ({stage}) is not up on {kind}; run `quackctl up`");
        };
        writeln!(f, "{project} ({stage}) is up on {kind}")?;
        write_place(f, &engine.place)?;
        writeln!(f, "  {:<12}{}", "bucket", engine.bucket)?;
        let number = |value: Option<i32>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        let (memory, timeout) = (number(engine.memory_mb), number(engine.timeout_s));
        writeln!(f, "  {:<12}{}, {memory} MB, {timeout} s at most", "function", engine.function)?;
        writeln!(f, "  {:<12}quackctl {quackctl}, DuckDB {duckdb}", "versions")?;
        match engine.tables.as_slice() {
            [] => writeln!(f, "  {:<12}none yet", "tables")?,
            tables => {
                for (index, table) in tables.iter().enumerate() {
                    let label = if index == 0 { "tables" } else { "" };
                    writeln!(
                        f,
                        "  {label:<12}{}: {} rows, {}",
                        table.name,
                        HumanCount(table.rows),
                        HumanBytes(table.bytes)
                    )?;
                }
            }
        }
        writeln!(f, "  {:<12}{}", "health", engine.health)
    }
}

/// The lines that each kind of target has of its own.
fn write_place(f: &mut fmt::Formatter<'_>, place: &Place) -> fmt::Result {
    match place {
        Place::Local(local) => {
            match local.pid {
                Some(pid) => writeln!(f, "  {:<12}{} (process {pid})", "endpoint", local.endpoint)?,
                None => writeln!(f, "  {:<12}{}", "endpoint", local.endpoint)?,
            }
            writeln!(f, "  {:<12}{}", "keys", local.credentials_file.display())
        }
        Place::Aws(aws) => {
            writeln!(f, "  {:<12}{} in {}", "account", aws.account, aws.region)?;
            let reason = aws.stack_reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            writeln!(f, "  {:<12}{}, {}{reason}", "stack", aws.stack, aws.stack_status)?;
            let arch = aws.architecture.as_deref().unwrap_or("?");
            writeln!(
                f,
                "  {:<12}{} ({arch}), from {}",
                "state",
                aws.function_state,
                aws.code.as_deref().unwrap_or("?")
            )?;
            let rest = &aws.at_rest;
            let bytes = HumanBytes(rest.table_bytes + rest.image_bytes + rest.log_bytes);
            writeln!(
                f,
                "  {:<12}${:.4} a month for {bytes} of tables, images and logs",
                "at rest", rest.usd_per_month
            )?;
            match aws.drift.as_deref() {
                None => Ok(()),
                Some([]) => writeln!(f, "  {:<12}none: everything is as the template has it", "drift"),
                Some(drift) => drift.iter().try_for_each(|resource| writeln!(f, "  {:<12}{resource}", "drift")),
            }
        }
    }
}

pub async fn run(context: &Context, drift: bool) -> Result<()> {
    let config = &context.config;
    let engine = match cloud::status(config, drift).await? {
        Some(place) => Some(look(context, place).await?),
        None => None,
    };
    context.print(&Status {
        project: config.project.clone(),
        stage: config.stage.clone(),
        kind: config.target.clone(),
        quackctl: env!("CARGO_PKG_VERSION"),
        duckdb: duckdb::VERSION,
        up: engine.is_some(),
        engine,
    })
}

/// Looks at the function and the tables, and has the engine answer a query.
async fn look(context: &Context, place: Place) -> Result<EngineStatus> {
    let target = Target::open(context).await?;
    let place = match place {
        // One that was killed has been started again, so what is told of the place must be true afterwards.
        Place::Local(local) if !local.running => {
            cloud::status(&context.config, false).await?.context("the target went away")?
        }
        place => place,
    };
    let function = target.lambda.get_function_configuration().function_name(&target.function).send().await.ok();
    let catalog = catalog::read(&target).await?;
    let engine = Engine { context, target: &target, catalog: &catalog };
    let health = health::check(&engine, &CancellationToken::new()).await;
    let tables = catalog.tables.iter();
    let place = match place {
        Place::Aws(mut aws) => {
            let table_bytes = catalog.tables.values().map(|table| table.bytes).sum();
            aws.at_rest = RestCost::new(table_bytes, aws.at_rest.image_bytes, aws.at_rest.log_bytes);
            Place::Aws(aws)
        }
        place => place,
    };
    Ok(EngineStatus {
        place,
        memory_mb: function.as_ref().and_then(|function| function.memory_size),
        timeout_s: function.as_ref().and_then(|function| function.timeout),
        tables: tables
            .map(|(name, table)| TableStatus { name: name.clone(), rows: table.rows, bytes: table.bytes })
            .collect(),
        healthy: health.is_ok(),
        health: match health {
            Ok(health) => health.to_string().trim_end().to_owned(),
            Err(error) => format!("{error:#}"),
        },
        bucket: target.bucket,
        function: target.function,
    })
}
