//! `quackctl up`: build the function, provision the target, load the declared data, prove it with a query.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::cli::UpArgs;
use crate::cloud::{self, Change, Provisioned, Target, UpOptions};
use crate::config::TargetKind;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error::{self, Kind, failure, interrupted};
use crate::lake::describe::Loaded;
use crate::lake::{self, catalog};
use crate::query::Coordinator;
use crate::query::health::{self, Health};

/// What is up now, and what this run did to get there.
#[derive(Debug, Serialize)]
struct Up {
    project: String,
    stage: String,
    target: TargetKind,
    bucket: String,
    function: String,
    /// Digest of the function's artifact.
    artifact: String,
    /// Whether the function was compiled in this run.
    built: bool,
    changes: Vec<Change>,
    loaded: Vec<Loaded>,
    /// Absent with `--no-check`.
    health: Option<Health>,
}

impl fmt::Display for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for loaded in &self.loaded {
            write!(f, "{loaded}")?;
        }
        if self.changes.is_empty() && self.loaded.is_empty() {
            writeln!(f, "nothing to change")?;
        }
        let Self { project, stage, target, bucket, function, .. } = self;
        writeln!(f, "{project} ({stage}) is up on {target}: function {function}, bucket {bucket}")?;
        match &self.health {
            Some(health) => write!(f, "{health}"),
            None => writeln!(f, "not checked whether the engine answers (--no-check)"),
        }
    }
}

/// Brings everything up; run again, it changes only what is not as it should be.
pub(crate) async fn run(context: &Context, args: UpArgs) -> Result<()> {
    let config = &context.config;
    let interrupt = Interrupt::listen();
    let provisioned = async {
        super::plan::look_at_data(context).await?;
        let plan = match &args.plan {
            Some(path) => Some(super::plan::saved(context, path).await?),
            None => None,
        };
        // Whoever saved the plan has seen what it replaces and removes.
        let options = UpOptions { yes: args.yes || plan.is_some(), pull: args.pull, plan };
        cloud::provision(context, &options).await
    };
    let Provisioned { target, changes, artifact } = tokio::select! {
        provisioned = provisioned => provisioned?,
        () = interrupt.token.cancelled() => return Err(interrupted(
            "interrupted: what had begun goes on by itself, and `quackctl up` takes it from there"
        )),
    };
    let (loaded, health) = match fill(context, &target, &interrupt, &args, !changes.is_empty()).await {
        Err(error) if error::kind(&error) != Kind::Interrupted && !cloud::stands(config).await.unwrap_or(true) => {
            return Err(failure(
                format!("the stage was taken down or changed while `up` ran: {}", error::words(error.as_ref())),
                "run `quackctl up` again when nobody else is at it",
            ));
        }
        filled => filled?,
    };
    context.print(&Up {
        project: config.project.clone(),
        stage: config.stage.clone(),
        target: config.target,
        bucket: target.bucket.name.clone(),
        function: target.function.clone(),
        artifact: artifact.digest,
        built: artifact.built,
        changes,
        loaded,
        health,
    })
}

/// Loads the declared tables that are not there, and has the engine answer.
async fn fill(
    context: &Context,
    target: &Target,
    interrupt: &Interrupt,
    args: &UpArgs,
    changed: bool,
) -> Result<(Vec<Loaded>, Option<Health>)> {
    if catalog::read(&target.bucket).await?.tables.is_empty() && catalog::is_lost(&target.bucket).await? {
        context.say(
            "note: there are files of tables in the bucket, and the catalog that named them is gone: `quackctl recover` lists \
             what can be had back; else load them again",
        );
    }
    let mut loaded = Vec::new();
    for set in &context.config.data {
        if catalog::read(&target.bucket).await?.find(&set.table).is_none() {
            // Its paths are quack.toml's, wherever the command is called. Listens for Ctrl-C itself, to clean up.
            let mut context = context.clone();
            context.config.here = context.config.dir.clone();
            match lake::load::load(&context, &target.bucket, set.clone().into()).await {
                // Another `up` at the same moment has loaded it.
                Err(error)
                    if error::kind(&error) != Kind::Interrupted
                        && catalog::read(&target.bucket).await?.find(&set.table).is_some() =>
                {
                    context.detail(format_args!("{} was loaded meanwhile: {error:#}", set.table));
                }
                done => {
                    let stands =
                        "the stage itself is up, without this table and those after it; `quackctl up` tries again";
                    let told =
                        |error: anyhow::Error| error::noted(&error.context(super::plan::of_data(&set.table)), stands);
                    loaded.push(done.map_err(told)?);
                }
            }
        }
    }
    if args.no_check {
        return Ok((loaded, None));
    }
    let catalog = catalog::read(&target.bucket).await?;
    let coordinator = Coordinator::new(context, target, &catalog);
    let health = prove(&coordinator, interrupt, changed).await?;
    Ok((loaded, Some(health)))
}

/// Pauses between tries to prove a stage that has just been changed.
const PAUSES_S: [u64; 4] = [1, 2, 4, 8];

/// Has the engine answer. On AWS a new role's permissions take some seconds to be known everywhere, so a stage that was
/// `changed` just now is asked again when it is denied.
async fn prove(coordinator: &Coordinator<'_>, interrupt: &Interrupt, changed: bool) -> Result<Health> {
    let mut pauses = PAUSES_S.iter().filter(|_| changed);
    loop {
        match health::check(coordinator, &interrupt.token).await {
            Err(error)
                if error::kind(&error) == Kind::Denied
                    && let Some(pause) = pauses.next() =>
            {
                coordinator.context.detail(format_args!("not yet: {error:#}"));
                tokio::time::sleep(Duration::from_secs(*pause)).await;
            }
            checked => return checked,
        }
    }
}
