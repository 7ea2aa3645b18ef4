//! From DuckDB's chunks to Arrow's batches.

use super::{Chunk, LogicalType, c_string, check};
use crate::engine::Failure;
use arrow::array::{RecordBatch, StructArray};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use duckdb::ffi;
use std::ptr;
use std::sync::Arc;

/// Turns a result's chunks into Arrow record batches.
pub(crate) struct ArrowExporter {
    options: ffi::duckdb_arrow_options,
    c_schema: FFI_ArrowSchema,
    schema: SchemaRef,
}

impl ArrowExporter {
    /// Takes `options`, which DuckDB made for the caller.
    pub(super) fn new(
        options: ffi::duckdb_arrow_options,
        names: &[String],
        types: &[LogicalType],
    ) -> Result<Self, Failure> {
        let mut this = Self { options, c_schema: FFI_ArrowSchema::empty(), schema: Arc::new(Schema::empty()) };
        let names = names.iter().map(|name| c_string(name)).collect::<Result<Vec<_>, _>>()?;
        let mut names = names.iter().map(|name| name.as_ptr()).collect::<Vec<_>>();
        let mut types = types.iter().map(LogicalType::raw).collect::<Vec<_>>();
        // SAFETY: live options, as many C strings as types, and a place for the schema; the error is the caller's.
        unsafe {
            check(ffi::duckdb_to_arrow_schema(
                this.options,
                types.as_mut_ptr(),
                names.as_mut_ptr(),
                types.len() as ffi::idx_t,
                ptr::from_mut(&mut this.c_schema).cast(),
            ))?;
        }
        this.schema = Arc::new(Schema::try_from(&this.c_schema).map_err(Failure::arrow)?);
        Ok(this)
    }

    /// The schema of the batches.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A copy of `chunk` as Arrow.
    ///
    /// # Errors
    /// When a value does not fit Arrow.
    pub(crate) fn batch(&self, chunk: &Chunk) -> Result<RecordBatch, Failure> {
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: live options and a live chunk, and a place for the array; the error is the caller's.
        unsafe {
            check(ffi::duckdb_data_chunk_to_arrow(self.options, chunk.raw(), ptr::from_mut(&mut array).cast()))?;
        }
        // SAFETY: DuckDB made the array for this schema.
        let data = unsafe { from_ffi(array, &self.c_schema) }.map_err(Failure::arrow)?;
        let columns = StructArray::from(data).columns().to_vec();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(Failure::arrow)
    }
}

impl Drop for ArrowExporter {
    fn drop(&mut self) {
        // SAFETY: live options, which are ours.
        unsafe { ffi::duckdb_destroy_arrow_options(&mut self.options) }
    }
}
