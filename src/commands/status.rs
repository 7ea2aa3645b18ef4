//! `quackctl status`: what is up, where, and whether it is well.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cloud::place::Place;
use crate::cloud::{self, Target};
use crate::config::{Config, TargetKind};
use crate::console::context::Context;
use crate::error::{self, failure};
use crate::lake::catalog::{self, Scope};
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
    /// Nothing while nobody answers.
    #[serde(flatten)]
    told: Option<Told>,
    healthy: bool,
    /// Why it is not healthy, or how the check went.
    health: String,
}

/// What it tells of itself.
#[derive(Debug, Serialize)]
struct Told {
    bucket: String,
    function: String,
    memory_mb: Option<i32>,
    timeout_s: Option<i32>,
    /// Of the quackctl that put it up, as the function tells.
    function_version: Option<String>,
    /// Where deployed pages are.
    #[serde(skip_serializing_if = "Option::is_none")]
    dashboards: Option<String>,
    tables: Vec<TableStatus>,
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
        if let Some(told) = &engine.told {
            writeln!(f, "  {:<12}{}", "bucket", told.bucket)?;
            let number = |value: Option<i32>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
            let (memory, timeout) = (number(told.memory_mb), number(told.timeout_s));
            let version = told.function_version.iter().map(|version| format!(", of quackctl {version}"));
            let version = version.collect::<String>();
            writeln!(f, "  {:<12}{}, {memory} MB, {timeout} s at most{version}", "function", told.function)?;
            told.dashboards.iter().try_for_each(|url| writeln!(f, "  {:<12}{url}", "dashboards"))?;
        }
        writeln!(f, "  {:<12}quackctl {quackctl}, DuckDB {duckdb}", "versions")?;
        match engine.told.as_ref().map(|told| told.tables.as_slice()) {
            None => {}
            Some([]) => writeln!(f, "  {:<12}none yet", "tables")?,
            Some(tables) => {
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

/// How long the stage may take to answer; a look for drift takes AWS minutes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints what is up; the exit code tells whether it is well.
pub(crate) async fn run(context: &Context, drift: bool) -> Result<ExitCode> {
    let config = &context.config;
    if drift && config.target == TargetKind::Local {
        context.say("note: --drift looks at what AWS holds; of the local target, nothing is changed by others");
    }
    let place = match drift {
        true => cloud::status(config, drift).await?,
        false => tokio::time::timeout(PATIENCE, cloud::status(config, drift)).await.map_err(|_| silent(config))??,
    };
    let engine = match place {
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

/// That nobody tells anything.
fn silent(config: &Config) -> anyhow::Error {
    failure(
        format!("{} did not answer within {} s", config.target, PATIENCE.as_secs()),
        "look whether this machine reaches it: `quackctl doctor`",
    )
}

/// Looks at the stage, for as long as it may take.
async fn look(context: &Context, place: Place) -> Result<EngineStatus> {
    let unwell = |place, health| EngineStatus { place, told: None, healthy: false, health };
    if let Some(health) = place.silence() {
        return Ok(unwell(place, health));
    }
    match tokio::time::timeout(PATIENCE, ask(context, place.clone())).await {
        Ok(told) => told,
        Err(_) => Ok(unwell(place, format!("it did not answer within {} s", PATIENCE.as_secs()))),
    }
}

/// Asks for the function and the tables, and has the engine answer a query.
async fn ask(context: &Context, place: Place) -> Result<EngineStatus> {
    let target = Target::open(context).await?;
    // One that was killed has been started again, so what is told of the place must be true afterwards.
    let place = match place.is_stopped() {
        true => cloud::status(&context.config, false).await?.context("the target went away")?,
        false => place,
    };
    let function = target.lambda.get_function_configuration().function_name(&target.function).send().await.ok();
    let catalog = catalog::read_in(&target.bucket, Scope::Outline).await?;
    let coordinator = Coordinator::new(context, &target, &catalog);
    let health = health::check(&coordinator, &CancellationToken::new()).await;
    let tables = catalog.tables.iter();
    let dashboards = match context.config.dash {
        Some(_) => target.page_url().await?,
        None => None,
    };
    Ok(EngineStatus {
        place: place.with_tables(catalog.tables.values().map(|table| table.bytes).sum()),
        told: Some(Told {
            memory_mb: function.as_ref().and_then(|function| function.memory_size),
            timeout_s: function.as_ref().and_then(|function| function.timeout),
            function_version: health
                .as_ref()
                .ok()
                .and_then(|health| health.metadata.facts.function.as_ref()?.version.clone()),
            dashboards,
            tables: tables
                .map(|(name, table)| TableStatus { name: name.clone(), rows: table.rows, bytes: table.bytes })
                .collect(),
            bucket: target.bucket.name,
            function: target.function,
        }),
        healthy: health.is_ok(),
        health: match health {
            Ok(health) => health.to_string().trim_end().to_owned(),
            Err(error) => error::words(error.as_ref()),
        },
    })
}
