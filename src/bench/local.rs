//! The peer: DuckDB on this machine, which reads the same files of the bucket itself.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use arrow::array::RecordBatch;
use duckdb::Connection;
use quack_function::sql::literal;

use crate::cloud::Target;
use crate::error::failure;
use crate::invoke::tables;
use crate::lake::catalog::Catalog;
use quack_pinned::duckdb::extension;

/// DuckDB in memory with its own defaults (all cores, most of the memory), left open from one query to the next, as an
/// instance of the function is.
pub(super) struct Local(Arc<Mutex<Connection>>);

impl Local {
    /// Opens DuckDB with the tables that `sql` may name.
    ///
    /// # Errors
    /// An extension that cannot be fetched, no credentials, a table that cannot be read.
    pub(super) async fn open(target: &Target, catalog: &Catalog, sql: &str) -> Result<Self> {
        let httpfs = extension("httpfs", crate::arch::host()?).context("the extension httpfs is not known")?;
        let httpfs = httpfs.map_err(|error| anyhow!("{error}"))?;
        let secret = target.s3_access().await?.secret_options();
        let tables = tables::named_in(sql, catalog, &target.bucket.name);
        let views = tables.iter().map(|table| Ok(table.view_sql()? + ";\n")).collect::<Result<Vec<_>>>()?;
        let setup = format!(
            "SET autoinstall_known_extensions = false; SET arrow_lossless_conversion = true;
             SET enable_progress_bar = false; LOAD {}; CREATE SECRET ({secret});
             {}",
            literal(&httpfs.to_string_lossy()),
            views.concat(),
        );
        let opened = tokio::task::spawn_blocking(move || -> duckdb::Result<Connection> {
            let connection = Connection::open_in_memory()?;
            connection.execute_batch(&setup)?;
            Ok(connection)
        });
        Ok(Self(Arc::new(Mutex::new(opened.await?.map_err(failed)?))))
    }

    /// All rows of `sql`. Dropped before its end, it stops DuckDB.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let (connection, sql) = (self.0.clone(), sql.to_owned());
        let stop = Stop(self.lock().interrupt_handle());
        let rows = tokio::task::spawn_blocking(move || -> duckdb::Result<Vec<RecordBatch>> {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let mut statement = connection.prepare(&sql)?;
            Ok(statement.query_arrow([])?.collect())
        });
        let rows = rows.await?.map_err(failed);
        drop(stop);
        rows
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Interrupts the query that runs when it is dropped; one that has ended does not mind.
struct Stop(Arc<duckdb::InterruptHandle>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

fn failed(error: duckdb::Error) -> anyhow::Error {
    let text = match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => text,
        other => other.to_string(),
    };
    failure(format!("DuckDB on this machine: {text}"), "whatever runs here has to reach the bucket, too")
}
