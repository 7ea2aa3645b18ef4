//! Values as JSON.

use super::temporal::Style;
use super::text::{write_scalar, write_text};
use super::{Extension, dictionary_of, is_null, list_of, str_of, union_of};
use arrow::array::{Array, AsArray};
use arrow::datatypes::*;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::io::Write;

/// Appends `array[row]` as JSON: dates and times ISO 8601, HUGEINT and DECIMAL with all their digits, NaN and
/// infinities as strings (JSON has no number for them).
pub fn write_json(out: &mut Vec<u8>, field: &Field, array: &dyn Array, row: usize) {
    if is_null(array, row) {
        return out.extend_from_slice(b"null");
    }
    match array.data_type() {
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => write_list(out, array, row),
        DataType::Struct(fields) => write_struct(out, fields, array, row),
        DataType::Map(entries, _) => write_map(out, entries, array, row),
        DataType::Union(fields, _) => {
            if let Some((field, member, row)) = union_of(fields, array, row) {
                write_json(out, field, member, row);
            }
        }
        DataType::Dictionary(..) => {
            push_string(out, dictionary_of(array, row).map_or("", |(values, row)| str_of(values, row)));
        }
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            push_float(out, value);
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            push_float(out, value);
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = str_of(array, row);
            // DuckDB's JSON may hold what is none elsewhere, such as NaN.
            if Extension::of(field) == Some(Extension::Json) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
                out.extend_from_slice(text.as_bytes());
            } else {
                push_string(out, text);
            }
        }
        _ => {
            let mut text = String::new();
            write_scalar(&mut text, field, array, row, Style::Iso);
            if is_bare(field, array) { out.extend_from_slice(text.as_bytes()) } else { push_string(out, &text) }
        }
    }
}

/// Whether a scalar's text is JSON as it stands: a number or a truth value.
fn is_bare(field: &Field, array: &dyn Array) -> bool {
    match Extension::of(field) {
        Some(extension) => {
            matches!(extension, Extension::Bool | Extension::Hugeint | Extension::Uhugeint | Extension::Bignum)
        }
        None => matches!(
            array.data_type(),
            DataType::Boolean
                | DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::UInt64
                | DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
        ),
    }
}

fn push_float(out: &mut Vec<u8>, value: impl Into<f64> + Serialize + Copy) {
    // Writing into a vector does not fail.
    let _ = match value.into() {
        number if number.is_nan() => write!(out, "\"NaN\""),
        number if number.is_infinite() => write!(out, "\"{}Infinity\"", if number < 0.0 { "-" } else { "" }),
        _ => serde_json::to_writer(out, &value).map_err(Into::into),
    };
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    // Neither a string nor a vector can fail here.
    let _ = serde_json::to_writer(out, text);
}

fn write_list(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    let Some((field, elements)) = list_of(array, row) else { return };
    out.push(b'[');
    for row in 0..elements.len() {
        if row > 0 {
            out.push(b',');
        }
        write_json(out, field, &elements, row);
    }
    out.push(b']');
}

/// An object; an unnamed struct (`row(1, 2)`) is an array.
fn write_struct(out: &mut Vec<u8>, fields: &Fields, array: &dyn Array, row: usize) {
    let named = fields.iter().any(|field| !field.name().is_empty());
    out.push(if named { b'{' } else { b'[' });
    for (index, (field, column)) in fields.iter().zip(array.as_struct().columns()).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if named {
            push_string(out, field.name());
            out.push(b':');
        }
        write_json(out, field, column, row);
    }
    out.push(if named { b'}' } else { b']' });
}

fn write_map(out: &mut Vec<u8>, entries_field: &Field, array: &dyn Array, row: usize) {
    let DataType::Struct(fields) = entries_field.data_type() else { return };
    let entries = array.as_map().value(row);
    let mut key = String::new();
    out.push(b'{');
    for row in 0..entries.len() {
        if row > 0 {
            out.push(b',');
        }
        key.clear();
        write_text(&mut key, &fields[0], entries.column(0), row);
        push_string(out, &key);
        out.push(b':');
        write_json(out, &fields[1], entries.column(1), row);
    }
    out.push(b'}');
}
