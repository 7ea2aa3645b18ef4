//! What an expression of `--partition-by` may say. It may be a stranger's: `quack.toml` has some, too, and `up` loads by it.

use duckdb::Connection;
use quack_function::functions::{FUNCTIONS, Place, Verdict};
use serde_json::Value;

/// Refuses what is not one expression over the columns of a row, made of the functions that the function itself lets SQL
/// call: those that it does not may take memory addresses, or leave something behind. Whether the columns are there is for
/// DuckDB to say.
///
/// # Errors
/// What is refused, and why, in words.
pub(super) fn check(connection: &Connection, expression: &str) -> Result<(), String> {
    // The brackets and the line break that it will have around it.
    walk(&is_one(connection, ["(", "\n)"], expression)?)
}

/// The tree of what is one expression where it stands between these two, whatever it says.
///
/// # Errors
/// What it is instead.
pub(crate) fn is_one(connection: &Connection, [before, after]: [&str; 2], expression: &str) -> Result<Value, String> {
    let parsed = |expression: &str| parse(connection, &format!("SELECT {before}{expression}{after}"));
    let (mut given, mut plain) = (parsed(expression)?, parsed("1")?);
    let list = given.get_mut("select_list").map(Value::take).unwrap_or_default();
    plain.get_mut("select_list").map(Value::take);
    match list.as_array().map(Vec::as_slice) {
        // Nothing but the expression is there: no FROM, no WHERE, no second column.
        Some([expression]) if given == plain => Ok(expression.clone()),
        _ => Err("it is not one expression".to_owned()),
    }
}

/// The node of the one SELECT that `sql` is.
///
/// # Errors
/// What it is instead.
pub(crate) fn parse(connection: &Connection, sql: &str) -> Result<Value, String> {
    let serialize = "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)";
    let text = connection.query_row(serialize, [sql], |row| row.get::<_, String>(0));
    let text = text.map_err(|error| error.to_string())?;
    let mut tree: Value = serde_json::from_str(&text).map_err(|_| "it is nested too deeply".to_owned())?;
    if tree["error"] == true && tree["error_type"] == "parser" {
        return Err(format!("Parser Error: {}", tree["error_message"].as_str().unwrap_or_default()));
    }
    match tree["statements"].as_array_mut().map(Vec::as_mut_slice) {
        Some([statement]) => Ok(statement["node"].take()),
        _ => Err("it is not one expression".to_owned()),
    }
}

fn walk(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(fields) => {
            if ["SUBQUERY", "PARAMETER"].iter().any(|class| fields.get("class").is_some_and(|own| own == class)) {
                return Err("a subquery or a parameter has no place in it".to_owned());
            }
            if let Some(name) = fields.get("function_name").and_then(Value::as_str) {
                match FUNCTIONS.verdict(Place::Expression, name) {
                    Some(Verdict::Refused(why)) => return Err(format!("{name}() is refused: {why}")),
                    Some(Verdict::Allowed) => {}
                    Some(_) => return Err(format!("{name}() is refused: it does not look at the row")),
                    None => return Err(format!("Catalog Error: Function with name {name} does not exist!")),
                }
            }
            fields.values().try_for_each(walk)
        }
        Value::Array(items) => items.iter().try_for_each(walk),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};

    #[test]
    fn expressions_over_columns_pass() {
        let connection = duck::open(&Sandbox::default()).unwrap();
        for expression in [
            "CAST(pickup AS DATE)",
            "pickup::DATE -- of the day",
            "CASE WHEN a > 1 THEN 'x' ELSE upper(b) END",
            "year(pickup) || '-' || lpad(month(pickup)::VARCHAR, 2, '0')",
            "list_transform(tags, lambda x: lower(x))[1]",
            "b.upper()",
            "1 IN (a, 2) AND b LIKE 'x%'",
        ] {
            assert_eq!(check(&connection, expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn what_is_more_than_an_expression_is_refused() {
        let connection = duck::open(&Sandbox::default()).unwrap();
        for (expression, why) in [
            ("getenv('HOME')", "getenv() is refused"),
            ("upper(getenv('HOME'))", "getenv() is refused"),
            ("write_log('x')", "write_log() is refused"),
            ("combine(1, 1)", "combine() is refused"),
            ("nextval('s')", "nextval() is refused"),
            ("current_setting('threads')", "does not look at the row"),
            ("json_deserialize_sql('{}')", "json_deserialize_sql() is refused"),
            ("sum(write_log('x')) OVER ()", "write_log() is refused"),
            ("no_such(1)", "does not exist"),
            ("(FROM json_execute_serialized_sql('{}'))", "subquery"),
            ("(SELECT content FROM read_text('/etc/passwd'))", "subquery"),
            ("EXISTS (FROM arrow_scan(1, 2, 3))", "subquery"),
            ("ARRAY(SELECT 1)", "subquery"),
            ("a IN (FROM enable_logging())", "subquery"),
            ("?", "parameter"),
            ("1) FROM arrow_scan(1, 2, 3) --", "Parser Error"),
            ("1) FROM (FROM arrow_scan(1, 2, 3)", "not one expression"),
            ("1), (2", "not one expression"),
            ("1) AS x FROM range((3)", "not one expression"),
            ("1) ORDER BY (1", "not one expression"),
            ("1) LIMIT (1", "not one expression"),
            ("1) WHERE (true", "not one expression"),
            ("1) UNION ALL SELECT (1", "not one expression"),
            ("1); DROP TABLE shape; SELECT (1", "not one expression"),
            ("1); SELECT (1", "not one expression"),
            ("SELECT 1", "subquery"),
            ("1 /*", "Parser Error"),
            ("'", "Parser Error"),
            ("", "Parser Error"),
            ("1\0", ""),
        ] {
            let told = check(&connection, expression).expect_err(expression);
            assert!(told.contains(why), "{expression}: {told}");
        }
        assert!(check(&connection, &format!("{}1{}", "[".repeat(500), "]".repeat(500))).is_err());
        assert!(check(&connection, &format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000))).is_err());
    }
}
