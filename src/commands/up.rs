//! `quackctl up`: build the function, provision the target, load the declared data, prove it with a query.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use quack_function::wire::Spill;
use quack_page::oidc;
use serde::Serialize;

use crate::change::{self, Changed, Session, Transaction};
use crate::cli::UpArgs;
use crate::cloud::{self, Change, Provisioned, Target, UpOptions};
use crate::config::{DataSet, TargetKind};
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::dash;
use crate::error::{self, Kind, failure, interrupted};
use crate::lake::catalog::Scope;
use crate::lake::describe::Loaded;
use crate::lake::{self, catalog, schemas};
use crate::planner::Workers;
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
    /// Where the pages are that are deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    dashboards: Option<String>,
    /// Where an identity provider has to be let send browsers back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc_callback: Option<String>,
    /// Digest of the function's artifact.
    artifact: String,
    /// Whether the function was compiled in this run.
    built: bool,
    changes: Vec<Change>,
    #[serde(flatten)]
    filled: Filled,
}

/// The tables that were declared and are there now, and whether the engine answers.
#[derive(Debug, Default, Serialize)]
struct Filled {
    loaded: Vec<Loaded>,
    /// Those of a query.
    created: Vec<Changed>,
    /// Absent with `--no-check`.
    health: Option<Health>,
}

impl fmt::Display for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        let Filled { loaded, created, health } = &self.filled;
        loaded.iter().try_for_each(|loaded| write!(f, "{loaded}"))?;
        created.iter().try_for_each(|created| write!(f, "{created}"))?;
        if self.changes.is_empty() && loaded.is_empty() && created.is_empty() {
            writeln!(f, "nothing to change")?;
        }
        let Self { project, stage, target, bucket, function, .. } = self;
        writeln!(f, "{project} ({stage}) is up on {target}: function {function}, bucket {bucket}")?;
        self.dashboards.iter().try_for_each(|url| writeln!(f, "dashboards are at {url}"))?;
        self.oidc_callback.iter().try_for_each(|url| {
            writeln!(f, "the identity provider is to send browsers back to {url} (register it there)")
        })?;
        match health {
            Some(health) => write!(f, "{health}"),
            None => writeln!(f, "not checked whether the engine answers (--no-check)"),
        }
    }
}

/// Brings everything up; run again, it changes only what is not as it should be.
pub(crate) async fn run(context: &Context, args: UpArgs) -> Result<()> {
    let config = &context.config;
    let interrupt = Interrupt::listen();
    if config.target == TargetKind::Local && config.lake.bucket.is_some() {
        context.say("note: `lake.bucket` is for --target aws: the local target keeps to a bucket of its own");
    }
    if config.target == TargetKind::Local && config.dash.as_ref().is_some_and(|dash| dash.edge.is_some()) {
        context.say(
            "note: `dash.cloudfront` is for --target aws: on the local target pages are at an address of loopback",
        );
    }
    // Pages that are wrong are better told before anything is brought up for them.
    let pages = dash::compile(config)?;
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
    let Provisioned { target, mut changes, artifact } = tokio::select! {
        provisioned = provisioned => provisioned?,
        () = interrupt.token.cancelled() => return Err(interrupted(
            "interrupted: what had begun goes on by itself, and `quackctl up` takes it from there"
        )),
    };
    let filled = match fill(context, &target, &interrupt, &args, !changes.is_empty()).await {
        Err(error) if error::kind(&error) != Kind::Interrupted && !cloud::stands(config).await.unwrap_or(true) => {
            return Err(failure(
                format!("the stage was taken down or changed while `up` ran: {}", error::words(error.as_ref())),
                "run `quackctl up` again when nobody else is at it",
            ));
        }
        filled => filled?,
    };
    let dashboards = match pages {
        Some(pages) => {
            let url = target.page_url().await?.ok_or_else(|| {
                failure(
                    "the page function has no URL",
                    "somebody took it away; `quackctl plan` says what `up` would do",
                )
            })?;
            changes.extend(dash::deploy(config, &target.bucket, pages, &artifact, &url).await?);
            Some(url)
        }
        None => {
            changes.extend(dash::retract(&target.bucket).await?);
            None
        }
    };
    let has_oidc = config.dash.as_ref().is_some_and(|dash| dash.oidc.is_some());
    let oidc_callback = dashboards.iter().find(|_| has_oidc).map(|url| oidc::callback(url));
    context.print(&Up {
        project: config.project.clone(),
        stage: config.stage.clone(),
        target: config.target,
        bucket: target.bucket.name.clone(),
        function: target.function.clone(),
        dashboards,
        oidc_callback,
        artifact: artifact.digest,
        built: artifact.built,
        changes,
        filled,
    })
}

/// Makes the declared tables that are not there, and has the engine answer.
async fn fill(
    context: &Context,
    target: &Target,
    interrupt: &Interrupt,
    args: &UpArgs,
    changed: bool,
) -> Result<Filled> {
    if catalog::read_in(&target.bucket, Scope::Outline).await?.tables.is_empty()
        && catalog::is_lost(&target.bucket).await?
    {
        context.say(
            "note: there are files of tables in the bucket, and the catalog that named them is gone: `quackctl recover` lists \
             what can be had back; else load them again",
        );
    }
    let mut filled = Filled::default();
    for set in &context.config.data {
        let mut catalog = catalog::read_in(&target.bucket, Scope::Outline).await?;
        if catalog.find(&set.table).is_some() {
            continue;
        }
        schemas::ensure(&target.bucket, &mut catalog, &set.table).await?;
        let made = match &set.sql {
            Some(sql) => {
                let coordinator = Coordinator::new(context, target, &catalog);
                let created = create(&coordinator, set, sql, interrupt, changed).await;
                created.map(|created| filled.created.push(created))
            }
            None => {
                // Its paths are quack.toml's, wherever the command is called. Listens for Ctrl-C itself, to clean up.
                let mut context = context.clone();
                context.config.here = context.config.dir.clone();
                let loaded = lake::load::load(&context, &target.bucket, set.clone().into()).await;
                loaded.map(|loaded| filled.loaded.push(loaded))
            }
        };
        match made {
            // Another `up` at the same moment has made it.
            Err(error)
                if error::kind(&error) != Kind::Interrupted
                    && catalog::read_in(&target.bucket, Scope::Outline).await?.find(&set.table).is_some() =>
            {
                context.detail(format_args!("{} was loaded meanwhile: {error:#}", set.table));
            }
            made => {
                let stands = "the stage itself is up, without this table and those after it; `quackctl up` tries again";
                made.map_err(|error| error::noted(&error.context(super::plan::of_data(&set.table)), stands))?;
            }
        }
    }
    if !args.no_check {
        let catalog = catalog::read_in(&target.bucket, Scope::Outline).await?;
        let coordinator = Coordinator::new(context, target, &catalog);
        let check = async || health::check(&coordinator, &interrupt.token).await;
        filled.health = Some(once_allowed(context, changed, check).await?);
    }
    Ok(filled)
}

/// Makes the table of a query.
async fn create(
    coordinator: &Coordinator<'_>,
    set: &DataSet,
    sql: &str,
    interrupt: &Interrupt,
    changed: bool,
) -> Result<Changed> {
    let change = change::table_of(&set.table, sql, &set.partition_by)?;
    let (transaction, cancel) = (Transaction::default(), &interrupt.token);
    let session =
        Session { transaction: &transaction, cancel, limit: None, spill: Spill::Auto, workers: Workers::default() };
    let run = async || change::run(coordinator, &session, sql, &change).await;
    once_allowed(coordinator.context, changed, run).await.map(|outcome| outcome.changed)
}

/// Pauses between tries to have a stage answer that has just been changed.
const PAUSES_S: [u64; 4] = [1, 2, 4, 8];

/// Has the engine answer. On AWS a new role's permissions take some seconds to be known everywhere, so a stage that was
/// `changed` just now is asked again when it is denied.
async fn once_allowed<T>(context: &Context, changed: bool, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut pauses = PAUSES_S.iter().filter(|_| changed);
    loop {
        match ask().await {
            Err(error)
                if error::kind(&error) == Kind::Denied
                    && let Some(pause) = pauses.next() =>
            {
                context.detail(format_args!("not yet: {error:#}"));
                tokio::time::sleep(Duration::from_secs(*pause)).await;
            }
            answered => return answered,
        }
    }
}
