//! Wide rows written anew, a few in a file. DuckDB holds 2048 rows at once, however wide they are, but never more than a row
//! group of a Parquet file has, and a page of each column that it reads: so they are read a range of rows and some columns
//! at a time, and lie then in files that take little memory to read.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use duckdb::Connection;
use quack_function::sql::{identifier, literal};
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use super::files::{Files, Reading};
use super::format::Kind;
use super::way::VECTOR_ROWS;
use crate::duck::types;
use crate::duck::words::columns;

/// What a piece has, bytes, unless a row has more.
const PIECE_BYTES: u64 = 4 << 20;

/// What is read of rows at once, bytes.
const RANGE_BYTES: u64 = 128 << 20;

/// What the pages of columns that are read together have, packed and unpacked, bytes.
const PAGES_BYTES: u64 = 256 << 20;

/// No column is counted with more: DuckDB's own pages have no more than half of it, others' less.
const COLUMN_BYTES: u64 = 200 << 20;

/// DuckDB's name of a row's place in a Parquet file.
const PLACE: &str = "file_row_number";

/// Cuts files through a connection of its own.
pub(super) struct Recut<'a> {
    pub connection: &'a Connection,
    pub files: &'a Files,
    pub reading: Reading,
    /// Integers of 128 bits are stored as those of 64.
    pub narrow: bool,
    /// How wide rows are, bytes.
    pub row_bytes: u64,
    /// Where the pieces go.
    pub folder: &'a Path,
}

impl Recut<'_> {
    /// The rows of the files in pieces, in their order.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn cut(&self) -> duckdb::Result<Files> {
        let found = self.columns(self.files)?;
        let has_place = found.iter().any(|column| column.name.eq_ignore_ascii_case(PLACE));
        let is_parquet = self.files.kind == Kind::Parquet && !has_place;
        let each = if is_parquet { self.each(&found)? } else { None };
        let Some(each) = each else {
            let mut pieces = Vec::new();
            self.copy(self.files, &found, None, &self.folder.join("0"), &mut pieces)?;
            return Ok(Files::in_parquet(vec![pieces], &self.kept(found)));
        };
        let mut groups = Vec::new();
        for (number, group) in self.groups(&found)?.into_iter().enumerate() {
            let mut pieces = Vec::new();
            for (index, files) in each.iter().enumerate() {
                let folder = self.folder.join(format!("{number}-{index}"));
                let count = "SELECT CAST(coalesce(sum(num_rows), 0) AS UBIGINT) FROM parquet_file_metadata";
                let rows: u64 =
                    self.connection.query_row(&format!("{count}({})", files.list()), [], |row| row.get(0))?;
                let step = match self.row_bytes * VECTOR_ROWS <= RANGE_BYTES {
                    true => rows.max(1),
                    false => (RANGE_BYTES / self.row_bytes.max(1)).max(1),
                };
                for start in (0..rows).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
                    let range = start..rows.min(start.saturating_add(step));
                    self.range(files, &found[group.clone()], range, &folder, &mut pieces)?;
                }
            }
            groups.push(pieces);
        }
        Ok(Files::in_parquet(groups, &self.kept(found)))
    }

    /// The columns as they come of the pieces.
    fn kept(&self, mut found: Vec<Column>) -> Vec<Column> {
        for column in found.iter_mut().filter(|_| self.narrow) {
            let narrow = SqlType::parse(&column.sql_type).ok().and_then(|own| own.in_64_bits());
            column.sql_type = narrow.map_or_else(|| std::mem::take(&mut column.sql_type), |own| own.to_string());
        }
        found
    }

    fn columns(&self, files: &Files) -> duckdb::Result<Vec<Column>> {
        columns(self.connection, &format!("SELECT * FROM {}", files.reader(self.connection, self.reading)?))
    }

    /// The files one by one, if each has all the columns.
    fn each(&self, found: &[Column]) -> duckdb::Result<Option<Vec<Files>>> {
        let mut each = Vec::new();
        for path in &self.files.paths {
            let files = Files::new(Kind::Parquet, self.files.packing, vec![path.clone()]);
            if self.columns(&files)? != found {
                return Ok(None);
            }
            each.push(files);
        }
        Ok(Some(each))
    }

    /// Columns that can be read together.
    fn groups(&self, found: &[Column]) -> duckdb::Result<Vec<Range<usize>>> {
        let sql = format!(
            "SELECT path_in_schema, CAST(max(total_compressed_size + total_uncompressed_size) AS UBIGINT) \
             FROM parquet_metadata({}) GROUP BY ALL",
            self.files.list()
        );
        let mut statement = self.connection.prepare(&sql)?;
        let leaves = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(together(found, &leaves.collect::<duckdb::Result<Vec<(String, u64)>>>()?))
    }

    /// Copies a range of rows; where it takes too much memory, one half of it after the other.
    fn range(
        &self,
        files: &Files,
        found: &[Column],
        range: Range<u64>,
        folder: &Path,
        pieces: &mut Vec<PathBuf>,
    ) -> duckdb::Result<()> {
        let place = folder.join(range.start.to_string());
        let condition = format!("{PLACE} >= {} AND {PLACE} < {}", range.start, range.end);
        match self.copy(files, found, Some(&condition), &place, pieces) {
            Err(error) if error.to_string().contains("Out of Memory") && range.end - range.start > 1 => {
                // What it wrote until then.
                _ = fs::remove_dir_all(&place);
                let middle = range.start + (range.end - range.start) / 2;
                self.range(files, found, range.start..middle, folder, pieces)?;
                self.range(files, found, middle..range.end, folder, pieces)
            }
            copied => copied,
        }
    }

    /// Copies the rows that meet the `condition` to the new folder `place`, and adds the pieces there to `pieces`.
    fn copy(
        &self,
        files: &Files,
        found: &[Column],
        condition: Option<&str>,
        place: &Path,
        pieces: &mut Vec<PathBuf>,
    ) -> duckdb::Result<()> {
        let names: Vec<String> = found.iter().map(|column| identifier(&column.name)).collect();
        let mut piece = "piece".to_owned();
        while found.iter().any(|column| column.name.eq_ignore_ascii_case(&piece)) {
            piece.push('_');
        }
        let condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let copy = format!(
            "COPY (SELECT *{}, (row_number() OVER () - 1) // {} AS {piece} FROM (SELECT {} FROM {}{condition}) AS source) \
             TO {} (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION snappy, PARTITION_BY ({piece}))",
            if self.narrow { types::narrowed(found) } else { types::in_files(found) },
            (PIECE_BYTES / self.row_bytes.max(1)).max(1),
            names.join(", "),
            files.reader(self.connection, self.reading)?,
            literal(&place.to_string_lossy()),
        );
        // DuckDB makes the last folder, and not those above it.
        if let Some(above) = place.parent() {
            _ = fs::create_dir_all(above);
        }
        self.connection.execute_batch(&copy)?;
        pieces.extend(in_order(place));
        Ok(())
    }
}

/// Columns that can be read together, by how large each `(path, bytes)` of their leaves is.
fn together(found: &[Column], leaves: &[(String, u64)]) -> Vec<Range<usize>> {
    let mut sizes = vec![0_u64; found.len()];
    for (path, bytes) in leaves {
        let is_of = |column: &Column| {
            path.strip_prefix(column.name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
        };
        let owner = (0..found.len()).filter(|index| is_of(&found[*index])).max_by_key(|index| found[*index].name.len());
        if let Some(index) = owner {
            sizes[index] = sizes[index].saturating_add((*bytes).min(COLUMN_BYTES));
        }
    }
    let (mut groups, mut start, mut sum) = (Vec::new(), 0, 0_u64);
    for (index, size) in sizes.iter().enumerate() {
        if index > start && sum.saturating_add(*size) > PAGES_BYTES {
            groups.push(start..index);
            (start, sum) = (index, 0);
        }
        sum = sum.saturating_add(*size);
    }
    groups.push(start..found.len());
    groups
}

/// The files that a COPY into partitions left in `place`: by the number of the partition, and then by their own.
fn in_order(place: &Path) -> Vec<PathBuf> {
    let number = |name: &std::ffi::OsStr| {
        let digits = |c: char| !c.is_ascii_digit();
        name.to_str()?.trim_end_matches(".parquet").rsplit(digits).next()?.parse::<u64>().ok()
    };
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(Option<u64>, Option<u64>, PathBuf)> = entries(place)
        .flat_map(|piece| {
            let of_piece = number(&piece.file_name());
            entries(&piece.path()).map(move |file| (of_piece, number(&file.file_name()), file.path()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, _, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_together_that_are_not_too_large() {
        let column = |name: &str| Column { name: name.to_owned(), sql_type: "VARCHAR".to_owned() };
        let found = [column("a"), column("a, b"), column("c"), column("d")];
        let leaf = |path: &str, mib: u64| (path.to_owned(), mib << 20);
        let leaves = [leaf("a", 1), leaf("a, b, list, element", 100), leaf("c", 1000), leaf("d", 90)];
        assert_eq!(together(&found, &leaves), [0..2, 2..3, 3..4]);
        assert_eq!(together(&found, &leaves[2..]), [0..3, 3..4]);
    }
}
