//! Writes a load's rows as Parquet files into its staging folder, DuckDB doing the work.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::Result;
use duckdb::{Connection, InterruptHandle};
use indicatif::{HumanBytes, ProgressBar};
use quack_function::wire::Column;

use super::format::Kind;
use super::partition::{self, Partition, Plan};
use super::source::{Files, Input};
use super::stop::Stop;
use super::workdir::Staging;
use super::written::{self, Staged};
use crate::duck::words::{self, columns, words};
use crate::duck::{self, Sandbox};
use crate::error::{failure, usage};
use quack_function::sql::{identifier, literal};
use quack_function::sql_type::SqlType;

/// Most memory that DuckDB may take; it spills to disk beyond.
const MEMORY: &str = "640MB";

/// How often the staging folder is measured.
const LOOK: Duration = Duration::from_millis(250);

/// Least to write and quick to read, and every engine that reads Parquet knows it.
const COMPRESSION: &str = "snappy";

const TOO_FINE: &str = "partition by something coarser, e.g. days rather than seconds";

/// Reads `input`, that the user knows as `label`, and writes it into `staging`, split by `partitions`.
///
/// # Errors
/// For input that cannot be read, expressions that fail, too many partitions and a full disk. Nothing stays behind.
pub(super) fn convert(
    input: &Input,
    label: &str,
    partitions: &[Partition],
    staging: Staging,
    bar: &ProgressBar,
    stop: &Stop,
) -> Result<Staged> {
    let mut way = Way::default();
    let (connection, plan, files) = loop {
        stop.check()?;
        let connection = open(input, &staging, way)?;
        stop.watch(connection.interrupt_handle());
        let stager = Stager { input, label, partitions, staging: &staging, connection: &connection, bar, stop };
        match stager.write(way) {
            Ok((plan, files)) => break (connection, plan, files),
            Err(trouble) => way = stager.another_way(way, &trouble).ok_or_else(|| stager.explain(trouble))?,
        }
    };
    written::collect(&connection, label, plan.columns, &files).map(|(columns, partitions, files)| {
        drop(connection);
        Staged { staging, columns, partitions, files }
    })
}

/// A DuckDB that reads the files of `input` and writes into `staging`, and reaches nothing else: partition expressions
/// are SQL, and the files may be anybody's.
fn open(input: &Input, staging: &Staging, way: Way) -> Result<Connection> {
    let files = input.files().map(Files::named).unwrap_or_default();
    duck::open(&Sandbox {
        files: &files,
        folder: Some(staging.path()),
        spill: Some(&staging.spill()),
        memory: Some(MEMORY),
        setup: match way.sorted {
            // One file a partition even where rows come in no order; and a quarter of DuckDB's default threshold: as
            // quick, row groups as large, a third less memory.
            false => "SET partitioned_write_max_open_files = 500; SET partitioned_write_flush_threshold = 131072",
            // Every partition holds buffers from its first row to the next flush; sorted, few are open at once.
            true => "SET partitioned_write_max_open_files = 16; SET partitioned_write_flush_threshold = 4096",
        },
        ..Sandbox::default()
    })
}

/// How to go about it; the first way is the quick one.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    /// Find the types of text from every row.
    thorough: bool,
    /// Sort by partition first, so that few are open at once.
    sorted: bool,
    /// Let DuckDB's word stand that integers take 128 bits: it says so of all JSON with negative ones among them.
    wide: bool,
}

/// What went wrong, and in which part.
enum Trouble {
    Reading(duckdb::Error),
    Writing(duckdb::Error),
    /// Already in words.
    Told(anyhow::Error),
}

struct Stager<'a> {
    input: &'a Input,
    label: &'a str,
    partitions: &'a [Partition],
    staging: &'a Staging,
    connection: &'a Connection,
    bar: &'a ProgressBar,
    stop: &'a Stop,
}

impl Stager<'_> {
    fn write(&self, way: Way) -> Result<(Plan, Vec<written::Written>), Trouble> {
        let rows = self.input.query(self.connection, way.thorough).map_err(Trouble::Reading)?;
        let found = columns(self.connection, &rows).map_err(Trouble::Reading)?;
        let rows = format!("SELECT *{} FROM ({rows}\n) AS source", storable(&found, self.is_json() && !way.wide));
        // Empty, so that expressions can be tried without the source being read again.
        self.connection
            .execute_batch(&format!("CREATE OR REPLACE TEMP TABLE shape AS SELECT * FROM ({rows}) LIMIT 0"))
            .map_err(Trouble::Reading)?;
        let shape = columns(self.connection, "SELECT * FROM shape").map_err(Trouble::Reading)?;
        let plan = partition::plan(self.connection, "shape", &shape, self.partitions).map_err(Trouble::Told)?;
        let names: Vec<String> = plan.columns.iter().map(|column| identifier(&column.name)).collect();
        let names = names.join(", ");

        let data = self.staging.data();
        _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir(&data).map_err(|error| {
            Trouble::Told(failure(
                format!("cannot write to {}: {error}", data.display()),
                "set TMPDIR to another folder",
            ))
        })?;
        let (order, path, split) = match (names.is_empty(), way.sorted) {
            (true, _) => (String::new(), data.join(written::WHOLE), String::new()),
            (false, sorted) => {
                let order = if sorted { format!(" ORDER BY {names}") } else { String::new() };
                (order, data.clone(), format!(", PARTITION_BY ({names})"))
            }
        };
        let copy = format!(
            "COPY (SELECT *{} FROM ({rows}) AS typed{order}) TO {} \
             (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION {COMPRESSION}, RETURN_STATS{split})",
            plan.select,
            literal(&path.to_string_lossy()),
        );
        let files = self.watched(&data, || written::run(self.connection, &copy, &data))?;
        Ok((plan, files))
    }

    /// Runs `copy` while another thread shows how far it is, and ends it when it makes too many folders.
    fn watched<T>(&self, data: &Path, copy: impl FnOnce() -> duckdb::Result<T>) -> Result<T, Trouble> {
        let depth = self.partitions.len();
        let (query, bar) = (self.connection.interrupt_handle(), self.bar);
        std::thread::scope(|scope| {
            let (running, ended) = mpsc::channel::<()>();
            let watcher = scope.spawn(move || watch(data, depth, &query, bar, &ended));
            let copied = copy();
            drop(running);
            if watcher.join().unwrap_or(false) {
                return Err(Trouble::Told(usage(
                    format!("the partition expressions make more than {} partitions", partition::MOST),
                    TOO_FINE,
                )));
            }
            copied.map_err(Trouble::Writing)
        })
    }

    fn is_json(&self) -> bool {
        self.input.files().is_some_and(|files| files.kind == Kind::Json)
    }

    fn another_way(&self, way: Way, trouble: &Trouble) -> Option<Way> {
        let (Trouble::Reading(error) | Trouble::Writing(error)) = trouble else { return None };
        let said = error.to_string();
        if said.contains("Out of Memory") && !self.partitions.is_empty() && !way.sorted {
            return Some(Way { sorted: true, ..way });
        }
        if said.contains("INT128") && self.is_json() && !way.wide {
            return Some(Way { wide: true, ..way });
        }
        let types = said.contains("sample_size=-1") || said.contains("Try increasing 'sample_size'");
        (types && !way.thorough).then_some(Way { thorough: true, ..way })
    }

    fn explain(&self, trouble: Trouble) -> anyhow::Error {
        let (error, writing) = match trouble {
            Trouble::Told(error) => return error,
            Trouble::Reading(error) => (error, false),
            Trouble::Writing(error) => (error, true),
        };
        if let Err(stopped) = self.stop.check() {
            return stopped;
        }
        let path = self.staging.path();
        let text = error.to_string();
        if text.contains("Out of Memory") && !self.partitions.is_empty() {
            return usage("the partition expressions make too many partitions, of too few rows each", TOO_FINE);
        }
        if writing && (text.contains(&*path.to_string_lossy()) || words::is_disk_full(&text)) {
            return words::write_failure(&error, path);
        }
        let diagnosed = self.input.files().filter(|_| text.contains("sniffing file"));
        let error = diagnosed.and_then(|files| files.diagnose(self.connection)).unwrap_or(error);
        let mut said = words(&error, path);
        for file in self.input.files().into_iter().flat_map(|files| &files.paths).take(1) {
            said = said.replace(&format!("{}: ", file.display()), "").replace(&*file.to_string_lossy(), self.label);
        }
        let computed = !["CSV Error", "JSON", "IO Error", "sniffing", ".parquet", "Out of Memory"]
            .iter()
            .any(|sign| said.contains(sign));
        if writing && computed && !self.partitions.is_empty() {
            let given: Vec<String> = self.partitions.iter().map(|p| format!("`{}={}`", p.name, p.expression)).collect();
            return usage(
                format!("cannot partition by {}: {said}", given.join(", ")),
                "mend the expression; TRY_CAST gives NULL where CAST fails",
            );
        }
        failure(format!("cannot load `{}`: {said}", self.label), "mend the data and load again; the table is as it was")
    }
}

/// Has what Parquet cannot keep be stored as what it can; `narrow`, 128-bit integers as those of 64.
fn storable(columns: &[Column], narrow: bool) -> String {
    let kept = |column: &Column| {
        let own = SqlType::parse(&column.sql_type).ok()?;
        if narrow { own.in_64_bits() } else { own.in_parquet() }
    };
    let casts: Vec<String> = columns
        .iter()
        .filter_map(|column| {
            let name = identifier(&column.name);
            Some(format!("CAST({name} AS {}) AS {name}", kept(column)?))
        })
        .collect();
    if casts.is_empty() { String::new() } else { format!(" REPLACE ({})", casts.join(", ")) }
}

/// Measures `data` until `ended` says so. True when it ended the query for making too many folders.
fn watch(data: &Path, depth: usize, query: &InterruptHandle, bar: &ProgressBar, ended: &Receiver<()>) -> bool {
    let mut too_many = false;
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let (folders, bytes) = measure(data, depth);
        bar.set_message(if depth == 0 {
            HumanBytes(bytes).to_string()
        } else {
            format!("{} in {folders} partitions", HumanBytes(bytes))
        });
        if folders > partition::MOST {
            too_many = true;
            query.interrupt();
        }
    }
    too_many || measure(data, depth).0 > partition::MOST
}

/// Folders at `depth` below `folder`, and the size of all files in it.
fn measure(folder: &Path, depth: usize) -> (usize, u64) {
    let mut pending: Vec<(PathBuf, usize)> = vec![(folder.to_owned(), 0)];
    let (mut folders, mut bytes) = (0, 0);
    while let Some((folder, level)) = pending.pop() {
        folders += usize::from(depth > 0 && level == depth);
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => pending.push((entry.path(), level + 1)),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    (folders, bytes)
}
