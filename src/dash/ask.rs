//! A query of a page, run: as any query is, with the values of its inputs bound.

use std::io::{self, Write};

use anyhow::Result;
use quack_function::wire::{Params, Spill};
use tokio_util::sync::CancellationToken;

use super::compose::Composed;
use super::page::{self, Page};
use crate::cloud::Target;
use crate::console::context::{Caller, Context};
use crate::lake::catalog;
use crate::planner::Workers;
use crate::query::{self, Account, Answer, Coordinator, Request};
use crate::rows::ResultSet;
use quack_page::form::MOST_BYTES;
use quack_page::input::Given;

/// Most rows that are shown on a page.
pub(super) const MOST_ROWS: u64 = 100_000;

/// The values of the inputs that a query has: what is given, else what the page says; and who looks, which is `user`.
///
/// # Errors
/// A value that is none of its input's.
pub(super) fn params(page: &Page, composed: &Composed, given: &Given, user: &str) -> Result<Params, String> {
    let mut params = Params::new();
    for input in composed.inputs.iter().filter_map(|at| page.inputs.get(*at)) {
        params.extend(input.values(given)?);
    }
    if composed.reads_user {
        params.insert(page::USER.to_owned(), Some(user.to_owned()));
    }
    Ok(params)
}

/// A query that is to be run, with the values of its parameters.
pub(super) struct Asking<'a> {
    pub context: &'a Context,
    pub target: &'a Target,
    pub sql: &'a str,
    pub params: &'a Params,
    pub cancel: &'a CancellationToken,
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
        let Self { context, target, sql, params, cancel } = *self;
        let caller = Caller { application: "quackctl dash".to_owned(), ..context.caller.clone() };
        let catalog = catalog::read_for(&target.bucket, sql).await?;
        let travelled = query::travel(&target.bucket, &catalog, sql).await?;
        let (sql, catalog) = travelled.unwrap_or_else(|| (sql.to_owned(), catalog));
        let coordinator = Coordinator { params, caller: &caller, ..Coordinator::new(context, target, &catalog) };
        let request = Request { sql, limit, spill };
        let answer = query::answer(&coordinator, &request, Workers::default(), cancel).await?;
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
