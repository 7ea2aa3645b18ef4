//! DuckDB's types.

use super::owned_text;
use duckdb::ffi::{self, *};

/// A DuckDB type.
pub(crate) struct LogicalType(ffi::duckdb_logical_type);

// SAFETY: a logical type is never changed after it was made.
unsafe impl Send for LogicalType {}

impl LogicalType {
    /// Takes a type that DuckDB made for the caller.
    pub(super) fn owned(raw: ffi::duckdb_logical_type) -> Self {
        Self(raw)
    }

    /// DuckDB's own handle, good for as long as this value.
    pub(crate) fn raw(&self) -> ffi::duckdb_logical_type {
        self.0
    }

    /// Which type it is.
    pub(crate) fn id(&self) -> ffi::duckdb_type {
        // SAFETY: a live type.
        unsafe { ffi::duckdb_get_type_id(self.0) }
    }

    /// The name that an extension gave to it (`JSON`).
    pub(crate) fn alias(&self) -> Option<String> {
        // SAFETY: a live type; the text is made for the caller.
        unsafe { owned_text(ffi::duckdb_logical_type_get_alias(self.0)) }
    }

    /// Width and scale of a DECIMAL.
    pub(crate) fn decimal(&self) -> (u8, u8) {
        // SAFETY: a live type; another type than DECIMAL gives zeroes.
        unsafe { (ffi::duckdb_decimal_width(self.0), ffi::duckdb_decimal_scale(self.0)) }
    }

    /// The values of an ENUM.
    pub(crate) fn enum_values(&self) -> Vec<String> {
        // SAFETY: a live type.
        let count = unsafe { ffi::duckdb_enum_dictionary_size(self.0) };
        // SAFETY: the index is below the count; the text is made for the caller.
        let value = |index| unsafe { owned_text(ffi::duckdb_enum_dictionary_value(self.0, index)) };
        (0..ffi::idx_t::from(count)).map(|index| value(index).unwrap_or_default()).collect()
    }

    /// The length of an ARRAY.
    pub(crate) fn array_len(&self) -> u64 {
        // SAFETY: a live type.
        unsafe { ffi::duckdb_array_type_array_size(self.0) }
    }

    /// What it is made of: the element of a LIST or ARRAY, key and value of a MAP, the fields of a STRUCT, the members
    /// of a UNION; each with its name where it has one.
    pub(crate) fn children(&self) -> Vec<(String, Self)> {
        let unnamed = |child| (String::new(), Self(child));
        // SAFETY: the text is made for the caller.
        let named = |name, child| (unsafe { owned_text(name) }.unwrap_or_default(), Self(child));
        // SAFETY: a live type of the kind that is asked about, indexes below its count; names and types are made for the
        // caller.
        unsafe {
            match self.id() {
                DUCKDB_TYPE_DUCKDB_TYPE_LIST => vec![unnamed(duckdb_list_type_child_type(self.0))],
                DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => vec![unnamed(duckdb_array_type_child_type(self.0))],
                DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                    vec![unnamed(duckdb_map_type_key_type(self.0)), unnamed(duckdb_map_type_value_type(self.0))]
                }
                DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => (0..duckdb_struct_type_child_count(self.0))
                    .map(|i| named(duckdb_struct_type_child_name(self.0, i), duckdb_struct_type_child_type(self.0, i)))
                    .collect(),
                DUCKDB_TYPE_DUCKDB_TYPE_UNION => (0..duckdb_union_type_member_count(self.0))
                    .map(|i| named(duckdb_union_type_member_name(self.0, i), duckdb_union_type_member_type(self.0, i)))
                    .collect(),
                _ => Vec::new(),
            }
        }
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: a live type, which is ours.
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.0) }
    }
}
