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

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Daemon => target::local::daemon::run(),
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error::report(&error, cli.global.json);
            ExitCode::from(error::exit_code(&error))
        }
    }
}
