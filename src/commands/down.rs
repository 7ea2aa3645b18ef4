//! `quackctl down`: removes everything that `up` made.

use std::fmt;
use std::io::{BufRead, IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;

use crate::context::Context;
use crate::error::failure;
use crate::target;

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
pub async fn run(context: &Context, yes: bool, keep_data: bool) -> Result<()> {
    let config = &context.config;
    if !yes && !keep_data && target::has_data(config)? {
        confirm(&format!("Delete {} ({}) and all its tables?", config.project, config.stage))?;
    }
    let removed = target::teardown(config, keep_data).await?;
    let (project, stage) = (config.project.clone(), config.stage.clone());
    context.print(&Down { project, stage, removed, data_kept: keep_data })
}

/// Asks on the terminal; anything but a yes is an error, and so is nobody there to ask.
fn confirm(question: &str) -> Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(failure("data would be deleted, and there is nobody to ask", "add --yes, or --keep-data"));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(failure("nothing was deleted", "answer `y` to delete, or use --keep-data")),
    }
}
