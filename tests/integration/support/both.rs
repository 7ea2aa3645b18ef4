//! A project beside a DuckDB that is given the same statements, and is to have the same tables.

use duckdb::Connection;
use predicates::str::contains;

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
        let mut query = self.duckdb.prepare("SELECT table_name FROM duckdb_tables() ORDER BY 1").expect("a query");
        let names = query.query_map([], |row| row.get(0)).expect("rows").map(Result::unwrap);
        names.collect()
    }

    /// Has all tables have the same rows, there and here.
    pub(crate) fn all_same(&self, after: &str) {
        let tables = self.tables();
        let listed = self.project.rows("SHOW TABLES");
        let there: Vec<String> = listed
            .as_array()
            .expect("tables")
            .iter()
            .map(|table| table["name"].as_str().expect("a name").to_owned())
            .collect();
        assert_eq!(there, tables, "after {after}");
        if tables.is_empty() {
            return;
        }
        let each = tables.iter().map(|table| format!("SELECT '{table} ' || t::VARCHAR AS r FROM {table} AS t"));
        let sql = format!("{} ORDER BY r", each.collect::<Vec<_>>().join(" UNION ALL "));
        self.same_rows(&sql, after);
    }

    /// Has a table have the same rows, there and here.
    pub(crate) fn same(&self, table: &str, after: &str) {
        self.same_rows(
            &format!("SELECT t::VARCHAR AS r FROM {table} AS t ORDER BY r"),
            &format!("{table} after {after}"),
        );
    }

    fn same_rows(&self, sql: &str, what: &str) {
        let rows = self.project.rows(sql);
        let there: Vec<&str> =
            rows.as_array().expect("rows").iter().map(|row| row["r"].as_str().expect("a text")).collect();
        let mut query = self.duckdb.prepare(sql).expect("a query");
        let here: Vec<String> = query.query_map([], |row| row.get(0)).expect("rows").map(Result::unwrap).collect();
        assert_eq!(there, here, "{what}");
    }
}
