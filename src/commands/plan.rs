//! `quackctl plan`: what `up` would do.

use std::fmt;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::change;
use crate::cloud::change::{Planned, PlannedAction};
use crate::cloud::saved::Saved;
use crate::cloud::{self, Lake, PAGES, Plan};
use crate::config::{DataSet, FILE, TargetKind};
use crate::console::context::Context;
use crate::dash;
use crate::error::{self, Kind};
use crate::lake::catalog::{self, Catalog, Scope};
use crate::lake::load::LoadRequest;

/// CloudFront's distribution, and what it costs: <https://aws.amazon.com/cloudfront/pricing/>, November 2026.
const DISTRIBUTION: &str = "PageDistribution";
const DISTRIBUTION_COSTS: &str = "note: CloudFront costs nothing at rest; 1 TB and 10 million requests a month are free, beyond them a GB is \
                                  $0.085 in North America and Europe, and requests are paid for, too";

/// Exit code when there is something to change, as `terraform plan -detailed-exitcode` has it.
const CHANGES: u8 = 2;

/// A plan as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    project: String,
    stage: String,
    target: TargetKind,
    changes: Vec<Planned>,
    #[serde(skip)]
    color: bool,
}

impl fmt::Display for Shown {
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

/// Prints what `up` would do, and saves it to `output`; the exit code tells whether it is anything.
pub(crate) async fn run(context: &Context, output: Option<&Path>) -> Result<ExitCode> {
    let config = &context.config;
    let plan = made(context).await?;
    if let Some(output) = output {
        Saved::new(config, plan.clone())?.write(&config.here, output)?;
    }
    let changes = plan.changes;
    let code = if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(CHANGES) };
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (project, stage) = (config.project.clone(), config.stage.clone());
    let shown = Shown { project, stage, target: config.target, changes, color };
    match context.json {
        true => context.print(&shown)?,
        false => context.print_as_is(shown.to_string())?,
    }
    if shown.changes.iter().any(|change| change.resource == DISTRIBUTION && change.action == PlannedAction::Add) {
        context.say(DISTRIBUTION_COSTS);
    }
    if let Some(output) = output {
        context.say(format_args!("saved: `quackctl up {}` does exactly this, or nothing", output.display()));
    }
    Ok(code)
}

/// What `up` would do, with the tables that it would load.
///
/// # Errors
/// A build that fails, a target that does not answer.
pub(super) async fn made(context: &Context) -> Result<Plan> {
    let pages = dash::compile(&context.config)?;
    let mut plan = cloud::plan(context).await?;
    plan.changes.extend(tables(context).await?);
    if let Some(pages) = &pages {
        plan.basis.wanted.insert(PAGES.to_owned(), pages.digest()?);
    }
    plan.changes.extend(dash::plan(context, pages).await?);
    Ok(plan)
}

/// The plan that is saved in `path`, if it is what `up` would do now.
///
/// # Errors
/// What has changed since; a file that is no plan.
pub(super) async fn saved(context: &Context, path: &Path) -> Result<Plan> {
    let saved = Saved::read(&context.config.here, path)?;
    saved.check_settings(path, &context.config)?;
    let now = made(context).await?;
    saved.check(path, &now)?;
    Ok(now)
}

/// The tables of `[[data]]` that `up` would load: those that are not there.
async fn tables(context: &Context) -> Result<Vec<Planned>> {
    let declared: Vec<_> = context.config.data.iter().collect();
    let missing = not_there(context, &declared).await?;
    for set in &missing {
        look(context, set)?;
    }
    Ok(missing.into_iter().map(|set| Planned::added("Table", "[[data]]", Some(set.table.clone()))).collect())
}

/// Refuses `[[data]]` that cannot be loaded, as its files are not there, before anything is brought up for it.
///
/// # Errors
/// What a load would say; what the target says.
pub(super) async fn look_at_data(context: &Context) -> Result<()> {
    let lost: Vec<_> = context.config.data.iter().filter(|set| look(context, set).is_err()).collect();
    // What was loaded already is not asked for again.
    match not_there(context, &lost).await?.first() {
        Some(set) => look(context, set),
        None => Ok(()),
    }
}

/// Those of `declared` whose tables are not in the lake.
async fn not_there<'a>(context: &Context, declared: &[&'a DataSet]) -> Result<Vec<&'a DataSet>> {
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    let catalog = match cloud::lake(context).await? {
        Lake::There(target) => match catalog::read_in(&target.bucket, Scope::Outline).await {
            Err(error) if error::kind(&error) == Kind::Missing => Catalog::default(),
            read => read?,
        },
        Lake::Nowhere => Catalog::default(),
        Lake::Asleep => return Ok(Vec::new()),
    };
    Ok(declared.iter().copied().filter(|set| catalog.find(&set.table).is_none()).collect())
}

/// Looks for the files of a table, or at its query; its paths are quack.toml's, wherever the command is called.
fn look(context: &Context, set: &DataSet) -> Result<()> {
    let looked = match &set.sql {
        Some(sql) => change::table_of(&set.table, sql, &set.partition_by).map(drop),
        None => LoadRequest::from(set.clone()).look(&context.config.dir),
    };
    looked.with_context(|| of_data(&set.table))
}

/// How errors name a table of `[[data]]`.
pub(super) fn of_data(table: &str) -> String {
    format!("table `{table}` of [[data]] in {FILE}")
}
