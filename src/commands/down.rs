//! `quackctl down`: removes everything that `up` made.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::cloud::{self, confirm};
use crate::console::context::Context;

#[derive(Debug, Serialize)]
struct Down {
    project: String,
    stage: String,
    /// False when there was nothing to remove.
    removed: bool,
    data_kept: bool,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, stage, removed, data_kept } = self;
        match (removed, data_kept) {
            (false, _) => writeln!(f, "{project} ({stage}) was not up: nothing to remove"),
            (true, false) => writeln!(f, "{project} ({stage}) is gone"),
            (true, true) => writeln!(f, "{project} ({stage}) is down; its data are kept for the next `quackctl up`"),
        }
    }
}

/// Stops and removes everything; asks before data is deleted unless `yes`.
pub(crate) async fn run(context: &Context, yes: bool, keep_data: bool) -> Result<()> {
    let config = &context.config;
    if !yes && !keep_data && cloud::has_data(config).await? {
        let question = format!("Delete {} ({}) and all its tables?", config.project, config.stage);
        confirm::ask(&question, "data would be deleted", "add --yes, or --keep-data")?;
    }
    let removed = cloud::teardown(context, keep_data).await?;
    let (project, stage) = (config.project.clone(), config.stage.clone());
    context.print(&Down { project, stage, removed, data_kept: keep_data })
}
