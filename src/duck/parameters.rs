//! The parameters of a statement, the types that DuckDB's binder expects of them, and the columns of a statement of any kind: by its
//! C API, as the crate `duckdb` does not tell types.

use std::ffi::{CStr, CString};
use std::ptr;

use anyhow::{Result, bail};
use duckdb::ffi;
use quack_function::sql_type::SqlType;

use super::raw::RawDatabase;

/// A parameter, `$1` or `$name`, or a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    /// Without the dollar.
    pub name: String,
    /// Nothing where any type will do.
    pub sql_type: Option<SqlType>,
}

/// The parameters of the one statement of `sql`, by their names' order in it. Nothing of it is run.
///
/// # Errors
/// DuckDB's, in its own words.
pub(crate) fn of(database: &RawDatabase, sql: &str) -> Result<Vec<Parameter>> {
    let prepared = Prepared::of(database, sql)?;
    // SAFETY: a live statement.
    let count = unsafe { ffi::duckdb_nparams(prepared.0) };
    Ok((1..=count).map(|index| prepared.parameter(index)).collect())
}

/// The columns that the one statement of `sql` gives, which may be one that changes a table. Nothing of it is run.
///
/// # Errors
/// DuckDB's, in its own words.
pub(crate) fn columns(database: &RawDatabase, sql: &str) -> Result<Vec<Parameter>> {
    let prepared = Prepared::of(database, sql)?;
    // SAFETY: a live statement.
    let count = unsafe { ffi::duckdb_prepared_statement_column_count(prepared.0) };
    Ok((0..count).map(|index| prepared.column(index)).collect())
}

struct Prepared(ffi::duckdb_prepared_statement);

impl Prepared {
    fn of(database: &RawDatabase, sql: &str) -> Result<Self> {
        let sql = CString::new(sql)?;
        let mut prepared = Self(ptr::null_mut());
        // SAFETY: an open connection, a C string, and a place for the statement.
        let state = unsafe { ffi::duckdb_prepare(database.connection(), sql.as_ptr(), &mut prepared.0) };
        if state == ffi::DuckDBSuccess {
            return Ok(prepared);
        }
        // SAFETY: a statement that could not be prepared has its message, which lives as long.
        let words = unsafe { CStr::from_ptr(ffi::duckdb_prepare_error(prepared.0)) };
        bail!("{}", words.to_string_lossy())
    }

    fn parameter(&self, index: u64) -> Parameter {
        // SAFETY: a live statement; both are made for the caller.
        unsafe { made(ffi::duckdb_parameter_name(self.0, index), ffi::duckdb_param_logical_type(self.0, index)) }
    }

    fn column(&self, index: u64) -> Parameter {
        // SAFETY: a live statement; both are made for the caller.
        unsafe {
            made(
                ffi::duckdb_prepared_statement_column_name(self.0, index),
                ffi::duckdb_prepared_statement_column_logical_type(self.0, index),
            )
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: null, or what DuckDB prepared.
        unsafe { ffi::duckdb_destroy_prepare(&mut self.0) }
    }
}

/// A name and a type that DuckDB made for the caller.
///
/// # Safety
/// Each is null or live, and nobody has destroyed it.
unsafe fn made(name: *const std::ffi::c_char, mut logical: ffi::duckdb_logical_type) -> Parameter {
    // SAFETY: by the caller's word.
    unsafe {
        let text = if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() };
        ffi::duckdb_free(name.cast_mut().cast());
        let sql_type = sql_type(logical);
        ffi::duckdb_destroy_logical_type(&mut logical);
        Parameter { name: text, sql_type }
    }
}

/// A type as DuckDB spells it; nothing for one that nobody writes as a parameter, and where there is none.
///
/// # Safety
/// `logical` is null or a live type.
unsafe fn sql_type(logical: ffi::duckdb_logical_type) -> Option<SqlType> {
    if logical.is_null() {
        return None;
    }
    // SAFETY: by the caller's word; types in it are made for us, and destroyed.
    unsafe {
        let plain = match ffi::duckdb_get_type_id(logical) {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
                let (width, scale) = (ffi::duckdb_decimal_width(logical), ffi::duckdb_decimal_scale(logical));
                return Some(SqlType::Decimal { width, scale });
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
                let mut element = ffi::duckdb_list_type_child_type(logical);
                let of = sql_type(element);
                ffi::duckdb_destroy_logical_type(&mut element);
                return Some(SqlType::List(Box::new(of?)));
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => "BOOLEAN",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => "TINYINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => "SMALLINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => "INTEGER",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => "BIGINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => "UTINYINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => "USMALLINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => "UINTEGER",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => "UBIGINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => "HUGEINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => "UHUGEINT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => "FLOAT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => "DOUBLE",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => "VARCHAR",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => "BLOB",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID => "UUID",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => "DATE",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME => "TIME",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => "TIME WITH TIME ZONE",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => "TIMESTAMP",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => "TIMESTAMP WITH TIME ZONE",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => "INTERVAL",
            _ => return None,
        };
        SqlType::parse(plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{Sandbox, lock};

    #[test]
    fn the_binder_tells_what_it_expects() {
        let database = RawDatabase::open().unwrap();
        let connection = database.connect().unwrap();
        lock(&connection, &Sandbox::default()).unwrap();
        connection.execute_batch("CREATE TABLE t (a INTEGER, d DATE, m DECIMAL(9,2), s VARCHAR)").unwrap();
        let found = |sql: &str| -> Vec<String> {
            let parameters = of(&database, sql).unwrap().into_iter();
            parameters.map(|p| format!("{} {}", p.name, p.sql_type.map_or("?".into(), |t| t.to_string()))).collect()
        };
        assert_eq!(
            found("SELECT a FROM t WHERE a = $1 AND d BETWEEN $2 AND $3 AND s LIKE $4 AND m IN ($5)"),
            ["1 INTEGER", "2 DATE", "3 DATE", "4 VARCHAR", "5 DECIMAL(9,2)"]
        );
        assert_eq!(found("SELECT CAST($1 AS DATE), a FROM t LIMIT $2"), ["1 DATE", "2 BIGINT"]);
        // Where one may be of any type, nothing is known of those beside it.
        assert_eq!(found("SELECT $1, CAST($2 AS DATE) FROM t WHERE a = $3"), ["1 ?", "2 ?", "3 INTEGER"]);
        assert_eq!(
            found("INSERT INTO t VALUES ($1, $2, $3, $4)"),
            ["1 INTEGER", "2 DATE", "3 DECIMAL(9,2)", "4 VARCHAR"]
        );
        assert!(of(&database, "SELECT x FROM t").unwrap_err().to_string().contains("x"));
    }
}
