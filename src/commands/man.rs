//! `quackctl man`: the manual pages, for packages of quackctl.

use std::path::Path;

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::unwritable;

/// Writes a page for each command into `folder`.
pub(crate) fn run(folder: &Path) -> Result<()> {
    let cannot = |error| {
        let what = format_args!("manual pages into {}", folder.display());
        unwritable(what, &error, "give a folder that you may write to")
    };
    std::fs::create_dir_all(folder).map_err(cannot)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(cannot)
}
