//! The columns of a query, by a DuckDB without rows, within a time: nothing interrupts DuckDB while it binds, and `SELECT *, *` of a query
//! doubles its columns.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use quack_function::wire::{Column, Params};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::error::{failure, interrupted};
use crate::lake::catalog::Catalog;
use crate::lake::hollow::Hollow;

/// How long a query may take to bind: a second is long. One that goes on takes more memory all the while, which ends with the program.
const WITHIN: Duration = Duration::from_secs(5);

/// What binds pages' queries.
pub(super) struct Binder<'a> {
    catalog: &'a Catalog,
    /// None while it binds.
    hollow: RefCell<Option<Hollow>>,
}

impl<'a> Binder<'a> {
    /// Over the tables of a catalog.
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, hollow: RefCell::default() }
    }

    /// The columns of the query of that name.
    ///
    /// # Errors
    /// The outer one: `cancel`, DuckDB that does not start, a query that takes too long. The inner one: what is wrong with the query.
    pub(super) async fn columns(
        &self,
        name: &str,
        (sql, params): (&str, &Params),
        cancel: &CancellationToken,
    ) -> Result<Result<Vec<Column>>> {
        let kept = self.hollow.borrow_mut().take();
        let hollow = match kept {
            Some(hollow) => hollow,
            None => Hollow::of(self.catalog, |_| true)?,
        };
        let (answer, answered) = oneshot::channel();
        let (sql, params) = (sql.to_owned(), params.clone());
        // Not a thread that the end of the program waits for.
        thread::Builder::new().name("bind".to_owned()).spawn(move || {
            let columns = hollow.columns(&sql, &params);
            _ = answer.send((columns, hollow));
        })?;
        tokio::select! {
            answered = answered => {
                let (columns, hollow) = answered?;
                self.hollow.replace(Some(hollow));
                Ok(columns)
            }
            () = cancel.cancelled() => Err(interrupted("interrupted")),
            () = tokio::time::sleep(WITHIN) => {
                let words = format!("`{name}`: DuckDB does not say within {} s what columns it has", WITHIN.as_secs());
                Err(failure(words, "name the columns that it needs, rather than `*` of queries of `*`"))
            }
        }
    }
}
