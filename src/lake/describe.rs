//! Tables as they are shown: after a load, all of them, one of them. Each value is text to people and JSON to programs.

use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::catalog::{Catalog, ColumnStats, DataFile, Table};
use super::described_view as view;
use super::described_view::ViewDetail;
use super::iceberg::state::Foreign;
use crate::output::cut;
use crate::output::grid::grid;
use crate::rows::counted;

/// Longest bound that is shown; a longer one is cut.
const BOUND_CHARS: usize = 32;

/// Most columns that are listed after a load.
pub(super) const MOST_COLUMNS: usize = 20;

/// What a load did.
#[derive(Debug, Serialize)]
pub(crate) struct Loaded {
    /// Rows and bytes of this load; the table may have had more.
    pub loaded_rows: u64,
    pub loaded_bytes: u64,
    pub time_ms: u64,
    /// What the user should know of the rows.
    pub notes: Vec<String>,
    #[serde(flatten)]
    pub table: TableDetail,
}

impl Loaded {
    pub(crate) fn new(name: String, table: Table, files: &[DataFile], time: Duration) -> Self {
        Self {
            loaded_rows: files.iter().map(|file| file.rows).sum(),
            loaded_bytes: files.iter().map(|file| file.bytes).sum(),
            time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            notes: Vec::new(),
            table: TableDetail::new(&name, &table),
        }
    }
}

impl Display for Loaded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.time_ms as f64 / 1000.0;
        let rate = (self.loaded_bytes as f64 / seconds.max(0.001)) as u64;
        writeln!(
            f,
            "loaded {}, {} into {} in {seconds:.1} s ({}/s)",
            counted(self.loaded_rows),
            HumanBytes(self.loaded_bytes),
            self.table.summary.name,
            HumanBytes(rate),
        )?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))?;
        self.table.write(f, MOST_COLUMNS)
    }
}

/// One table in few words.
#[derive(Debug, Serialize)]
pub(crate) struct TableSummary {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub files: u64,
    pub partitions: Partitions,
    pub source: String,
    pub synthetic: bool,
    /// RFC 3339.
    pub loaded_at: String,
    /// What people wrote about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Of which other program's table it shows a snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
}

/// How a table is split.
#[derive(Debug, Serialize)]
pub(crate) struct Partitions {
    /// Names, outermost folder first; none for a table that is not partitioned.
    pub columns: Vec<String>,
    /// What they are made of, `NAME=EXPR` each; none where that was not kept.
    pub by: Vec<String>,
    /// Distinct combinations of their values; one for a table that is not partitioned. Not known of one with so many files that
    /// not all were looked at.
    pub count: Option<usize>,
}

impl Display for Partitions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.columns.is_empty() {
            f.write_str("-")
        } else {
            self.count.map_or(Ok(()), |count| write!(f, "{count} "))?;
            write!(f, "by {}", self.columns.join(", "))
        }
    }
}

impl TableSummary {
    fn new(name: &str, table: &Table) -> Self {
        Self {
            name: name.to_owned(),
            rows: table.rows,
            bytes: table.bytes,
            files: table.file_count(),
            partitions: Partitions {
                columns: table.partitions.iter().map(|column| column.name.clone()).collect(),
                by: table.partition_by.clone(),
                count: (table.unread.is_empty())
                    .then(|| table.files.iter().map(|file| &file.partition).collect::<HashSet<_>>().len()),
            },
            source: table.source.clone(),
            synthetic: table.synthetic,
            loaded_at: table.loaded_at.clone(),
            comment: table.comment.clone(),
            foreign: table.foreign.clone(),
        }
    }
}

/// All tables, views and schemas.
#[derive(Debug, Serialize)]
pub(crate) struct TableList {
    pub tables: Vec<TableSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewDetail>,
    /// Those beside `main`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<String>,
}

impl TableList {
    pub(crate) fn new(catalog: &Catalog) -> Self {
        Self {
            tables: catalog.tables.iter().map(|(name, table)| TableSummary::new(name, table)).collect(),
            views: catalog.views.iter().map(|(name, view)| ViewDetail::new(name, view)).collect(),
            schemas: catalog.schemas.iter().cloned().collect(),
        }
    }
}

impl TableList {
    /// What there is beside tables.
    fn others(&self, f: &mut Formatter<'_>) -> fmt::Result {
        view::list(f, &self.views)?;
        match self.schemas.is_empty() {
            true => Ok(()),
            false => writeln!(f, "schemas: {}", self.schemas.join(", ")),
        }
    }
}

impl Display for TableList {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.tables.is_empty() {
            writeln!(f, "no tables yet; load one: quackctl load --sample taxi --table trips")?;
            return self.others(f);
        }
        let mut shown: Vec<usize> = (0..HEADER.len()).collect();
        let mut rows: Vec<[String; HEADER.len()]> = self.tables.iter().map(TableSummary::cells).collect();
        if let Some(width) = grid(&[], &[]).width() {
            let width_of = |column: usize| {
                let texts = rows.iter().map(|row| row[column].as_str()).chain([HEADER[column]]);
                texts.map(UnicodeWidthStr::width).max().unwrap_or(0)
            };
            let widths: [usize; HEADER.len()] = std::array::from_fn(width_of);
            let room = |shown: &[usize]| {
                let others = shown.iter().filter(|column| **column != SOURCE).map(|column| widths[*column]);
                usize::from(width).saturating_sub(others.sum::<usize>() + 3 * shown.len() + 1)
            };
            for column in LEFT_OUT {
                if room(&shown) < widths[SOURCE].min(LEAST_SOURCE) {
                    shown.retain(|own| own != column);
                }
            }
            let room = room(&shown).max(LEAST_SOURCE);
            rows.iter_mut().for_each(|row| row[SOURCE] = cut(&row[SOURCE], room));
        }
        let header: Vec<&str> = shown.iter().map(|column| HEADER[*column]).collect();
        let right: Vec<usize> = (0..shown.len()).filter(|at| NUMBERS.contains(&shown[*at])).collect();
        let mut grid = grid(&header, &right);
        for row in &rows {
            grid.add_row(shown.iter().map(|column| &row[*column]));
        }
        writeln!(f, "{grid}")?;
        let hidden: Vec<&str> = LEFT_OUT.iter().filter(|c| !shown.contains(c)).map(|column| HEADER[*column]).collect();
        if !hidden.is_empty() {
            writeln!(f, "no room for: {}; `quackctl tables NAME` tells all", hidden.join(", "))?;
        }
        self.others(f)
    }
}

/// What is listed of each table.
const HEADER: [&str; 7] = ["table", "rows", "bytes", "files", "partitions", "source", "loaded at"];
/// Those that are aligned to the right, the one that is cut, and those that are left out where there is no room, the first
/// one first.
const NUMBERS: [usize; 3] = [1, 2, 3];
const SOURCE: usize = 5;
const LEFT_OUT: &[usize] = &[6, 3, 4];
/// Terminal columns that a source needs to say something.
const LEAST_SOURCE: usize = 12;

impl TableSummary {
    fn cells(&self) -> [String; HEADER.len()] {
        [
            self.name.clone(),
            HumanCount(self.rows).to_string(),
            HumanBytes(self.bytes).to_string(),
            self.files.to_string(),
            self.partitions.to_string(),
            self.source.clone(),
            self.loaded_at.clone(),
        ]
    }
}

/// One table with its columns.
#[derive(Debug, Serialize)]
pub(crate) struct TableDetail {
    #[serde(flatten)]
    pub summary: TableSummary,
    pub columns: Vec<ColumnDetail>,
}

/// A column with what people wrote about it.
#[derive(Debug, Serialize)]
pub(crate) struct ColumnDetail {
    #[serde(flatten)]
    pub stats: ColumnStats,
    /// What it takes in all files, compressed: what a query that reads it fetches. Not of partition columns, which are in no file, nor
    /// where a file does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl TableDetail {
    pub(crate) fn new(name: &str, table: &Table) -> Self {
        let of = |file: &DataFile, name: &str| file.columns.get(name)?.bytes;
        let bytes = |name: &str| -> Option<u64> { table.files.iter().map(|file| of(file, name)).sum() };
        let column = |stats: &ColumnStats| ColumnDetail {
            stats: stats.clone(),
            bytes: bytes(&stats.name).filter(|_| table.unread.is_empty() && !table.files.is_empty()),
            comment: table.comments.get(&stats.name).cloned(),
        };
        Self { summary: TableSummary::new(name, table), columns: table.columns.iter().map(column).collect() }
    }
}

impl Display for TableDetail {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, usize::MAX)
    }
}

impl TableDetail {
    /// With its first `most` columns.
    pub(super) fn write(&self, f: &mut Formatter<'_>, most: usize) -> fmt::Result {
        let TableSummary { name, rows, bytes, files, partitions, source, loaded_at, comment, foreign, .. } =
            &self.summary;
        let split = if partitions.columns.is_empty() { String::new() } else { format!(", partitions: {partitions}") };
        let plural = if *files == 1 { "" } else { "s" };
        writeln!(f, "{name}: {}, {}, {files} file{plural}{split}", counted(*rows), HumanBytes(*bytes))?;
        writeln!(f, "from {source}, {loaded_at}")?;
        if let Some(foreign) = foreign {
            writeln!(f, "{foreign}")?;
        }
        // A name alone is that of a column, and told already.
        if !partitions.columns.is_empty() && partitions.by.iter().any(|by| by.contains('=')) {
            writeln!(f, "partitioned by {}", partitions.by.join(", "))?;
        }
        if let Some(comment) = comment {
            writeln!(f, "{}", view::in_one_line(comment))?;
        }
        let has_comments = self.columns.iter().any(|column| column.comment.is_some());
        let header = ["column", "type", "bytes", "nulls", "min", "max", "comment"];
        let mut grid = grid(if has_comments { &header } else { &header[..6] }, &[2, 3]);
        for ColumnDetail { stats: column, bytes, comment } in self.columns.iter().take(most) {
            let cells = [
                column.name.clone(),
                column.sql_type.clone(),
                bytes.map_or_else(String::new, |bytes| HumanBytes(bytes).to_string()),
                column.nulls.map_or_else(|| "?".to_owned(), |nulls| HumanCount(nulls).to_string()),
                bound(column.min.as_deref()),
                bound(column.max.as_deref()),
            ];
            let comment = has_comments.then(|| view::in_one_line(comment.as_deref().unwrap_or_default()));
            grid.add_row(cells.into_iter().chain(comment));
        }
        writeln!(f, "{grid}")?;
        match self.columns.len().saturating_sub(most) {
            0 => Ok(()),
            more => writeln!(f, "{more} more columns: `quackctl tables {name}` lists all {}", self.columns.len()),
        }
    }
}

/// A bound in one line; control characters would upset the terminal.
fn bound(value: Option<&str>) -> String {
    let Some(value) = value else { return String::new() };
    let shown: String = value.chars().take(BOUND_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(BOUND_CHARS).is_some() { format!("{shown}…") } else { shown }
}
