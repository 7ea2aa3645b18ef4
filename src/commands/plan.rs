//! `quackctl plan`: what `up` would do.

use std::fmt;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::cloud::change::{Planned, PlannedAction};
use crate::cloud::{self, Lake};
use crate::config::TargetKind;
use crate::console::context::Context;
use crate::error::{self, Kind};
use crate::lake::catalog::{self, Catalog};

/// Exit code when there is something to change, as `terraform plan -detailed-exitcode` has it.
const CHANGES: u8 = 2;

#[derive(Debug, Serialize)]
struct Plan {
    project: String,
    stage: String,
    target: TargetKind,
    changes: Vec<Planned>,
    #[serde(skip)]
    color: bool,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, stage, target, .. } = self;
        if self.changes.is_empty() {
            return writeln!(f, "{project} ({stage}) on {target}: no changes");
        }
        for change in &self.changes {
            change.write(f, self.color)?;
        }
        let count = |action: PlannedAction| self.changes.iter().filter(|change| change.action == action).count();
        let counts: Vec<String> = [
            (PlannedAction::Add, "to add"),
            (PlannedAction::Adopt, "to adopt"),
            (PlannedAction::Modify, "to change"),
            (PlannedAction::Replace, "to replace"),
            (PlannedAction::Remove, "to remove"),
        ]
        .into_iter()
        .filter(|(action, _)| count(*action) > 0)
        .map(|(action, words)| format!("{} {words}", count(action)))
        .collect();
        writeln!(f, "{project} ({stage}) on {target}: {}", counts.join(", "))
    }
}

/// Prints what `up` would do; the exit code tells whether it is anything.
pub(crate) async fn run(context: &Context) -> Result<ExitCode> {
    let config = &context.config;
    let mut changes = cloud::plan(context).await?;
    changes.extend(tables(context).await?);
    let code = if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(CHANGES) };
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (project, stage) = (config.project.clone(), config.stage.clone());
    let plan = Plan { project, stage, target: config.target, changes, color };
    match context.json {
        true => context.print(&plan)?,
        false => context.print_as_is(plan.to_string())?,
    }
    Ok(code)
}

/// The tables of `[[data]]` that `up` would load: those that are not there.
async fn tables(context: &Context) -> Result<Vec<Planned>> {
    let declared = &context.config.data;
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    let catalog = match cloud::lake(context).await? {
        Lake::There(target) => match catalog::read(&target.bucket).await {
            Err(error) if error::kind(&error) == Kind::Missing => Catalog::default(),
            read => read?,
        },
        Lake::Nowhere => Catalog::default(),
        Lake::Asleep => return Ok(Vec::new()),
    };
    let missing = declared.iter().filter(|set| catalog.find(&set.table).is_none());
    Ok(missing.map(|set| Planned::added("Table", "[[data]]", Some(set.table.clone()))).collect())
}
