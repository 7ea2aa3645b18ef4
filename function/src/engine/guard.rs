//! The second wall: whether an instance is as it was when it was opened. It does not ask what SQL was run, only what is
//! there now: settings, secrets, databases, tables, views, types, macros.

use super::Failure;
use super::raw::{Connection, Database, Prepared};

/// Everything of an instance that is quickly read and that no query may change.
const STATE: &str = "SELECT concat_ws(chr(10), \
    (SELECT string_agg(name || '=' || coalesce(value, ''), ',') FROM duckdb_settings()), \
    (SELECT string_agg(name || '=' || secret_string, ',') FROM duckdb_secrets()), \
    (SELECT string_agg(database_name || '=' || coalesce(path, ''), ',') FROM duckdb_databases()), \
    (SELECT string_agg(schema_name, ',') FROM duckdb_schemas() WHERE NOT internal), \
    (SELECT string_agg(table_name, ',') FROM duckdb_tables()), \
    (SELECT string_agg(view_name, ',') FROM duckdb_views() WHERE NOT internal), \
    (SELECT string_agg(type_name, ',') FROM duckdb_types() WHERE NOT internal), \
    (SELECT string_agg(sequence_name, ',') FROM duckdb_sequences()))";

/// Macros that are not DuckDB's own: a list of thousands of functions, which takes longer than a short query.
const MACROS: &str =
    "SELECT coalesce(string_agg(function_name, ','), '') FROM duckdb_functions() WHERE database_name <> 'system'";

/// The transaction that a connection is in.
const TRANSACTION: &str = "SELECT txid_current()::VARCHAR";

/// Watches over an instance, on a connection of its own.
pub(crate) struct Guard {
    state: Prepared,
    baseline: String,
    connection: Connection,
}

impl Guard {
    /// A guard that takes the instance as it is now for good.
    ///
    /// # Errors
    /// When the instance cannot be looked at.
    pub(crate) fn new(database: &Database) -> Result<Self, Failure> {
        let connection = database.connect()?;
        let state = connection.prepare(STATE)?;
        let baseline = first_text(&state)?;
        Ok(Self { state, baseline, connection })
    }

    /// Whether the instance is as it was. `thorough` looks at macros, too, which takes some 10 ms: a transaction that is
    /// known to have been rolled back has left none.
    pub(crate) fn holds(&self, thorough: bool) -> bool {
        let same = first_text(&self.state).is_ok_and(|state| state == self.baseline);
        let no_macros = || self.connection.prepare(MACROS).and_then(|macros| first_text(&macros));
        same && (!thorough || no_macros().is_ok_and(|macros| macros.is_empty()))
    }
}

/// The number of the transaction that `connection` is in.
pub(crate) fn transaction(connection: &Connection) -> Result<String, Failure> {
    first_text(&connection.prepare(TRANSACTION)?)
}

fn first_text(prepared: &Prepared) -> Result<String, Failure> {
    let chunk = prepared.stream()?.fetch()?;
    let text = chunk.and_then(|chunk| chunk.first_text());
    text.ok_or_else(|| Failure::new("Quack.InternalError", "the instance cannot be looked at"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stays_behind_is_seen() {
        for (sql, thorough) in [
            ("SET GLOBAL threads = 1", false),
            ("SET GLOBAL TimeZone = 'Asia/Tokyo'", false),
            ("ATTACH ':memory:' AS other", false),
            ("CREATE TABLE t (a INTEGER)", false),
            ("CREATE VIEW v AS SELECT 1", false),
            ("CREATE TYPE mood AS ENUM ('a')", false),
            ("CREATE SCHEMA s", false),
            ("CREATE SEQUENCE s", false),
            ("CALL enable_logging()", false),
            ("CALL enable_peg_parser()", false),
            ("CREATE MACRO upper(x) AS 'mallory'", true),
            ("CREATE MACRO t(x) AS TABLE SELECT x", true),
        ] {
            let database = Database::open(&[]).unwrap();
            let guard = Guard::new(&database).unwrap();
            assert!(guard.holds(true), "before {sql}");
            let connection = database.connect().unwrap();
            connection.execute(&format!("BEGIN; {sql}; ROLLBACK")).unwrap_or_default();
            if !["SET", "CALL", "ATTACH"].iter().any(|word| sql.starts_with(word)) {
                assert!(guard.holds(true), "after {sql} was rolled back");
            }
            connection.execute(sql).unwrap_or_default();
            assert!(!guard.holds(thorough), "after {sql}");
        }
    }

    #[test]
    fn a_transaction_has_a_number_of_its_own() {
        let connection = Database::open(&[]).unwrap().connect().unwrap();
        connection.execute("BEGIN").unwrap();
        let first = transaction(&connection).unwrap();
        connection.execute("SELECT 1").unwrap();
        assert_eq!(transaction(&connection).unwrap(), first);
        connection.execute("COMMIT; BEGIN").unwrap();
        assert_ne!(transaction(&connection).unwrap(), first);
    }
}
