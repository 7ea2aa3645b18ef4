//! The final stage: what the splits bring goes into a DuckDB here as it comes, and the final query runs over it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use quack_function::sql::{identifier, literal};
use quack_function::wire::Column;
use tempfile::TempPath;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use super::appender::Database;
use crate::duck::batches::{self, Batches};
use crate::duck::{self, Sandbox, types, words};
use crate::invoke::response::Inline;
use crate::invoke::spill;
use crate::lake::load::Staging;
use crate::planner::QueryPlan;
use crate::query::answered::{Finished, PARQUET};
use crate::rows::ResultSet;

/// What one split brought.
pub(crate) enum Partial {
    /// Rows that came with the answer.
    Arrow(Inline),
    /// A Parquet file, and the columns that it holds as text.
    Parquet(TempPath, Vec<Column>),
}

/// The DuckDB of the final stage, on a thread of its own.
pub(crate) struct Merge {
    /// The only folder that it reaches: the user's SQL runs here, and not in the function's sandbox.
    folder: Arc<Staging>,
    /// Holds little, so that what functions bring waits with them rather than here.
    sender: Sender<Step>,
    batches: std::thread::JoinHandle<Result<(arrow::datatypes::SchemaRef, Batches)>>,
    /// The answer's columns, or why there are none; told once.
    columns: Option<oneshot::Receiver<Result<Vec<Column>>>>,
}

const EARLY: &str = "the final stage ended early";

/// Most partial results that wait for the final stage, each as large as a response at most, or a file.
const WAITING: usize = 4;

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
        let folder = Arc::new(Staging::new()?);
        let of_thread = folder.clone();
        let tables = plan.fetches.iter().map(|fetch| (fetch.name.clone(), fetch.columns.clone())).collect();
        let (sender, mut receiver) = channel(WAITING);
        let (told, columns) = oneshot::channel();
        let sql = plan.final_sql.clone();
        // `on_thread` waits for the schema, which comes with the last split: so it waits on a thread, too.
        let batches = std::thread::spawn(move || {
            batches::on_thread(move |send| {
                let done = Tables::new(tables, of_thread).and_then(|tables| tables.take_all(&mut receiver, &sql));
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
        Ok(Self { folder, sender, batches, columns: Some(columns) })
    }

    /// Where spilled rows are to be put.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it what a split of the fetch with this index brought; waits while it has enough to do.
    ///
    /// # Errors
    /// Why it ended, when it has: rows that came before did not fit.
    pub(crate) async fn add(&mut self, fetch: usize, partial: Partial) -> Result<()> {
        match self.sender.send(Step::Rows(fetch, partial)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Completes when it has ended too early, with the reason: nothing that functions bring is of use any more.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        self.sender.closed().await;
        self.failure().await
    }

    /// Why it has ended.
    async fn failure(&mut self) -> anyhow::Error {
        match self.columns().await {
            Err(error) => error,
            Ok(_) => anyhow!(EARLY),
        }
    }

    async fn columns(&mut self) -> Result<Vec<Column>> {
        self.columns.take().context(EARLY)?.await.context(EARLY)?
    }

    /// Runs the final query.
    ///
    /// # Errors
    /// Rows that did not fit, DuckDB's own errors; later ones come from the batches.
    pub(crate) async fn finish(mut self, finish: Finish) -> Result<Finished> {
        let _ = self.sender.send(Step::Finish(finish)).await;
        let columns = self.columns().await?;
        let batches = tokio::task::spawn_blocking(move || self.batches.join()).await?;
        let (schema, batches) = batches.map_err(|_| anyhow!(EARLY))??;
        let result = ResultSet { schema, columns, batches: Box::new(batches) };
        Ok(Finished { result, folder: self.folder })
    }
}

/// The tables of partial results.
struct Tables {
    // Closed before the database that it is of.
    connection: duckdb::Connection,
    database: Database,
    /// Each table's name, and the columns that the plan gives it.
    tables: Vec<(String, Vec<Column>)>,
    folder: Arc<Staging>,
}

impl Tables {
    fn new(tables: Vec<(String, Vec<Column>)>, folder: Arc<Staging>) -> Result<Self> {
        let database = Database::open()?;
        let connection = database.connect()?;
        let sandbox = Sandbox {
            folder: Some(folder.path()),
            spill: Some(folder.path()),
            // What is gathered may be more: it goes into the folder.
            memory: Some("640MB"),
            threads: Some(batches::THREADS),
            setup: batches::SETTINGS,
            ..Sandbox::default()
        };
        duck::lock(&connection, &sandbox)?;
        for (name, columns) in &tables {
            let columns: Vec<String> =
                columns.iter().map(|column| format!("{} {}", identifier(&column.name), column.sql_type)).collect();
            connection.execute_batch(&format!("CREATE TABLE {} ({})", identifier(name), columns.join(", ")))?;
        }
        Ok(Self { connection, database, tables, folder })
    }

    /// Takes rows until everything is there; gives the answer's columns, and the query that is left to run.
    fn take_all(mut self, steps: &mut Receiver<Step>, sql: &str) -> Result<(Self, Vec<Column>, String)> {
        loop {
            match steps.blocking_recv().context("the query was given up")? {
                Step::Rows(fetch, partial) => self.take(fetch, partial)?,
                Step::Finish(finish) => {
                    self.database.write()?;
                    let columns = words::columns(&self.connection, sql)?;
                    let run = match finish {
                        Finish::Rows => sql.to_owned(),
                        Finish::Parquet => {
                            let path = literal(&self.folder.path().join(PARQUET).to_string_lossy());
                            format!("COPY ({}) TO {path} (FORMAT parquet)", in_parquet(sql, &columns)?)
                        }
                    };
                    return Ok((self, columns, run));
                }
            }
        }
    }

    fn take(&mut self, fetch: usize, partial: Partial) -> Result<()> {
        let (name, columns) = self.tables.get(fetch).context("rows of no fetch")?;
        match partial {
            Partial::Arrow(inline) => {
                for batch in inline.open_as(columns)?.batches {
                    self.database.append(name, &batch?)?;
                }
            }
            Partial::Parquet(file, cast_back) => {
                let select = spill::select(&file.to_string_lossy(), &cast_back)?;
                spill::check_columns(&self.connection, &select, columns)?;
                // Those that came before stay before them.
                self.database.write()?;
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

/// The query `sql` with its columns as Parquet keeps all of their values: as one function writes them, too.
fn in_parquet(sql: &str, columns: &[Column]) -> Result<String> {
    let (mut names, mut selected) = (Vec::new(), Vec::new());
    for (index, column) in columns.iter().enumerate() {
        let name = format!("c{index}");
        let kept = types::parse(&column.sql_type).map_err(|error| anyhow!(error))?.in_parquet();
        let value = kept.map_or_else(|| name.clone(), |kept| format!("CAST({name} AS {kept})"));
        selected.push(format!("{value} AS {}", identifier(&column.name)));
        names.push(name);
    }
    Ok(format!("SELECT {} FROM ({sql}\n) AS answer({})", selected.join(", "), names.join(", ")))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch};
    use arrow::datatypes::Int64Type;
    use arrow_ipc::writer::StreamWriter;

    use super::*;

    fn plan() -> QueryPlan {
        let column = Column { name: "n".to_owned(), sql_type: "BIGINT".to_owned() };
        QueryPlan::of_one_part(vec![column])
    }

    #[tokio::test]
    async fn parquet_keeps_every_digit() {
        let sql =
            "SELECT sum(n) AS \"a b\", sum(n), [sum(n)] AS list FROM (FROM part UNION ALL SELECT 9007199254740993)";
        let plan = QueryPlan { final_sql: sql.to_owned(), ..plan() };
        let finished = Merge::start(&plan).unwrap().finish(Finish::Parquet).await.unwrap();
        let path = finished.parquet();
        assert_eq!(finished.result.batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
        let connection = duckdb::Connection::open_in_memory().unwrap();
        let sql = format!("SELECT \"a b\"::VARCHAR || typeof(list) FROM '{}'", path.display());
        let found: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, "9007199254740993DECIMAL(38,0)[]");
    }

    #[tokio::test]
    async fn rows_that_do_not_fit_end_it_at_once_and_what_comes_after_is_refused() {
        let mut merge = Merge::start(&plan()).unwrap();
        merge.add(0, Partial::Arrow(Inline::of(b"no stream".to_vec(), Vec::new(), 0))).await.unwrap();
        let error = tokio::time::timeout(std::time::Duration::from_secs(60), merge.failed()).await.unwrap();
        assert!(!error.to_string().is_empty() && !error.to_string().contains("ended early"), "{error:#}");
        let refused = merge.add(0, Partial::Arrow(Inline::of(b"more".to_vec(), Vec::new(), 0))).await;
        assert!(refused.is_err());
    }

    /// A number that came with the answer.
    fn inline(n: i64) -> Partial {
        let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![n])) as ArrayRef)]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        Partial::Arrow(Inline::of(writer.into_inner().unwrap(), plan().fetches.remove(0).columns, 1))
    }

    /// The rows of `sql` as a file for `merge`.
    fn spilled(merge: &Merge, sql: &str, cast_back: Vec<Column>) -> Partial {
        let file = tempfile::Builder::new().suffix(".parquet").tempfile_in(merge.folder()).unwrap().into_temp_path();
        let copy = format!("COPY ({sql}) TO '{}' (FORMAT parquet)", file.display());
        duckdb::Connection::open_in_memory().unwrap().execute_batch(&copy).unwrap();
        Partial::Parquet(file, cast_back)
    }

    #[tokio::test]
    async fn rows_stay_in_the_order_that_they_came_in_however_they_came() {
        let mut merge = Merge::start(&plan()).unwrap();
        for n in 0..9 {
            let partial =
                if n % 3 == 2 { spilled(&merge, &format!("SELECT {n}::BIGINT AS n"), Vec::new()) } else { inline(n) };
            merge.add(0, partial).await.unwrap();
        }
        let rows = merge.finish(Finish::Rows).await.unwrap().result.batches;
        let numbers = |batch: RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(rows.flat_map(|batch| numbers(batch.unwrap())).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
    }

    /// What a merge says of a Parquet file of the rows of `sql`.
    async fn told_of(sql: &str, cast_back: Vec<Column>) -> Result<Finished> {
        let mut merge = Merge::start(&plan()).unwrap();
        merge.add(0, spilled(&merge, sql, cast_back)).await.unwrap();
        merge.finish(Finish::Rows).await
    }

    #[tokio::test]
    async fn a_spilled_part_has_the_columns_of_the_plan() {
        let own = plan().fetches.remove(0).columns;
        let (name, sql_type) = (&own[0].name, &own[0].sql_type);
        assert!(told_of(&format!("SELECT CAST(1 AS {sql_type}) AS {name}"), Vec::new()).await.is_ok());
        for sql in [
            format!("SELECT '1' AS {name}"),
            format!("SELECT CAST(1 AS {sql_type}) AS other"),
            format!("SELECT CAST(1 AS {sql_type}) AS {name}, 2 AS more"),
        ] {
            let error = told_of(&sql, Vec::new()).await.err().expect(&sql);
            assert!(error.to_string().contains("other columns than were told"), "{sql}: {error:#}");
        }
        let sql_type = format!("{sql_type}) AS {name}) FROM read_text('/etc/passwd') --");
        let cast_back = vec![Column { name: name.clone(), sql_type }];
        let error = told_of(&format!("SELECT '1' AS {name}"), cast_back).await.err().unwrap();
        assert!(error.to_string().contains("is no type"), "{error:#}");
    }
}
