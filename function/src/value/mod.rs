//! One value of an Arrow array as JSON and as text, for every type that DuckDB exports (`arrow_lossless_conversion`).
//!
//! Types that Arrow does not have come as its extension types, named in the field's metadata; see [`Extension`].

mod geometry;
mod json;
pub(crate) mod number;
pub(crate) mod temporal;
mod text;

pub use json::write_json;
pub use text::write_text;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType, Field, UInt8Type, UInt16Type, UInt32Type, UInt64Type, UnionFields,
};

/// DuckDB's types that Arrow holds as another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    /// BOOLEAN as 8-bit integers.
    Bool,
    /// UUID as 16 bytes.
    Uuid,
    /// HUGEINT as 16 bytes, little-endian.
    Hugeint,
    /// UHUGEINT as 16 bytes, little-endian.
    Uhugeint,
    /// BIGNUM: header, then big-endian bytes.
    Bignum,
    /// BIT: number of padding bits, then bits.
    Bit,
    /// TIME WITH TIME ZONE as one 64-bit number.
    TimeTz,
    /// JSON as text.
    Json,
    /// GEOMETRY as well-known binary.
    Geometry,
}

impl Extension {
    /// The extension type of `field`, if it has one that DuckDB makes.
    fn of(field: &Field) -> Option<Self> {
        let metadata = field.metadata();
        if metadata.is_empty() {
            return None;
        }
        match metadata.get("ARROW:extension:name")?.as_str() {
            "arrow.bool8" => Some(Self::Bool),
            "arrow.uuid" => Some(Self::Uuid),
            "arrow.json" => Some(Self::Json),
            "geoarrow.wkb" => Some(Self::Geometry),
            "arrow.opaque" => {
                let opaque = metadata.get("ARROW:extension:metadata")?;
                [
                    ("\"hugeint\"", Self::Hugeint),
                    ("\"uhugeint\"", Self::Uhugeint),
                    ("\"bignum\"", Self::Bignum),
                    ("\"bit\"", Self::Bit),
                    ("\"time_tz\"", Self::TimeTz),
                ]
                .into_iter()
                .find_map(|(name, extension)| opaque.contains(name).then_some(extension))
            }
            _ => None,
        }
    }
}

/// The bytes of a binary value, whatever its layout.
fn bytes_of(array: &dyn Array, row: usize) -> &[u8] {
    match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().value(row),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        DataType::BinaryView => array.as_binary_view().value(row),
        DataType::FixedSizeBinary(_) => array.as_fixed_size_binary().value(row),
        _ => &[],
    }
}

/// The text of a string value, whatever its layout.
fn str_of(array: &dyn Array, row: usize) -> &str {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row),
        DataType::Utf8View => array.as_string_view().value(row),
        _ => "",
    }
}

/// The elements of a list value, whatever its layout, with their field.
fn list_of(array: &dyn Array, row: usize) -> Option<(&Field, ArrayRef)> {
    match array.data_type() {
        DataType::List(field) => Some((field, array.as_list::<i32>().value(row))),
        DataType::LargeList(field) => Some((field, array.as_list::<i64>().value(row))),
        DataType::FixedSizeList(field, _) => Some((field, array.as_fixed_size_list().value(row))),
        DataType::ListView(field) => Some((field, view_of::<i32>(array, row))),
        DataType::LargeListView(field) => Some((field, view_of::<i64>(array, row))),
        _ => None,
    }
}

fn view_of<O: OffsetSizeTrait>(array: &dyn Array, row: usize) -> ArrayRef {
    array.as_list_view::<O>().value(row)
}

/// Where a dictionary value (ENUM) lies in the dictionary.
fn dictionary_of(array: &dyn Array, row: usize) -> Option<(&ArrayRef, usize)> {
    fn entry<K: ArrowDictionaryKeyType>(array: &dyn Array, row: usize) -> Option<(&ArrayRef, usize)> {
        let dictionary = array.as_dictionary_opt::<K>()?;
        Some((dictionary.values(), dictionary.key(row)?))
    }
    entry::<UInt8Type>(array, row)
        .or_else(|| entry::<UInt16Type>(array, row))
        .or_else(|| entry::<UInt32Type>(array, row))
        .or_else(|| entry::<UInt64Type>(array, row))
}

/// The active member of a union value: its field, its array and the row there.
fn union_of<'a>(fields: &'a UnionFields, array: &'a dyn Array, row: usize) -> Option<(&'a Field, &'a ArrayRef, usize)> {
    let union = array.as_union_opt()?;
    let type_id = union.type_id(row);
    let (_, field) = fields.iter().find(|(id, _)| *id == type_id)?;
    Some((field, union.child(type_id), union.value_offset(row)))
}

/// Whether the value is NULL: a union is when its active member is.
fn is_null(array: &dyn Array, row: usize) -> bool {
    match array.data_type() {
        DataType::Null => true,
        DataType::Union(fields, _) => union_of(fields, array, row).is_none_or(|(_, member, row)| is_null(member, row)),
        _ => array.is_null(row),
    }
}
