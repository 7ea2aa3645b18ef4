//! The peer: DuckDB on this machine, which reads the same files of the bucket itself.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use arrow::array::RecordBatch;
use duckdb::Connection;
use quack_function::sql::literal;

use crate::cloud::Target;
use crate::config::Config;
use crate::duck::{self, Sandbox, batches};
use crate::error::failure;
use crate::fetch::pinned::{self, Web};
use crate::invoke::tables;
use crate::lake::catalog::Catalog;
use crate::lake::load::Staging;

/// DuckDB in memory with its own defaults (all cores, most of the memory), left open from one query to the next, as an
/// instance of the function is.
pub(super) struct Local {
    connection: Arc<Mutex<Connection>>,
    /// Goes when DuckDB does.
    _spill: Staging,
}

impl Local {
    /// Opens DuckDB with the tables that `sql` may name. It reaches the bucket and the folders that `config` lets it read, nothing of this
    /// machine.
    ///
    /// # Errors
    /// An extension that cannot be fetched, no credentials, a table that cannot be read.
    pub(super) async fn open(target: &Target, config: &Config, catalog: &Catalog, sql: &str) -> Result<Self> {
        let web = Web { mirror: config.mirror.as_deref(), ..Web::QUIET };
        let httpfs = pinned::extension("httpfs", crate::arch::host()?, &web)?;
        let secret = target.s3_access().await?.secret_options();
        let tables = tables::named_in(sql, catalog, &target.bucket.name).tables;
        let views = tables.iter().map(|table| Ok(table.view_sql()? + ";\n")).collect::<Result<Vec<_>>>()?;
        let httpfs = literal(&httpfs.to_string_lossy());
        let setup = format!("{}; LOAD {httpfs}; CREATE SECRET ({secret})", batches::SETTINGS);
        let mut buckets = vec![format!("s3://{}/", target.bucket.name)];
        buckets.extend(config.lake.read.iter().map(ToString::to_string));
        let opened = tokio::task::spawn_blocking(move || {
            let spill = Staging::new()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::local::testing::Lake;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_peer_reaches_the_bucket_and_nothing_of_this_machine() {
        let lake = Lake::new().await;
        let (bucket, dir) = (&lake.target.bucket, lake.dir.path().display());
        lake.write("secret.csv", "password\nhunter2\n");
        let put = bucket.s3.put_object().bucket(&bucket.name).key("a.csv");
        put.body(b"n\n42\n".to_vec().into()).send().await.unwrap();
        let local = Local::open(&lake.target, &lake.context.config, &Catalog::default(), "").await.unwrap();
        for sql in [
            format!("FROM '{dir}/secret.csv'"),
            format!("COPY (SELECT 1) TO '{dir}/written.csv'"),
            format!("ATTACH '{dir}/written.db'"),
            "SET enable_external_access = true".to_owned(),
            "FROM 's3://others/a.csv'".to_owned(),
            format!("FROM 's3://{}-not/a.csv'", bucket.name),
            "FROM read_csv('http://127.0.0.1:9/a.csv')".to_owned(),
        ] {
            assert!(local.query(&sql).await.is_err(), "{sql}");
        }
        assert!(!lake.dir.path().join("written.csv").exists() && !lake.dir.path().join("written.db").exists());
        let read = local.query(&format!("FROM 's3://{}/a.csv'", bucket.name)).await.unwrap();
        assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
}
