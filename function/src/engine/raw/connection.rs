//! Databases, connections, and statements on their way to a result.

use super::handle::{OpenConnection, OpenDatabase};
use super::rows::Rows;
use super::{ArrowExporter, LogicalType, c_string, owned_text, text_of};
use crate::engine::Failure;
use ::arrow::array::RecordBatch;
use duckdb::ffi;
use std::ptr;
use std::sync::Arc;

/// An in-memory database. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Database(Arc<OpenDatabase>);

impl Database {
    /// Opens a new database with `options`.
    ///
    /// # Errors
    /// When an option is unknown or has a wrong value.
    pub(crate) fn open(options: &[(&str, String)]) -> Result<Self, Failure> {
        struct Config(ffi::duckdb_config);
        impl Drop for Config {
            fn drop(&mut self) {
                // SAFETY: null, or what `duckdb_create_config` made.
                unsafe { ffi::duckdb_destroy_config(&mut self.0) }
            }
        }
        let mut config = Config(ptr::null_mut());
        // SAFETY: writes the new configuration into its place.
        if unsafe { ffi::duckdb_create_config(&mut config.0) } != ffi::DuckDBSuccess {
            return Err(Failure::new("Quack.InitError", "DuckDB made no configuration"));
        }
        for (name, value) in options {
            let (c_name, c_value) = (c_string(name)?, c_string(value)?);
            // SAFETY: a live configuration and two C strings, which DuckDB copies.
            let state = unsafe { ffi::duckdb_set_config(config.0, c_name.as_ptr(), c_value.as_ptr()) };
            if state != ffi::DuckDBSuccess {
                return Err(Failure::new("Quack.InitError", format!("DuckDB has no option {name} = {value}")));
            }
        }
        let (mut database, mut error) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a C string, a live configuration, and places for what comes back.
        let state = unsafe { ffi::duckdb_open_ext(c":memory:".as_ptr(), &mut database, config.0, &mut error) };
        if state != ffi::DuckDBSuccess {
            // SAFETY: null, or a message that DuckDB made for us.
            let message = unsafe { owned_text(error) }.unwrap_or_default();
            return Err(Failure::new("Quack.InitError", format!("DuckDB did not open: {message}")));
        }
        Ok(Self(Arc::new(OpenDatabase(database))))
    }

    /// A new connection.
    ///
    /// # Errors
    /// When DuckDB refuses it.
    pub(crate) fn connect(&self) -> Result<Connection, Failure> {
        let mut raw = ptr::null_mut();
        // SAFETY: an open database, and a place for the connection.
        if unsafe { ffi::duckdb_connect(self.0.0, &mut raw) } != ffi::DuckDBSuccess {
            return Err(Failure::new("DuckDB.ConnectionError", "DuckDB made no connection"));
        }
        Ok(Connection(Arc::new(OpenConnection { raw, _database: Arc::clone(&self.0) })))
    }
}

/// A connection: what it alone sees (temporary tables, variables, prepared statements) ends with it.
pub(crate) struct Connection(Arc<OpenConnection>);

/// Ends what runs on a connection, from another thread.
pub(crate) struct Interrupter(Arc<OpenConnection>);

impl Interrupter {
    /// Has what runs now end with an error.
    pub(crate) fn interrupt(&self) {
        // SAFETY: an open connection, which DuckDB lets any thread interrupt.
        unsafe { ffi::duckdb_interrupt(self.0.raw) }
    }
}

impl Connection {
    /// What ends statements of this connection early.
    pub(crate) fn interrupter(&self) -> Interrupter {
        Interrupter(Arc::clone(&self.0))
    }

    /// Splits `sql` into statements.
    ///
    /// # Errors
    /// DuckDB's parser error.
    pub(crate) fn statements(&self, sql: &str) -> Result<Statements, Failure> {
        let sql = c_string(sql)?;
        let mut extracted = ptr::null_mut();
        // SAFETY: an open connection, a C string, and a place for the statements.
        let count = unsafe { ffi::duckdb_extract_statements(self.0.raw, sql.as_ptr(), &mut extracted) };
        let statements = Statements { connection: Arc::clone(&self.0), extracted, count };
        // SAFETY: the statements are live, and their message lives as long.
        let message = unsafe { text_of(ffi::duckdb_extract_statements_error(extracted)) };
        if count == 0 && !message.is_empty() { Err(Failure::duckdb(message)) } else { Ok(statements) }
    }

    /// The one statement of `sql`, ready to run.
    ///
    /// # Errors
    /// DuckDB's parser or binder error; `Quack.InternalError` when there are more statements, or none.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Prepared, Failure> {
        let statements = self.statements(sql)?;
        match statements.len() {
            1 => statements.prepare(0),
            count => Err(Failure::new("Quack.InternalError", format!("one statement became {count}"))),
        }
    }

    /// Runs the statements of `sql` to their ends, drops their rows, and says how many there were.
    ///
    /// # Errors
    /// The first statement's that fails.
    pub(crate) fn execute(&self, sql: &str) -> Result<u64, Failure> {
        let statements = self.statements(sql)?;
        let mut count = 0;
        for index in 0..statements.len() {
            count += statements.prepare(index)?.stream()?.exhaust()?;
        }
        Ok(count)
    }

    /// The first row of `sql` as Arrow.
    ///
    /// # Errors
    /// DuckDB's, and when there is no row.
    pub(crate) fn first_row(&self, sql: &str) -> Result<RecordBatch, Failure> {
        let mut rows = self.statements(sql)?.prepare(0)?.stream()?;
        let (names, types): (Vec<_>, Vec<_>) = rows.columns().into_iter().unzip();
        let exporter: ArrowExporter = rows.exporter(&names, &types)?;
        let chunk = rows.fetch()?.ok_or_else(|| Failure::new("Quack.InternalError", "a statement gave no row"))?;
        exporter.batch(&chunk)
    }

    /// DuckDB's own handle, good for as long as the connection.
    pub(crate) fn raw(&self) -> ffi::duckdb_connection {
        self.0.raw
    }
}

/// The parsed statements of one SQL text.
pub(crate) struct Statements {
    connection: Arc<OpenConnection>,
    extracted: ffi::duckdb_extracted_statements,
    count: ffi::idx_t,
}

impl Statements {
    /// How many statements there are.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Binds and plans a statement. What it names must exist: run the ones before it first.
    ///
    /// # Errors
    /// DuckDB's binder or catalog error.
    pub(crate) fn prepare(&self, index: u64) -> Result<Prepared, Failure> {
        let mut prepared = Prepared { raw: ptr::null_mut(), connection: Arc::clone(&self.connection) };
        // SAFETY: an open connection and its own statements; DuckDB checks the index.
        let state = unsafe {
            ffi::duckdb_prepare_extracted_statement(self.connection.raw, self.extracted, index, &mut prepared.raw)
        };
        if state == ffi::DuckDBSuccess {
            return Ok(prepared);
        }
        // SAFETY: a statement that failed to prepare still has its message.
        Err(Failure::duckdb(unsafe { text_of(ffi::duckdb_prepare_error(prepared.raw)) }))
    }
}

impl Drop for Statements {
    fn drop(&mut self) {
        // SAFETY: null, or what `duckdb_extract_statements` made.
        unsafe { ffi::duckdb_destroy_extracted(&mut self.extracted) }
    }
}

/// A statement that is ready to run.
pub(crate) struct Prepared {
    raw: ffi::duckdb_prepared_statement,
    connection: Arc<OpenConnection>,
}

impl Prepared {
    /// What kind of statement it is.
    pub(crate) fn kind(&self) -> ffi::duckdb_statement_type {
        // SAFETY: a live statement.
        unsafe { ffi::duckdb_prepared_statement_type(self.raw) }
    }

    /// How many parameters (`?`, `$1`) it has.
    pub(crate) fn parameters(&self) -> u64 {
        // SAFETY: a live statement.
        unsafe { ffi::duckdb_nparams(self.raw) }
    }

    /// The number of the parameter that is called so, without its dollar: `1` for `$1` and for the first `?`.
    pub(crate) fn parameter(&self, name: &str) -> Option<u64> {
        let name = c_string(name).ok()?;
        let mut index = 0;
        // SAFETY: a live statement, a C string, and a place for the number.
        let state = unsafe { ffi::duckdb_bind_parameter_index(self.raw, &mut index, name.as_ptr()) };
        (state == ffi::DuckDBSuccess).then_some(index)
    }

    /// Names and types of the columns that it will give.
    pub(crate) fn columns(&self) -> Vec<(String, LogicalType)> {
        // SAFETY: a live statement.
        let count = unsafe { ffi::duckdb_prepared_statement_column_count(self.raw) };
        let column = |index| {
            // SAFETY: the index is below the count, and the name is made for the caller.
            let name = unsafe { owned_text(ffi::duckdb_prepared_statement_column_name(self.raw, index).cast_mut()) };
            // SAFETY: the same, and the type is made for the caller.
            let logical_type = unsafe { ffi::duckdb_prepared_statement_column_logical_type(self.raw, index) };
            (name.unwrap_or_default(), LogicalType::owned(logical_type))
        };
        (0..count).map(column).collect()
    }

    /// Gives a parameter a text, or NULL.
    ///
    /// # Errors
    /// DuckDB's, when the text does not fit the parameter.
    pub(crate) fn bind_text(&self, index: u64, text: Option<&str>) -> Result<(), Failure> {
        let state = match text {
            // SAFETY: a live statement, and a text with its length, which DuckDB copies.
            Some(text) => unsafe {
                ffi::duckdb_bind_varchar_length(self.raw, index, text.as_ptr().cast(), text.len() as ffi::idx_t)
            },
            // SAFETY: a live statement.
            None => unsafe { ffi::duckdb_bind_null(self.raw, index) },
        };
        self.bound(state)
    }

    /// Gives a parameter bytes.
    ///
    /// # Errors
    /// DuckDB's, when they do not fit the parameter.
    pub(crate) fn bind_blob(&self, index: u64, bytes: &[u8]) -> Result<(), Failure> {
        // SAFETY: a live statement, and bytes with their length, which DuckDB copies.
        let state = unsafe { ffi::duckdb_bind_blob(self.raw, index, bytes.as_ptr().cast(), bytes.len() as ffi::idx_t) };
        self.bound(state)
    }

    fn bound(&self, state: ffi::duckdb_state) -> Result<(), Failure> {
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: a live statement.
        Err(Failure::duckdb(unsafe { text_of(ffi::duckdb_prepare_error(self.raw)) }))
    }

    /// Starts it; rows come as they are fetched.
    ///
    /// # Errors
    /// DuckDB's, as far as the first rows show it.
    pub(crate) fn stream(&self) -> Result<Rows, Failure> {
        let mut rows = Rows::empty(Arc::clone(&self.connection));
        // SAFETY: a live statement, and an empty result to fill.
        if unsafe { ffi::duckdb_execute_prepared_streaming(self.raw, rows.raw()) } == ffi::DuckDBSuccess {
            return Ok(rows);
        }
        Err(Failure::duckdb(rows.error()))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: null, or what DuckDB prepared.
        unsafe { ffi::duckdb_destroy_prepare(&mut self.raw) }
    }
}
