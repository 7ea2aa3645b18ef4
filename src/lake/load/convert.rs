//! Writes a load's rows as Parquet files into its staging folder, DuckDB doing the work.

use std::path::{Path, PathBuf};

use anyhow::Result;
use duckdb::Connection;
use indicatif::ProgressBar;
use quack_function::wire::Column;

use super::evolve::{self, Goal};
use super::files::Files;
use super::format::{Kind, Packing};
use super::given;
use super::late;
use super::partition::{self, Partition, Plan};
use super::pieces;
use super::recut::Recut;
use super::source::Input;
use super::stop::Stop;
use super::watch::{self, TooMuch};
use super::way::Way;
use super::workdir::Staging;
use super::written::{self, NULL_FOLDER, Staged};
use crate::duck::types;
use crate::duck::words::{self, columns, words};
use crate::error::{failure, usage};
use quack_function::names;
use quack_function::sql::{identifier, literal};

/// Least to write and quick to read, and every engine that reads Parquet knows it.
const COMPRESSION: &str = "snappy";

/// The longest line of a CSV that DuckDB takes unless told otherwise.
const LONG_BYTES: u64 = 2_000_000;

const TOO_FINE: &str = "partition by something coarser, e.g. days rather than seconds";

/// Reads `input`, that the user knows as `label`, and writes it into `staging`, split by `partitions`, with the columns of `goal`
/// where there is one.
///
/// # Errors
/// For input that cannot be read, expressions that fail, too many partitions and a full disk. Nothing stays behind.
pub(super) fn convert(
    input: &Input,
    label: &str,
    partitions: &[Partition],
    goal: Option<&Goal>,
    staging: Staging,
    bar: &ProgressBar,
    stop: &Stop,
) -> Result<Staged> {
    let mut way = Way::default();
    let named = input.files().map(Files::named).unwrap_or_default();
    let mut cut = None;
    let (connection, Written { plan, columns, files, mut notes }) = loop {
        stop.check()?;
        let connection = way.open(&named, &staging)?;
        stop.watch(connection.interrupt_handle());
        let whole = Stager {
            input,
            given: input,
            label,
            partitions,
            goal,
            staging: &staging,
            connection: &connection,
            bar,
            stop,
        };
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
    let has_columns = input.files().is_some_and(|files| files.kind != Kind::Json);
    written::collect(&connection, label, columns, plan.columns, &files, has_columns).map(
        |(columns, partitions, files)| {
            drop(connection);
            if input.files().is_some_and(|files| files.kind != Kind::Parquet) {
                notes.extend(late::beyond_double(&columns, &files));
            }
            Staged { staging, columns, partitions, files, notes }
        },
    )
}

/// What was written.
struct Written {
    plan: Plan,
    /// The columns of the files, as the table has them.
    columns: Vec<Column>,
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
    goal: Option<&'a Goal>,
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
            Files::in_pieces(self.connection, dialect, &files.form, way.reading.hinted, cut.paths, &cut.slim)
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
        let narrowed = if self.is_json() && !way.wide_integers { types::narrowed(&found) } else { String::new() };
        let mut rows = format!("SELECT *{narrowed} FROM ({rows}\n) AS source");
        self.shape(&found, &narrowed)?;
        if let Some(list) = self.onto_table(way, &rows)? {
            rows = format!("SELECT {list} FROM ({rows}) AS own");
            let shape = format!("CREATE OR REPLACE TEMP TABLE shape AS SELECT {list} FROM shape");
            self.connection.execute_batch(&shape).map_err(Trouble::Reading)?;
        }
        let shape = columns(self.connection, "SELECT * FROM shape").map_err(Trouble::Reading)?;
        let plan = partition::plan(self.connection, "shape", &shape, self.partitions).map_err(Trouble::Told)?;
        let names: Vec<String> = plan.columns.iter().map(|column| identifier(&column.name)).collect();
        let names = names.join(", ");
        let list = self.goal.and_then(|goal| goal.list.as_ref());
        let typed = |rows: &str| {
            let typed = format!("SELECT *{} FROM {rows}", plan.select);
            list.map_or(typed.clone(), |list| format!("SELECT {list} FROM ({typed}) AS whole"))
        };
        let mut own = columns(self.connection, &typed("shape")).map_err(Trouble::Reading)?;
        own.retain(|column| !plan.columns.contains(column));
        let typed =
            format!("SELECT *{} FROM ({}) AS kept", types::in_files(&own), typed(&format!("({rows}) AS typed")));

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
            "COPY ({typed}{order}) TO {} \
             (FORMAT parquet, PARQUET_VERSION {}, COMPRESSION {COMPRESSION}, {}, RETURN_STATS{split})",
            literal(&path.to_string_lossy()),
            written::parquet_version(&own),
            way.row_groups(),
        );
        let mut files = self.watched(way, &data, || written::run(self.connection, &copy, &data))?;
        if files.is_empty() && !names.is_empty() {
            // Of no partition there would be no file, and of no file no column.
            let folder: PathBuf = plan.columns.iter().map(|by| format!("{}={NULL_FOLDER}", by.name)).collect();
            let path = data.join(folder).join(written::WHOLE);
            _ = path.parent().map(std::fs::create_dir_all);
            let copy = format!(
                "COPY (SELECT * EXCLUDE ({names}) FROM ({typed}) AS none LIMIT 0) TO {} (FORMAT parquet, PARQUET_VERSION v2, RETURN_STATS)",
                literal(&path.to_string_lossy())
            );
            files = written::run(self.connection, &copy, &data).map_err(Trouble::Writing)?;
        }
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
        Ok(Written { plan, columns: own, files, notes })
    }

    /// What makes of `rows`, whose columns `shape` has, rows of the table that they are for; `None` where they are.
    fn onto_table(&self, way: Way, rows: &str) -> Result<Option<String>, Trouble> {
        let Some(goal) = self.goal else { return Ok(None) };
        let own = columns(self.connection, "SELECT * FROM shape").map_err(Trouble::Reading)?;
        if own == goal.columns {
            return Ok(None);
        }
        let is_empty = |column: &Column| {
            let sql =
                format!("SELECT NOT EXISTS (FROM ({rows}) AS rows WHERE {} IS NOT NULL)", identifier(&column.name));
            self.connection.query_row(&sql, [], |row| row.get(0)).unwrap_or(false)
        };
        let misfit = |differences: Vec<String>| evolve::misfit(&goal.table, &differences);
        let fit = evolve::fit(&goal.columns, &own, is_empty).map_err(misfit);
        let error = match fit.and_then(|fit| fit.check(goal).map(|()| fit.select())) {
            Ok(list) => return Ok(Some(list)),
            Err(error) => error,
        };
        // Of values that are not of the table's types it is told, too.
        if way.reading.hinted && self.is_csv() {
            let look = format!("SELECT count(COLUMNS(*)) FROM ({rows}) AS rows");
            self.connection.query_row(&look, [], |_| Ok(())).map_err(Trouble::Reading)?;
        }
        Err(Trouble::Told(error))
    }

    /// Makes `shape`, an empty table of the source's columns: expressions can be tried on it without the source being
    /// read, and its types found, again.
    fn shape(&self, found: &[Column], narrowed: &str) -> Result<(), Trouble> {
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
            "CREATE OR REPLACE TEMP TABLE shape AS SELECT *{narrowed} FROM (SELECT {}) AS source LIMIT 0",
            nulls.join(", ")
        );
        self.connection.execute_batch(&shape).map_err(Trouble::Reading)
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
        way.with_less(self.partitions.iter().any(|partition| partition.is_folder)).or_else(in_pieces)
    }

    /// Runs `copy`, and ends it when it makes too many folders or takes more memory than `way` may.
    fn watched<T>(&self, way: Way, data: &Path, copy: impl FnOnce() -> duckdb::Result<T>) -> Result<T, Trouble> {
        let depth = self.partitions.iter().filter(|partition| partition.is_folder).count();
        let (copied, too_much) = watch::beside(way, data, depth, &self.connection.interrupt_handle(), self.bar, copy);
        match too_much {
            Some(TooMuch::Partitions) => Err(Trouble::Told(usage(
                format!("the partition expressions make more than {} partitions", partition::MOST),
                TOO_FINE,
            ))),
            Some(TooMuch::Memory) if copied.is_err() => Err(Trouble::Memory),
            _ => copied.map_err(Trouble::Writing),
        }
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
            return way.reading.hinted.then(|| way.without_hints());
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
