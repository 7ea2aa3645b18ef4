//! Whether a query gives few rows for what it reads, told by its syntax tree: its last step groups rows, or takes the first so many.

use std::collections::HashSet;

use duckdb::Connection;
use serde_json::Value;

/// Names, in lower case, of functions that make one row of many.
///
/// # Errors
/// DuckDB's.
pub(super) fn aggregates(connection: &Connection) -> duckdb::Result<HashSet<String>> {
    let sql = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Whether the node of a query is such a one; of what is not known it is not.
pub(super) fn is_small(node: &Value, aggregates: &HashSet<String>) -> bool {
    let modifiers = node["modifiers"].as_array().into_iter().flatten();
    let cuts = |modifier: &Value| match modifier["type"].as_str() {
        Some("DISTINCT_MODIFIER") => true,
        Some("LIMIT_MODIFIER") => !modifier["limit"].is_null(),
        _ => false,
    };
    if modifiers.into_iter().any(cuts) {
        return true;
    }
    match node["type"].as_str() {
        Some("SELECT_NODE") => {
            let has = |name: &str| node[name].as_array().is_some_and(|items| !items.is_empty());
            // GROUP BY ALL.
            let forces = node["aggregate_handling"].as_str() == Some("FORCE_AGGREGATES");
            has("group_expressions")
                || forces
                || node["select_list"].as_array().is_some_and(|all| all.iter().any(|one| has_one(one, aggregates)))
        }
        Some("SET_OPERATION_NODE") => {
            // Of several, or of two where DuckDB says them so.
            let children = node["children"].as_array();
            let sides = [&node["left"], &node["right"]];
            match children {
                Some(children) => !children.is_empty() && children.iter().all(|child| is_small(child, aggregates)),
                None => sides.iter().all(|side| is_small(side, aggregates)),
            }
        }
        _ => false,
    }
}

/// Whether an expression has an aggregate in it, that is not another query's nor over a window.
fn has_one(expression: &Value, aggregates: &HashSet<String>) -> bool {
    match expression {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            match text("class") {
                "WINDOW" | "SUBQUERY" => false,
                "FUNCTION" if aggregates.contains(&text("function_name").to_lowercase()) => true,
                _ => fields.values().any(|value| has_one(value, aggregates)),
            }
        }
        Value::Array(items) => items.iter().any(|item| has_one(item, aggregates)),
        _ => false,
    }
}
