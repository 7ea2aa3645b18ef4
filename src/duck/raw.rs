//! A DuckDB in memory of which DuckDB's own handles are at hand, for what the crate `duckdb` does not offer.

use std::ffi::CStr;
use std::ptr;

use anyhow::{Result, bail};
use duckdb::{Connection, ffi};

/// A database with a connection to it. It is not locked yet (`sandbox::lock`).
pub(crate) struct RawDatabase {
    database: ffi::duckdb_database,
    connection: ffi::duckdb_connection,
}

impl RawDatabase {
    /// Opens it.
    ///
    /// # Errors
    /// When DuckDB cannot start.
    pub(crate) fn open() -> Result<Self> {
        let mut this = Self { database: ptr::null_mut(), connection: ptr::null_mut() };
        // SAFETY: both places live, and what is made is closed when `this` is dropped.
        let opened = unsafe {
            ffi::duckdb_open(c":memory:".as_ptr(), &mut this.database) == ffi::DuckDBSuccess
                && ffi::duckdb_connect(this.database, &mut this.connection) == ffi::DuckDBSuccess
        };
        if opened { Ok(this) } else { bail!("DuckDB does not start") }
    }

    /// Another connection to it, which must not outlive it.
    ///
    /// # Errors
    /// When DuckDB refuses.
    pub(crate) fn connect(&self) -> Result<Connection> {
        // SAFETY: the database is open.
        Ok(unsafe { Connection::open_from_raw(self.database) }?)
    }

    /// Runs SQL of our own on its connection, and drops the rows.
    ///
    /// # Errors
    /// When DuckDB does not take it.
    pub(crate) fn run(&self, sql: &CStr) -> Result<()> {
        // SAFETY: an open connection and a C string; no rows are asked for.
        match unsafe { ffi::duckdb_query(self.connection, sql.as_ptr(), ptr::null_mut()) } {
            ffi::DuckDBSuccess => Ok(()),
            _ => bail!("DuckDB does not take {sql:?}"),
        }
    }

    /// DuckDB's handle of its connection, good for as long as this value.
    pub(crate) fn connection(&self) -> ffi::duckdb_connection {
        self.connection
    }
}

impl Drop for RawDatabase {
    fn drop(&mut self) {
        // SAFETY: both are open or null, which DuckDB takes.
        unsafe {
            ffi::duckdb_disconnect(&mut self.connection);
            ffi::duckdb_close(&mut self.database);
        }
    }
}

// SAFETY: DuckDB's handles may be used from any thread, by one at a time.
unsafe impl Send for RawDatabase {}
