//! CSV as RFC 4180 has it, with a header; NULL is nothing, the empty text is `""`, lines end as Unix lines do.

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Field, Schema};

use crate::value::write_text;

/// Appends the line of names, with `delimiter` between them.
pub fn header<'a>(out: &mut Vec<u8>, names: impl IntoIterator<Item = &'a str>, delimiter: char) {
    for (index, name) in names.into_iter().enumerate() {
        separate(out, index, delimiter);
        field(out, name, delimiter);
    }
    out.push(b'\n');
}

/// Appends the line of a row.
pub fn line(out: &mut Vec<u8>, schema: &Schema, columns: &[ArrayRef], row: usize, delimiter: char) {
    for (index, array) in columns.iter().enumerate() {
        separate(out, index, delimiter);
        if let Some(text) = text_of(schema.field(index), array, row) {
            field(out, &text, delimiter);
        }
    }
    out.push(b'\n');
}

/// One value as text, `None` for NULL.
pub fn text_of(result_field: &Field, array: &dyn Array, row: usize) -> Option<String> {
    if is_null(array, row) {
        return None;
    }
    let mut text = String::new();
    write_text(&mut text, result_field, array, row);
    Some(text)
}

/// Arrow arrays of type Null and of unions have no validity of their own.
pub fn is_null(array: &dyn Array, row: usize) -> bool {
    match array.as_union_opt() {
        Some(union) => is_null(union.child(union.type_id(row)), union.value_offset(row)),
        None => array.data_type() == &DataType::Null || array.is_null(row),
    }
}

fn separate(line: &mut Vec<u8>, index: usize, delimiter: char) {
    if index > 0 {
        line.extend_from_slice(delimiter.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn field(line: &mut Vec<u8>, text: &str, delimiter: char) {
    if !text.is_empty() && !text.contains(['"', delimiter, '\n', '\r']) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}
