//! The final stage: what the splits bring goes into a DuckDB here as it comes, and the final query runs over it.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context as _, Result, anyhow};
use arrow_ipc::reader::StreamReader;
use quack_function::sql::{identifier, literal};
use quack_function::wire::Column;
use tempfile::{TempDir, TempPath};
use tokio::sync::oneshot;

use super::appender::Database;
use crate::duck::batches::{self, Batches};
use crate::duck::open as duck;
use crate::invoke::spill;
use crate::planner::QueryPlan;
use crate::query::answered::{Finished, PARQUET};
use crate::rows::ResultSet;

/// What one split brought.
pub(crate) enum Partial {
    /// An Arrow IPC stream.
    Arrow(Vec<u8>),
    /// A Parquet file, and the columns that it holds as text.
    Parquet(TempPath, Vec<Column>),
}

/// The DuckDB of the final stage, on a thread of its own.
pub(crate) struct Merge {
    /// The only folder that it reaches: the user's SQL runs here, and not in the function's sandbox.
    folder: Arc<TempDir>,
    sender: Sender<Step>,
    batches: std::thread::JoinHandle<Result<(arrow::datatypes::SchemaRef, Batches)>>,
    columns: oneshot::Receiver<Result<Vec<Column>>>,
}

enum Step {
    /// Rows for the table of a fetch.
    Rows(usize, Partial),
    /// Everything is there.
    Finish(Finish),
}

/// What becomes of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Rows,
    /// It is written to [`Finished::parquet`], and there are no rows.
    Parquet,
}

impl Merge {
    /// Makes the tables of `plan`, empty.
    ///
    /// # Errors
    /// When there is no temporary folder to be had.
    pub(crate) fn start(plan: &QueryPlan) -> Result<Self> {
        let folder = Arc::new(tempfile::Builder::new().prefix("quackctl-").tempdir()?);
        let of_thread = folder.clone();
        let tables = plan.fetches.iter().map(|fetch| (fetch.name.clone(), fetch.columns.clone())).collect();
        let (sender, receiver) = channel();
        let (told, columns) = oneshot::channel();
        let sql = plan.final_sql.clone();
        // `on_thread` waits for the schema, which comes with the last split: so it waits on a thread, too.
        let batches = std::thread::spawn(move || {
            batches::on_thread(move |send| {
                let done = Tables::new(tables, of_thread).and_then(|tables| tables.take_all(&receiver, &sql));
                match done {
                    Ok((tables, columns, sql)) => {
                        let _ = told.send(Ok(columns));
                        tables.send(&sql, send)
                    }
                    Err(error) => {
                        let _ = told.send(Err(error));
                        Err(anyhow!("the final query did not run"))
                    }
                }
            })
        });
        Ok(Self { folder, sender, batches, columns })
    }

    /// Where spilled rows are to be put.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it what a split of the fetch with this index brought.
    pub(crate) fn add(&self, fetch: usize, partial: Partial) {
        // A thread that has ended has failed, which `finish` tells.
        let _ = self.sender.send(Step::Rows(fetch, partial));
    }

    /// Runs the final query.
    ///
    /// # Errors
    /// Rows that did not fit, DuckDB's own errors; later ones come from the batches.
    pub(crate) async fn finish(self, finish: Finish) -> Result<Finished> {
        let _ = self.sender.send(Step::Finish(finish));
        let columns = self.columns.await.context("the final stage ended early")??;
        let batches = tokio::task::spawn_blocking(move || self.batches.join()).await?;
        let (schema, batches) = batches.map_err(|_| anyhow!("the final stage ended early"))??;
        let result = ResultSet { schema, columns, batches: Box::new(batches) };
        Ok(Finished { result, folder: self.folder })
    }
}

/// The tables of partial results.
struct Tables {
    // Closed before the database that it is of.
    connection: duckdb::Connection,
    database: Database,
    names: Vec<String>,
    folder: Arc<TempDir>,
}

impl Tables {
    fn new(tables: Vec<(String, Vec<Column>)>, folder: Arc<TempDir>) -> Result<Self> {
        let database = Database::open()?;
        let connection = database.connect()?;
        connection.execute_batch(batches::SETTINGS)?;
        let place = literal(&folder.path().to_string_lossy());
        // What is gathered may be more than a result is.
        connection.execute_batch(&format!(
            "SET memory_limit = '2GB'; SET temp_directory = {place}; SET allowed_directories = [{place}];
             SET enable_external_access = false; SET lock_configuration = true;"
        ))?;
        for (name, columns) in &tables {
            let columns: Vec<String> =
                columns.iter().map(|column| format!("{} {}", identifier(&column.name), column.sql_type)).collect();
            connection.execute_batch(&format!("CREATE TABLE {} ({})", identifier(name), columns.join(", ")))?;
        }
        let names = tables.into_iter().map(|(name, _)| name).collect();
        Ok(Self { connection, database, names, folder })
    }

    /// Takes rows until everything is there; gives the answer's columns, and the query that is left to run.
    fn take_all(self, steps: &Receiver<Step>, sql: &str) -> Result<(Self, Vec<Column>, String)> {
        loop {
            match steps.recv().context("the query was given up")? {
                Step::Rows(fetch, partial) => {
                    let name = self.names.get(fetch).context("rows of no fetch")?;
                    self.take(name, partial)?;
                }
                Step::Finish(Finish::Rows) => {
                    let columns = duck::columns(&self.connection, sql)?;
                    return Ok((self, columns, sql.to_owned()));
                }
                Step::Finish(Finish::Parquet) => {
                    let columns = duck::columns(&self.connection, sql)?;
                    let path = literal(&self.folder.path().join(PARQUET).to_string_lossy());
                    return Ok((self, columns, format!("COPY ({sql}) TO {path} (FORMAT parquet)")));
                }
            }
        }
    }

    fn take(&self, name: &str, partial: Partial) -> Result<()> {
        match partial {
            Partial::Arrow(stream) => {
                for batch in StreamReader::try_new(Cursor::new(stream), None)? {
                    self.database.append(name, &batch?)?;
                }
            }
            Partial::Parquet(file, cast_back) => {
                let select = spill::select(&file.to_string_lossy(), &cast_back);
                self.connection.execute_batch(&format!("INSERT INTO {} {select}", identifier(name)))?;
            }
        }
        Ok(())
    }

    fn send(self, sql: &str, send: batches::Sink<'_>) -> Result<()> {
        let sent = batches::send(&self.connection, sql, send);
        // In this order, whatever the fields' is.
        drop(self.connection);
        drop(self.database);
        sent
    }
}
