//! The command line of `quackctl branch`, and how other commands are told a branch.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum BranchCommand {
    /// Make a branch of the lake as it is; no file is copied
    #[command(after_help = "Examples:\n  quackctl branch create preview\n  quackctl serve --branch preview")]
    Create {
        /// What it is called: lower-case letters, digits and `-`
        name: String,
    },
    /// List the branches, and the tables in which each differs from the lake that it was made of
    List,
    /// Put all that differs in a branch into the lake, in one step, and have the branch go
    #[command(after_help = "\
Refused, with their names, when the lake has changed the same tables since the branch was made; other tables stay as they are in
the lake. Who stops it in the middle leaves the lake as it was or with all of it: run it again.

Examples:
  quackctl branch publish preview")]
    Publish { name: String },
    /// Have a branch go, with all files that nobody else has
    #[command(after_help = "Examples:\n  quackctl branch discard preview\n  quackctl branch discard preview --yes")]
    Discard {
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// Which tables a command is about.
#[derive(Debug, Args)]
pub(crate) struct OnBranch {
    /// Read and change the tables of this branch in the lake's place (`quackctl branch create NAME`)
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
}
