//! Running results, and the chunks of rows that they give.

use super::handle::OpenConnection;
use super::{ArrowExporter, LogicalType, text_of};
use crate::engine::Failure;
use duckdb::ffi;
use std::sync::Arc;

/// The running result of a statement.
pub(crate) struct Rows {
    result: ffi::duckdb_result,
    _connection: Arc<OpenConnection>,
}

impl Rows {
    /// A result that DuckDB is still to fill.
    pub(super) fn empty(connection: Arc<OpenConnection>) -> Self {
        // SAFETY: all zeroes is the empty result.
        Self { result: unsafe { std::mem::zeroed() }, _connection: connection }
    }

    pub(super) fn raw(&mut self) -> &mut ffi::duckdb_result {
        &mut self.result
    }

    /// The next chunk of rows, `None` at the end.
    ///
    /// # Errors
    /// The query's own, when it fails midway.
    pub(crate) fn fetch(&mut self) -> Result<Option<Chunk>, Failure> {
        // SAFETY: a result that DuckDB filled.
        let chunk = unsafe { ffi::duckdb_fetch_chunk(self.result) };
        if !chunk.is_null() {
            let chunk = Chunk(chunk);
            if chunk.len() > 0 {
                return Ok(Some(chunk));
            }
        }
        match self.error() {
            message if message.is_empty() => Ok(None),
            message => Err(Failure::duckdb(message)),
        }
    }

    /// Fetches and drops all rows, and says how many there were.
    ///
    /// # Errors
    /// The query's own, when it fails midway.
    pub(crate) fn exhaust(&mut self) -> Result<u64, Failure> {
        let mut count = 0;
        while let Some(chunk) = self.fetch()? {
            count += chunk.len();
        }
        Ok(count)
    }

    /// True when the statement has rows to give, false when it only did something.
    pub(crate) fn is_query(&self) -> bool {
        // SAFETY: a result that DuckDB filled.
        unsafe { ffi::duckdb_result_return_type(self.result) != ffi::duckdb_result_type_DUCKDB_RESULT_TYPE_NOTHING }
    }

    /// Names and types of the columns.
    pub(crate) fn columns(&mut self) -> Vec<(String, LogicalType)> {
        // SAFETY: a result that DuckDB filled.
        let count = unsafe { ffi::duckdb_column_count(&mut self.result) };
        let column = |index| {
            // SAFETY: the index is below the count; the name lives as long as the result.
            let name = unsafe { text_of(ffi::duckdb_column_name(&mut self.result, index)) };
            // SAFETY: the same, and the type is made for the caller.
            (name, LogicalType::owned(unsafe { ffi::duckdb_column_logical_type(&mut self.result, index) }))
        };
        (0..count).map(column).collect()
    }

    /// What turns this result's chunks into Arrow.
    ///
    /// # Errors
    /// When a type has no Arrow form.
    pub(crate) fn exporter(&mut self, names: &[String], types: &[LogicalType]) -> Result<ArrowExporter, Failure> {
        // SAFETY: a result that DuckDB filled; the options are made for the caller.
        let options = unsafe { ffi::duckdb_result_get_arrow_options(&mut self.result) };
        ArrowExporter::new(options, names, types)
    }

    /// The result's message; empty without an error.
    pub(super) fn error(&mut self) -> String {
        // SAFETY: empty, or a result that DuckDB filled; the message lives as long as the result.
        unsafe { text_of(ffi::duckdb_result_error(&mut self.result)) }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: empty, or a result that DuckDB filled.
        unsafe { ffi::duckdb_destroy_result(&mut self.result) }
    }
}

/// Up to `duckdb_vector_size()` (2048) rows, in columns.
pub(crate) struct Chunk(ffi::duckdb_data_chunk);

// SAFETY: a chunk owns its data, counted by atomic references; it is used by one thread at a time.
unsafe impl Send for Chunk {}

impl Chunk {
    pub(super) fn raw(&self) -> ffi::duckdb_data_chunk {
        self.0
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> u64 {
        // SAFETY: a live chunk.
        unsafe { ffi::duckdb_data_chunk_get_size(self.0) }
    }

    /// Keeps only the first `rows` rows.
    pub(crate) fn truncate(&mut self, rows: u64) {
        if rows < self.len() {
            // SAFETY: a live chunk, which has that many rows.
            unsafe { ffi::duckdb_data_chunk_set_size(self.0, rows) }
        }
    }

    /// A column's vector; it lives as long as the chunk.
    pub(crate) fn vector(&self, column: usize) -> ffi::duckdb_vector {
        // SAFETY: a live chunk; DuckDB gives null for a column that it does not have.
        unsafe { ffi::duckdb_data_chunk_get_vector(self.0, column as ffi::idx_t) }
    }

    /// How many columns it has.
    pub(crate) fn width(&self) -> usize {
        // SAFETY: a live chunk.
        unsafe { ffi::duckdb_data_chunk_get_column_count(self.0) as usize }
    }

    /// The text in the first row of the first column, which is a VARCHAR; `None` when it is NULL.
    pub(crate) fn first_text(&self) -> Option<String> {
        self.texts().next().flatten()
    }

    /// The texts of the first column, which is a VARCHAR.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Option<String>> {
        let rows = if self.width() == 0 { 0 } else { self.len() };
        (0..rows).map(|row| {
            let vector = self.vector(0);
            // SAFETY: the chunk has the column and the row; its data live as long as it does, and null says "no NULLs".
            let valid = unsafe {
                let validity = ffi::duckdb_vector_get_validity(vector);
                validity.is_null() || ffi::duckdb_validity_row_is_valid(validity, row)
            };
            // SAFETY: a valid row of a VARCHAR vector is a string of DuckDB's.
            let text = |row: usize| unsafe {
                let text = ffi::duckdb_vector_get_data(vector).cast::<ffi::duckdb_string_t>().add(row);
                let len = ffi::duckdb_string_t_length(*text) as usize;
                std::slice::from_raw_parts(ffi::duckdb_string_t_data(text).cast::<u8>(), len)
            };
            valid.then(|| String::from_utf8_lossy(text(row as usize)).into_owned())
        })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: a live chunk, which is ours.
        unsafe { ffi::duckdb_destroy_data_chunk(&mut self.0) }
    }
}
