//! The library behind the program `quackctl`: a serverless SQL engine over a data lake, put up and taken down with one
//! command each. A library so that tests and fuzz targets reach it as the program does; it promises nothing to others.

mod arch;
mod bench;
mod bucket;
mod change;
mod check;
mod cli;
mod cloud;
mod commands;
mod config;
mod console;
mod dash;
mod digest;
mod duck;
mod error;
mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod history;
mod invoke;
mod lake;
mod output;
mod package;
mod planner;
mod private;
mod query;
mod rows;
mod serve;
mod terminal;

use std::process::ExitCode;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use change::Compaction;
use cli::{Cli, Command};
use config::{Config, Overrides};
use console::context::Context;

/// The program: reads the command line, runs the command, reports what went wrong.
pub fn main() -> ExitCode {
    let cli = match Cli::of_process() {
        Ok(cli) => cli,
        Err(error) => match unquoted_sql(&error) {
            Some(error) => {
                error::report(&error, false, "");
                return ExitCode::from(error::exit_code(&error));
            }
            None => error.exit(),
        },
    };
    let (json, flags) = (cli.global.json, cli.global.flags());
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            error::report(&error, json, &flags);
            ExitCode::from(error::exit_code(&error))
        }
    }
}

/// A `query` of several words is most often SQL without quotes, which the shell has cut.
fn unquoted_sql(error: &clap::Error) -> Option<anyhow::Error> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_query = std::env::args_os().any(|argument| argument == "query");
    let is_word = error.kind() == ErrorKind::UnknownArgument && !argument.starts_with('-');
    (is_query && is_word).then(|| {
        error::usage(
            format!("query takes one text of SQL, and `{argument}` is one more"),
            "SQL needs quotes, so that the shell leaves it as it is: quackctl query 'SELECT 42'",
        )
    })
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Completions { shell } => return commands::completions::run(shell).map(|()| ExitCode::SUCCESS),
        Command::Man { folder } => return commands::man::run(&folder).map(|()| ExitCode::SUCCESS),
        Command::Daemon => return cloud::local::daemon::run().map(|()| ExitCode::SUCCESS),
        Command::Bind => return dash::bind().map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let overrides = Overrides {
        is_new: matches!(cli.command, Command::Init),
        is_lenient: matches!(cli.command, Command::Down { .. } | Command::Cache { .. }),
        ..cli.global.overrides()
    };
    let context = Context::new(Config::load(&overrides)?, cli.global.voice());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Plan { output } => return commands::plan::run(&context, output.as_deref()).await,
            Command::Bench(arguments) => return commands::bench::run(&context, arguments).await,
            Command::Init => commands::init::run(&context),
            Command::Build { pages } => commands::build::run(&context, pages),
            Command::Cache { command } => commands::cache::run(&context, command),
            // What is up is to be well, whatever its queries have cost.
            Command::Up(arguments) => commands::up::run(&context.without_budget(), arguments).await,
            Command::Load(arguments) => {
                commands::load::run(&commands::branch::of(&context, &arguments.on)?, arguments).await
            }
            Command::Register(arguments) => commands::register::run(&context, &arguments).await,
            Command::Tables { name, history, on } => {
                commands::tables::run(&commands::branch::of(&context, &on)?, name, history).await
            }
            Command::Compact { table, sort, z_order, keep_partitions } => {
                let wanted = Compaction { sort: &sort, z_order: &z_order, keeps_partitions: keep_partitions };
                commands::compact::run(&context, &table, &wanted).await
            }
            Command::Expire { table, older_than, yes, force } => {
                commands::expire::run(&context, &table, older_than, yes, force).await
            }
            Command::Rollback { table, to } => commands::rollback::run(&context, &table, to).await,
            Command::Drop { table, yes } => commands::drop::run(&context, &table, yes).await,
            Command::Rename { old, new } => commands::rename::run(&context, &old, &new).await,
            Command::Recover { table, at, yes } => commands::recover::run(&context, table, at, yes).await,
            Command::Template(arguments) => commands::template::run(&context, arguments).await,
            Command::Query(arguments) => {
                commands::query::run(&commands::branch::of(&context, &arguments.on)?, arguments).await
            }
            Command::Shell => commands::shell::run(&context).await,
            Command::Serve(arguments) => {
                commands::serve::run(&commands::branch::of(&context, &arguments.on)?, arguments).await
            }
            Command::Branch { command } => commands::branch::run(&context, command).await,
            Command::Outputs { name } => commands::outputs::run(&context, name.as_deref()).await,
            Command::Dash(arguments) => return commands::dash::run(&context, arguments).await,
            Command::Status { drift } => return commands::status::run(&context, drift).await,
            Command::Logs { follow, since, errors, pages } => {
                commands::logs::run(&context, follow, since, errors, pages).await
            }
            Command::History(arguments) => commands::history::run(&context, &arguments).await,
            Command::Doctor { policy } => commands::doctor::run(&context, policy).await,
            Command::Down { yes, keep_data } => commands::down::run(&context, yes, keep_data).await,
            Command::Daemon | Command::Bind | Command::Completions { .. } | Command::Man { .. } => Ok(()),
        }?;
        Ok(ExitCode::SUCCESS)
    })
}
