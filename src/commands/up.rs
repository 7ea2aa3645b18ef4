//! `quackctl up`: build the function, provision the target, load the declared data, prove it with a query.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::context::Context;
use crate::error::interrupted;
use crate::interrupt::Interrupt;
use crate::lake::describe::Loaded;
use crate::lake::{self, catalog};
use crate::package;
use crate::query::Engine;
use crate::query::health::{self, Health};
use crate::target::{self, Change};

/// What is up now, and what this run did to get there.
#[derive(Debug, Serialize)]
struct Up {
    project: String,
    stage: String,
    target: String,
    bucket: String,
    function: String,
    /// Digest of the function's artifact.
    artifact: String,
    /// Whether the function was compiled in this run.
    built: bool,
    changes: Vec<Change>,
    loaded: Vec<Loaded>,
    health: Health,
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
        write!(f, "{}", self.health)
    }
}

/// Brings everything up; run again, it changes only what is not as it should be.
pub async fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    target::check(config)?;
    let artifact = package::assemble(context, package::arch_for(config)?)?;
    let interrupt = Interrupt::listen();
    let (target, changes) = tokio::select! {
        provisioned = target::provision(context, &artifact.dir) => provisioned?,
        () = interrupt.token.cancelled() => return Err(interrupted("interrupted: `quackctl up` goes on from here")),
    };
    let mut loaded = Vec::new();
    for set in &config.data {
        if catalog::read(&target).await?.find(&set.table).is_none() {
            // Listens for Ctrl-C itself, to clean up.
            loaded.push(lake::load(context, &target, set.clone().into()).await?);
        }
    }
    let catalog = catalog::read(&target).await?;
    let engine = Engine { context, target: &target, catalog: &catalog };
    let health = health::check(&engine, &interrupt.token).await?;
    context.print(&Up {
        project: config.project.clone(),
        stage: config.stage.clone(),
        target: config.target.clone(),
        bucket: target.bucket.clone(),
        function: target.function.clone(),
        artifact: artifact.digest,
        built: artifact.built,
        changes,
        loaded,
        health,
    })
}
