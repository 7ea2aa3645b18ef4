//! The second wall: whether an instance is as it was when it was opened. It does not ask what SQL was run, only what is
//! there now: settings, secrets, databases, and, where a transaction may have been committed, macros, tables, views, types.

use super::raw::{Connection, Database, Prepared};
use crate::failure::Failure;

/// What no transaction undoes. Two statements take less time than one.
const QUICK: [&str; 2] = [
    "SELECT string_agg(name || '=' || coalesce(value, ''), ',') FROM duckdb_settings()",
    "SELECT string_agg(x, ',') FROM (SELECT database_name AS x FROM duckdb_databases() UNION ALL SELECT name || '=' || \
     secret_string FROM duckdb_secrets())",
];

/// What a transaction leaves when it is committed, which takes longer to look at than a short query: nothing may be there.
const THOROUGH: &str = "SELECT coalesce(string_agg(x, ','), '') FROM (SELECT function_name AS x FROM duckdb_functions() WHERE \
                        database_name <> 'system' UNION ALL SELECT type_name FROM duckdb_types() WHERE NOT internal UNION ALL \
                        SELECT sequence_name FROM duckdb_sequences() UNION ALL SELECT schema_name FROM duckdb_schemas() WHERE \
                        NOT internal UNION ALL SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM \
                        duckdb_views() WHERE NOT internal)";

/// Watches over an instance, on a connection of its own.
pub(crate) struct Guard {
    quick: Vec<(Prepared, String)>,
    connection: Connection,
}

impl Guard {
    /// A guard that takes the instance as it is now for good.
    ///
    /// # Errors
    /// When the instance cannot be looked at.
    pub(crate) fn new(database: &Database) -> Result<Self, Failure> {
        let connection = database.connect()?;
        let looked = |sql: &&str| {
            let prepared = connection.prepare(sql)?;
            let baseline = first_text(&prepared)?;
            Ok((prepared, baseline))
        };
        Ok(Self { quick: QUICK.iter().map(looked).collect::<Result<_, Failure>>()?, connection })
    }

    /// Whether the instance is as it was. `thorough` looks at macros, tables and the like, too, which takes some 10 ms: a
    /// transaction that is known to have been rolled back has left none.
    pub(crate) fn holds(&self, thorough: bool) -> bool {
        let same = |(look, baseline): &(Prepared, String)| first_text(look).is_ok_and(|now| now == *baseline);
        let nothing =
            || self.connection.prepare(THOROUGH).and_then(|look| first_text(&look)).is_ok_and(|now| now.is_empty());
        self.quick.iter().all(same) && (!thorough || nothing())
    }
}

/// The transaction that a connection is in, by its number.
pub(crate) struct Transaction {
    number: Prepared,
    begun: String,
}

impl Transaction {
    /// Begins a transaction on `connection`.
    ///
    /// # Errors
    /// When there is one already.
    pub(crate) fn begin(connection: &Connection) -> Result<Self, Failure> {
        connection.execute("BEGIN TRANSACTION")?;
        let number = connection.prepare("SELECT txid_current()::VARCHAR")?;
        let begun = first_text(&number)?;
        Ok(Self { number, begun })
    }

    /// Whether the connection is in this transaction still, and was all the time: the number of a new one is another. After
    /// an error DuckDB tells no number any more.
    pub(crate) fn goes_on(&self) -> bool {
        first_text(&self.number).is_ok_and(|now| now == self.begun)
    }
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
            ("CREATE TABLE t (a INTEGER)", true),
            ("CREATE VIEW v AS SELECT 1", true),
            ("CREATE TYPE mood AS ENUM ('a')", true),
            ("CREATE SCHEMA s", true),
            ("CREATE SEQUENCE s", true),
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
        let transaction = Transaction::begin(&connection).unwrap();
        connection.execute("SELECT 1").unwrap();
        assert!(transaction.goes_on());
        connection.execute("COMMIT").unwrap();
        assert!(!transaction.goes_on());
        connection.execute("BEGIN").unwrap();
        assert!(!transaction.goes_on());
    }
}
