//! `quackctl completions`: a script that completes commands and options in your shell.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

pub fn run(shell: Shell) -> Result<()> {
    clap_complete::generate(shell, &mut Cli::command(), "quackctl", &mut std::io::stdout());
    Ok(())
}
