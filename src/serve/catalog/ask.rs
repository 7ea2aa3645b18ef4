//! Which queries are about the catalog alone.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use duckdb::Connection;
use serde_json::Value;

use super::bounded::{folds, is_bounded};
use crate::duck::{self, Sandbox};

/// Functions that FROM may call in such a query: what they give is known here, and little.
const FUNCTIONS: &[&str] = &["unnest", "generate_series", "pg_timezone_names"];

/// Schemas of the catalog.
const SCHEMAS: &[&str] = &["pg_catalog", "information_schema", "quack_is"];

/// What parses a session's SQL: a DuckDB that knows no tables, opened when it is first needed.
#[derive(Default)]
pub(in crate::serve) struct Parser {
    connection: OnceCell<Option<Connection>>,
    /// Queries that were judged before: a prepared one comes again and again.
    judged: RefCell<HashMap<String, bool>>,
}

/// Most queries that are remembered, and the longest, bytes.
const REMEMBERED: usize = 64;
const LONGEST: usize = 16 << 10;

/// What a parser may take. It knows the types that SQL may name.
const PARSING: Sandbox<'_> = Sandbox {
    files: &[],
    folder: None,
    buckets: &[],
    spill: None,
    memory: Some("64MB"),
    threads: Some(1),
    setup: TYPES,
};

/// PostgreSQL's types that DuckDB has no like of.
pub(super) const TYPES: &str = include_str!("types.sql");

/// Whether a query, which is in DuckDB's words, reads the catalog and nothing else, or nothing at all.
pub(super) fn is_own(parser: &Parser, sql: &str) -> bool {
    if let Some(is_own) = parser.judged.borrow().get(sql) {
        return *is_own;
    }
    let is_own = own_tree(parser, sql).is_some();
    let mut judged = parser.judged.borrow_mut();
    if judged.len() >= REMEMBERED {
        judged.clear();
    }
    if sql.len() <= LONGEST {
        judged.insert(sql.to_owned(), is_own);
    }
    is_own
}

/// Whether DuckDB would reckon out what may be large as it binds a query.
pub(super) fn reckons(parser: &Parser, sql: &str) -> bool {
    tree_of(parser, sql).is_some_and(|tree| folds(&tree))
}

/// The syntax tree of a query that reads the catalog and nothing else; nothing for any other.
pub(super) fn own_tree(parser: &Parser, sql: &str) -> Option<Value> {
    let tree = tree_of(parser, sql)?;
    let mut ctes = HashSet::new();
    collect_ctes(&tree, &mut ctes);
    (reads_catalog_only(&tree, &ctes) && is_bounded(sql, &tree)).then_some(tree)
}

/// The syntax tree of one query.
fn tree_of(parser: &Parser, sql: &str) -> Option<Value> {
    let serialize = "SELECT json_serialize_sql(CAST(? AS VARCHAR))";
    let parsed = |parser: &Connection| parser.query_row(serialize, [sql], |row| row.get::<_, String>(0)).ok();
    let parser = parser.connection.get_or_init(|| duck::open(&PARSING).ok());
    let tree: Value = serde_json::from_str(&parser.as_ref().and_then(parsed)?).ok()?;
    if tree["error"] == Value::Bool(true) || tree["statements"].as_array().is_none_or(|all| all.len() != 1) {
        return None;
    }
    Some(tree)
}

/// The names that WITH gives, wherever it stands, in lower case.
fn collect_ctes(tree: &Value, found: &mut HashSet<String>) {
    match tree {
        Value::Object(fields) => {
            if let Some(map) = fields.get("cte_map").and_then(|map| map["map"].as_array()) {
                found.extend(map.iter().filter_map(|entry| entry["key"].as_str()).map(str::to_lowercase));
            }
            if let Some(name) = fields.get("cte_name").and_then(Value::as_str) {
                found.insert(name.to_lowercase());
            }
            fields.values().for_each(|value| collect_ctes(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ctes(item, found)),
        _ => {}
    }
}

fn reads_catalog_only(tree: &Value, ctes: &HashSet<String>) -> bool {
    match tree {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
            let is_own = match text("type").as_str() {
                "base_table" => {
                    let (schema, table) = (text("schema_name"), text("table_name"));
                    SCHEMAS.contains(&schema.as_str())
                        || schema.is_empty() && (ctes.contains(&table) || table.starts_with("pg_"))
                }
                "table_function" => {
                    let name = fields.get("function").and_then(|function| function["function_name"].as_str());
                    let name = name.unwrap_or_default().to_lowercase();
                    FUNCTIONS.contains(&name.as_str()) || name.starts_with("duckdb_") || name.starts_with("pg_")
                }
                // SHOW, DESCRIBE, SUMMARIZE.
                "show_ref" => false,
                _ => true,
            };
            is_own && fields.values().all(|value| reads_catalog_only(value, ctes))
        }
        Value::Array(items) => items.iter().all(|item| reads_catalog_only(item, ctes)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_the_catalog_are_told_from_queries_of_the_lake() {
        let parser = Parser::default();
        for sql in [
            "SELECT 1",
            "SELECT version(), current_schema()",
            "SELECT relname FROM pg_catalog.pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace",
            "WITH x AS (SELECT table_name FROM information_schema.tables) SELECT * FROM x",
            "SELECT (SELECT count(*) FROM pg_type)",
            "SELECT * FROM duckdb_tables()",
        ] {
            assert!(is_own(&parser, sql), "{sql}");
        }
        for sql in [
            "SELECT * FROM trips",
            "SELECT (SELECT count(*) FROM trips) FROM pg_class",
            "FROM range(1000000000000)",
            "FROM 's3://a/b.parquet'",
            "FROM read_csv('pg_x')",
            "SELECT * FROM s.pg_x",
            "SELEC 1",
            "SELECT 1; SELECT 2",
        ] {
            assert!(!is_own(&parser, sql), "{sql}");
        }
        assert!(is_own(&parser, "SELECT 1") && !is_own(&parser, "FROM trips"), "asked again");
        for number in 0..3 * REMEMBERED {
            assert!(is_own(&parser, &format!("SELECT {number}")));
        }
        assert!(parser.judged.borrow().len() <= REMEMBERED);
    }
}
