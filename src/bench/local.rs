//! The peer: DuckDB on this machine, which reads the same files of the bucket itself.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use arrow::array::RecordBatch;
use duckdb::Connection;
use quack_function::sql::literal;
use tempfile::TempDir;

use crate::cloud::Target;
use crate::config::S3Folder;
use crate::duck::{self, Sandbox, batches};
use crate::error::failure;
use crate::invoke::tables;
use crate::lake::catalog::Catalog;
use quack_pinned::duckdb::extension;

/// DuckDB in memory with its own defaults (all cores, most of the memory), left open from one query to the next, as an
/// instance of the function is.
pub(super) struct Local {
    connection: Arc<Mutex<Connection>>,
    /// Goes when DuckDB does.
    _spill: TempDir,
}

impl Local {
    /// Opens DuckDB with the tables that `sql` may name. It reaches the bucket and the folders `read`, nothing of this
    /// machine.
    ///
    /// # Errors
    /// An extension that cannot be fetched, no credentials, a table that cannot be read.
    pub(super) async fn open(target: &Target, read: &[S3Folder], catalog: &Catalog, sql: &str) -> Result<Self> {
        let httpfs = extension("httpfs", crate::arch::host()?).context("the extension httpfs is not known")?;
        let httpfs = httpfs.map_err(|error| anyhow!("{error}"))?;
        let secret = target.s3_access().await?.secret_options();
        let tables = tables::named_in(sql, catalog, &target.bucket.name);
        let views = tables.iter().map(|table| Ok(table.view_sql()? + ";\n")).collect::<Result<Vec<_>>>()?;
        let httpfs = literal(&httpfs.to_string_lossy());
        let setup = format!("{}; LOAD {httpfs}; CREATE SECRET ({secret})", batches::SETTINGS);
        let mut buckets = vec![format!("s3://{}/", target.bucket.name)];
        buckets.extend(read.iter().map(ToString::to_string));
        let opened = tokio::task::spawn_blocking(move || {
            let spill = tempfile::Builder::new().prefix("quackctl-").tempdir()?;
            let sandbox = Sandbox { buckets: &buckets, spill: Some(spill.path()), setup: &setup, ..Sandbox::default() };
            let connection = duck::open(&sandbox)?;
            connection.execute_batch(&views.concat()).map_err(failed)?;
            anyhow::Ok((connection, spill))
        });
        let (connection, spill) = opened.await??;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), _spill: spill })
    }

    /// All rows of `sql`. Dropped before its end, it stops DuckDB.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let (connection, sql) = (self.connection.clone(), sql.to_owned());
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
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
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
