//! `quackctl down`: removes everything that `up` made.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::cloud::holding::{self, Holding};
use crate::cloud::{self, confirm};
use crate::console::context::Context;
use crate::lake::iceberg::kept;

#[derive(Debug, Serialize)]
struct Down {
    project: String,
    stage: String,
    /// False when there was nothing to remove.
    removed: bool,
    data_kept: bool,
    /// The data that are gone.
    deleted: Vec<Holding>,
    /// The project's stages that are up, where that is known.
    #[serde(skip)]
    others: Vec<String>,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, stage, removed, data_kept, deleted, others } = self;
        match (removed, data_kept) {
            (false, _) if others.is_empty() => writeln!(f, "{project} ({stage}) was not up: nothing to remove"),
            (false, _) => {
                writeln!(f, "{project} ({stage}) was not up: nothing to remove; up are: {}", others.join(", "))
            }
            (true, false) if deleted.is_empty() => writeln!(f, "{project} ({stage}) is gone"),
            (true, false) => writeln!(f, "{project} ({stage}) is gone: {}", holding::list(deleted)),
            (true, true) => writeln!(f, "{project} ({stage}) is down; its data are kept for the next `quackctl up`"),
        }
    }
}

/// Stops and removes everything; asks before data is deleted unless `yes`.
pub(crate) async fn run(context: &Context, yes: bool, keep_data: bool) -> Result<()> {
    let config = &context.config;
    cloud::check_unprotected(config).await?;
    let held = match cloud::holdings(config).await {
        _ if keep_data => Vec::new(),
        Ok(held) => held,
        // Nobody asked; what is in the way is in the way of the rest, too.
        Err(_) if yes => Vec::new(),
        Err(error) => return Err(error),
    };
    if !yes && !held.is_empty() {
        let data = holding::list(&held);
        let question = format!("Delete {} ({}): {data}?", config.project, config.stage);
        confirm::ask(&question, &format!("{data} would be deleted"), "add --yes, or --keep-data")?;
    }
    let removed = cloud::teardown(context, keep_data).await?;
    held.iter().for_each(|holding| kept::forget(&holding.bucket));
    let (project, stage) = (config.project.clone(), config.stage.clone());
    let others = cloud::others_up(config);
    context.print(&Down { project, stage, removed, data_kept: keep_data, deleted: held, others })
}
