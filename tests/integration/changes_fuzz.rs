//! Statements that nobody thought of: drawn ones are put to a project and to a DuckDB side by side, and the tables must be the same
//! after each; so must be what RETURNING gives, and whether the statement fails.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::support::{Both, Project, rounds, text};

/// Statements of a round.
const STATEMENTS: u32 = 20;

#[test]
fn drawn_statements_leave_what_duckdb_leaves() {
    let failed: Vec<u64> = (0..rounds().unwrap_or(1)).filter(|seed| !round(*seed)).collect();
    assert!(failed.is_empty(), "rounds that went wrong: {failed:?}");
}

/// Whether a round leaves what it is to leave; says what was drawn when it does not.
fn round(seed: u64) -> bool {
    let both = Both::new(Project::up(""));
    let mut draw = Draw { random: StdRng::seed_from_u64(seed), tables: Vec::new() };
    let mut history = Vec::new();
    for _ in 0..STATEMENTS {
        let script = draw.script();
        history.push(script.clone());
        let same = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (there, here) = run(&both, &script);
            // DuckDB has come to an end of its own, a bug of it: what is beside the lake says nothing any more.
            if here.as_ref().is_err_and(|error| error.contains("INTERNAL Error")) {
                return false;
            }
            assert_eq!(there, here.map_err(drop), "{script}");
            both.all_same(&script);
            true
        }));
        match same {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => {
                eprintln!("round {seed}, after:\n{};", history.join(";\n"));
                return false;
            }
        }
        draw.tables = both.tables();
    }
    true
}

/// What a script gives there and here: its rows, in order, or that it fails; of here why.
fn run(both: &Both, script: &str) -> (Result<Vec<String>, ()>, Result<Vec<String>, String>) {
    let output = both.project.quackctl(["query", "--quiet", "--all", "--format", "jsonl", script]).output().unwrap();
    let there = match output.status.code() {
        Some(0) => {
            let rows = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
            let mut rows: Vec<String> = rows.map(|row| row.unwrap()["r"].as_str().unwrap().to_owned()).collect();
            rows.sort();
            Ok(rows)
        }
        _ => Err(()),
    };
    let here = both.rows_of(script);
    if there.is_ok() != here.is_ok() {
        eprintln!("there: {}\nhere: {here:?}", text(&output));
    }
    (there, here)
}

/// Draws statements over the tables that there are.
struct Draw {
    random: StdRng,
    tables: Vec<String>,
}

impl Draw {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.choose(&mut self.random).copied().unwrap()
    }

    fn number(&mut self, below: u32) -> u32 {
        self.random.random_range(0..below)
    }

    /// True once in `of` times.
    fn once_in(&mut self, of: u32) -> bool {
        self.number(of) == 0
    }

    /// The name of a table that is there, mostly.
    fn table(&mut self) -> String {
        let named = self.tables.choose(&mut self.random).cloned();
        match named {
            Some(name) if !self.once_in(40) => {
                if self.once_in(5) {
                    name.to_uppercase()
                } else {
                    name
                }
            }
            _ => self.name(),
        }
    }

    fn name(&mut self) -> String {
        format!("t{}", self.number(4))
    }

    /// A statement, or several in a transaction.
    fn script(&mut self) -> String {
        if self.tables.is_empty() {
            return self.create();
        }
        if !self.once_in(8) {
            return self.statement();
        }
        let statements: Vec<String> = (0..1 + self.number(3)).map(|_| self.change()).collect();
        let end = if self.once_in(3) { "ROLLBACK" } else { "COMMIT" };
        format!("BEGIN; {}; {end}", statements.join("; "))
    }

    fn statement(&mut self) -> String {
        match self.number(20) {
            0..=2 => self.create(),
            3 => match self.number(3) {
                0 => format!("TRUNCATE {}", self.table()),
                1 => format!("DROP TABLE {}{}", self.one(&["", "IF EXISTS "]), self.table()),
                _ => {
                    let (table, mut to) = (self.table(), self.name());
                    // DuckDB calls a table what it is called; quackctl says so.
                    while to.eq_ignore_ascii_case(&table) {
                        to = self.name();
                    }
                    format!("ALTER TABLE {table} RENAME TO {to}")
                }
            },
            _ => self.change(),
        }
    }

    fn create(&mut self) -> String {
        let (replace, unless) =
            *[("", ""), ("OR REPLACE ", ""), ("", "IF NOT EXISTS ")].choose(&mut self.random).unwrap();
        let by = self.one(&["", "PARTITIONED BY (k) "]);
        let name = self.name();
        let rows = self.rows();
        format!("CREATE {replace}TABLE {unless}{name} {by}AS {rows}")
    }

    /// A query that gives whole rows.
    fn rows(&mut self) -> String {
        if let Some(table) = self.tables.choose(&mut self.random).cloned().filter(|_| self.random.random_bool(0.25)) {
            let condition = self.condition(&table);
            return format!("SELECT * FROM {table} WHERE {condition}");
        }
        let (from, step, folders) = (self.number(20), 1 + self.number(4), 1 + self.number(4));
        let to = from + step * self.number(12);
        format!(
            "SELECT i::INTEGER AS id, CASE WHEN i % 5 <> 0 THEN chr((97 + i % 7)::INTEGER) || i END AS v, (i * {step}) AS n, \
             (i / 4)::DECIMAL(9,2) AS d, NULLIF(i % {folders}, 3)::INTEGER AS k FROM range({from}, {to}, {step}) r(i)"
        )
    }

    fn condition(&mut self, alias: &str) -> String {
        let table = self.table();
        let number = self.number(20);
        match self.number(12) {
            0 => format!("{alias}.id % {} = 1", 2 + self.number(3)),
            1 => format!("{alias}.n > {number}"),
            2 => format!("v LIKE '{}%'", self.one(&["a", "b", "c", "d"])),
            3 => format!("{} IS {}NULL", self.one(&["v", "k", "n", "d"]), self.one(&["", "NOT "])),
            4 => format!("k = {}", self.number(4)),
            5 => format!("k IN (SELECT k FROM {table} WHERE n < {number})"),
            6 => format!("EXISTS (SELECT 1 FROM {table} AS o WHERE o.id = {alias}.id + {})", self.number(2)),
            7 => format!("NOT ({})", self.condition(alias)),
            8 => format!("{} AND {}", self.condition(alias), self.condition(alias)),
            9 => format!("({}\n OR {} -- or\n)", self.condition(alias), self.condition(alias)),
            10 => "true".to_owned(),
            _ => format!("d < {number} / 3"),
        }
    }

    /// A value for a column; `source` is what another table with the same columns is called.
    fn value(&mut self, column: &str, alias: &str, source: Option<&str>) -> String {
        let from = source.filter(|_| self.random.random_bool(0.5)).unwrap_or(alias);
        match (column, self.number(8)) {
            (_, 0) => "NULL".to_owned(),
            (_, 1) => "DEFAULT".to_owned(),
            ("v", 2) => format!("CASE WHEN {from}.n > 10 THEN upper({from}.v) ELSE {from}.v || 'é' END"),
            ("v", _) => format!("concat({from}.v, '{}')", self.one(&["x", "''", ", ", ";"])),
            ("k", _) => format!("({from}.id + {}) % 3", self.number(3)),
            ("n", 2) => format!("(SELECT max(n) FROM {} AS q WHERE q.id <> {from}.id)", self.table()),
            // Not everything is a number.
            ("n", 3) if self.once_in(6) => format!("CAST({from}.v AS BIGINT)"),
            (column, _) => format!("{from}.{column} + {}", self.number(5)),
        }
    }

    fn set(&mut self, alias: &str, source: Option<&str>) -> String {
        let mut columns = vec!["id", "v", "n", "d", "k"];
        columns.retain(|_| self.random.random_bool(0.4));
        if columns.is_empty() {
            columns.push(if self.once_in(10) { "nope" } else { "n" });
        }
        let set: Vec<String> =
            columns.iter().map(|column| format!("{column} = {}", self.value(column, alias, source))).collect();
        set.join(", ")
    }

    fn returning(&mut self, alias: &str) -> String {
        match self.once_in(3) {
            true => format!(" RETURNING concat_ws('|', {alias}.id, coalesce(v, '-'), n, d, k) AS r"),
            false => String::new(),
        }
    }

    /// A statement that changes the rows of a table.
    fn change(&mut self) -> String {
        let table = self.table();
        let alias = if self.once_in(2) { "x".to_owned() } else { table.clone() };
        let named = if alias == table { table.clone() } else { format!("{table} AS {alias}") };
        match self.number(10) {
            0..=2 => self.insert(&table),
            3 | 4 => {
                let (set, condition) = (self.set(&alias, None), self.condition(&alias));
                let condition = if self.once_in(6) { String::new() } else { format!(" WHERE {condition}") };
                format!("UPDATE {named} SET {set}{condition}{}", self.returning(&alias))
            }
            5 => {
                let condition = self.condition(&alias);
                format!("DELETE FROM {named} WHERE {condition}{}", self.returning(&alias))
            }
            6 => {
                let (source, set) = (self.source(), self.set(&alias, Some("s")));
                format!("UPDATE {named} SET {set} FROM {source} WHERE {alias}.id = s.id{}", self.returning(&alias))
            }
            7 => {
                let (source, on) = (self.source(), self.one(&["id", "n"]));
                let returning = self.returning(&alias);
                format!("DELETE FROM {named} USING {source} WHERE {alias}.{on} = s.{on}{returning}")
            }
            _ => self.merge(&named, &alias),
        }
    }

    fn insert(&mut self, table: &str) -> String {
        let returning = self.returning(table);
        match self.number(5) {
            0 => format!("INSERT INTO {table} DEFAULT VALUES{returning}"),
            1 => format!("INSERT INTO {table} (k, id) SELECT n, id FROM ({}) AS q{returning}", self.rows()),
            2 => format!("INSERT INTO {table} BY NAME SELECT d + 1 AS d, v FROM ({}) AS q{returning}", self.rows()),
            3 => {
                let (id, word) = (self.number(40), self.one(&["a''b", "ü", "", "NULL"]));
                format!(
                    "INSERT INTO {table} VALUES ({id}, '{word}', DEFAULT, 1.25, 2), (NULL, NULL, 7, DEFAULT, DEFAULT){returning}"
                )
            }
            _ => format!("INSERT INTO {table} {}{returning}", self.rows()),
        }
    }

    /// Another table, called s, with one row an id: of several that match one row, which counts is nobody's to say.
    fn source(&mut self) -> String {
        let rows = self.rows();
        format!("(SELECT id, max(v) AS v, max(n) AS n, max(d) AS d, max(k) AS k FROM ({rows}) AS q GROUP BY id) AS s")
    }

    fn merge(&mut self, named: &str, alias: &str) -> String {
        let source = self.source();
        let on = if self.once_in(2) { "USING (id)".to_owned() } else { format!("ON {alias}.id = s.id") };
        let mut clauses = String::new();
        for _ in 0..1 + self.number(3) {
            let (when, then) = match self.number(3) {
                0 => ("MATCHED", self.then_change(alias, true)),
                1 => ("NOT MATCHED", self.then_insert()),
                _ => ("NOT MATCHED BY SOURCE", self.then_change(alias, false)),
            };
            let of = if when == "NOT MATCHED" { "s" } else { alias };
            let condition = match self.number(3) {
                0 => format!(" AND {of}.n > {}", self.number(20)),
                1 => format!(" AND CASE WHEN {of}.k = 1 THEN true END"),
                _ => String::new(),
            };
            clauses.push_str(&format!(" WHEN {when}{condition} THEN {then}"));
        }
        // DuckDB 1.5.5 returns what happens to lie in memory of rows that the source has not and that are updated.
        let returning = if clauses.contains("BY SOURCE") { String::new() } else { self.returning(alias) };
        format!("MERGE INTO {named} USING {source} {on}{clauses}{returning}")
    }

    fn then_change(&mut self, alias: &str, has_source: bool) -> String {
        match self.number(6) {
            0 => "DELETE".to_owned(),
            1 => "DO NOTHING".to_owned(),
            2 if has_source => self.one(&["UPDATE", "UPDATE SET *", "UPDATE BY NAME"]).to_owned(),
            3 if self.once_in(4) => "ERROR 'no'".to_owned(),
            _ => format!("UPDATE SET {}", self.set(alias, has_source.then_some("s"))),
        }
    }

    fn then_insert(&mut self) -> String {
        let value = self.value("v", "s", None);
        match self.number(5) {
            0 => "INSERT DEFAULT VALUES".to_owned(),
            1 => format!("INSERT (v, id) VALUES ({value}, s.id + 1)"),
            2 => "INSERT VALUES (id, v, n, DEFAULT, k)".to_owned(),
            _ => self.one(&["INSERT", "INSERT *", "INSERT BY NAME"]).to_owned(),
        }
    }
}
