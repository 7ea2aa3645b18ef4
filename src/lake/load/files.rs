//! Local files, and how DuckDB is to read them.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use duckdb::Connection;
use flate2::read::MultiGzDecoder;
use quack_function::sql::literal;
use quack_function::wire::Column;

use super::form::Form;
use super::format::{Kind, Packing};
use super::given;
use super::header;
use crate::duck::types;
use crate::duck::words::columns;

/// Lines that are looked at before a text file is read.
const HEAD_LINES: usize = 100;

/// What DuckDB reads of a CSV at a time, on each thread: as quick as its default of 32 MB, and several lines of the longest that
/// it takes unless told otherwise, 2 MB.
const CSV_BUFFER_BYTES: u32 = 8 << 20;

/// Most files of which each is looked at before all are read.
const MOST_SNIFFED: usize = 16;

/// Bytes of the fewest that DuckDB takes the types from, 20,480 rows of one byte and a line feed.
const SAMPLE_BYTES: u64 = 2 * 20_480;

/// The longest line of a CSV: a row of 16 MB, each of whose characters may be a quote, which is written twice.
pub(super) const LONGEST_LINE_BYTES: u32 = 33 << 20;

/// How text is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Find the types from every row, not only from the first ones.
    pub thorough: bool,
    /// Lines of a CSV may be longer than DuckDB takes them for; it then reads much at a time.
    pub long_lines: bool,
    /// Fail where a value would be changed by the type that the first rows gave its column.
    pub checked: bool,
    /// Times of a CSV are ones with a zone where any of their column has one; DuckDB leaves it out where none of the first has.
    pub zoned: bool,
    /// A CSV has quotes, even where the first rows have none.
    pub quoted: bool,
    /// Values of a CSV are of the types that their columns have in the table that they are for.
    pub hinted: bool,
}

impl Reading {
    /// How much of a CSV is read at a time, and how long its lines may be.
    fn sizes(self) -> String {
        match self.long_lines {
            true => format!("max_line_size = {LONGEST_LINE_BYTES}, buffer_size = {LONGEST_LINE_BYTES}"),
            false => format!("buffer_size = {CSV_BUFFER_BYTES}"),
        }
    }
}

/// How a CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
    pub escape: u8,
}

/// Local files of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    pub kind: Kind,
    pub packing: Packing,
    /// Absolute.
    pub paths: Vec<PathBuf>,
    /// What the user says of how a CSV is written.
    pub form: Form,
    /// The first lines of the first, once they were read.
    head: OnceCell<Vec<String>>,
    /// Whether the first rows of a CSV have no quotes, once that was looked at.
    unquoted: OnceCell<bool>,
    /// Of pieces.
    pieces: Option<Box<Pieces>>,
}

/// What is known of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Pieces {
    /// DuckDB's options to read them.
    options: String,
    /// Of those in Parquet: as many files with the columns that come next, row by row; and so on.
    beside: Vec<Vec<PathBuf>>,
    /// Of the same: what stands behind a `*` to have the types that the rows had.
    cast: String,
}

impl Files {
    /// Files of one kind; there may be none yet.
    pub(super) fn new(kind: Kind, packing: Packing, paths: Vec<PathBuf>) -> Self {
        let (head, unquoted) = (OnceCell::new(), OnceCell::new());
        Self { kind, packing, paths, form: Form::default(), head, unquoted, pieces: None }
    }

    /// The same, written as `form` says.
    pub(super) fn written(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The pieces `paths` of a CSV, whose types are those that DuckDB finds in all rows of `slim`. The first has the first
    /// record alone, which may name the columns.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn in_pieces(
        connection: &Connection,
        dialect: Dialect,
        form: &Form,
        hinted: bool,
        mut paths: Vec<PathBuf>,
        slim: &Path,
    ) -> duckdb::Result<Self> {
        let options = format!("{}{}, skip = 0, sample_size = -1", dialect.options(), form.options());
        let slim = escaped(slim);
        let mut found = columns(connection, &format!("SELECT * FROM read_csv({slim}{options})"))?;
        for Column { name, .. } in given::others(&form.typed(hinted), &found) {
            let column = found.iter_mut().find(|column| column.name == name);
            column.into_iter().for_each(|column| column.sql_type = "VARCHAR".to_owned());
        }
        let found: Vec<String> =
            found.iter().map(|column| format!("{}: {}", literal(&column.name), literal(&column.sql_type))).collect();
        let formats = format!("SELECT DateFormat, TimestampFormat, HasHeader FROM sniff_csv({slim}{options})");
        let (date, timestamp, has_names): (Option<String>, Option<String>, bool) =
            connection.query_row(&formats, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        // Names without rows are a file all the same.
        let only_names = has_names && paths.len() == 1;
        if has_names && !only_names {
            paths.remove(0);
        }
        let format = |name: &str, format: Option<String>| {
            format.map(|format| format!(", {name} = {}", literal(&format))).unwrap_or_default()
        };
        let pieces = format!(
            "{}{}, header = {only_names}, auto_detect = false, columns = {{{}}}{}{}",
            dialect.options(),
            form.values(),
            found.join(", "),
            format("dateformat", date),
            format("timestampformat", timestamp),
        );
        let pieces = Pieces { options: pieces, ..Pieces::default() };
        let files = Self::new(Kind::Csv, Packing::None, paths).written(form.clone());
        Ok(Self { pieces: Some(Box::new(pieces)), ..files })
    }

    /// Pieces in Parquet of rows with these `columns`, which are in order: `groups` has a list for each few of the columns, with
    /// the same rows in each.
    pub(super) fn in_parquet(groups: Vec<Vec<PathBuf>>, columns: &[Column]) -> Self {
        let mut groups = groups.into_iter();
        let first = groups.next().unwrap_or_default();
        let options = ", hive_partitioning = false".to_owned();
        let pieces = Pieces { options, beside: groups.collect(), cast: types::read_back(columns) };
        Self { pieces: Some(Box::new(pieces)), ..Self::new(Kind::Parquet, Packing::None, first) }
    }

    /// How a CSV with long lines is written: DuckDB would hold too many of them to find it out.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn dialect(&self, connection: &Connection, reading: Reading) -> duckdb::Result<Dialect> {
        let delimiter = self.delimiter(self.header(connection, reading)?) as u8;
        Ok(Dialect { delimiter, quote: b'"', escape: b'"' })
    }

    /// Whether there may be more rows than those by which DuckDB takes the columns' types.
    pub(super) fn may_exceed_sample(&self) -> bool {
        let bytes = |path: &PathBuf| path.metadata().map_or(u64::MAX, |found| found.len());
        self.packing != Packing::None || self.paths.iter().map(bytes).fold(0, u64::saturating_add) > SAMPLE_BYTES
    }

    /// Whether they are pieces of what the user gave, of which all is known.
    pub(super) fn is_in_pieces(&self) -> bool {
        self.pieces.is_some()
    }

    /// How a CSV is to be read, as far as nobody looks into it.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn csv_options(&self, connection: &Connection, reading: Reading) -> duckdb::Result<String> {
        let delimiter = literal(&self.delimiter(self.header(connection, reading)?).to_string());
        let (packing, sizes) = (self.packing.name(), reading.sizes());
        let form = self.form.options();
        let options = format!("compression = '{packing}', delim = {delimiter}, skip = 0, {sizes}{form}");
        let is_quoted = reading.quoted && *self.unquoted.get_or_init(|| self.is_unquoted(connection, &options));
        Ok(if is_quoted { format!("{options}, quote = '\"', escape = '\"'") } else { options })
    }

    /// Whether DuckDB takes a CSV for one without quotes by its first rows, where the first may come later.
    fn is_unquoted(&self, connection: &Connection, options: &str) -> bool {
        let is = |path: &PathBuf| {
            let sql = format!(
                "SELECT Quote IN ('(empty)', '\"') AND Escape IN ('(empty)', '\"') FROM sniff_csv({}, {options})",
                escaped(path)
            );
            connection.query_row(&sql, [], |row| row.get(0)).unwrap_or(false)
        };
        self.may_exceed_sample() && self.paths.len() <= MOST_SNIFFED && self.paths.iter().all(is)
    }

    /// The SQL that reads all rows, with more `options`, and without a look at what it reads.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn reader_with(
        &self,
        connection: &Connection,
        reading: Reading,
        options: &str,
    ) -> duckdb::Result<String> {
        let several = if self.paths.len() > 1 { ", union_by_name = true" } else { ", hive_partitioning = false" };
        let sample = if reading.thorough { ", sample_size = -1" } else { "" };
        let packing = self.packing.name();
        let list = self.list();
        if let Some(Pieces { options, beside, cast }) = self.pieces.as_deref() {
            if self.kind == Kind::Parquet {
                let groups = [&self.paths].into_iter().chain(beside);
                let readers: Vec<_> = groups.map(|paths| format!("read_parquet({}{options})", listed(paths))).collect();
                let readers = readers.join(" POSITIONAL JOIN ");
                return Ok(if cast.is_empty() {
                    readers
                } else {
                    format!("(SELECT *{cast} FROM {readers}) AS pieces")
                });
            }
            return Ok(format!("read_csv({list}, skip = 0, hive_partitioning = false, {}{options})", reading.sizes()));
        }
        Ok(match self.kind {
            Kind::Parquet => format!("read_parquet({list}{several})"),
            Kind::Json => format!("read_json({list}, compression = '{packing}'{several}{sample}{options})"),
            Kind::Csv | Kind::Tsv => {
                let own = self.csv_options(connection, reading)?;
                format!("read_csv({list}, {own}{several}{sample}{options})")
            }
        })
    }

    /// Why DuckDB's detection of a CSV gave up, as precisely as reading it strictly can tell; `None` when that works.
    pub(super) fn diagnose(&self, connection: &Connection, reading: Reading) -> Option<duckdb::Error> {
        let header = self.header(connection, reading).ok()?;
        let delimiter = self.delimiter(header);
        let columns: Vec<String> =
            (0..header::fields(header, delimiter).len()).map(|index| format!("'column{index}': 'VARCHAR'")).collect();
        let sql = format!(
            "SELECT count(*) FROM read_csv({}, compression = '{}', auto_detect = false, columns = {{{}}}, \
             header = {}, delim = {}, quote = '\"', escape = '\"', skip = 0, {})",
            self.list(),
            self.packing.name(),
            columns.join(", "),
            self.form.header.unwrap_or(true),
            literal(&delimiter.to_string()),
            reading.sizes(),
        );
        connection.query_row(&sql, [], |row| row.get::<_, u64>(0)).err()
    }

    /// Which of the `found` columns are called otherwise than the header of a CSV has them, and why.
    pub(super) fn renamed<'a>(&self, connection: &Connection, found: impl Iterator<Item = &'a str>) -> Vec<String> {
        // Pieces have their header in another file.
        if self.pieces.is_some() || self.form.header == Some(false) {
            return Vec::new();
        }
        match (self.kind, self.header(connection, Reading::default())) {
            (Kind::Csv | Kind::Tsv, Ok(line)) => header::renamed(&header::fields(line, self.delimiter(line)), found),
            _ => Vec::new(),
        }
    }

    /// The first line of the first file.
    fn header(&self, connection: &Connection, reading: Reading) -> duckdb::Result<&str> {
        Ok(self.head(connection, reading)?.first().map_or("", String::as_str))
    }

    /// The first lines of the first file, of text.
    fn head(&self, connection: &Connection, reading: Reading) -> duckdb::Result<&[String]> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        // A line may be longer than DuckDB takes.
        let lines = |count| self.lines(connection, reading, count);
        let head = match reading.long_lines.then(|| self.first_line(self.paths.first()?)).flatten() {
            Some(line) => vec![line],
            None => lines(HEAD_LINES).or_else(|_| lines(1))?,
        };
        Ok(self.head.get_or_init(|| head))
    }

    /// The first line of a file, read without DuckDB, which would hold 2048 of them.
    fn first_line(&self, path: &Path) -> Option<String> {
        let file = File::open(path).ok()?;
        let text: Box<dyn Read> = match self.packing {
            Packing::None => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
            Packing::Zstd => return None,
        };
        let mut line = Vec::new();
        BufReader::new(text).take(u64::from(LONGEST_LINE_BYTES)).read_until(b'\n', &mut line).ok()?;
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The first lines, whose quotes mean nothing here: those within them may end otherwise than the rows.
    fn lines(&self, connection: &Connection, reading: Reading, count: usize) -> duckdb::Result<Vec<String>> {
        let first = self.paths.first().map(|path| escaped(path)).unwrap_or_default();
        let sql = format!(
            "SELECT line FROM read_csv({first}, compression = '{}', auto_detect = false, columns = {{'line': 'VARCHAR'}}, \
             delim = '\x01', quote = '', escape = '', header = false, strict_mode = false, {}) LIMIT {count}",
            self.packing.name(),
            reading.sizes(),
        );
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default()))?;
        rows.collect()
    }

    /// How many bytes a row takes, by the first ones; 0 where they cannot be read, which is told elsewhere.
    pub(super) fn row_bytes(&self, connection: &Connection, reading: Reading) -> u64 {
        let list = self.list();
        let sql = match self.kind {
            Kind::Csv | Kind::Tsv => {
                if reading.long_lines {
                    return u64::from(LONGEST_LINE_BYTES);
                }
                let lines = self.head(connection, reading).unwrap_or_default();
                let bytes: usize = lines.iter().map(String::len).sum();
                return (bytes / lines.len().max(1)) as u64;
            }
            Kind::Json => format!(
                "SELECT CAST(avg(strlen(json)) AS UBIGINT) FROM \
                 (FROM read_json_objects({list}, compression = '{}') LIMIT {HEAD_LINES})",
                self.packing.name()
            ),
            // Of pieces it is known that they are not too wide.
            Kind::Parquet if self.pieces.is_some() => return 0,
            Kind::Parquet => format!(
                "SELECT CAST(max(row_group_bytes // greatest(row_group_num_rows, 1)) AS UBIGINT) \
                 FROM parquet_metadata({list})"
            ),
        };
        connection.query_row(&sql, [], |row| row.get::<_, Option<u64>>(0)).ok().flatten().unwrap_or(0)
    }

    /// The character between values. DuckDB's own guess takes a file with ragged rows for one with a single column.
    fn delimiter(&self, header: &str) -> char {
        match (self.form.delimiter, self.kind) {
            (Some(delimiter), _) => delimiter,
            (None, Kind::Tsv) => '\t',
            (None, _) => self.guessed(header),
        }
    }

    fn guessed(&self, header: &str) -> char {
        [',', ';', '\t', '|']
            .into_iter()
            .rev()
            .filter(|delimiter| self.form.decimal != Some(*delimiter))
            .max_by_key(|delimiter| header::fields(header, *delimiter).len())
            .unwrap_or(',')
    }

    /// The first of several CSVs whose values have another character between them than the first one's have: which of the files
    /// it is, that character of the first, and its own.
    pub(super) fn other_delimiter(&self) -> Option<(usize, char, char)> {
        if !matches!(self.kind, Kind::Csv | Kind::Tsv) || self.paths.len() < 2 {
            return None;
        }
        let first = self.first_line(self.paths.first()?)?;
        let own = self.delimiter(&first);
        let cut = |line: &str, delimiter| header::fields(line, delimiter).len();
        let columns = cut(&first, own);
        let other = |(index, path): (usize, &PathBuf)| {
            let line = self.first_line(path)?;
            let guessed = self.guessed(&line);
            let is_other = cut(&line, own) != columns && cut(&line, guessed) > cut(&line, own);
            is_other.then_some((index, own, guessed))
        };
        self.paths.iter().enumerate().skip(1).find_map(other)
    }

    /// The files as DuckDB is given them: it takes each for a glob first.
    pub(super) fn named(&self) -> Vec<PathBuf> {
        let patterns = self.paths.iter().map(|path| PathBuf::from(pattern(path)));
        patterns.chain(self.paths.iter().cloned()).collect()
    }

    /// Their paths as DuckDB takes them.
    pub(super) fn list(&self) -> String {
        listed(&self.paths)
    }
}

impl Dialect {
    /// As options of DuckDB's.
    fn options(self) -> String {
        let signs = [self.delimiter, self.quote, self.escape].map(|sign| literal(&char::from(sign).to_string()));
        let [delimiter, quote, escape] = signs;
        format!(", delim = {delimiter}, quote = {quote}, escape = {escape}")
    }
}

/// A glob that matches a path and nothing else.
fn pattern(path: &Path) -> String {
    glob::Pattern::escape(&path.to_string_lossy())
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| escaped(path)).collect();
    format!("[{}]", paths.join(", "))
}

/// A path as DuckDB takes it: not as a glob.
pub(super) fn escaped(path: &Path) -> String {
    literal(&pattern(path))
}
