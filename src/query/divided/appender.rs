//! Arrow into DuckDB, every type as it was: by DuckDB's own conversion, which the crate `duckdb` does not offer.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ptr;

use anyhow::{Context as _, Result, anyhow};
use arrow::array::{Array, RecordBatch, StructArray};
use arrow::ffi::{FFI_ArrowSchema, to_ffi};
use duckdb::{Connection, ffi};

use crate::duck::RawDatabase;

/// Rows that came and are not in their table yet take no more than this, bytes.
const UNWRITTEN_BYTES: usize = 4 << 20;

/// A database in memory that takes Arrow.
pub(super) struct Database {
    // Before what they belong to, so that they go first.
    appenders: HashMap<String, Appender>,
    raw: RawDatabase,
}

/// What takes the rows of one table. To write them is a statement each time, so it waits for more.
struct Appender {
    raw: ffi::duckdb_appender,
    unwritten_bytes: usize,
}

impl Database {
    /// Opens it.
    ///
    /// # Errors
    /// When DuckDB cannot start.
    pub(super) fn open() -> Result<Self> {
        Ok(Self { appenders: HashMap::new(), raw: RawDatabase::open()? })
    }

    /// Another connection to it, which must not outlive it.
    ///
    /// # Errors
    /// When DuckDB refuses.
    pub(super) fn connect(&self) -> Result<Connection> {
        self.raw.connect()
    }

    /// Adds the rows of `batch` to the table `name`, column by column. They are there once [`Self::write`] was called.
    ///
    /// # Errors
    /// A type that DuckDB cannot take, a table with other columns.
    pub(super) fn append(&mut self, name: &str, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let mut schema = FFI_ArrowSchema::try_from(batch.schema().as_ref())?;
        let (array, _) = to_ffi(&StructArray::from(batch.clone()).to_data())?;
        let mut converted = ptr::null_mut();
        let mut chunk = ptr::null_mut();
        // SAFETY: `schema` and `array` are as the C data interface has them and live until the end, when DuckDB is done
        // with them; each thing that DuckDB makes is destroyed once, whatever failed.
        unsafe {
            let mut error =
                ffi::duckdb_schema_from_arrow(self.raw.connection(), ptr::from_mut(&mut schema).cast(), &mut converted);
            let mut result = take_error(&mut error);
            if result.is_ok() {
                // DuckDB releases an array after its first column if it copies that one, and goes on with the others.
                let mut lent: ffi::ArrowArray = ptr::read(ptr::from_ref(&array).cast());
                lent.release = Some(keep);
                let mut error =
                    ffi::duckdb_data_chunk_from_arrow(self.raw.connection(), &mut lent, converted, &mut chunk);
                result = take_error(&mut error);
            }
            if result.is_ok() {
                result = self.appender(name).and_then(|appender| appender.take(chunk, batch.get_array_memory_size()));
            }
            ffi::duckdb_destroy_data_chunk(&mut chunk);
            ffi::duckdb_destroy_arrow_converted_schema(&mut converted);
            result
        }
    }

    /// Sees to it that all rows that were added are in their tables.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn write(&mut self) -> Result<()> {
        self.appenders.values_mut().try_for_each(Appender::write)
    }

    fn appender(&mut self, name: &str) -> Result<&mut Appender> {
        if !self.appenders.contains_key(name) {
            let table = CString::new(name)?;
            let mut appender = Appender { raw: ptr::null_mut(), unwritten_bytes: 0 };
            // SAFETY: the connection is open, `table` is a C string, and what is made is destroyed with `appender`.
            let created = unsafe {
                ffi::duckdb_appender_create(self.raw.connection(), ptr::null(), table.as_ptr(), &mut appender.raw)
            };
            appender.done(created)?;
            self.appenders.insert(name.to_owned(), appender);
        }
        self.appenders.get_mut(name).context("an appender that was just made")
    }
}

impl Appender {
    /// Copies the rows of `chunk`, which are about so many `bytes`.
    ///
    /// # Safety
    /// `chunk` is one of DuckDB's that nobody has destroyed.
    unsafe fn take(&mut self, chunk: ffi::duckdb_data_chunk, bytes: usize) -> Result<()> {
        // SAFETY: the appender is open; the chunk by the caller's word.
        self.done(unsafe { ffi::duckdb_append_data_chunk(self.raw, chunk) })?;
        self.unwritten_bytes = self.unwritten_bytes.saturating_add(bytes);
        if self.unwritten_bytes < UNWRITTEN_BYTES { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<()> {
        self.unwritten_bytes = 0;
        // SAFETY: the appender is open.
        self.done(unsafe { ffi::duckdb_appender_flush(self.raw) })
    }

    /// Why it did not do what it was asked to, if `state` says so.
    fn done(&self, state: ffi::duckdb_state) -> Result<()> {
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: DuckDB takes one that could not be created, too; the error is taken once.
        let mut error = unsafe { ffi::duckdb_appender_error_data(self.raw) };
        // SAFETY: it was just made.
        unsafe { take_error(&mut error) }.and(Err(anyhow!("DuckDB did not take the rows")))
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // SAFETY: null, or what DuckDB made; its connection is open still.
        unsafe { ffi::duckdb_appender_destroy(&mut self.raw) };
    }
}

/// Releases nothing: an array that is only lent.
unsafe extern "C" fn keep(array: *mut ffi::ArrowArray) {
    // SAFETY: whoever releases an array gives it.
    unsafe { (*array).release = None }
}

/// DuckDB's error, which is destroyed; none is success.
///
/// # Safety
/// `error` is null or one that DuckDB made and nobody has destroyed.
unsafe fn take_error(error: &mut ffi::duckdb_error_data) -> Result<()> {
    // SAFETY: by the caller's word; the text lives as long as the error.
    unsafe {
        let result = if !error.is_null() && ffi::duckdb_error_data_has_error(*error) {
            let text = ffi::duckdb_error_data_message(*error);
            Err(anyhow!("{}", if text.is_null() { "".into() } else { CStr::from_ptr(text).to_string_lossy() }))
        } else {
            Ok(())
        };
        ffi::duckdb_destroy_error_data(error);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_over_as_it_was() {
        let mut database = Database::open().unwrap();
        let connection = database.connect().unwrap();
        connection.execute_batch("SET arrow_lossless_conversion = true").unwrap();
        connection.execute_batch("CREATE TABLE a AS FROM test_all_types(); CREATE TABLE b AS FROM a LIMIT 0").unwrap();
        let mut statement = connection.prepare("FROM a").unwrap();
        let batches: Vec<RecordBatch> = statement.query_arrow([]).unwrap().collect();
        for batch in &batches {
            database.append("b", batch).unwrap();
        }
        database.write().unwrap();
        let different: i64 = connection
            .query_row(
                "SELECT count(*) FROM ((FROM a EXCEPT ALL FROM b) UNION ALL (FROM b EXCEPT ALL FROM a))",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(different, 0);
    }

    #[test]
    fn rows_of_other_columns_are_refused() {
        let mut database = Database::open().unwrap();
        let connection = database.connect().unwrap();
        connection.execute_batch("CREATE TABLE b (x INTEGER)").unwrap();
        let mut statement = connection.prepare("SELECT 1 AS x, 2 AS y").unwrap();
        let batches: Vec<RecordBatch> = statement.query_arrow([]).unwrap().collect();
        let error = database.append("b", &batches[0]).unwrap_err().to_string();
        assert!(error.contains("column"), "{error}");
        assert!(database.append("nowhere", &batches[0]).is_err());
    }
}
