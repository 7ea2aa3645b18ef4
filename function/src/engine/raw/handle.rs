//! What DuckDB opened, closed when the last that uses it is gone.

use duckdb::ffi;
use std::sync::Arc;

/// What `duckdb_open_ext` gave. It lives as long as the last that uses it.
pub(super) struct OpenDatabase(pub ffi::duckdb_database);

// SAFETY: DuckDB's databases and connections lock themselves; any thread may use them.
unsafe impl Send for OpenDatabase {}
// SAFETY: the same.
unsafe impl Sync for OpenDatabase {}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        // SAFETY: every connection holds this value, so none is left.
        unsafe { ffi::duckdb_close(&mut self.0) }
    }
}

/// What `duckdb_connect` gave. It lives as long as the last that uses it.
pub(super) struct OpenConnection {
    pub raw: ffi::duckdb_connection,
    pub _database: Arc<OpenDatabase>,
}

// SAFETY: as for the database.
unsafe impl Send for OpenConnection {}
// SAFETY: the same.
unsafe impl Sync for OpenConnection {}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        // SAFETY: every statement and result holds this value, so none is left.
        unsafe { ffi::duckdb_disconnect(&mut self.raw) }
    }
}
