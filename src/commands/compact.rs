//! `quackctl compact`

use anyhow::Result;
use quack_function::wire::Spill;

use crate::change::{self, Compaction, Session, Transaction};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::history::budget;
use crate::lake::catalog::{self, Scope};
use crate::planner::Workers;
use crate::query::Coordinator;

/// Puts the small files of a table together, or sorts all of it.
pub(crate) async fn run(context: &Context, table: &str, wanted: &Compaction<'_>) -> Result<()> {
    let interrupt = Interrupt::listen();
    budget::check(context).await?;
    let target = Target::open(context).await?;
    let catalog = catalog::read_in(&target.bucket, Scope::Whole(table)).await?;
    let asked = format!("-- quackctl compact {table}");
    let coordinator = Coordinator::new(context, &target, &catalog).asking(&asked);
    let transaction = Transaction::default();
    let (transaction, cancel) = (&transaction, &interrupt.token);
    let session = Session { transaction, cancel, limit: None, spill: Spill::Auto, workers: Workers::default() };
    context.print(&change::compact(&coordinator, &session, table, wanted).await?)
}
