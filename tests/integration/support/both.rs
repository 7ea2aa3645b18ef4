//! A project beside a DuckDB that is given the same statements, and is to have the same tables.

use duckdb::Connection;
use predicates::str::contains;
use serde_json::Value;

use super::Project;

/// Both of them.
pub(crate) struct Both {
    pub(crate) project: Project,
    pub(crate) duckdb: Connection,
}

impl Both {
    pub(crate) fn new(project: Project) -> Self {
        Self { project, duckdb: Connection::open_in_memory().expect("a DuckDB") }
    }

    /// Runs a statement there and here; what quackctl says must have `told` in it. Gives what quackctl wrote to standard output.
    pub(crate) fn run(&self, sql: &str, told: &str) -> String {
        let done = self.project.quackctl(["query", "--format", "csv", sql]).assert().success().stderr(contains(told));
        self.here(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        String::from_utf8_lossy(&done.get_output().stdout).into_owned()
    }

    /// Runs a statement here, where files have no partitions.
    pub(crate) fn here(&self, sql: &str) -> duckdb::Result<()> {
        self.duckdb.execute_batch(&sql.replace("PARTITIONED BY (k) ", ""))
    }

    /// Runs a statement that gives rows there and here, in the same order up to that of texts, and holds them against each other.
    pub(crate) fn returns(&self, sql: &str) {
        let done = self.project.quackctl(["query", "--format", "csv", "--all", sql]).assert().success();
        let there = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
        let mut lines = there.lines();
        let names = lines.next().unwrap_or_default().to_owned();
        let mut there: Vec<&str> = lines.collect();
        there.sort_unstable();
        let mut statement = self.duckdb.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut rows = statement.query([]).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut here = Vec::new();
        let columns = rows.as_ref().expect("a statement").column_names();
        while let Some(row) = rows.next().expect("a row") {
            let values = (0..columns.len()).map(|at| match row.get::<_, duckdb::types::Value>(at).expect("a value") {
                duckdb::types::Value::Null => String::new(),
                duckdb::types::Value::Text(text) => text,
                duckdb::types::Value::Int(number) => number.to_string(),
                duckdb::types::Value::BigInt(number) => number.to_string(),
                other => format!("{other:?}"),
            });
            here.push(values.collect::<Vec<_>>().join(","));
        }
        here.sort_unstable();
        assert_eq!(
            (names.as_str(), there),
            (columns.join(",").as_str(), here.iter().map(String::as_str).collect()),
            "{sql}"
        );
    }

    /// What a script gives here: the texts of its last statement that gives any, in order.
    ///
    /// # Errors
    /// What DuckDB says; a transaction is then rolled back.
    pub(crate) fn rows_of(&self, script: &str) -> Result<Vec<String>, String> {
        let script = script.replace("PARTITIONED BY (k) ", "");
        let mut found = Vec::new();
        for sql in script.split("; ") {
            let rows = || -> duckdb::Result<Vec<String>> {
                let mut statement = self.duckdb.prepare(sql)?;
                let mut rows = statement.query([])?;
                let mut texts = Vec::new();
                while let Some(row) = rows.next()? {
                    if sql.contains("RETURNING") {
                        texts.push(row.get(0)?);
                    }
                }
                Ok(texts)
            };
            match rows() {
                Ok(rows) => found.extend(rows),
                Err(error) => {
                    _ = self.duckdb.execute_batch("ROLLBACK");
                    return Err(format!("{sql}: {error}"));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// The names of the tables here.
    pub(crate) fn tables(&self) -> Vec<String> {
        self.texts("SELECT table_name FROM duckdb_tables() ORDER BY 1")
    }

    /// Has all tables have the same rows, there and here.
    pub(crate) fn all_same(&self, after: &str) {
        let tables = self.tables();
        let each = tables.iter().map(|table| format!("SELECT '{table} ' || t::VARCHAR AS r FROM {table} AS t"));
        let sql = [vec!["SELECT 'none' AS r".to_owned()], each.collect()].concat().join(" UNION ALL ") + " ORDER BY r";
        let there = self.lines(&format!("SHOW TABLES; {sql}"), "");
        assert_eq!(there, [tables, self.texts(&sql)].concat(), "after {after}");
    }

    /// The texts that a script gives there; what quackctl says must have `told` in it.
    fn lines(&self, script: &str, told: &str) -> Vec<String> {
        let done = self.project.quackctl(["query", "--format", "jsonl", "--all", script]).assert().success();
        let done = done.stderr(contains(told));
        let rows = serde_json::Deserializer::from_slice(&done.get_output().stdout).into_iter::<Value>();
        let text =
            |row: Value| row.as_object().expect("a row").values().next().and_then(Value::as_str).map(str::to_owned);
        rows.map(|row| text(row.expect("JSON")).expect("a text")).collect()
    }

    /// Has a table have the same rows, there and here.
    pub(crate) fn same(&self, table: &str, after: &str) {
        let sql = format!("SELECT t::VARCHAR AS r FROM {table} AS t ORDER BY r");
        assert_eq!(self.lines(&sql, ""), self.texts(&sql), "{table} after {after}");
    }

    /// Runs a script there and here, and has `table` have the same rows after it, all in one; what quackctl says must have `told` in it.
    pub(crate) fn leaves_the_same(&self, table: &str, script: &str, told: &str) {
        let sql = format!("SELECT t::VARCHAR AS r FROM {table} AS t ORDER BY r");
        let there = self.lines(&format!("{script}; {sql}"), told);
        self.here(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        assert_eq!(there, self.texts(&sql), "{script}");
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let mut query = self.duckdb.prepare(sql).expect("a query");
        query.query_map([], |row| row.get(0)).expect("rows").map(Result::unwrap).collect()
    }
}
