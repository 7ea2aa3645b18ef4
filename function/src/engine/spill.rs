//! Results that are too large for a response, or wanted as a file: one Parquet object in the bucket.

use super::raw::LogicalType;
use super::replay::{self, Source};
use super::{Failure, Instance, Outcome};
use crate::sql::{identifier, literal};
use crate::sql_type::SqlType;
use crate::wire::{Column, Data, ROWS, Spill, Spilled};
use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt64Type};
use duckdb::ffi::*;

/// What a row group holds at most, bytes: as much is in memory before it is written, and more than once.
const GROUP_BYTES: u64 = 8 << 20;

/// Rows of a row group where they are not wide: DuckDB's own number.
const GROUP_ROWS: u64 = 122_880;

/// How wide rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    row_bytes: u64,
}

impl Width {
    /// Of `rows` rows, at least one, that take `bytes`.
    pub(super) fn of(bytes: usize, rows: u64) -> Self {
        Self { row_bytes: bytes as u64 / rows.max(1) }
    }

    /// How many such rows make a row group. DuckDB writes one no sooner than it has a chunk.
    fn group_rows(self) -> u64 {
        (GROUP_BYTES / self.row_bytes.max(1)).clamp(1, GROUP_ROWS)
    }
}

/// Writes all rows of `source`, the first of which are as wide as `width`, as one Parquet object in `folder`, in their order.
///
/// # Errors
/// The query's own when it fails midway, else DuckDB's about the writing; no object is left then.
pub(super) fn write(
    instance: &Instance,
    source: Source,
    columns: Vec<Column>,
    spill: Spill,
    width: Width,
    folder: &str,
) -> Result<Outcome, Failure> {
    let uri = format!("{folder}/{ROWS}");
    let types = source.types.iter().zip(&columns);
    let stored: Vec<_> = types.map(|(logical_type, column)| Stored::of(logical_type, column, spill)).collect();
    let selected: Vec<_> = stored
        .iter()
        .zip(&columns)
        .enumerate()
        .map(|(index, (stored, column))| {
            let value = identifier(&replay::column(index));
            let value = match stored {
                Stored::AsIs | Stored::Similar => value,
                Stored::As(sql_type) => format!("CAST({value} AS {sql_type})"),
                Stored::Written { own, kept } => own.written_as(&value, kept),
            };
            format!("{value} AS {}", identifier(&column.name))
        })
        .collect();
    let function = replay::FUNCTION.to_string_lossy();
    let copy = format!(
        "COPY (SELECT {} FROM {function}()) TO {} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {}, RETURN_STATS)",
        selected.join(", "),
        literal(&uri),
        width.group_rows(),
    );

    let connection = instance.database.connect()?;
    let (copied, source) = instance.replay.run(source, || connection.first_row(&copy));
    let lost = || Failure::new("Quack.InternalError", "the result was lost while it was written");
    let source = source.ok_or_else(lost)?;
    let stats = match (copied, source.failure) {
        (Ok(stats), None) => stats,
        (_, Some(failure)) | (Err(failure), None) => {
            // DuckDB completes the upload of a COPY that failed. What cannot be removed goes after a day (lifecycle rule).
            remove(instance, folder);
            return Err(failure);
        }
    };
    let bytes = stats
        .column_by_name("file_size_bytes")
        .and_then(|sizes| {
            let unsigned = sizes.as_primitive_opt::<UInt64Type>().map(|sizes| sizes.value(0));
            unsigned.or_else(|| sizes.as_primitive_opt::<Int64Type>().map(|sizes| sizes.value(0).unsigned_abs()))
        })
        .ok_or_else(lost)?;
    let cast_back = match spill {
        Spill::Always | Spill::Stream => Vec::new(),
        Spill::Auto | Spill::Portable => {
            columns.iter().zip(&stored).filter(|(_, stored)| **stored != Stored::AsIs).map(|(c, _)| c.clone()).collect()
        }
    };
    let spilled = Spilled { uri, bytes, cast_back };
    let data = Data { spilled: Some(spilled), ..Data::default() };
    Ok(Outcome { data, columns, rows: source.handed_out, bytes, truncated: source.truncated, tables: Vec::new() })
}

/// Removes what is in a folder, as far as the bucket lets it.
pub(super) fn remove(instance: &Instance, folder: &str) {
    let _ = instance.database.connect().and_then(|connection| connection.execute(&removal(folder)));
}

/// SQL that removes what is in a folder: DuckDB has no statement for it, but a partitioned COPY that may overwrite empties
/// its folder first, and writes nothing when it has no rows.
fn removal(folder: &str) -> String {
    let folder = literal(folder);
    format!("COPY (SELECT 1 AS a, 2 AS b WHERE false) TO {folder} (FORMAT parquet, PARTITION_BY (b), OVERWRITE)")
}

/// How a Parquet file holds a column.
#[derive(Debug, PartialEq, Eq)]
enum Stored {
    /// DuckDB reads the very type back.
    AsIs,
    /// DuckDB reads another type back, which casts to the same values.
    Similar,
    /// Cast to this type first.
    As(String),
    /// Written as the nearest that Parquet keeps.
    Written { own: SqlType, kept: SqlType },
}

impl Stored {
    fn of(logical_type: &LogicalType, column: &Column, spill: Spill) -> Self {
        match spill {
            Spill::Always => {
                let kept = SqlType::parse(&column.sql_type).ok().and_then(|sql_type| sql_type.in_parquet());
                kept.map_or(Self::AsIs, |kept| Self::As(kept.to_string()))
            }
            Spill::Portable => {
                let own = SqlType::parse(&column.sql_type).ok();
                // No cast says the type of a row without names.
                let own = own.map(|own| own.with(&numbered).unwrap_or(own));
                let kept = own.as_ref().and_then(SqlType::in_files);
                own.zip(kept).map_or(Self::AsIs, |(own, kept)| Self::Written { own, kept })
            }
            Spill::Auto if any(logical_type, &loses_in_parquet) => Self::As("VARCHAR".to_owned()),
            Spill::Auto if any(logical_type, &changes_in_parquet) => Self::Similar,
            // A stream is no Parquet, and is written elsewhere.
            Spill::Auto | Spill::Stream => Self::AsIs,
        }
    }
}

/// A row whose fields have no names, with their numbers for names.
fn numbered(sql_type: &SqlType) -> Option<SqlType> {
    let SqlType::Struct(fields) = sql_type else { return None };
    let names = fields.iter().enumerate().map(|(at, (_, own))| ((at + 1).to_string(), own.clone()));
    fields.iter().all(|(name, _)| name.is_empty()).then(|| SqlType::Struct(names.collect()))
}

/// Whether `test` holds for the type or for one that it is made of.
fn any(logical_type: &LogicalType, test: &impl Fn(duckdb_type) -> bool) -> bool {
    test(logical_type.id()) || logical_type.children().iter().any(|(_, child)| any(child, test))
}

/// Types whose values Parquet changes: 128-bit integers become doubles, times lose their zone, intervals their
/// microseconds.
fn loses_in_parquet(id: duckdb_type) -> bool {
    matches!(
        id,
        DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT
            | DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT
            | DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM
            | DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ
            | DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS
            | DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL
            | DUCKDB_TYPE_DUCKDB_TYPE_BIT
            | DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S
            | DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS
    )
}

/// Types that come back as another one with the same values.
fn changes_in_parquet(id: duckdb_type) -> bool {
    matches!(
        id,
        DUCKDB_TYPE_DUCKDB_TYPE_ENUM
            | DUCKDB_TYPE_DUCKDB_TYPE_ARRAY
            | DUCKDB_TYPE_DUCKDB_TYPE_UNION
            | DUCKDB_TYPE_DUCKDB_TYPE_GEOMETRY
            | DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_rows_make_small_row_groups() {
        for (bytes, rows, group) in [(0, 0, 122_880), (20_480, 2048, 122_880), (20 << 20, 2048, 819), (8 << 20, 2, 2)] {
            assert_eq!(Width::of(bytes, rows).group_rows(), group);
        }
        assert_eq!(Width::of(1 << 30, 1).group_rows(), 1);
    }
}
