//! Rows written by the function as files of a table: first among the results, where it may write, then copied into the table's
//! folder by the caller's own rights, from the bucket to itself.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use quack_function::copy::CopyValue;
use quack_function::sql::{identifier, literal};
use quack_function::sql_type::SqlType;
use quack_function::wire::{Column, Destination, Encoding, Event, Spill};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::done::Changed;
use super::staged::{Place, Staged, Wrote};
use super::transaction::Transaction;
use crate::bucket::upload;
use crate::error::{failure, more_help};
use crate::invoke::tables::{self, Named};
use crate::lake::catalog::DataFile;
use crate::lake::load::written::{NULL_FOLDER, WHOLE};
use crate::output::{self, Format, Look};
use crate::planner::{Fetch, Grain, Planner, Request, Workers};
use crate::private;
use crate::query::{self, Answer, Coordinator, Part};
use crate::rows::ResultSet;

/// Most files that one statement may write.
const MOST_FILES: usize = 10_000;

/// Who makes a change.
pub(crate) struct Session<'a> {
    pub transaction: &'a Transaction,
    pub cancel: &'a CancellationToken,
    /// Most rows of a RETURNING that come back; all without.
    pub limit: Option<u64>,
    /// How they come.
    pub spill: Spill,
    /// How many functions may write side by side.
    pub workers: Workers,
}

/// What a statement needs of the function: its own answers, and what they cost together.
pub(super) struct Work<'a> {
    pub coordinator: &'a Coordinator<'a>,
    pub session: &'a Session<'a>,
    /// US dollars.
    pub cost_usd: f64,
    /// Most that wrote side by side.
    pub functions: usize,
}

/// What is to be written.
pub(super) struct Rows<'a> {
    /// What sets variables before the query.
    pub variables: &'a str,
    /// The query, whose rows are of the `columns`' types.
    pub sql: String,
    /// The table, for people.
    pub label: &'a str,
    /// The columns of the files, as the table has them.
    pub columns: &'a [Column],
    pub partitions: &'a [Column],
    /// Whether many functions may write them.
    pub may_divide: bool,
}

impl Rows<'_> {
    /// How they are written: one file, or a folder of them, relative to where that is.
    fn destination(&self) -> Destination {
        let mut options: BTreeMap<String, CopyValue> = [
            ("RETURN_STATS", CopyValue::Flag(true)),
            ("PARQUET_VERSION", CopyValue::Text("v2".to_owned())),
            ("COMPRESSION", CopyValue::Text("snappy".to_owned())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let uri = match self.partitions {
            [] => WHOLE.to_owned(),
            partitions => {
                let names = partitions.iter().map(|column| column.name.clone()).collect();
                options.insert("PARTITION_BY".to_owned(), CopyValue::Columns(names));
                String::new()
            }
        };
        Destination { uri, format: Some("parquet".to_owned()), options }
    }
}

impl Rows<'_> {
    /// A query for rows of the table as files are to have them, and what sets variables before it.
    fn written(&self, sql: &str) -> String {
        let mut is_other = false;
        let all = self.columns.iter().chain(self.partitions).enumerate().map(|(at, Column { name, sql_type })| {
            let name = identifier(name);
            // What they are partitioned by is in no file.
            let own = SqlType::parse(sql_type).ok().filter(|_| at < self.columns.len());
            match own.and_then(|own| own.written(&name)) {
                Some(value) => {
                    is_other = true;
                    format!("{value} AS {name}")
                }
                None => name,
            }
        });
        let all = all.collect::<Vec<_>>().join(", ");
        match is_other {
            true => format!("{}SELECT {all} FROM (\n{sql}\n) AS quack_rows", self.variables),
            false => format!("{}{sql}", self.variables),
        }
    }
}

/// What to do about an integer that files have no room for.
fn with_digits(error: anyhow::Error) -> anyhow::Error {
    match error.to_string().contains("to DECIMAL(38,0) when casting from") {
        true => more_help(
            &error,
            "HUGEINT and UHUGEINT are kept with up to 38 digits: CAST(... AS VARCHAR) keeps more; nothing was changed",
        ),
        false => error,
    }
}

/// Rows, each read as a `T`.
fn read<T: for<'de> Deserialize<'de>>(rows: ResultSet) -> Result<Vec<T>> {
    let mut text = Vec::new();
    output::write(rows, Format::Jsonl, Look::default(), &mut text)?;
    let rows = serde_json::Deserializer::from_slice(&text).into_iter::<T>();
    let unknown = || failure("the function's answer is not as it should be", "run `quackctl up`, and try again");
    rows.collect::<Result<_, _>>().with_context(unknown)
}

impl<'a> Work<'a> {
    pub(super) fn new(coordinator: &'a Coordinator<'a>, session: &'a Session<'a>) -> Self {
        Self { coordinator, session, cost_usd: 0.0, functions: 1 }
    }

    /// What was done, with what it took.
    pub(super) fn spent(&self, changed: Changed) -> Changed {
        let functions = (self.functions > 1).then_some(self.functions);
        Changed { cost_usd: self.cost_usd, functions, ..changed }
    }

    async fn ask(&mut self, sql: &str, into: Option<Destination>) -> Result<Answer> {
        self.answer(sql, into, None, Spill::Auto).await
    }

    /// What a RETURNING gives: these items, of `from`.
    ///
    /// # Errors
    /// What DuckDB says of it.
    pub(super) async fn returned(&mut self, items: &[String], from: &str, variables: &str) -> Result<Answer> {
        let sql = format!("{variables}SELECT {} FROM {from}", items.join(", "));
        self.answer(&sql, None, self.session.limit, self.session.spill).await
    }

    /// One call of the function, for all rows.
    fn event(&self, sql: &str) -> Event {
        let Coordinator { catalog, target, params, .. } = *self.coordinator;
        let Named { tables, views } = tables::named_in(sql, catalog, &target.bucket.name);
        let (q, format, spill) = (sql.to_owned(), Encoding::Arrow, Spill::Auto);
        let params = params.clone();
        let who = self.coordinator.who(&q);
        Event { q, limit: None, all: true, format, spill, into: None, tables, views, params, result: None, who }
    }

    /// What one function is to write, rows as `rows` are, which reads `files`.
    pub(super) fn part(&self, rows: &Rows<'_>, sql: &str, files: &[&DataFile]) -> Part {
        self.part_again(rows, &rows.written(sql), files)
    }

    /// The same of what was written already, as it is.
    pub(super) fn part_again(&self, rows: &Rows<'_>, sql: &str, files: &[&DataFile]) -> Part {
        Part {
            event: self.event(sql),
            table: rows.label.to_owned(),
            files: files.iter().map(|file| file.key.clone().into()).collect(),
            bytes: files.iter().map(|file| file.bytes).fold(0, u64::saturating_add),
        }
    }

    async fn answer(
        &mut self,
        sql: &str,
        into: Option<Destination>,
        limit: Option<u64>,
        spill: Spill,
    ) -> Result<Answer> {
        let event = Event { limit, all: limit.is_none(), spill, into, ..self.event(sql) };
        let answer = query::ask(self.coordinator, &event, self.session.cancel).await?;
        self.cost_usd += answer.account.cost_usd.unwrap_or(0.0);
        Ok(answer)
    }

    /// The rows that `sql` gives, each read as a `T`.
    ///
    /// # Errors
    /// What the function says; rows that are none.
    pub(super) async fn rows<T: for<'de> Deserialize<'de>>(&mut self, sql: &str) -> Result<Vec<T>> {
        let answer = self.ask(sql, None).await?;
        self.read(answer).await
    }

    async fn read<T: for<'de> Deserialize<'de>>(&self, answer: Answer) -> Result<Vec<T>> {
        read(self.coordinator.rows(answer, self.session.cancel).await?)
    }

    /// The columns of a query; nothing of it is run. `sql` is it behind `DESCRIBE`.
    ///
    /// # Errors
    /// What DuckDB says of it.
    pub(super) async fn columns(&mut self, sql: &str) -> Result<Vec<Column>> {
        #[derive(Deserialize)]
        struct Described {
            column_name: String,
            column_type: String,
        }
        let described: Vec<Described> = self.rows(sql).await?;
        Ok(described
            .into_iter()
            .map(|Described { column_name, column_type }| Column { name: column_name, sql_type: column_type })
            .collect())
    }

    /// Has the function write the rows of a query, or many of it, each a part, where that is the same and pays.
    ///
    /// # Errors
    /// What DuckDB says of it; more files than there may be. Nothing stays behind.
    pub(super) async fn write(&mut self, rows: &Rows<'_>) -> Result<Staged<'a>> {
        let wrote = match self.fetch(rows) {
            Some(fetch) => self.by_parts(rows, &query::parts(self.coordinator, &fetch)?).await?,
            None => vec![self.by_one(rows).await.map_err(with_digits)?],
        };
        self.staged(rows, wrote).await
    }

    /// What functions have written, as files of a table.
    ///
    /// # Errors
    /// Files that they were not to write; more of them than there may be. Nothing stays behind.
    pub(super) async fn staged(&mut self, rows: &Rows<'_>, wrote: Vec<Wrote>) -> Result<Staged<'a>> {
        let folders: Vec<String> = wrote.iter().map(|wrote| wrote.folder.clone()).collect();
        let staged = self.told(rows, wrote).await;
        if staged.is_err() {
            for folder in &folders {
                upload::delete_below(&self.coordinator.target.bucket, folder).await;
            }
        }
        staged
    }

    /// How the rows are divided, if they are.
    fn fetch(&self, rows: &Rows<'_>) -> Option<Fetch> {
        let (context, catalog) = (self.coordinator.context, self.coordinator.catalog);
        let sql = &rows.written(&rows.sql);
        let request = Request {
            sql,
            catalog,
            workers: self.session.workers,
            gather_bytes: 0,
            limit: None,
            grain: Grain::default(),
        };
        match rows.may_divide.then(|| Planner::default().stack(&request))? {
            Ok(fetch) => Some(fetch),
            Err(why) => {
                context.detail(why);
                None
            }
        }
    }

    async fn by_one(&mut self, rows: &Rows<'_>) -> Result<Wrote> {
        let bucket = &self.coordinator.target.bucket;
        let folder = format!("{}{}/", bucket.layout.results, private::name());
        let relative = rows.destination();
        let uri = format!("s3://{}/{folder}{}", bucket.name, relative.uri).trim_end_matches('/').to_owned();
        let written = match self.ask(&rows.written(&rows.sql), Some(Destination { uri, ..relative })).await {
            Ok(answer) => self.read(answer).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(files) => Ok(Wrote { folder, files }),
            Err(error) => {
                upload::delete_below(bucket, &folder).await;
                Err(error)
            }
        }
    }

    /// Has each part be written by a function of its own, as `rows` are to be.
    ///
    /// # Errors
    /// What DuckDB says of one. Nothing stays behind.
    pub(super) async fn by_parts(&mut self, rows: &Rows<'_>, parts: &[Part]) -> Result<Vec<Wrote>> {
        let (coordinator, Session { workers, cancel, .. }) = (self.coordinator, self.session);
        coordinator.context.detail(format_args!("{} functions write a part each", parts.len()));
        let (wrote, stats) =
            query::write(coordinator, parts, &rows.destination(), workers.most(), cancel).await.map_err(with_digits)?;
        self.cost_usd += stats.cost_usd;
        self.functions = self.functions.max(stats.functions.min(workers.most()));
        let folders: Vec<String> = wrote.iter().map(|wrote| wrote.folder.clone()).collect();
        let read = wrote.into_iter().map(|wrote| Ok(Wrote { files: read(wrote.rows)?, folder: wrote.folder }));
        let read = read.collect::<Result<Vec<_>>>();
        if read.is_err() {
            for folder in &folders {
                upload::delete_below(&coordinator.target.bucket, folder).await;
            }
        }
        read
    }

    async fn told(&mut self, rows: &Rows<'_>, wrote: Vec<Wrote>) -> Result<Staged<'a>> {
        let count: usize = wrote.iter().map(|wrote| wrote.files.len()).sum();
        if count > MOST_FILES {
            return Err(failure(
                format!("`{}` would have {count} new files, more than {MOST_FILES}", rows.label),
                "partition by something coarser, e.g. days rather than seconds",
            ));
        }
        let mut columns = rows.columns.to_vec();
        let is_told = |column: &&mut Column| SqlType::parse(&column.sql_type).is_ok_and(|own| own.is_told_by_files());
        let mut told: Vec<&mut Column> = columns.iter_mut().filter(is_told).collect();
        if let (false, Some(first)) = (told.is_empty(), wrote.iter().flat_map(|wrote| &wrote.files).next()) {
            let reader = format!("read_parquet({}, hive_partitioning = false)", literal(&first.filename));
            let names: Vec<String> = told.iter().map(|column| identifier(&column.name)).collect();
            let found = self.columns(&format!("DESCRIBE SELECT {} FROM {reader}", names.join(", "))).await?;
            for (column, Column { sql_type, .. }) in told.iter_mut().zip(found) {
                column.sql_type = sql_type;
            }
        }
        let mut staged = Staged::new(&self.coordinator.target.bucket, columns);
        let are_many = wrote.len() > 1;
        for (part, Wrote { folder, files }) in wrote.into_iter().enumerate() {
            let part = are_many.then_some(part);
            let place = Place { folder: &folder, part, label: rows.label, partitions: rows.partitions };
            for written in files {
                staged.add(&place, written)?;
            }
        }
        Ok(staged)
    }

    /// Has the function write a file with no rows: a table that has none is one all the same.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub(super) async fn write_empty(
        &mut self,
        columns: &[Column],
        label: &str,
        partitions: &[Column],
    ) -> Result<Staged<'a>> {
        let nulls =
            columns.iter().map(|column| format!("CAST(NULL AS {}) AS {}", column.sql_type, identifier(&column.name)));
        let sql = format!("SELECT {} LIMIT 0", nulls.collect::<Vec<_>>().join(", "));
        let rows = Rows { variables: "", sql, label, columns, partitions: &[], may_divide: false };
        let mut staged = self.write(&rows).await?;
        let folders: String = partitions.iter().map(|column| format!("{}={NULL_FOLDER}/", column.name)).collect();
        for file in &mut staged.files {
            file.key = format!("{folders}{}", file.key);
            file.partition = vec![None; partitions.len()];
        }
        Ok(staged)
    }
}
