//! `quackctl`: a serverless SQL engine over a data lake, put up and taken down with one command each.

mod cli;
mod commands;
mod config;
mod context;
mod error;
mod lake;
mod output;
mod package;
mod progress;
mod query;
mod target;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

fn main() -> ExitCode {
    let _cli = Cli::parse();
    ExitCode::SUCCESS
}
