//! Statements of a script or of the shell that change the lake: run, and told.

use std::time::Instant;

use anyhow::Result;
use quack_function::wire::Spill;
use tokio_util::sync::CancellationToken;

use crate::change::{self, Change, Changed, Outcome, Session, Transaction};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::error::{failure, noted};
use crate::lake::catalog::{Catalog, Scope};
use crate::planner::Workers;
use crate::query::statements::Statement;
use crate::query::{self, Answer, Coordinator};

/// The changes of one session, and its transaction.
#[derive(Default)]
pub(super) struct Changes {
    transaction: Transaction,
}

/// A change to be made, and how it is told of.
pub(super) struct Made<'a> {
    /// The statement, with what sets variables before it.
    pub sql: &'a str,
    pub change: &'a Change,
    /// Whether to say how long it took.
    pub timing: bool,
    /// Most rows that come back of it.
    pub limit: Option<u64>,
    pub spill: Spill,
    /// How many functions may write side by side.
    pub workers: Workers,
}

impl Changes {
    /// The tables as the session has them, as far as they are in the `scope`.
    ///
    /// # Errors
    /// A catalog that cannot be read.
    pub(super) async fn catalog(&self, target: &Target, scope: Scope<'_>) -> Result<Catalog> {
        self.transaction.catalog(&target.bucket, scope).await
    }

    /// The statement over tables as they were, if it wants that, and what it needs then.
    ///
    /// # Errors
    /// A version of a table that there is not.
    pub(super) async fn travel(
        target: &Target,
        catalog: &Catalog,
        statement: &Statement,
    ) -> Result<Option<(Statement, Catalog)>> {
        let travelled = query::travel(&target.bucket, catalog, &statement.sql).await?;
        Ok(travelled.map(|(sql, catalog)| (Statement { sql, ..statement.clone() }, catalog)))
    }

    /// What a statement of the session needs, over its tables.
    pub(super) fn coordinator<'a>(
        &self,
        context: &'a Context,
        target: &'a Target,
        catalog: &'a Catalog,
    ) -> Coordinator<'a> {
        Coordinator { is_snapshot: self.transaction.is_open(), ..Coordinator::new(context, target, catalog) }
    }

    /// Makes a change and says what it did: as JSON on standard output, to people beside it, as the rows of queries go
    /// there. Gives what it returns, of which `limit` and `spill` are asked.
    ///
    /// # Errors
    /// As for [`change::run`].
    pub(super) async fn run(
        &self,
        coordinator: &Coordinator<'_>,
        made: Made<'_>,
        cancel: &CancellationToken,
    ) -> Result<Option<(Changed, Answer)>> {
        let context = coordinator.context;
        let started = Instant::now();
        let Made { sql, change, timing, limit, spill, workers } = made;
        let session = Session { transaction: &self.transaction, cancel, limit, spill, workers };
        let Outcome { changed, rows } = change::run(coordinator, &session, sql, change).await?;
        if !context.json {
            let took = format!("  {} ms", started.elapsed().as_millis());
            context.say(format!("{}{}", changed.to_string().trim_end(), if timing { &took } else { "" }));
        } else if rows.is_none() {
            context.print(&changed)?;
        }
        Ok(rows.map(|rows| (changed, rows)))
    }

    /// Rolls back what was not committed, and forgets the temporary tables, as the session ends.
    ///
    /// # Errors
    /// `done`'s; else that there was something.
    pub(super) async fn end(&self, target: &Target, done: Result<()>) -> Result<()> {
        let was_open = self.transaction.is_open();
        if was_open {
            self.transaction.roll_back(&target.bucket).await?;
        }
        self.transaction.forget_temporary(&target.bucket).await;
        if !was_open {
            return done;
        }
        match done {
            Ok(()) => Err(failure(
                "there was no COMMIT: what came after BEGIN was rolled back, and nothing was changed",
                "end the transaction with COMMIT, or with ROLLBACK",
            )),
            Err(error) => Err(noted(&error, "the transaction was rolled back: nothing was changed")),
        }
    }
}
