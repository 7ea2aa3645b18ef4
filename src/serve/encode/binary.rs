//! Values as the bytes of PostgreSQL's binary format: numbers big-endian, times counted from 2000.

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
};
use bytes::{BufMut, BytesMut};

use super::wire_type::Scalar;
use super::{numeric, text};

/// Days from 1970-01-01 to 2000-01-01.
const DAYS_TO_2000: i32 = 10_957;
const MICROS_TO_2000: i64 = DAYS_TO_2000 as i64 * 86_400_000_000;

/// Most seconds that a time zone lies from UTC, as DuckDB counts them.
const MAX_OFFSET_SECONDS: i64 = 16 * 3600 - 1;

/// Appends a value that is not NULL.
pub(super) fn write(out: &mut BytesMut, scalar: Scalar, field: &Field, array: &dyn Array, row: usize) {
    match scalar {
        Scalar::Bool => out.put_u8(match array.data_type() {
            DataType::Boolean => u8::from(array.as_boolean().value(row)),
            _ => u8::from(integer(array, row) != 0),
        }),
        Scalar::Int2 => out.put_i16(integer(array, row) as i16),
        Scalar::Int4 => out.put_i32(integer(array, row) as i32),
        Scalar::Oid => out.put_u32(integer(array, row) as u32),
        Scalar::Int8 => out.put_i64(integer(array, row)),
        Scalar::Float4 => out.put_f32(array.as_primitive_opt::<Float32Type>().map_or(0.0, |array| array.value(row))),
        Scalar::Float8 => out.put_f64(array.as_primitive_opt::<Float64Type>().map_or(0.0, |array| array.value(row))),
        Scalar::Date => out.put_i32(match array.as_primitive_opt::<Date32Type>().map_or(0, |array| array.value(row)) {
            i32::MAX => i32::MAX,
            days if days == -i32::MAX => i32::MIN,
            days => days.saturating_sub(DAYS_TO_2000),
        }),
        Scalar::Timestamp | Scalar::TimestampTz => out.put_i64(match micros(array, row) {
            i64::MAX => i64::MAX,
            micros if micros == -i64::MAX => i64::MIN,
            micros => micros.saturating_sub(MICROS_TO_2000),
        }),
        Scalar::Time => out.put_i64(match array.data_type() {
            DataType::Time64(TimeUnit::Nanosecond) => array.as_primitive::<Time64NanosecondType>().value(row) / 1000,
            _ => array.as_primitive_opt::<Time64MicrosecondType>().map_or(0, |array| array.value(row)),
        }),
        Scalar::TimeTz => {
            let bits = array.as_fixed_size_binary_opt().and_then(|array| array.value(row).try_into().ok());
            let bits = bits.map_or(0, u64::from_le_bytes);
            out.put_i64((bits >> 24) as i64);
            // West of Greenwich is positive.
            out.put_i32(-(MAX_OFFSET_SECONDS - (bits & 0xff_ffff) as i64) as i32);
        }
        Scalar::Interval => {
            let value = array.as_primitive_opt::<IntervalMonthDayNanoType>().map(|array| array.value(row));
            let value = value.unwrap_or_default();
            out.put_i64(value.nanoseconds / 1000);
            out.put_i32(value.days);
            out.put_i32(value.months);
        }
        Scalar::Uuid => out.put_slice(array.as_fixed_size_binary_opt().map_or(&[0; 16], |array| array.value(row))),
        Scalar::Bytea => out.put_slice(array.as_binary_opt::<i32>().map_or(&[], |array| array.value(row))),
        Scalar::Numeric => numeric::put(out, &written(scalar, field, array, row)),
        Scalar::Varbit => bits(out, &written(scalar, field, array, row)),
        Scalar::Text | Scalar::Json => match array.as_string_opt::<i32>() {
            Some(array) if scalar == Scalar::Text => out.put_slice(array.value(row).as_bytes()),
            _ => out.put_slice(written(scalar, field, array, row).as_bytes()),
        },
    }
}

fn written(scalar: Scalar, field: &Field, array: &dyn Array, row: usize) -> String {
    let mut out = String::new();
    text::write(&mut out, scalar, field, array, row);
    out
}

/// An integer of up to 64 bits with a sign.
pub(super) fn integer(array: &dyn Array, row: usize) -> i64 {
    match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        _ => 0,
    }
}

/// A timestamp in microseconds since 1970; the ends of the range stand for infinities.
fn micros(array: &dyn Array, row: usize) -> i64 {
    let scaled = |value: i64, factor: i64| match value {
        i64::MAX => value,
        value if value == -i64::MAX => value,
        value => value.saturating_mul(factor),
    };
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            scaled(array.as_primitive::<TimestampSecondType>().value(row), 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            scaled(array.as_primitive::<TimestampMillisecondType>().value(row), 1000)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive::<TimestampMicrosecondType>().value(row),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            match array.as_primitive::<TimestampNanosecondType>().value(row) {
                i64::MAX => i64::MAX,
                value if value == -i64::MAX => value,
                value => value.div_euclid(1000),
            }
        }
        _ => 0,
    }
}

/// Bits as zeros and ones say them.
fn bits(out: &mut BytesMut, text: &str) {
    out.put_i32(text.len() as i32);
    for byte in text.as_bytes().chunks(8) {
        let value = byte.iter().fold(0_u8, |sum, bit| (sum << 1) | u8::from(*bit == b'1'));
        out.put_u8(value << (8 - byte.len()));
    }
}
