//! A stage: put up, planned, looked at, taken down, wherever it lives.

use std::io;
use std::time::Duration;

use anyhow::Result;

use super::holding::Holding;
use super::log_line::{LogLine, LogOf};
use super::place::Place;
use super::plan::Plan;
use super::provisioned::{Provisioned, UpOptions};
use super::target::{Lake, Target};
use super::{aws, local};
use crate::check::Check;
use crate::config::{Config, TargetKind};
use crate::console::context::Context;
use crate::error::failure;

impl Target {
    /// What `up` made, for every command after it; with the branch in the lake's place that the command is about.
    ///
    /// # Errors
    /// When the target or the stage is unknown or nothing is up, each with what to do.
    pub(crate) async fn open(context: &Context) -> Result<Self> {
        context.config.check_owner()?;
        let mut target = match context.config.target {
            TargetKind::Local => local::open(context)?,
            TargetKind::Aws => aws::open(&context.config).await?,
        };
        if let Some(branch) = &context.branch {
            target.bucket.layout = target.bucket.layout.on_branch(branch);
        }
        Ok(target)
    }
}

/// Looks at what `up` on the configured target needs.
///
/// # Errors
/// When the target is unknown.
pub(crate) async fn doctor(config: &Config) -> Result<Vec<Check>> {
    match config.target {
        TargetKind::Local => Ok(local::doctor::check(config)),
        TargetKind::Aws => Ok(aws::doctor::check(config).await),
    }
}

/// The project's stages that are up, where that is known without asking around.
pub(crate) fn others_up(config: &Config) -> Vec<String> {
    match config.target {
        TargetKind::Local => local::stages_up(config),
        TargetKind::Aws => Vec::new(),
    }
}

/// The IAM policy that a deployer of this project's stage needs, on whatever target it is now.
///
/// # Errors
/// When AWS does not tell whose account it is for.
pub(crate) async fn policy(config: &Config) -> Result<aws::doctor::Policy> {
    aws::doctor::policy(config).await
}

/// The data that [`teardown`] would delete.
///
/// # Errors
/// When the target does not answer, or the stage is of another project.
pub(crate) async fn holdings(config: &Config) -> Result<Vec<Holding>> {
    config.check_owner()?;
    match config.target {
        TargetKind::Local => Ok(local::holdings(config)),
        TargetKind::Aws => aws::data(config).await,
    }
}

/// Builds the function and brings everything up that the stage needs; changes only what is not so already.
///
/// # Errors
/// A build that fails; a target that cannot be started or refuses.
pub(crate) async fn provision(context: &Context, options: &UpOptions) -> Result<Provisioned> {
    context.config.check_owner()?;
    match context.config.target {
        TargetKind::Local => local::up(context).await,
        TargetKind::Aws => aws::up(context, options).await,
    }
}

/// What [`provision`] would do; changes nothing and leaves nothing behind.
///
/// # Errors
/// As for [`provision`].
pub(crate) async fn plan(context: &Context) -> Result<Plan> {
    context.config.check_owner()?;
    match context.config.target {
        TargetKind::Local => local::plan(context).await,
        TargetKind::Aws => aws::plan(context).await,
    }
}

/// The stage's lake, for a look at its tables; nothing is brought up for it.
///
/// # Errors
/// No credentials; a daemon that was killed and does not start again.
pub(crate) async fn lake(context: &Context) -> Result<Lake> {
    match context.config.target {
        TargetKind::Local => local::lake(context),
        TargetKind::Aws => Ok(Lake::There(Box::new(aws::open(&context.config).await?))),
    }
}

/// Refuses to take down a stage that is protected, by its settings or since an earlier [`provision`].
///
/// # Errors
/// What protects it, and how that is lifted; what the target says.
pub(crate) async fn check_unprotected(config: &Config) -> Result<()> {
    config.check_owner()?;
    let (project, stage) = (&config.project, &config.stage);
    if config.protect {
        let origin = config.origins().iter().find(|(key, _, _)| *key == "protect").map(|(_, _, origin)| origin);
        let said = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
        return Err(failure(
            format!("{project} ({stage}) is protected from `down`: `protect` is true{said}"),
            "to take it down all the same, set protect = false, run `quackctl up`, and then `quackctl down`",
        ));
    }
    let is_protected = match config.target {
        TargetKind::Local => config.is_protected(),
        TargetKind::Aws => aws::is_protected(config).await?,
    };
    match is_protected {
        false => Ok(()),
        true => Err(failure(
            format!("{project} ({stage}) is protected from `down` since it was put up"),
            "`protect` is false now: run `quackctl up`, which lifts it, and then `quackctl down`",
        )),
    }
}

/// Removes everything that [`provision`] made, or all but the bucket. False if there was nothing.
///
/// # Errors
/// When something cannot be removed, or the stage is of another project.
pub(crate) async fn teardown(context: &Context, keep_data: bool) -> Result<bool> {
    context.config.check_owner()?;
    match context.config.target {
        TargetKind::Local => local::down(&context.config, keep_data),
        TargetKind::Aws => aws::down(context, keep_data).await,
    }
}

/// Whether the stage is there and nobody is at work on it: what tells a command that failed whether it is to blame.
///
/// # Errors
/// When the target does not answer.
pub(crate) async fn stands(config: &Config) -> Result<bool> {
    match config.target {
        TargetKind::Local => Ok(local::stands(config)),
        TargetKind::Aws => aws::stands(config).await,
    }
}

/// What is known of the stage, without touching it; nothing if it is not up. With `drift`, also what was changed by
/// other means.
///
/// # Errors
/// When the target is unknown or does not answer.
pub(crate) async fn status(config: &Config, drift: bool) -> Result<Option<Place>> {
    config.check_owner()?;
    match config.target {
        TargetKind::Local => Ok(local::status(config).map(Place::Local)),
        TargetKind::Aws => Ok(aws::status(config, drift).await?.map(Place::Aws)),
    }
}

/// Gives the logs of a function of the last `since` to `write`, line by line; with `follow` it goes on with what is
/// logged from then on.
///
/// # Errors
/// When nothing is up, or `write` fails.
pub(crate) async fn logs(
    context: &Context,
    of: LogOf,
    since: Option<Duration>,
    follow: bool,
    write: impl FnMut(LogLine<'_>) -> io::Result<()>,
) -> Result<()> {
    context.config.check_owner()?;
    match context.config.target {
        TargetKind::Local => local::logs(context, of, since, follow, write).await,
        TargetKind::Aws => aws::logs(&context.config, of, since, follow, write).await,
    }
}
