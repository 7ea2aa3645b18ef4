//! Rows as people and programs want them: one file a format, each streaming batch by batch.

mod arrow;
mod csv;
pub(crate) mod file;
mod format;
pub(crate) mod grid;
mod json;
mod jsonl;
mod markdown;
mod table;
mod tsv;

use std::io::Write;

use ::arrow::array::{Array, ArrayRef, AsArray as _};
use ::arrow::datatypes::DataType;
use anyhow::Result;
use quack_function::value::write_text;
use quack_function::wire::Column;

use crate::error::usage;
use crate::rows::ResultSet;

pub(crate) use format::Format;
pub(crate) use json::write_with_metadata;

/// How the output is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Columns of the terminal: tables are fitted to it. `None` where there is no terminal, and nothing is cut.
    pub width: Option<usize>,
    /// NULLs and types dim.
    pub color: bool,
    /// The output can be read from its end: Arrow goes out as a file rather than as a stream.
    pub seekable: bool,
}

/// Writes all rows of `result` to `out`; returns how many there were.
///
/// # Errors
/// Those of the rows and of `out`; a format that is not written from rows (Parquet is made by the function).
pub(crate) fn write(result: ResultSet, format: Format, look: Look, out: &mut dyn Write) -> Result<u64> {
    match format {
        // A statement that only did something has no header either.
        Format::Table | Format::Csv | Format::Tsv | Format::Markdown if result.columns.is_empty() => Ok(0),
        Format::Table => table::write(result, look, out),
        Format::Json => json::write(result, out),
        Format::Jsonl => jsonl::write(result, out),
        Format::Csv => csv::write(result, out),
        Format::Tsv => tsv::write(result, out),
        Format::Markdown => markdown::write(result, out),
        Format::Arrow => arrow::write(result, look.seekable, out),
        Format::Parquet => Err(usage(
            "Parquet is not written from rows",
            "use `quackctl query --format parquet -o FILE`, which takes it as the function writes it",
        )),
    }
}

/// Calls `write_row` for every row, and hands what it appended to `out` once a batch.
fn each_row(
    result: ResultSet,
    out: &mut dyn Write,
    mut write_row: impl FnMut(&mut Vec<u8>, &[ArrayRef], usize) -> Result<()>,
) -> Result<u64> {
    let (mut rows, mut buffer) = (0, Vec::new());
    for batch in result.batches {
        let batch = batch?;
        buffer.clear();
        for row in 0..batch.num_rows() {
            write_row(&mut buffer, batch.columns(), row)?;
        }
        out.write_all(&buffer)?;
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

/// One value as text, `None` for NULL.
pub(crate) fn text_of(result_field: &::arrow::datatypes::Field, array: &dyn Array, row: usize) -> Option<String> {
    if is_null(array, row) {
        return None;
    }
    let mut text = String::new();
    write_text(&mut text, result_field, array, row);
    Some(text)
}

/// Arrow arrays of type Null and of unions have no validity of their own.
fn is_null(array: &dyn Array, row: usize) -> bool {
    match array.as_union_opt() {
        Some(union) => is_null(union.child(union.type_id(row)), union.value_offset(row)),
        None => array.data_type() == &DataType::Null || array.is_null(row),
    }
}

/// True for columns that read best aligned to the right.
fn is_numeric(column: &Column) -> bool {
    const NUMERIC: &[&str] = &[
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "BIGNUM",
        "FLOAT",
        "DOUBLE",
    ];
    let decimal = column.sql_type.starts_with("DECIMAL(") && column.sql_type.ends_with(')');
    decimal || NUMERIC.contains(&column.sql_type.as_str())
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::testing::rendered;
    use super::*;

    #[test]
    fn a_result_without_columns_is_nothing_but_json() {
        for format in [Format::Table, Format::Csv, Format::Tsv, Format::Markdown, Format::Jsonl] {
            let schema = ::arrow::datatypes::Schema::empty().into();
            let nothing = ResultSet { schema, columns: Vec::new(), batches: Box::new(std::iter::empty()) };
            assert_eq!(rendered(nothing, format), "", "{format:?}");
        }
    }
}
