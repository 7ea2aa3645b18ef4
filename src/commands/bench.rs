//! `quackctl bench`: one query, three ways; or as many functions would run it.

use std::process::ExitCode;

use anyhow::Result;

use crate::bench::{self, simulate};
use crate::cli::BenchArgs;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error::usage;
use crate::lake::catalog;
use crate::query::{Coordinator, statements};

/// Measures the query; fails when the answers differ.
///
/// # Errors
/// An engine that is not up, SQL that fails in one of the ways; each with what to do.
pub(crate) async fn run(context: &Context, args: BenchArgs) -> Result<ExitCode> {
    if args.sql.as_deref().is_some_and(statements::is_blank) {
        return Err(usage("the SQL holds no statement", "leave it away for the default query"));
    }
    let interrupt = Interrupt::listen();
    let target = Target::open(context).await?;
    let catalog = catalog::read(&target.bucket).await?;
    let coordinator = Coordinator::new(context, &target, &catalog);
    let sql = match args.sql {
        Some(sql) => sql,
        None => bench::taxi_sql(&catalog, &args.table, args.days)?,
    };
    if args.simulate {
        let simulation = simulate::run(&coordinator, &sql, &args.functions, args.seed, &interrupt.token).await?;
        context.print(&simulation)?;
        return Ok(if simulation.equal { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let report = bench::run(&coordinator, &sql, args.workers, args.repetitions, &interrupt.token).await?;
    context.print(&report)?;
    Ok(if report.equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
