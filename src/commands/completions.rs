//! `quackctl completions`: a script that completes commands and options in your shell.

use std::io::Write as _;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

pub(crate) fn run(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quackctl", &mut script);
    crate::error::unless_broken_pipe(std::io::stdout().write_all(&script).map_err(Into::into))
}
