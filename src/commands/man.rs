//! `quackctl man`: the manual pages, for packages of quackctl.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory;

use crate::cli::Cli;

/// Writes a page for each command into `folder`.
pub(crate) fn run(folder: &Path) -> Result<()> {
    let place = || format!("cannot write manual pages into {}", folder.display());
    std::fs::create_dir_all(folder).with_context(place)?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(place)
}
