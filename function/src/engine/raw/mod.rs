//! DuckDB's C API behind types that free what they hold. Every other file of the engine is safe code over these
//! (but for the table function of [`super::replay`], which DuckDB calls back).
//!
//! The crate `duckdb` is not enough here: its streaming results panic when a fetch fails.

mod arrow;
mod connection;
mod handle;
mod logical_type;
mod rows;

pub(crate) use arrow::ArrowExporter;
pub(crate) use connection::{Connection, Database, Prepared};
pub(crate) use logical_type::LogicalType;
pub(crate) use rows::{Chunk, Rows};

use crate::failure::Failure;
use duckdb::ffi;
use std::ffi::{CStr, CString, c_char, c_void};

/// A C string from `text`; DuckDB cannot hold a NUL character in SQL, a name or an option.
fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::new("DuckDB.ParserError", "the SQL holds a NUL character"))
}

/// The version of the library, e.g. `v1.5.5`.
pub(crate) fn library_version() -> String {
    // SAFETY: the library's own text, which is there for good.
    unsafe { text_of(ffi::duckdb_library_version()) }
}

/// Copies a string that DuckDB owns.
///
/// # Safety
/// `text` is null or a C string.
unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Copies a string that DuckDB made for the caller, and frees it.
///
/// # Safety
/// `text` is null or a C string to be freed with `duckdb_free`.
unsafe fn owned_text(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let copy = unsafe { text_of(text) };
    // SAFETY: it is the caller's to free, and nobody looks at it again.
    unsafe { ffi::duckdb_free(text.cast::<c_void>()) };
    Some(copy)
}

/// Turns DuckDB's error object, which may be null or hold no error, into a `Result`, and frees it.
///
/// # Safety
/// `error` is null or owned by the caller.
unsafe fn check(mut error: ffi::duckdb_error_data) -> Result<(), Failure> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the object is whole until it is destroyed below.
    let failure = unsafe {
        ffi::duckdb_error_data_has_error(error).then(|| Failure::duckdb(text_of(ffi::duckdb_error_data_message(error))))
    };
    // SAFETY: it is the caller's, and nobody looks at it again.
    unsafe { ffi::duckdb_destroy_error_data(&mut error) };
    failure.map_or(Ok(()), Err)
}
