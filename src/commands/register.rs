//! `quackctl register`

use anyhow::Result;
use quack_function::wire::Spill;

use crate::change::{self, Registration, Session, Transaction};
use crate::cli::RegisterArgs;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::history::budget;
use crate::lake::catalog::{self, Scope};
use crate::planner::Workers;
use crate::query::Coordinator;

/// Makes a table of files where they lie.
pub(crate) async fn run(context: &Context, args: &RegisterArgs) -> Result<()> {
    let interrupt = Interrupt::listen();
    budget::check(context).await?;
    let target = Target::open(context).await?;
    let catalog = catalog::read_in(&target.bucket, Scope::Whole(&args.table)).await?;
    let command = format!("-- quackctl register {}", args.source);
    let coordinator = Coordinator::new(context, &target, &catalog).asking(&command);
    let transaction = Transaction::default();
    let (cancel, workers) = (&interrupt.token, Workers::default());
    let session = Session { transaction: &transaction, cancel, limit: None, spill: Spill::Auto, workers };
    let asked =
        Registration { source: &args.source, iceberg: args.iceberg, table: &args.table, replaces: args.replace };
    let registered = change::register(&coordinator, &session, &asked).await?;
    // Without a word, unless a program asked for it.
    if context.quiet && !context.json { Ok(()) } else { context.print(&registered) }
}
