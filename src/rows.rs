//! Rows on their way: what a query gives and an output format takes.

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use indicatif::HumanCount;
use quack_function::wire::Column;

/// A result on its way in: its columns at once, its rows batch by batch, memory bounded whatever the size.
pub(crate) struct ResultSet {
    /// Arrow fields, with DuckDB's extension metadata for types that Arrow lacks.
    pub schema: SchemaRef,
    /// The same columns with DuckDB's type names.
    pub columns: Vec<Column>,
    pub batches: Box<dyn Iterator<Item = Result<RecordBatch>>>,
}

/// How many rows, in words.
pub(crate) fn counted(rows: u64) -> String {
    format!("{} row{}", HumanCount(rows), if rows == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_row_is_one() {
        assert_eq!([0, 1, 1234].map(counted), ["0 rows", "1 row", "1,234 rows"]);
    }
}
