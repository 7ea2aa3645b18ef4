//! Rows written by the function as files of a table: first among the results, where it may write, then copied into the table's
//! folder by the caller's own rights, from the bucket to itself.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result};
use futures::{StreamExt, TryStreamExt, stream};
use quack_function::copy::CopyValue;
use quack_function::names;
use quack_function::sql::{identifier, literal};
use quack_function::wire::{Column, Destination, Encoding, Event, Spill};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::transaction::Transaction;
use crate::bucket::copy::{Source, copy};
use crate::bucket::{Bucket, upload};
use crate::error::{failure, interrupted};
use crate::invoke::tables::{self, Named};
use crate::lake::catalog::DataFile;
use crate::lake::load::commit;
use crate::lake::load::stats::{self, Told};
use crate::lake::load::written::{NULL_FOLDER, WHOLE, check_values, parquet_version};
use crate::output::{self, Format, Look};
use crate::private;
use crate::query::{self, Answer, Coordinator};

/// Most files that one statement may write.
const MOST_FILES: usize = 10_000;

/// Copies under way at once.
const WINDOW: usize = 64;

/// Who makes a change.
pub(crate) struct Session<'a> {
    pub transaction: &'a Transaction,
    pub cancel: &'a CancellationToken,
    /// Most rows of a RETURNING that come back; all without.
    pub limit: Option<u64>,
    /// How they come.
    pub spill: Spill,
}

/// What a statement needs of the function: its own answers, and what they cost together.
pub(super) struct Work<'a> {
    pub coordinator: &'a Coordinator<'a>,
    pub session: &'a Session<'a>,
    /// US dollars.
    pub cost_usd: f64,
}

/// Files that a function has written, with keys below the folder of that writing.
pub(super) struct Staged<'a> {
    bucket: &'a Bucket,
    /// Key prefix of what the function wrote.
    folder: String,
    /// Each with its key still relative; none of them without rows.
    pub files: Vec<DataFile>,
    /// Of each file, the same in order: its name below `folder`.
    names: Vec<String>,
    /// The columns in the files, as they are read back.
    pub columns: Vec<Column>,
}

/// A file, as `COPY ... (RETURN_STATS)` tells of it.
#[derive(Debug, Deserialize)]
struct Written {
    filename: String,
    count: u64,
    file_size_bytes: u64,
    #[serde(default)]
    column_statistics: Option<Told>,
    #[serde(default)]
    partition_keys: Option<HashMap<String, Option<String>>>,
}

/// What is to be written.
pub(super) struct Rows<'a> {
    /// The query, and what sets variables before it.
    pub sql: String,
    /// The table, for people.
    pub label: &'a str,
    /// The columns that the files are to have, where that is known.
    pub columns: Option<&'a [Column]>,
    pub partitions: &'a [Column],
}

impl<'a> Work<'a> {
    pub(super) fn new(coordinator: &'a Coordinator<'a>, session: &'a Session<'a>) -> Self {
        Self { coordinator, session, cost_usd: 0.0 }
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

    async fn answer(
        &mut self,
        sql: &str,
        into: Option<Destination>,
        limit: Option<u64>,
        spill: Spill,
    ) -> Result<Answer> {
        let Coordinator { catalog, target, .. } = *self.coordinator;
        let Named { tables, views } = tables::named_in(sql, catalog, &target.bucket.name);
        let (q, all) = (sql.to_owned(), limit.is_none());
        let event = Event { q, limit, all, format: Encoding::Arrow, spill, into, tables, views, result: None };
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
        let rows = self.coordinator.rows(answer, self.session.cancel).await?;
        let mut text = Vec::new();
        output::write(rows, Format::Jsonl, Look::default(), &mut text)?;
        let rows = serde_json::Deserializer::from_slice(&text).into_iter::<T>();
        let unknown = || failure("the function's answer is not as it should be", "run `quackctl up`, and try again");
        rows.collect::<Result<_, _>>().with_context(unknown)
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

    /// Has the function write the rows of a query.
    ///
    /// # Errors
    /// What DuckDB says of it; more files than there may be. Nothing stays behind.
    pub(super) async fn write(&mut self, rows: &Rows<'_>) -> Result<Staged<'a>> {
        let bucket = &self.coordinator.target.bucket;
        let folder = format!("{}{}/", bucket.layout.results, private::name());
        let mut staged = Staged { bucket, folder, files: Vec::new(), names: Vec::new(), columns: Vec::new() };
        match self.fill(&mut staged, rows).await {
            Ok(()) => Ok(staged),
            Err(error) => {
                staged.discard().await;
                Err(error)
            }
        }
    }

    async fn fill(&mut self, staged: &mut Staged<'_>, rows: &Rows<'_>) -> Result<()> {
        let place = format!("s3://{}/{}", staged.bucket.name, staged.folder);
        let mut options: BTreeMap<String, CopyValue> = [
            ("RETURN_STATS", CopyValue::Flag(true)),
            ("PARQUET_VERSION", CopyValue::Text(parquet_version(rows.columns.unwrap_or_default()).to_owned())),
            ("COMPRESSION", CopyValue::Text("snappy".to_owned())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let uri = match rows.partitions {
            [] => format!("{place}{WHOLE}"),
            partitions => {
                let names = partitions.iter().map(|column| column.name.clone()).collect();
                options.insert("PARTITION_BY".to_owned(), CopyValue::Columns(names));
                place.trim_end_matches('/').to_owned()
            }
        };
        let into = Destination { uri, format: Some("parquet".to_owned()), options };
        let answer = self.ask(&rows.sql, Some(into)).await?;
        let written: Vec<Written> = self.read(answer).await?;
        if written.len() > MOST_FILES {
            return Err(failure(
                format!("`{}` would have {} new files, more than {MOST_FILES}", rows.label, written.len()),
                "partition by something coarser, e.g. days rather than seconds",
            ));
        }
        let Some(first) = written.first() else {
            staged.columns = rows.columns.map(<[Column]>::to_vec).unwrap_or_default();
            return Ok(());
        };
        // As queries see them: not every type is read back as it was written.
        staged.columns = match rows.columns {
            Some(columns) => columns.to_vec(),
            None => {
                let reader = format!("read_parquet({}, hive_partitioning = false)", literal(&first.filename));
                self.columns(&format!("DESCRIBE SELECT * FROM {reader}")).await?
            }
        };
        for written in written {
            staged.add(written, rows, &place)?;
        }
        Ok(())
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
        // As it is read back: not every type is kept.
        let mut staged = self.write(&Rows { sql, label, columns: None, partitions: &[] }).await?;
        let folders: String = partitions.iter().map(|column| format!("{}={NULL_FOLDER}/", column.name)).collect();
        for file in &mut staged.files {
            file.key = format!("{folders}{}", file.key);
            file.partition = vec![None; partitions.len()];
        }
        Ok(staged)
    }
}

impl Staged<'_> {
    fn add(&mut self, written: Written, rows: &Rows<'_>, place: &str) -> Result<()> {
        let Written { filename, count, file_size_bytes, column_statistics, partition_keys } = written;
        let name = filename.strip_prefix(place).unwrap_or_default();
        if !names::is_plain_key(&self.folder, &format!("{}{name}", self.folder)) {
            let shown: String = filename.chars().take(200).collect();
            return Err(failure(
                format!("the function says that it wrote {shown:?}, which it was not to"),
                "run `quackctl up`, and try again",
            ));
        }
        let keys = partition_keys.unwrap_or_default();
        let partition: Vec<_> =
            rows.partitions.iter().map(|column| keys.get(&column.name).cloned().flatten()).collect();
        check_values(rows.label, &partition)?;
        self.names.push(name.to_owned());
        self.files.push(DataFile {
            schema: None,
            key: name.to_owned(),
            rows: count,
            bytes: file_size_bytes,
            partition,
            columns: stats::of_file(&self.columns, count, &column_statistics.unwrap_or_default()),
        });
        Ok(())
    }

    /// Where the function finds them.
    pub(super) fn addresses(&self) -> Vec<String> {
        let address = |name: &String| format!("s3://{}/{}{name}", self.bucket.name, self.folder);
        self.names.iter().map(address).collect()
    }

    /// Leaves out files that have no rows.
    pub(super) fn without_empty(mut self) -> Self {
        let kept: Vec<bool> = self.files.iter().map(|file| file.rows > 0).collect();
        let mut keeps = kept.iter();
        self.files.retain(|_| keeps.next().copied().unwrap_or(false));
        let mut keeps = kept.iter();
        self.names.retain(|_| keeps.next().copied().unwrap_or(false));
        self
    }

    /// Copies the files to below `folder`, inside the bucket, and gives them with their keys there.
    ///
    /// # Errors
    /// What the bucket says; what was copied is then removed again. `cancel`.
    pub(super) async fn keep(&self, folder: &str, cancel: &CancellationToken) -> Result<Vec<DataFile>> {
        let files = commit::in_folder(&self.files, folder);
        let copies = stream::iter(self.names.iter().zip(&files))
            .map(|(name, file)| async move {
                let from = format!("{}{name}", self.folder);
                let source = Source { key: &from, version: None, bytes: file.bytes };
                copy(self.bucket, source, &file.key).await
            })
            .buffer_unordered(WINDOW)
            .try_collect::<()>();
        let copied = tokio::select! {
            copied = copies => copied,
            () = cancel.cancelled() => Err(interrupted("interrupted: nothing was changed")),
        };
        if let Err(error) = copied {
            upload::delete(self.bucket, files.into_iter().map(|file| file.key)).await;
            return Err(error);
        }
        Ok(files)
    }

    /// Removes what the function wrote, as far as the bucket lets it.
    pub(super) async fn discard(self) {
        let Self { bucket, folder, .. } = self;
        let list = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(&folder);
        let mut listed = list.into_paginator().send();
        while let Some(Ok(page)) = listed.next().await {
            upload::delete(bucket, page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key)).await;
        }
    }
}
