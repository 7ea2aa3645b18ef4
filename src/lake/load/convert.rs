//! Writes a load's rows as Parquet files into its staging folder, DuckDB doing the work.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::Result;
use duckdb::{Connection, InterruptHandle};
use indicatif::{HumanBytes, ProgressBar};
use quack_function::wire::Column;

use super::files::Files;
use super::format::{Kind, Packing};
use super::given;
use super::late;
use super::partition::{self, Partition, Plan};
use super::pieces;
use super::recut::Recut;
use super::source::Input;
use super::stop::Stop;
use super::way::{self, Way};
use super::workdir::Staging;
use super::written::{self, Staged};
use crate::duck::types;
use crate::duck::words::{self, columns, words};
use crate::error::{failure, usage};
use quack_function::names;
use quack_function::sql::{identifier, literal};

/// How often the staging folder is measured.
const LOOK: Duration = Duration::from_millis(250);

/// Least to write and quick to read, and every engine that reads Parquet knows it.
const COMPRESSION: &str = "snappy";

/// The longest line of a CSV that DuckDB takes unless told otherwise.
const LONG_BYTES: u64 = 2_000_000;

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
    let named = input.files().map(Files::named).unwrap_or_default();
    let mut cut = None;
    let (connection, Written { plan, files, mut notes }) = loop {
        stop.check()?;
        let connection = way.open(&named, &staging)?;
        stop.watch(connection.interrupt_handle());
        let whole =
            Stager { input, given: input, label, partitions, staging: &staging, connection: &connection, bar, stop };
        if way.is_in_pieces() && cut.is_none() {
            match whole.cut(way, &named) {
                Ok(made) => cut = made,
                Err(trouble) => {
                    way = whole.another_way(way, &trouble).ok_or_else(|| whole.explain(way, trouble))?;
                    continue;
                }
            }
        }
        let stager = Stager { input: cut.as_ref().unwrap_or(input), ..whole };
        match stager.write(way) {
            Ok(written) => break (connection, written),
            Err(trouble) => way = stager.another_way(way, &trouble).ok_or_else(|| stager.explain(way, trouble))?,
        }
    };
    written::collect(&connection, label, plan.columns, &files).map(|(columns, partitions, files)| {
        drop(connection);
        if input.files().is_some_and(|files| files.kind != Kind::Parquet) {
            notes.extend(late::beyond_double(&columns, &files));
        }
        Staged { staging, columns, partitions, files, notes }
    })
}

/// What was written.
struct Written {
    plan: Plan,
    files: Vec<written::Written>,
    notes: Vec<String>,
}

/// What went wrong, and in which part.
enum Trouble {
    Reading(duckdb::Error),
    Writing(duckdb::Error),
    /// The rows are too wide for this way; this one is for them.
    Wide(Way),
    /// The process took more memory than it may in this way.
    Memory,
    /// Already in words.
    Told(anyhow::Error),
}

struct Stager<'a> {
    /// What is read: what was given, or its pieces.
    input: &'a Input,
    given: &'a Input,
    label: &'a str,
    partitions: &'a [Partition],
    staging: &'a Staging,
    connection: &'a Connection,
    bar: &'a ProgressBar,
    stop: &'a Stop,
}

impl Stager<'_> {
    /// The input in pieces.
    fn cut(&self, way: Way, named: &[PathBuf]) -> Result<Option<Input>, Trouble> {
        let Some(files) = self.input.files() else { return Ok(None) };
        let folder = self.staging.pieces();
        _ = std::fs::remove_dir_all(&folder);
        let files = if way.reading.long_lines {
            let dialect = files.dialect(self.connection, way.reading).map_err(Trouble::Reading)?;
            let cut = pieces::cut(files, self.label, dialect, &folder, self.stop).map_err(Trouble::Told)?;
            Files::in_pieces(self.connection, dialect, &files.form, cut.paths, &cut.slim)
        } else {
            let connection = way.open_recut(named, self.staging).map_err(Trouble::Told)?;
            self.stop.watch(connection.interrupt_handle());
            let row_bytes = files.row_bytes(&connection, way.reading);
            let narrow = self.is_json() && !way.wide_integers;
            let (connection, reading) = (&connection, way.reading);
            Recut { connection, files, reading, narrow, row_bytes, folder: &folder }.cut()
        };
        Ok(Some(self.input.with_files(files.map_err(Trouble::Reading)?)))
    }

    fn write(&self, way: Way) -> Result<Written, Trouble> {
        if let Some(way) = way.for_rows_of(self.input.row_bytes(self.connection, way.reading)) {
            return Err(Trouble::Wide(way));
        }
        let rows = self.input.query(self.connection, way.reading).map_err(Trouble::Reading)?;
        let found = columns(self.connection, &rows).map_err(Trouble::Reading)?;
        if let Some(what) = found.iter().find_map(|column| names::check_column(&column.name).err()) {
            let error =
                failure(format!("cannot load `{}`: {what}", self.label), "give the column another name in the data");
            return Err(Trouble::Told(error));
        }
        if let Some(files) = self.input.files() {
            given::check(&files.form.types, &found).map_err(Trouble::Told)?;
        }
        let storable = types::storable(&found, self.is_json() && !way.wide_integers);
        let rows = format!("SELECT *{storable} FROM ({rows}\n) AS source");
        self.shape(&found, &storable)?;
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
             (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION {COMPRESSION}, {}, RETURN_STATS{split})",
            plan.select,
            literal(&path.to_string_lossy()),
            way.row_groups(),
        );
        let files = self.watched(way, &data, || written::run(self.connection, &copy, &data))?;
        let called = || found.iter().map(|column| column.name.as_str());
        let mut notes = Vec::new();
        if let Some(files) = self.input.files() {
            notes.extend(files.renamed(self.connection, called()));
            let parquet = format!(
                "read_parquet({}, hive_partitioning = true)",
                literal(&format!("{}/**/*.parquet", data.display()))
            );
            notes.extend(files.swapped_dates(self.connection, way.reading, &found, &parquet));
        }
        // Of values of several types DuckDB makes JSON, in which a text has quotes.
        let mixed = found.iter().filter(|column| self.is_json() && column.sql_type == "JSON");
        notes.extend(mixed.map(|Column { name, .. }| {
            format!(
                "column `{name}` has values of no one type, and is JSON: {}->>'$' gives them as text",
                identifier(name)
            )
        }));
        Ok(Written { plan, files, notes })
    }

    /// Makes `shape`, an empty table of the source's columns: expressions can be tried on it without the source being
    /// read, and its types found, again.
    fn shape(&self, found: &[Column], storable: &str) -> Result<(), Trouble> {
        let nulls = found
            .iter()
            .map(|column| {
                let sql_type = types::parse(&column.sql_type)?;
                Ok(format!("CAST(NULL AS {sql_type}) AS {}", identifier(&column.name)))
            })
            .collect::<Result<Vec<_>, String>>()
            .map_err(|why| {
                Trouble::Told(failure(format!("cannot load `{}`: {why}", self.label), "leave such columns out"))
            })?;
        let shape = format!(
            "CREATE OR REPLACE TEMP TABLE shape AS SELECT *{storable} FROM (SELECT {}) AS source LIMIT 0",
            nulls.join(", ")
        );
        self.connection.execute_batch(&shape).map_err(Trouble::Reading)
    }

    /// Runs `copy` while another thread shows how far it is, and ends it when it makes too many folders or takes more memory
    /// than `way` may.
    fn watched<T>(&self, way: Way, data: &Path, copy: impl FnOnce() -> duckdb::Result<T>) -> Result<T, Trouble> {
        let depth = self.partitions.len();
        let (query, bar) = (self.connection.interrupt_handle(), self.bar);
        std::thread::scope(|scope| {
            let (running, ended) = mpsc::channel::<()>();
            let watcher = scope.spawn(move || watch(way, data, depth, &query, bar, &ended));
            let copied = copy();
            drop(running);
            match watcher.join().unwrap_or_default() {
                Some(TooMuch::Partitions) => Err(Trouble::Told(usage(
                    format!("the partition expressions make more than {} partitions", partition::MOST),
                    TOO_FINE,
                ))),
                Some(TooMuch::Memory) if copied.is_err() => Err(Trouble::Memory),
                _ => copied.map_err(Trouble::Writing),
            }
        })
    }

    /// The way that takes less memory, if there is one: at last, files are cut of whose rows DuckDB held too many.
    fn with_less(&self, way: Way) -> Option<Way> {
        let in_pieces = || {
            let files = self.given.files()?;
            match (pieces::can_be_cut(files), way.is_in_pieces()) {
                (true, _) => (!way.reading.long_lines).then(|| way.with_long_lines()),
                (false, is_in_pieces) => (!is_in_pieces).then(|| way.with_recut()),
            }
        };
        way.with_less(!self.partitions.is_empty()).or_else(in_pieces)
    }

    /// Whether a CSV is such that it may have lines of megabytes; what is smaller cannot.
    fn has_long_lines(&self) -> bool {
        let is_large = |path: &PathBuf| path.metadata().is_ok_and(|found| found.len() > LONG_BYTES);
        self.input.files().is_some_and(|files| files.packing != Packing::None || files.paths.iter().any(is_large))
    }

    fn is_csv(&self) -> bool {
        self.input.files().is_some_and(|files| matches!(files.kind, Kind::Csv | Kind::Tsv))
    }

    fn is_json(&self) -> bool {
        self.given.files().is_some_and(|files| files.kind == Kind::Json)
    }

    fn another_way(&self, way: Way, trouble: &Trouble) -> Option<Way> {
        let error = match trouble {
            Trouble::Wide(way) => return Some(*way),
            Trouble::Memory => return self.with_less(way),
            Trouble::Told(_) => return None,
            Trouble::Reading(error) | Trouble::Writing(error) => error,
        };
        let said = error.to_string();
        if said.contains("Out of Memory") {
            return self.with_less(way);
        }
        if given::is_loss(&said) {
            return None;
        }
        if said.contains("INT128") && self.is_json() && !way.wide_integers {
            return Some(way.with_wide_integers());
        }
        // Where the sniffer meets one, it does not say so.
        let is_long = said.contains("Maximum line size") || said.contains("sniffing file") && self.has_long_lines();
        // A quote that is none makes one of many lines.
        let without_quotes = || (way.reading.quoted && self.is_csv()).then(|| way.without_quotes());
        if is_long && !way.reading.long_lines {
            return without_quotes().or_else(|| Some(way.with_long_lines()));
        }
        let is_loss = late::is_loss(&said);
        if is_loss && way.reading.thorough && !way.reading.zoned {
            return Some(way.with_zones());
        }
        let types = is_loss
            || said.contains("Conversion Error") && (self.is_json() || self.is_csv())
            || said.contains("sample_size=-1")
            || said.contains("Try increasing 'sample_size'");
        let is_csv_error = said.contains("CSV") || said.contains("sniffing file");
        let thoroughly = (types && !way.reading.thorough).then(|| way.thoroughly());
        thoroughly.or_else(|| is_csv_error.then(without_quotes).flatten())
    }

    fn explain(&self, way: Way, trouble: Trouble) -> anyhow::Error {
        let (error, writing) = match trouble {
            Trouble::Told(error) => return error,
            // There is another way for either.
            Trouble::Wide(_) | Trouble::Memory => return self.too_large("it needs more than 1 GiB"),
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
        if text.contains("Out of Memory") {
            return self.too_large(&words(&error, path));
        }
        if writing && text.contains(&*self.staging.data().to_string_lossy()) || words::is_disk_full(&text) {
            return words::write_failure(&error, path);
        }
        let diagnosed = self.input.files().filter(|_| text.contains("sniffing file"));
        let error = diagnosed.and_then(|files| files.diagnose(self.connection, way.reading)).unwrap_or(error);
        let mut said = words(&error, path);
        for file in self.input.files().into_iter().flat_map(|files| &files.paths).take(1) {
            said = said.replace(&format!("{}: ", file.display()), "").replace(&*file.to_string_lossy(), self.label);
        }
        if given::is_loss(&said) {
            let said = said.trim_start_matches("Invalid Input Error: ");
            let help =
                "give the column another type with --types, e.g. VARCHAR, which keeps everything; nothing was loaded";
            return failure(format!("cannot load `{}`: {said}", self.label), help);
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
        if ["nvalid unicode", "utf-8 encoded"].iter().any(|sign| said.contains(sign)) {
            return failure(
                format!("cannot load `{}`: {said}", self.label),
                "say what it is in: --encoding latin-1, or --encoding windows-1252 where it came from Windows",
            );
        }
        let help = match self.input.files() {
            Some(files) if files.paths.len() > 1 => {
                "all files make one table, of the types that the first ones have: mend the data, or load each kind by itself"
            }
            _ => "mend the data and load again; nothing was loaded",
        };
        failure(format!("cannot load `{}`: {said}", self.label), help)
    }

    /// The data are in order, and more than can be held at once.
    fn too_large(&self, said: &str) -> anyhow::Error {
        let help = match self.given.files().map(|files| files.kind) {
            // Of a row group, the pages of 2048 rows are read together.
            Some(Kind::Parquet) => {
                "write the Parquet anew with fewer rows in a row group, 256 MB at most: \
                 pyarrow.parquet.write_table(table, FILE, row_group_size=100); nothing was loaded"
            }
            _ => "rows may have 16 MB each; write larger values anew; nothing was loaded",
        };
        failure(format!("cannot load `{}`: too much of it has to be in memory at once: {said}", self.label), help)
    }
}

/// Why a query was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TooMuch {
    Partitions,
    Memory,
}

/// Measures `data` and memory until `ended` says so. Tells of what it ended the query for.
fn watch(
    way: Way,
    data: &Path,
    depth: usize,
    query: &InterruptHandle,
    bar: &ProgressBar,
    ended: &Receiver<()>,
) -> Option<TooMuch> {
    let mut too_much = None;
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let (folders, bytes) = measure(data, depth);
        bar.set_message(if depth == 0 {
            HumanBytes(bytes).to_string()
        } else {
            format!("{} in {folders} partitions", HumanBytes(bytes))
        });
        if folders > partition::MOST {
            too_much = Some(TooMuch::Partitions);
        } else if way.process_bytes().is_some_and(|most| way::resident_bytes() > most) {
            too_much = too_much.or(Some(TooMuch::Memory));
        }
        if too_much.is_some() {
            query.interrupt();
        }
    }
    if measure(data, depth).0 > partition::MOST { Some(TooMuch::Partitions) } else { too_much }
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
