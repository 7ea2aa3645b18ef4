//! Values as DuckDB writes them when they are cast to VARCHAR.

use super::number::{hugeint, push, push_bignum, push_decimal, push_float, push_integer, uhugeint};
use super::temporal::{Style, push_date, push_interval, push_time, push_time_tz, push_timestamp};
use super::{Extension, bytes_of, dictionary_of, geometry, is_null, list_of, str_of, union_of};
use arrow::array::{Array, AsArray};
use arrow::datatypes::*;
use std::fmt::Write;

/// Appends `array[row]` as DuckDB writes it when cast to VARCHAR; NULL appends nothing at the top level.
pub fn write_text(out: &mut String, field: &Field, array: &dyn Array, row: usize) {
    if !is_null(array, row) {
        write_value(out, field, array, row);
    }
}

/// Appends a value that is not NULL.
fn write_value(out: &mut String, field: &Field, array: &dyn Array, row: usize) {
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
                write_value(out, field, member, row);
            }
        }
        DataType::Dictionary(..) => {
            if let Some((values, row)) = dictionary_of(array, row) {
                out.push_str(str_of(values, row));
            }
        }
        _ => write_scalar(out, field, array, row, Style::Duck),
    }
}

/// Appends a value that is not NULL and not made of others. Only dates, times and decimals differ by `style`.
pub(super) fn write_scalar(out: &mut String, field: &Field, array: &dyn Array, row: usize, style: Style) {
    if let Some(extension) = Extension::of(field) {
        return write_extension(out, extension, array, row, style);
    }
    match array.data_type() {
        DataType::Boolean => push(out, array.as_boolean().value(row)),
        DataType::Int8 => push_integer(out, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => push_integer(out, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => push_integer(out, array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => push_integer(out, array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => push_integer(out, array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => push_integer(out, array.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => push_integer(out, array.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => push_integer(out, array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float32 => push_float(out, array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => push_float(out, array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal32(width, scale) => {
            write_decimal(out, array.as_primitive::<Decimal32Type>().value(row).into(), *width, *scale, style);
        }
        DataType::Decimal64(width, scale) => {
            write_decimal(out, array.as_primitive::<Decimal64Type>().value(row).into(), *width, *scale, style);
        }
        DataType::Decimal128(width, scale) => {
            write_decimal(out, array.as_primitive::<Decimal128Type>().value(row), *width, *scale, style);
        }
        DataType::Date32 => push_date(out, array.as_primitive::<Date32Type>().value(row), style),
        DataType::Time32(TimeUnit::Second) => {
            push_time(out, array.as_primitive::<Time32SecondType>().value(row).into(), TimeUnit::Second, style);
        }
        DataType::Time32(_) => {
            push_time(
                out,
                array.as_primitive::<Time32MillisecondType>().value(row).into(),
                TimeUnit::Millisecond,
                style,
            );
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            push_time(out, array.as_primitive::<Time64NanosecondType>().value(row), TimeUnit::Nanosecond, style);
        }
        DataType::Time64(_) => {
            push_time(out, array.as_primitive::<Time64MicrosecondType>().value(row), TimeUnit::Microsecond, style);
        }
        DataType::Timestamp(unit, zone) => {
            let value = match unit {
                TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
            };
            let zone = match (zone, style) {
                (None, _) => "",
                (Some(_), Style::Duck) => "+00",
                (Some(_), Style::Iso) => "+00:00",
            };
            push_timestamp(out, value, *unit, style, zone);
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            push_interval(out, value.months, value.days, value.nanoseconds);
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => out.push_str(str_of(array, row)),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            push_blob(out, bytes_of(array, row));
        }
        // DuckDB exports no other type.
        other => push(out, other),
    }
}

fn write_decimal(out: &mut String, unscaled: i128, width: u8, scale: i8, style: Style) {
    let all_fraction = i16::from(width) == i16::from(scale);
    push_decimal(out, unscaled, scale, all_fraction && style == Style::Duck);
}

fn write_extension(out: &mut String, extension: Extension, array: &dyn Array, row: usize, style: Style) {
    let bytes = bytes_of(array, row);
    match extension {
        Extension::Bool => {
            push(out, array.as_primitive_opt::<Int8Type>().is_some_and(|flags| flags.value(row) != 0));
        }
        Extension::Uuid => {
            for (index, byte) in bytes.iter().enumerate() {
                let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
                let _ = write!(out, "{dash}{byte:02x}");
            }
        }
        Extension::Hugeint => push_integer(out, hugeint(bytes)),
        Extension::Uhugeint => push_integer(out, uhugeint(bytes)),
        Extension::Bignum => push_bignum(out, bytes),
        Extension::Bit => {
            let (padding, bits) =
                bytes.split_first().map_or((0, bytes), |(padding, bits)| (usize::from(*padding), bits));
            let bits = bits.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
            out.extend(bits.skip(padding).map(|bit| if bit == 1 { '1' } else { '0' }));
        }
        Extension::TimeTz => push_time_tz(out, bytes.try_into().map_or(0, u64::from_le_bytes), style),
        Extension::Json => out.push_str(str_of(array, row)),
        Extension::Geometry => geometry::push_wkt(out, bytes),
    }
}

/// A BLOB: printable ASCII as it is, all else escaped.
fn push_blob(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'"' | b'\'' | b'\\' => {
                let _ = write!(out, "\\x{byte:02X}");
            }
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02X}");
            }
        }
    }
}

fn write_list(out: &mut String, array: &dyn Array, row: usize) {
    let Some((field, elements)) = list_of(array, row) else { return };
    out.push('[');
    for row in 0..elements.len() {
        if row > 0 {
            out.push_str(", ");
        }
        if Extension::of(field) == Some(Extension::Json) && !is_null(&elements, row) {
            // DuckDB casts a list of JSON as JSON, which needs no quotes.
            write_value(out, field, &elements, row);
        } else {
            write_nested(out, field, &elements, row);
        }
    }
    out.push(']');
}

fn write_struct(out: &mut String, fields: &Fields, array: &dyn Array, row: usize) {
    let columns = array.as_struct().columns();
    let named = fields.iter().any(|field| !field.name().is_empty());
    out.push(if named { '{' } else { '(' });
    for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if named {
            push_quoted(out, field.name());
            out.push_str(": ");
        }
        write_nested(out, field, column, row);
    }
    out.push(if named { '}' } else { ')' });
}

fn write_map(out: &mut String, entries_field: &Field, array: &dyn Array, row: usize) {
    let DataType::Struct(fields) = entries_field.data_type() else { return };
    let entries = array.as_map().value(row);
    out.push('{');
    for row in 0..entries.len() {
        if row > 0 {
            out.push_str(", ");
        }
        write_nested(out, &fields[0], entries.column(0), row);
        out.push('=');
        write_nested(out, &fields[1], entries.column(1), row);
    }
    out.push('}');
}

/// Appends a value that is part of another: NULL by name, and quoted when it could be taken for something else.
fn write_nested(out: &mut String, field: &Field, array: &dyn Array, row: usize) {
    if is_null(array, row) {
        return out.push_str("NULL");
    }
    let start = out.len();
    write_value(out, field, array, row);
    if !array.data_type().is_nested() && needs_quotes(&out[start..]) {
        let value = out.split_off(start);
        push_quoted(out, &value);
    }
}

fn needs_quotes(value: &str) -> bool {
    let blank = |c: u8| matches!(c, b'\t'..=b'\r' | b' ');
    let bytes = value.as_bytes();
    value.eq_ignore_ascii_case("null")
        || bytes.first().is_none_or(|first| blank(*first))
        || bytes.last().is_some_and(|last| blank(*last))
        || bytes.iter().any(|c| b"\"'(),:=[]{}".contains(c))
}

fn push_quoted(out: &mut String, value: &str) {
    out.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
}
