//! `quackctl doctor`: whether everything is there that the other commands need.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::check::{Check, State};
use crate::cloud;
use crate::config::TargetKind;
use crate::console::context::Context;
use crate::error::failure;
use crate::package;
use quack_pinned::duckdb;

#[derive(Debug, Serialize)]
struct Doctor {
    project: String,
    stage: String,
    kind: TargetKind,
    /// False when a check failed.
    healthy: bool,
    checks: Vec<Check>,
}

impl fmt::Display for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}) on {}", self.project, self.stage, self.kind)?;
        self.checks.iter().try_for_each(|check| check.fmt(f))
    }
}

/// Prints the checks; with `policy` the IAM policy that a deployer needs, and nothing else.
pub(crate) async fn run(context: &Context, policy: bool) -> Result<()> {
    let config = &context.config;
    if policy {
        let policy = cloud::policy(config).await?;
        policy.too_long().into_iter().for_each(|note| context.say(note));
        return context.print(&policy);
    }
    let target = cloud::doctor(config).await?;
    let is_up = cloud::status(config, false).await.is_ok_and(|place| place.is_some());
    let context_of_tools = context.clone();
    let tools = tokio::task::spawn_blocking(move || package::tools::check(&context_of_tools.config, is_up)).await?;
    let versions = Check::ok("quackctl", format!("{}, with DuckDB {}", env!("CARGO_PKG_VERSION"), duckdb::VERSION));
    let checks: Vec<Check> = std::iter::once(versions).chain(tools).chain(target).collect();
    let failed = checks.iter().filter(|check| check.state == State::Fail).count();
    context.print(&Doctor {
        project: config.project.clone(),
        stage: config.stage.clone(),
        kind: config.target,
        healthy: failed == 0,
        checks,
    })?;
    match failed {
        0 => Ok(()),
        1 => Err(failure("1 check failed", "it says above what to do")),
        _ => Err(failure(format!("{failed} checks failed"), "each says above what to do")),
    }
}
