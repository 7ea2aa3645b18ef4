//! Whether an expression gives the same for the same row whenever it is asked: `random() < 0.5` must not be asked twice.

use std::collections::HashMap;

use anyhow::Result;
use duckdb::Connection;
use serde_json::Value;

/// Aggregates that do not depend on the order of their rows: not even in the last digit, as a sum of fractions does.
const AGGREGATES: &[&str] = &["bool_and", "bool_or", "count", "count_star", "max", "min"];

/// Parts of queries whose rows may be others each time.
const TYPES: &[&str] = &["LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "PIVOT", "SHOW_REF"];

/// Whether an expression, by its tree, gives the same for the same row and the same tables.
pub(super) fn is_settled(functions: &Functions, tree: &Value) -> bool {
    match tree {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            let is_empty = |name: &str| match fields.get(name) {
                Some(Value::Array(items)) => items.is_empty(),
                value => value.is_none_or(Value::is_null),
            };
            let is_open = text("class") == "WINDOW"
                || TYPES.contains(&text("type"))
                || ["POSITIONAL", "ASOF"].contains(&text("ref_type"))
                || !is_empty("sample")
                // DISTINCT ON takes one of several rows.
                || !is_empty("distinct_on_targets")
                // A file may have been written anew.
                || text("table_name").contains("://");
            let is_stable = match (text("function_name"), fields.get("column_names").and_then(Value::as_array)) {
                ("", Some(names)) => match names.as_slice() {
                    // Some functions are called without brackets: current_date.
                    [Value::String(name)] => is_stable(functions, name, true),
                    _ => true,
                },
                ("", None) => true,
                (name, _) => is_stable(functions, name, false),
            };
            !is_open && is_stable && fields.values().all(|value| is_settled(functions, value))
        }
        Value::Array(items) => items.iter().all(|item| is_settled(functions, item)),
        _ => true,
    }
}

/// Whether all functions called so give the same for the same arguments; `otherwise` where there is none.
fn is_stable(functions: &Functions, name: &str, otherwise: bool) -> bool {
    match functions.0.get(&name.to_lowercase()) {
        Some(function) => {
            function.is_stable && (!function.is_aggregate || AGGREGATES.contains(&name.to_lowercase().as_str()))
        }
        None => otherwise,
    }
}

/// DuckDB's functions, as far as it matters here, by their names in lower case.
pub(super) struct Functions(HashMap<String, Function>);

/// What all that are called alike have in common.
struct Function {
    is_stable: bool,
    is_aggregate: bool,
}

impl Functions {
    /// Asks for all of them at once: that takes no longer than for one.
    ///
    /// # Errors
    /// When DuckDB cannot say.
    pub(super) fn of(connection: &Connection) -> Result<Self> {
        let sql = "SELECT lower(function_name), coalesce(bool_and(stability = 'CONSISTENT'), false), \
                   coalesce(bool_or(function_type = 'aggregate'), false) FROM duckdb_functions() GROUP BY 1";
        let mut statement = connection.prepare(sql)?;
        let functions = statement
            .query_map([], |row| Ok((row.get(0)?, Function { is_stable: row.get(1)?, is_aggregate: row.get(2)? })))?;
        Ok(Self(functions.collect::<duckdb::Result<_>>()?))
    }

    /// Whether it makes one value of many rows'.
    pub(super) fn is_aggregate(&self, name: &str) -> bool {
        self.0.get(&name.to_lowercase()).is_some_and(|function| function.is_aggregate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};
    use crate::lake::load::expression;

    #[test]
    fn what_may_be_another_the_next_time_is_known() {
        let connection = duck::open(&Sandbox::default()).unwrap();
        let functions = Functions::of(&connection).unwrap();
        for (expression, same) in [
            ("a > 1 AND upper(b) LIKE 'x%' OR c IS NULL", true),
            ("CASE WHEN a IN (1, 2) THEN list_transform(b, lambda x: x + 1) END", true),
            ("a IN (SELECT DISTINCT a FROM b WHERE c > 1 UNION ALL SELECT max(d) FROM e)", true),
            ("EXISTS (WITH x AS (FROM range(3)) SELECT count(*) FROM x JOIN y USING (z) GROUP BY z)", true),
            ("random() < 0.5", false),
            ("a + upper(uuid()::VARCHAR)", false),
            ("seen < now()", false),
            ("day = current_date", false),
            ("no_such_function(a)", false),
            ("a = (SELECT a FROM b LIMIT 1)", false),
            ("a > (SELECT avg(b) FROM c)", false),
            ("a > (SELECT first(b) FROM c)", false),
            ("a IN (FROM b TABLESAMPLE 10%)", false),
            ("a IN (SELECT a FROM b USING SAMPLE 3)", false),
            ("a IN (SELECT DISTINCT ON (b) a FROM c)", false),
            ("a IN (SELECT row_number() OVER () FROM c)", false),
            ("a IN (SELECT b.x FROM a POSITIONAL JOIN b)", false),
            ("a IN (SELECT x FROM 's3://b/x.csv')", false),
            ("a IN (SELECT x FROM read_csv('s3://b/x.csv'))", false),
            ("a IN (SELECT random())", false),
        ] {
            let tree = expression::is_one(&connection, ["", ""], expression).unwrap();
            assert_eq!(is_settled(&functions, &tree), same, "{expression}");
        }
    }
}
