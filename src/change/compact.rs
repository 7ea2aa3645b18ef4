//! Small files of a table put together into few; or all of it sorted, so that queries skip more of it.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use anyhow::Result;
use futures::{StreamExt, stream};
use indicatif::HumanBytes;
use quack_function::sql::identifier;
use quack_function::wire::Column;
use serde::Serialize;

use super::batches::{self, Batch};
use super::land::overtaken;
use super::ranges;
use super::replace;
use super::staged::Staged;
use super::write::{Rows, Session, Work};
use super::zorder;
use crate::bucket::upload;
use crate::error::{failure, nearest, usage};
use crate::lake::catalog::{DataFile, Scope, Table};
use crate::lake::load::{commit, sweep};
use crate::query::Coordinator;

/// Functions that write at the same time.
const WINDOW: usize = 4;

/// Times that what others have added meanwhile is written, too.
const ATTEMPTS: usize = 20;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Compaction<'a> {
    /// Columns to sort by.
    pub sort: &'a [String],
    /// Columns to put rows into a Z-order by, rather than to sort by any.
    pub z_order: &'a [String],
    /// The table stays partitioned as it is.
    pub keeps_partitions: bool,
}

/// What became of a table's files.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Compacted {
    pub table: String,
    pub rows: u64,
    /// How many files there were, and are.
    pub before: usize,
    pub after: usize,
    /// Columns that the table is not partitioned by any more, outermost first.
    pub unpartitioned: Vec<String>,
    /// How large a file was, bytes, on average.
    pub file_bytes: u64,
    pub cost_usd: f64,
}

impl fmt::Display for Compacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, before, after, .. } = self;
        if before == after && self.rows == 0 {
            return writeln!(f, "none of the files of `{table}` ({before}) would be better put together");
        }
        if !self.unpartitioned.is_empty() {
            writeln!(
                f,
                "`{table}` was partitioned by {}, and files had {}: these are columns like others now, which rows are \
                 sorted by (--keep-partitions would leave it as it was)",
                self.unpartitioned.join(", "),
                HumanBytes(self.file_bytes),
            )?;
        }
        writeln!(f, "files of `{table}`: {after}, before {before}")
    }
}

/// Puts together what is small of the table `name`, each partition for itself; sorted by columns, all of it. Where the partitions
/// themselves are small, their files become one, sorted by what they were partitioned by.
///
/// # Errors
/// There is no such table or column; somebody else who changed those files meanwhile; what the function or the bucket says.
pub(crate) async fn compact(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    name: &str,
    wanted: &Compaction<'_>,
) -> Result<Compacted> {
    let (name, table) = coordinator.catalog.table(name)?;
    table.check_is_own(name)?;
    let z_order = sort(name, table, wanted.z_order)?;
    if !z_order.is_empty() {
        let columns: Vec<Column> = z_order.iter().filter_map(|at| column(table, *at)).collect();
        zorder::check(&columns.iter().collect::<Vec<_>>())?;
    }
    let is_z_ordered = !z_order.is_empty();
    let sort = if is_z_ordered { z_order } else { sort(name, table, wanted.sort)? };
    let flattens = !wanted.keeps_partitions && batches::are_too_small(table);
    let batches = match (flattens, sort.is_empty()) {
        (true, no_sort) => batches::in_order(table, &table.files, most(table.is_mixed() || !no_sort))?,
        (false, true) => batches::small(table),
        (false, false) => batches::whole(table)?,
    };
    let before = table.files.len();
    let mut done = Compacted {
        table: name.to_owned(),
        rows: 0,
        before,
        after: before,
        unpartitioned: Vec::new(),
        file_bytes: table.bytes / before.max(1) as u64,
        cost_usd: 0.0,
    };
    if batches.is_empty() {
        return Ok(done);
    }
    let mut writing =
        Writing { coordinator, session, name, table, sort, is_z_ordered, flattens, made: Made::default() };
    match writing.all(&batches).await {
        Ok(files) => {
            done.rows = files.iter().map(|file| file.rows).sum();
            done.before = before.max(writing.made.gone.len());
            done.after = done.before - writing.made.gone.len() + files.len();
            done.cost_usd = writing.made.cost_usd;
            if flattens {
                done.unpartitioned = table.partitions.iter().map(|column| column.name.clone()).collect();
            }
            sweep::sweep(&coordinator.target.bucket, name, table).await;
            Ok(done)
        }
        Err(error) => {
            let left = writing.made.files.into_iter().map(|file| file.key);
            upload::delete(&coordinator.target.bucket, left).await;
            Err(error)
        }
    }
}

/// What is written in the place of a table's files.
struct Writing<'a> {
    coordinator: &'a Coordinator<'a>,
    session: &'a Session<'a>,
    name: &'a str,
    table: &'a Table,
    /// Places of the columns to sort by.
    sort: Vec<usize>,
    /// Rows are to come along the Z-order curve of these.
    is_z_ordered: bool,
    /// Whether the table is to have no partitions.
    flattens: bool,
    made: Made,
}

/// What one function is to write.
#[derive(Clone)]
struct Part {
    /// The rows, for FROM.
    read: String,
    /// What tells where on the curve a row is.
    place: Option<String>,
    /// Which of the rows.
    range: Option<String>,
}

/// What was written so far, in the table's folder, and nobody names yet.
#[derive(Default)]
struct Made {
    files: Vec<DataFile>,
    /// Keys of the files whose rows they have.
    gone: Vec<String>,
    cost_usd: f64,
}

/// What came of telling the catalog.
enum Told {
    Done,
    /// Somebody has added these meanwhile.
    Added(Vec<DataFile>),
}

impl Writing<'_> {
    /// Writes all `batches`, and tells the catalog. Gives the new files.
    async fn all(&mut self, batches: &[Batch<'_>]) -> Result<Vec<DataFile>> {
        self.write(batches).await?;
        // What stands for a table without rows is not needed any more.
        let empty = self.table.files.iter().filter(|file| file.rows == 0);
        self.made.gone.extend(empty.map(|file| file.key.clone()));
        for _ in 0..ATTEMPTS {
            match self.tell().await? {
                Told::Done => return Ok(self.made.files.clone()),
                Told::Added(files) => {
                    self.coordinator.context.detail(format_args!("files that came meanwhile: {}", files.len()));
                    let sorts = self.table.is_mixed() || !self.sort.is_empty();
                    self.write(&batches::in_order(self.table, &files, most(sorts))?).await?;
                    let empty = files.iter().filter(|file| file.rows == 0).map(|file| file.key.clone());
                    self.made.gone.extend(empty);
                }
            }
        }
        Err(overtaken(self.name))
    }

    /// Has functions write batches, some at a time, and copies what they wrote into the table's folder.
    async fn write(&mut self, batches: &[Batch<'_>]) -> Result<()> {
        let failed = Cell::new(false);
        let parts = self.parts(batches).await?;
        let write = async |part: &Part| -> Result<Option<(Staged<'_>, f64)>> {
            // One that failed is enough.
            if failed.get() || self.session.cancel.is_cancelled() {
                return Ok(None);
            }
            let mut work = Work::new(self.coordinator, self.session);
            let (sql, columns, partitions) = self.sql(part);
            let (variables, label, columns) = ("", self.name, &columns[..]);
            let staged = work.write(&Rows { variables, sql, label, columns, partitions, may_divide: false }).await;
            failed.set(failed.get() || staged.is_err());
            Ok(Some((staged?.without_empty(), work.cost_usd)))
        };
        let (mut first, mut all) = (None, Vec::new());
        {
            let mut written = stream::iter(&parts).map(write).buffered(WINDOW);
            while let Some(written) = written.next().await {
                match written {
                    Ok(staged) => all.extend(staged),
                    Err(error) => first = first.or(Some(error)),
                }
            }
        }
        let (bucket, known) = (&self.coordinator.target.bucket, self.made.files.len());
        for (staged, cost_usd) in all {
            self.made.cost_usd += cost_usd;
            if first.is_none() {
                match staged.keep(&commit::folder(bucket, self.name), self.session.cancel).await {
                    Ok(files) => self.made.files.extend(files),
                    Err(error) => first = Some(error),
                }
            }
            staged.discard().await;
        }
        if let Some(error) = first {
            return Err(error);
        }
        let rows = |files: &mut dyn Iterator<Item = &DataFile>| files.map(|file| file.rows).sum::<u64>();
        let (comes, goes) =
            (rows(&mut self.made.files.iter().skip(known)), rows(&mut batches.iter().flatten().copied()));
        if comes != goes {
            return Err(failure(
                format!("the function wrote {comes} rows of {goes}: nothing was changed"),
                "run `quackctl up`, and try again",
            ));
        }
        self.made.gone.extend(batches.iter().flatten().map(|file| file.key.clone()));
        Ok(())
    }

    /// What each function is to write: a batch, or a range of one that is too large to be sorted at once.
    async fn parts(&mut self, batches: &[Batch<'_>]) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        for batch in batches {
            let (mut read, mut ranges, mut first) = (self.read(batch)?, Vec::new(), None);
            let mut sample = read.clone();
            let mut work = Work::new(self.coordinator, self.session);
            let columns: Vec<Column> = self.sort.iter().filter_map(|at| column(self.table, *at)).collect();
            if self.is_z_ordered {
                let rows = batch.iter().map(|file| file.rows).sum();
                let place = zorder::place(&mut work, &read, &columns.iter().collect::<Vec<_>>(), rows).await?;
                let name = self.free_name();
                let placed = |read: &str| format!("(SELECT *, {place} AS {} FROM {read})", identifier(&name));
                sample = placed(&zorder::sample(&read, &columns));
                read = placed(&read);
                first = Some(Column { name, sql_type: "UBIGINT".to_owned() });
            }
            if let Some(column) = first.as_ref().or(columns.first()) {
                ranges = ranges::of(&mut work, &sample, column, batches::size(batch)).await?;
            }
            self.made.cost_usd += work.cost_usd;
            let part = Part { read, place: first.map(|column| column.name), range: None };
            match ranges.is_empty() {
                true => parts.push(part),
                false => parts.extend(ranges.into_iter().map(|range| Part { range: Some(range), ..part.clone() })),
            }
        }
        Ok(parts)
    }

    /// A name that no column of the table has.
    fn free_name(&self) -> String {
        let mut name = "quack_place".to_owned();
        while self.table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(&name)) {
            name.push('_');
        }
        name
    }

    /// The files of a batch, for FROM.
    fn read(&self, batch: &Batch<'_>) -> Result<String> {
        replace::rows(self.table, batch.iter().copied(), &self.coordinator.target.bucket.name)
    }

    /// The query that gives the rows of a part, the columns that its files will have, and what they are split by.
    fn sql(&self, part: &Part) -> (String, Vec<Column>, &[Column]) {
        let Part { read, place, range } = part;
        let partitions = &self.table.partitions;
        let name = |at: &usize| self.table.columns.get(*at).map(|column| identifier(&column.name));
        let (mut columns, mut order) = (
            self.table.own_columns(),
            place.iter().map(|place| identifier(place)).chain(self.sort.iter().filter_map(name)).collect::<Vec<_>>(),
        );
        if self.flattens {
            columns.extend(partitions.iter().cloned());
            // Without columns to sort by, the files come in this order already, and DuckDB keeps it, unless it reads some apart.
            if !order.is_empty() || self.table.is_mixed() {
                order.splice(..0, partitions.iter().map(|column| identifier(&column.name)));
            }
        }
        let names = columns.iter().chain(partitions).map(|column| identifier(&column.name));
        let all = self.table.columns.len();
        let mut sql = format!("SELECT {} FROM {read}", names.take(all).collect::<Vec<_>>().join(", "));
        if let Some(range) = range {
            sql = format!("{sql} WHERE {range}");
        }
        if !order.is_empty() {
            sql = format!("{sql} ORDER BY {}", order.join(", "));
        }
        (sql, columns, if self.flattens { &[] } else { partitions })
    }

    /// Tells the catalog, in one step.
    async fn tell(&self) -> Result<Told> {
        let Made { files, gone, .. } = &self.made;
        let known: HashSet<&str> = gone.iter().map(String::as_str).collect();
        self.session
            .transaction
            .update(&self.coordinator.target.bucket, Scope::Whole(self.name), |catalog| {
                if !self.flattens {
                    let is_done = commit::rewrite(catalog, self.name, self.table, gone, files)?;
                    return if is_done { Ok(Told::Done) } else { Err(overtaken(self.name)) };
                }
                let now = catalog.table(self.name)?.1;
                let is_stored = now.keys().any(|key| files.iter().any(|file| file.key == key));
                let added = now.files.iter().filter(|file| !known.contains(file.key.as_str()));
                let added: Vec<DataFile> = added.cloned().collect();
                if !is_stored && !added.is_empty() && now.partitions == self.table.partitions {
                    return Ok(Told::Added(added));
                }
                let is_done = commit::flatten(catalog, self.name, self.table, gone, files)?;
                if is_done { Ok(Told::Done) } else { Err(overtaken(self.name)) }
            })
            .await
    }
}

/// Bytes that one function writes, if it `sorts` them or not.
fn most(sorts: bool) -> u64 {
    if sorts { batches::SORTED_BYTES } else { batches::BATCH_BYTES }
}

/// The column at a place.
fn column(table: &Table, at: usize) -> Option<Column> {
    table.columns.get(at).map(|column| Column { name: column.name.clone(), sql_type: column.sql_type.clone() })
}

/// The places of the columns to sort by.
fn sort(name: &str, table: &Table, sort: &[String]) -> Result<Vec<usize>> {
    let column = |wanted: &String| {
        let wanted = wanted.trim();
        table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            let near = nearest(wanted, table.columns.iter().map(|column| column.name.as_str()));
            let help = near.map_or_else(
                || format!("`quackctl tables {name}` lists them"),
                |near| format!("did you mean `{near}`?"),
            );
            usage(format!("`{name}` has no column `{wanted}`"), help)
        })
    };
    sort.iter().map(column).collect()
}
