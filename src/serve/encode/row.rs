//! Rows as messages: the columns told once, then a `DataRow` for each.

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use bytes::{BufMut, BytesMut};
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use super::binary::{self, integer};
use super::text;
use super::wire_type::{self, Scalar, WireType};
use crate::output::is_null;

/// A column as the wire tells it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) struct Field {
    pub name: String,
    pub wire_type: WireType,
    pub modifier: i32,
}

impl Field {
    /// Of a column by its DuckDB type; what is no type is text.
    pub(in crate::serve) fn of(column: &Column) -> Self {
        let sql_type = SqlType::parse(&column.sql_type).unwrap_or(SqlType::Plain("VARCHAR"));
        Self { name: column.name.clone(), wire_type: WireType::of(&sql_type), modifier: wire_type::modifier(&sql_type) }
    }
}

/// Makes messages of the rows of one result.
pub(in crate::serve) struct Encoder {
    schema: SchemaRef,
    columns: Vec<(WireType, bool)>,
    scratch: String,
}

/// Length of a value that is NULL.
const NULL: i32 = -1;

impl Encoder {
    /// For columns of these types, each told whether it is wanted as bytes.
    pub(in crate::serve) fn new(schema: SchemaRef, columns: Vec<(WireType, bool)>) -> Self {
        Self { schema, columns, scratch: String::new() }
    }

    /// Appends one row as a `DataRow` message.
    pub(in crate::serve) fn data_row(&mut self, out: &mut BytesMut, batch: &RecordBatch, row: usize) {
        out.put_u8(b'D');
        sized(out, |out| self.row(out, batch, row));
    }

    /// Appends the number of columns and each value.
    pub(super) fn row(&mut self, out: &mut BytesMut, batch: &RecordBatch, row: usize) {
        out.put_i16(self.columns.len() as i16);
        for at in 0..self.columns.len() {
            self.value(out, batch.column(at), at, row);
        }
    }

    /// A value as text; nothing for NULL.
    pub(super) fn written(&mut self, array: &ArrayRef, at: usize, row: usize) -> Option<&str> {
        if is_null(array, row) {
            return None;
        }
        self.scratch.clear();
        match self.columns[at].0 {
            WireType::Scalar(scalar) => text::write(&mut self.scratch, scalar, self.schema.field(at), array, row),
            WireType::Array(scalar) => {
                if let Some((field, values)) = elements(array, row) {
                    let mut out = BytesMut::new();
                    text_array(&mut out, scalar, &field, &values);
                    self.scratch.push_str(&String::from_utf8_lossy(&out));
                }
            }
        }
        Some(&self.scratch)
    }

    /// Appends one value with its length before it.
    fn value(&mut self, out: &mut BytesMut, array: &ArrayRef, at: usize, row: usize) {
        if is_null(array, row) {
            return out.put_i32(NULL);
        }
        let (wire_type, is_binary) = self.columns[at];
        let field = self.schema.field(at);
        let start = out.len();
        out.put_i32(0);
        match (wire_type, is_binary) {
            (WireType::Scalar(scalar), true) => binary::write(out, scalar, field, array, row),
            (WireType::Scalar(Scalar::Int2 | Scalar::Int4 | Scalar::Int8), false) => {
                out.put_slice(itoa::Buffer::new().format(integer(array, row)).as_bytes());
            }
            (WireType::Scalar(Scalar::Text), false) if *array.data_type() == DataType::Utf8 => {
                out.put_slice(array.as_string::<i32>().value(row).as_bytes());
            }
            (WireType::Scalar(scalar), false) => {
                self.scratch.clear();
                text::write(&mut self.scratch, scalar, field, array, row);
                out.put_slice(self.scratch.as_bytes());
            }
            (WireType::Array(scalar), is_binary) => {
                if let Some((field, values)) = elements(array, row) {
                    match is_binary {
                        true => binary_array(out, scalar, &field, &values),
                        false => text_array(out, scalar, &field, &values),
                    }
                }
            }
        }
        let len = (out.len() - start - 4) as i32;
        out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    }
}

/// Appends what `write` does, with its length, which counts itself, before it.
pub(in crate::serve) fn sized(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_i32(0);
    write(out);
    let len = (out.len() - start) as i32;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

/// The elements of a list, and what they are.
fn elements(array: &dyn Array, row: usize) -> Option<(arrow::datatypes::FieldRef, ArrayRef)> {
    match array.data_type() {
        DataType::List(field) => Some((field.clone(), array.as_list::<i32>().value(row))),
        DataType::LargeList(field) => Some((field.clone(), array.as_list::<i64>().value(row))),
        DataType::FixedSizeList(field, _) => Some((field.clone(), array.as_fixed_size_list().value(row))),
        _ => None,
    }
}

fn text_array(out: &mut BytesMut, scalar: Scalar, field: &arrow::datatypes::Field, values: &ArrayRef) {
    let mut element = String::new();
    out.put_u8(b'{');
    for row in 0..values.len() {
        if row > 0 {
            out.put_u8(b',');
        }
        if is_null(values, row) {
            out.put_slice(b"NULL");
            continue;
        }
        element.clear();
        text::write(&mut element, scalar, field, values, row);
        let is_plain = !element.is_empty()
            && !element.eq_ignore_ascii_case("null")
            && !element.contains(|c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_whitespace());
        match is_plain {
            true => out.put_slice(element.as_bytes()),
            false => {
                let escaped = element.replace('\\', "\\\\").replace('"', "\\\"");
                out.put_u8(b'"');
                out.put_slice(escaped.as_bytes());
                out.put_u8(b'"');
            }
        }
    }
    out.put_u8(b'}');
}

fn binary_array(out: &mut BytesMut, scalar: Scalar, field: &arrow::datatypes::Field, values: &ArrayRef) {
    let has_nulls = (0..values.len()).any(|row| is_null(values, row));
    out.put_i32(i32::from(!values.is_empty()));
    out.put_i32(i32::from(has_nulls));
    out.put_u32(scalar.oid());
    if values.is_empty() {
        return;
    }
    out.put_i32(values.len() as i32);
    out.put_i32(1);
    for row in 0..values.len() {
        if is_null(values, row) {
            out.put_i32(NULL);
            continue;
        }
        let start = out.len();
        out.put_i32(0);
        binary::write(out, scalar, field, values, row);
        let len = (out.len() - start - 4) as i32;
        out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    }
}
