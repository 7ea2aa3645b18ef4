//! Results made by hand, for the formats' tests.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use quack_function::wire::Column;

use super::look::Look;
use super::write;
use crate::output::Format;
use crate::rows::ResultSet;

/// A result over one batch, with the DuckDB types named.
pub(super) fn result(columns: Vec<(&str, &str, ArrayRef)>) -> ResultSet {
    let fields: Vec<Field> =
        columns.iter().map(|(name, _, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let described: Vec<Column> = columns
        .iter()
        .map(|(name, sql_type, _)| Column { name: (*name).to_owned(), sql_type: (*sql_type).to_owned() })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, _, array)| array).collect()).unwrap();
    ResultSet { schema, columns: described, batches: Box::new(std::iter::once(Ok(batch))) }
}

/// Three rows with everything that formats must escape.
pub(super) fn tricky() -> ResultSet {
    let texts = StringArray::from(vec!["plain", "with \"quotes\", commas", "line\nbreak\ttab\\"]);
    let more = StringArray::from(vec![Some("a|b"), None, Some("")]);
    result(vec![
        ("id", "INTEGER", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("text", "VARCHAR", Arc::new(texts)),
        ("note", "VARCHAR", Arc::new(more)),
    ])
}

/// One column, no rows.
pub(super) fn empty() -> ResultSet {
    result(vec![("id", "INTEGER", arrow::array::new_empty_array(&DataType::Int32))])
}

/// What `format` makes of `result` where there is no terminal.
pub(super) fn rendered(result: ResultSet, format: Format) -> String {
    rendered_with(result, format, Look::default())
}

pub(super) fn rendered_with(result: ResultSet, format: Format, look: Look) -> String {
    let mut out = Vec::new();
    write(result, format, look, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
