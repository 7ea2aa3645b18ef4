//! A query of a page, run: as any query is, with the values of its inputs bound.

use std::io::{self, Write};

use anyhow::Result;
use quack_function::wire::{Params, Spill};
use tokio_util::sync::CancellationToken;

use super::together::{Means, Over, Ready, Together};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::error::{self, Kind};
use crate::lake::catalog;
use crate::planner::Workers;
use crate::query::{self, Account, Answer, Coordinator, Request};
use crate::rows::ResultSet;
use quack_page::form::MOST_BYTES;

/// Most rows that are shown on a page.
pub(super) const MOST_ROWS: u64 = 100_000;

/// A query that is to be run, with the values of its parameters.
pub(super) struct Asking<'a> {
    pub context: &'a Context,
    pub target: &'a Target,
    pub sql: &'a str,
    pub params: &'a Params,
    pub cancel: &'a CancellationToken,
    /// What is run in its place over rows that others of the page read, too.
    pub over: Option<(&'a Together, &'a Over)>,
}

impl Asking<'_> {
    /// Its rows, `limit` at most, and their account, which is whole once they were taken.
    ///
    /// # Errors
    /// As of any query.
    pub(super) async fn rows(&self, limit: Option<u64>) -> Result<(ResultSet, Account)> {
        self.answered(limit, Spill::Auto, async |coordinator, answer| {
            let account = answer.account.clone();
            Ok((coordinator.rows(answer, self.cancel).await?, account))
        })
        .await
    }

    /// Writes all its rows to `out`, as a file of Parquet.
    ///
    /// # Errors
    /// As of any query; those of `out`.
    pub(super) async fn parquet(&self, out: &mut dyn Write) -> Result<Account> {
        self.answered(None, Spill::Always, async |coordinator, answer| {
            let account = answer.account.clone();
            coordinator.save_parquet(answer, out, self.cancel).await?;
            Ok(account)
        })
        .await
    }

    async fn answered<T>(
        &self,
        limit: Option<u64>,
        spill: Spill,
        take: impl AsyncFnOnce(&Coordinator<'_>, Answer) -> Result<T>,
    ) -> Result<T> {
        let Self { context, target, sql, params, cancel, over } = *self;
        let means = Means { context, target, cancel };
        let caller = means.caller();
        let mut before = None;
        if let Some((together, over)) = over
            && let Some(Ready { sql, catalog, usd }) = together.ready(&means, over).await?
        {
            let coordinator = Coordinator { params, caller: &caller, ..Coordinator::new(context, target, &catalog) };
            let request = Request { sql: sql.to_owned(), limit, spill };
            match query::answer(&coordinator, &request, Workers::default(), cancel).await {
                Ok(mut answer) => {
                    answer.account.cost_usd = answer.account.cost_usd.map(|own| own + usd);
                    return take(&coordinator, answer).await;
                }
                Err(error) if error::kind(&error) == Kind::Interrupted => return Err(error),
                // Whatever is wrong, it says better as a whole.
                Err(_) => before = Some(usd),
            }
        }
        let catalog = catalog::read_for(&target.bucket, sql).await?;
        let travelled = query::travel(&target.bucket, &catalog, sql).await?;
        let (sql, catalog) = travelled.unwrap_or_else(|| (sql.to_owned(), catalog));
        let coordinator = Coordinator { params, caller: &caller, ..Coordinator::new(context, target, &catalog) };
        let request = Request { sql, limit, spill };
        let mut answer = query::answer(&coordinator, &request, Workers::default(), cancel).await?;
        answer.account.cost_usd = answer.account.cost_usd.map(|own| own + before.unwrap_or_default());
        take(&coordinator, answer).await
    }
}

/// Bytes of an answer, [`MOST_BYTES`] at most.
#[derive(Default)]
pub(super) struct Bounded(pub Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            let words = format!("the rows are more than {} MiB, and a page takes no more", MOST_BYTES >> 20);
            return Err(io::Error::other(words));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
