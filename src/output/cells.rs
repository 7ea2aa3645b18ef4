//! Rows and values one by one, as every format of text takes them.

use std::io::Write;

use anyhow::Result;
use arrow::array::ArrayRef;
pub(crate) use quack_function::csv::{is_null, text_of};
use quack_function::wire::Column;

use crate::rows::ResultSet;

/// Calls `write_row` for every row, and hands what it appended to `out` once a batch.
pub(super) fn each_row(
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

/// True for columns of numbers, which read best aligned to the right.
pub(crate) fn is_numeric(column: &Column) -> bool {
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
