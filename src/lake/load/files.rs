//! Local files, and how DuckDB is to read them.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use duckdb::Connection;
use quack_function::sql::literal;

use super::format::{Kind, Packing};
use super::header;

/// Lines that are looked at before a text file is read.
const HEAD_LINES: usize = 100;

/// What DuckDB reads of a CSV at a time, on each thread: as quick as its default of 32 MB, and several lines of the longest that
/// it takes, 2 MB.
const CSV_BUFFER_BYTES: u32 = 8 << 20;

/// Local files of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    pub kind: Kind,
    pub packing: Packing,
    /// Absolute.
    pub paths: Vec<PathBuf>,
    /// The first lines of the first, once they were read.
    head: OnceCell<Vec<String>>,
}

impl Files {
    /// Files of one kind; there may be none yet.
    pub(super) fn new(kind: Kind, packing: Packing, paths: Vec<PathBuf>) -> Self {
        Self { kind, packing, paths, head: OnceCell::new() }
    }

    /// The SQL that reads all rows.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn reader(&self, connection: &Connection, thorough: bool) -> duckdb::Result<String> {
        let several = if self.paths.len() > 1 { ", union_by_name = true" } else { ", hive_partitioning = false" };
        let sample = if thorough { ", sample_size = -1" } else { "" };
        let packing = self.packing.name();
        let list = self.list();
        Ok(match self.kind {
            Kind::Parquet => format!("read_parquet({list}{several})"),
            Kind::Json => format!("read_json({list}, compression = '{packing}'{several}{sample})"),
            Kind::Csv | Kind::Tsv => {
                let delimiter = literal(&self.delimiter(self.header(connection)?).to_string());
                format!(
                    "read_csv({list}, compression = '{packing}', delim = {delimiter}, skip = 0, \
                     buffer_size = {CSV_BUFFER_BYTES}{several}{sample})"
                )
            }
        })
    }

    /// Why DuckDB's detection of a CSV gave up, as precisely as reading it strictly can tell; `None` when that works.
    pub(super) fn diagnose(&self, connection: &Connection) -> Option<duckdb::Error> {
        let header = self.header(connection).ok()?;
        let delimiter = self.delimiter(header);
        let columns: Vec<String> =
            (0..header::fields(header, delimiter).len()).map(|index| format!("'column{index}': 'VARCHAR'")).collect();
        let sql = format!(
            "SELECT count(*) FROM read_csv({}, compression = '{}', auto_detect = false, columns = {{{}}}, \
             header = true, delim = {}, quote = '\"', escape = '\"', skip = 0)",
            self.list(),
            self.packing.name(),
            columns.join(", "),
            literal(&delimiter.to_string()),
        );
        connection.query_row(&sql, [], |row| row.get::<_, u64>(0)).err()
    }

    /// Which of the `found` columns are called otherwise than the header of a CSV has them, and why.
    pub(super) fn renamed<'a>(&self, connection: &Connection, found: impl Iterator<Item = &'a str>) -> Vec<String> {
        match (self.kind, self.header(connection)) {
            (Kind::Csv | Kind::Tsv, Ok(line)) => header::renamed(&header::fields(line, self.delimiter(line)), found),
            _ => Vec::new(),
        }
    }

    /// The first line of the first file.
    fn header(&self, connection: &Connection) -> duckdb::Result<&str> {
        Ok(self.head(connection)?.first().map_or("", String::as_str))
    }

    /// The first lines of the first file, of text.
    fn head(&self, connection: &Connection) -> duckdb::Result<&[String]> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        // A line may be longer than DuckDB takes.
        let head = self.lines(connection, HEAD_LINES).or_else(|_| self.lines(connection, 1))?;
        Ok(self.head.get_or_init(|| head))
    }

    fn lines(&self, connection: &Connection, count: usize) -> duckdb::Result<Vec<String>> {
        let first = self.paths.first().map(|path| escaped(path)).unwrap_or_default();
        let sql = format!(
            "SELECT line FROM read_csv({first}, compression = '{}', auto_detect = false, columns = {{'line': 'VARCHAR'}}, \
             delim = '\x01', quote = '', escape = '', header = false, buffer_size = {CSV_BUFFER_BYTES}) LIMIT {count}",
            self.packing.name(),
        );
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default()))?;
        rows.collect()
    }

    /// How many bytes a row takes, by the first ones; 0 where they cannot be read, which is told elsewhere.
    pub(super) fn row_bytes(&self, connection: &Connection) -> u64 {
        let list = self.list();
        let sql = match self.kind {
            Kind::Csv | Kind::Tsv => {
                let lines = self.head(connection).unwrap_or_default();
                let bytes: usize = lines.iter().map(String::len).sum();
                return (bytes / lines.len().max(1)) as u64;
            }
            Kind::Json => format!(
                "SELECT CAST(avg(strlen(json)) AS UBIGINT) FROM \
                 (FROM read_json_objects({list}, compression = '{}') LIMIT {HEAD_LINES})",
                self.packing.name()
            ),
            Kind::Parquet => format!(
                "SELECT CAST(max(row_group_bytes // greatest(row_group_num_rows, 1)) AS UBIGINT) \
                 FROM parquet_metadata({list})"
            ),
        };
        connection.query_row(&sql, [], |row| row.get::<_, Option<u64>>(0)).ok().flatten().unwrap_or(0)
    }

    /// The character between values. DuckDB's own guess takes a file with ragged rows for one with a single column.
    fn delimiter(&self, header: &str) -> char {
        if self.kind == Kind::Tsv {
            return '\t';
        }
        [',', ';', '\t', '|']
            .into_iter()
            .rev()
            .max_by_key(|delimiter| header::fields(header, *delimiter).len())
            .unwrap_or(',')
    }

    /// The files as DuckDB is given them: it takes each for a glob first.
    pub(super) fn named(&self) -> Vec<PathBuf> {
        let patterns = self.paths.iter().map(|path| PathBuf::from(pattern(path)));
        patterns.chain(self.paths.iter().cloned()).collect()
    }

    fn list(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| escaped(path)).collect();
        format!("[{}]", paths.join(", "))
    }
}

/// A glob that matches a path and nothing else.
fn pattern(path: &Path) -> String {
    glob::Pattern::escape(&path.to_string_lossy())
}

/// A path as DuckDB takes it: not as a glob.
fn escaped(path: &Path) -> String {
    literal(&pattern(path))
}
