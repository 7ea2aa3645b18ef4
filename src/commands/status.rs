//! `quackctl status`: what is up, where, and whether it is well.

use std::fmt;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cloud::place::Place;
use crate::cloud::{self, Target};
use crate::config::{Config, TargetKind};
use crate::console::context::Context;
use crate::error;
use crate::lake::catalog;
use crate::query::Coordinator;
use crate::query::health;
use crate::rows::counted;
use indicatif::HumanBytes;
use quack_pinned::duckdb;

#[derive(Debug, Serialize)]
struct Status {
    project: String,
    stage: String,
    kind: TargetKind,
    quackctl: &'static str,
    duckdb: &'static str,
    up: bool,
    /// What to do where it is not.
    #[serde(skip)]
    beginning: String,
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
            return writeln!(f, "{project} ({stage}) is not up on {kind}; {}", self.beginning);
        };
        writeln!(f, "{project} ({stage}) is up on {kind}")?;
        write!(f, "{}", engine.place)?;
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
                    writeln!(f, "  {label:<12}{}: {}, {}", table.name, counted(table.rows), HumanBytes(table.bytes))?;
                }
            }
        }
        writeln!(f, "  {:<12}{}", "health", engine.health)
    }
}

/// Exit codes beside 0, for what is up and well.
const UNHEALTHY: u8 = 3;
const NOT_UP: u8 = 4;

/// Prints what is up; the exit code tells whether it is well.
pub(crate) async fn run(context: &Context, drift: bool) -> Result<ExitCode> {
    let config = &context.config;
    let engine = match cloud::status(config, drift).await? {
        Some(place) => Some(look(context, place).await?),
        None => None,
    };
    let code = match &engine {
        Some(engine) if engine.healthy => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(UNHEALTHY),
        None => ExitCode::from(NOT_UP),
    };
    context.print(&Status {
        project: config.project.clone(),
        stage: config.stage.clone(),
        kind: config.target,
        quackctl: env!("CARGO_PKG_VERSION"),
        duckdb: duckdb::VERSION,
        up: engine.is_some(),
        beginning: beginning(config),
        engine,
    })?;
    Ok(code)
}

/// What to do where the stage is not up, and which stages are.
fn beginning(config: &Config) -> String {
    match cloud::others_up(config).as_slice() {
        [] => config.beginning().to_owned(),
        others => format!("run `quackctl up`; up are: {}", others.join(", ")),
    }
}

/// Looks at the function and the tables, and has the engine answer a query.
async fn look(context: &Context, place: Place) -> Result<EngineStatus> {
    let target = Target::open(context).await?;
    // One that was killed has been started again, so what is told of the place must be true afterwards.
    let place = match place.is_stopped() {
        true => cloud::status(&context.config, false).await?.context("the target went away")?,
        false => place,
    };
    let function = target.lambda.get_function_configuration().function_name(&target.function).send().await.ok();
    let catalog = catalog::read(&target.bucket).await?;
    let coordinator = Coordinator { context, target: &target, catalog: &catalog };
    let health = health::check(&coordinator, &CancellationToken::new()).await;
    let tables = catalog.tables.iter();
    Ok(EngineStatus {
        place: place.with_tables(catalog.tables.values().map(|table| table.bytes).sum()),
        memory_mb: function.as_ref().and_then(|function| function.memory_size),
        timeout_s: function.as_ref().and_then(|function| function.timeout),
        tables: tables
            .map(|(name, table)| TableStatus { name: name.clone(), rows: table.rows, bytes: table.bytes })
            .collect(),
        healthy: health.is_ok(),
        health: match health {
            Ok(health) => health.to_string().trim_end().to_owned(),
            Err(error) => error::words(error.as_ref()),
        },
        bucket: target.bucket.name,
        function: target.function,
    })
}
