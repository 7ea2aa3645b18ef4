//! Attacks and their opposite, from `tests/attacks`, on one instance: the real `bootstrap` process over real object storage.

use crate::support::{Function, ObjectStore};
use serde_json::{Value, json};
use std::path::Path;

/// What shows whether an instance is as it was, as far as SQL sees it.
const STATE: &str = "SELECT upper('alice') AS upper, (SELECT count(*) FROM duckdb_tables()) AS tables, (SELECT count(*) FROM \
                     duckdb_views() WHERE NOT internal) AS views, (SELECT count(*) FROM duckdb_types() WHERE NOT internal) AS \
                     types, (SELECT list(database_name ORDER BY database_name) FROM duckdb_databases()) AS databases, (SELECT \
                     count(*) FROM duckdb_variables()) AS variables, current_setting('threads') AS threads, \
                     current_setting('lock_configuration') AS locked";

/// The same for what takes longer to look at.
const MACROS: &str = "SELECT (SELECT count(*) FROM duckdb_functions() WHERE database_name <> 'system') AS macros, (SELECT \
                      count(*) FROM duckdb_prepared_statements()) AS prepared";

fn read(name: &str) -> Option<String> {
    // The function's sources also travel without the rest.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/attacks").join(name);
    std::fs::read_to_string(path).ok()
}

/// `@{3:ab}` stands for `ababab`.
fn expand(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("@{") {
        let (count, after) = after.split_once(':').unwrap();
        let (piece, after) = after.split_once('}').unwrap();
        out += before;
        out += &piece.repeat(count.parse().unwrap());
        rest = after;
    }
    out + rest
}

/// An instance under attack, and what there is to be left alone.
struct Target {
    function: Function,
    store: Option<ObjectStore>,
    state: Value,
    macros: Value,
    failures: Vec<String>,
}

impl Target {
    /// Over object storage when there is an extension for it, else without.
    fn start() -> Self {
        let store = ObjectStore::start();
        let function = Function::start_on(&store);
        let store = function.is_some().then_some(store);
        let function = function.unwrap_or_else(Function::start);
        if store.is_some() {
            function.rows(
                "COPY (SELECT 1 AS a, 'x' AS b) TO 's3://lake/t.parquet'; COPY (SELECT 1 AS a) TO 's3://lake/x.csv'",
            );
        }
        let (state, macros) = (function.rows(STATE), function.rows(MACROS));
        Self { function, store, state, macros, failures: Vec::new() }
    }

    fn objects(&self) -> Vec<(std::path::PathBuf, u64)> {
        self.store.as_ref().map(ObjectStore::everything).unwrap_or_default()
    }

    /// Sends an attack, which must be refused for `reason`, and looks at what is there afterwards.
    fn attack(&mut self, name: &str, reason: &str, event: &str) {
        let before = self.objects();
        match self.function.invoke_text(event) {
            Ok(_) => self.failures.push(format!("{name}: passed")),
            Err(error) => {
                let message = error["errorMessage"].as_str().unwrap_or_default();
                if reason != "*" && !message.contains(reason) {
                    self.failures.push(format!("{name}: wanted {reason:?}, got {}: {message:?}", error["errorType"]));
                }
                if error["errorType"] == "Quack.InternalError"
                    || message.contains("0x")
                    || message.contains("Stack Trace")
                {
                    self.failures.push(format!("{name}: {message:?}"));
                }
            }
        }
        if self.function.rows(STATE) != self.state {
            self.failures.push(format!("{name}: the instance is not as it was"));
        }
        if self.objects() != before {
            self.failures.push(format!("{name}: something was written"));
        }
    }

    /// The sandbox refused all by itself: the wall behind it found nothing to do.
    #[track_caller]
    fn finish(self) {
        assert_eq!(self.function.rows(MACROS), self.macros);
        assert!(self.failures.is_empty(), "{} of them:\n{}", self.failures.len(), self.failures.join("\n"));
        assert_eq!(self.function.log(), "");
    }
}

#[test]
fn sql_attacks_are_refused() {
    let Some(corpus) = read("sql.txt") else { return };
    let mut target = Target::start();
    let mut count = 0;
    for attack in corpus.split("\n=== ").skip(1) {
        let (head, sql) = attack.split_once('\n').unwrap();
        let (name, reason) = head.split_once(" | ").unwrap_or_else(|| panic!("{head}"));
        let sql = sql.split("\n# ").next().unwrap_or_default();
        target.attack(name, reason, &json!({"q": expand(sql.trim_end_matches('\n'))}).to_string());
        count += 1;
    }
    assert!(count >= 1000, "only {count}");
    target.finish();
}

#[test]
fn hostile_events_are_refused() {
    let Some(corpus) = read("events.jsonl") else { return };
    let mut target = Target::start();
    let mut count = 0;
    for line in corpus.lines() {
        let attack: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let event = attack["text"].as_str().map_or_else(|| attack["event"].to_string(), str::to_owned);
        target.attack(attack["name"].as_str().unwrap(), attack["reason"].as_str().unwrap(), &expand(&event));
        count += 1;
    }
    assert!(count >= 180, "only {count}");
    target.finish();
}

#[test]
fn what_is_no_attack_passes() {
    let Some(corpus) = read("benign.sql") else { return };
    let target = Target::start();
    let tables = json!([{"name": "t", "files": ["s3://lake/t.parquet"]}]);
    let mut failures = Vec::new();
    for sql in corpus.split(";\n\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        let reads =
            sql.contains("s3://") || sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "t");
        if target.store.is_none() && reads {
            continue;
        }
        let tables = if target.store.is_some() { tables.clone() } else { json!([]) };
        if let Err(error) = target.function.invoke(json!({"q": sql, "all": true, "tables": tables})) {
            failures.push(format!("{sql}\n    {error}"));
        }
        if target.function.rows(STATE) != target.state {
            failures.push(format!("{sql}\n    the instance is not as it was"));
        }
    }
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(target.function.log(), "");
}
