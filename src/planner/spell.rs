//! What DuckDB reads and would not write again as it read it, spelled so that it does.

use quack_function::wire::Column;
use serde_json::{Value, json};

use super::ast::{self, child, class, items, kind, set, text};
use super::refusal::Refusal;

/// Spells out what would be lost in a query that gives `columns`:
/// - `1e6` is a DOUBLE and would be written `1000000.0`, which is a DECIMAL. A result column that is named after such a
///   number keeps its name.
/// - A CROSS JOIN is written as a comma, which binds less than any other join.
///
/// # Errors
/// None of its own.
pub(super) fn out(root: &mut Value, columns: &[Column]) -> Result<(), Refusal> {
    if kind(root) == "SELECT_NODE" && items(root, "select_list").len() == columns.len() {
        let list = root.get_mut("select_list").and_then(Value::as_array_mut);
        for (item, column) in list.into_iter().flatten().zip(columns) {
            if text(item, "alias").is_empty() && ast::any(item, &is_double) {
                set(item, "alias", column.name.as_str());
            }
        }
    }
    ast::change(root, &mut |object| {
        if is_double(object) {
            *object = ast::aliased(cast(&double_text(object), "DOUBLE"), text(object, "alias"));
            return Ok(false);
        }
        if kind(object) == "JOIN" {
            let comma = text(object, "ref_type") == "CROSS";
            for side in ["left", "right"] {
                let below = object.get_mut(side).filter(|below| kind(below) == "JOIN");
                let below = below.filter(|below| text(below, "ref_type") == "CROSS");
                if let Some(below) = below.filter(|_| !comma || side == "right") {
                    set(below, "ref_type", "REGULAR");
                    set(below, "condition", cast("t", "BOOLEAN"));
                }
            }
        }
        Ok::<bool, Refusal>(true)
    })
}

fn is_double(object: &Value) -> bool {
    class(object) == "CONSTANT" && object.pointer("/value/type/id").and_then(Value::as_str) == Some("DOUBLE")
}

fn double_text(constant: &Value) -> String {
    constant.pointer("/value/value").map(Value::to_string).unwrap_or_default()
}

/// A text cast to a type.
fn cast(value: &str, sql_type: &str) -> Value {
    json!({
        "class": "CAST", "type": "OPERATOR_CAST", "alias": "", "query_location": 0,
        "child": {
            "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": 0,
            "value": { "type": { "id": "VARCHAR", "type_info": null }, "is_null": false, "value": value }
        },
        "cast_type": { "id": sql_type, "type_info": null }, "try_cast": false
    })
}

/// A tree without what may differ between two ways to write the same: positions, the order of grouping sets, how `true`
/// and `false` are held, and the query that VALUES is wrapped in.
pub(super) fn essence(value: &Value) -> Value {
    const ASIDE: &[&str] = &["query_location", "expected_names", "group_expressions", "group_sets"];
    if class(value) == "CAST"
        && value.pointer("/cast_type/id").and_then(Value::as_str) == Some("BOOLEAN")
        && let Some(text) = value.pointer("/child/value/value").and_then(Value::as_str)
        && matches!(text, "t" | "f")
    {
        return json!(text == "t");
    }
    if class(value) == "CONSTANT"
        && let Some(Value::Bool(truth)) = value.pointer("/value/value")
    {
        return json!(truth);
    }
    match value {
        Value::Object(fields) => {
            let values = value.pointer("/subquery/node/from_table").filter(|from| kind(from) == "EXPRESSION_LIST");
            if let Some(values) = values.filter(|_| text(value, "alias") == "valueslist") {
                return essence(values);
            }
            let sets = items(value, "group_sets").len() > 1;
            let kept = fields.keys().filter_map(|key| Some((key, child(value, key)?))).filter(|(key, _)| {
                let aside = ASIDE.contains(&key.as_str());
                !aside || (key.starts_with("group") && !sets)
            });
            Value::Object(kept.map(|(key, value)| (key.clone(), essence(value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(essence).collect()),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::scratch::Scratch;

    fn spelled(scratch: &Scratch, sql: &str) -> Value {
        let mut tree = scratch.parse(sql).unwrap();
        out(&mut tree, &[]).unwrap();
        tree
    }

    #[test]
    fn trees_are_printed_as_they_were_read() {
        let scratch = Scratch::open().unwrap();
        for sql in [
            "SELECT a IS NOT TRUE, true, -1, 1.50, 'it''s', {'a': 1}, l[1:2], TRY_CAST(a AS DECIMAL(9, 2)) FROM t",
            "SELECT list_transform(l, lambda x, i: x + i), CASE a WHEN 1 THEN 2 END, a NOT BETWEEN 1 AND 2 FROM t",
            "SELECT sum(a) OVER (PARTITION BY b ORDER BY c DESC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "SELECT list(a ORDER BY b DESC NULLS FIRST) FILTER (WHERE c) FROM t GROUP BY ROLLUP (a, b), c",
            "WITH x AS (VALUES (1)) FROM x, (t JOIN u USING (k)) LEFT JOIN v ON k = 1, LATERAL (SELECT t.a)",
            "(SELECT a FROM t LIMIT 1) UNION ALL BY NAME (SELECT 2 AS a) ORDER BY ALL DESC LIMIT 10%",
            "SELECT 1e-3, 2 * 1e300 FROM a CROSS JOIN b FULL JOIN (c CROSS JOIN d) ON true, (e CROSS JOIN f)",
        ] {
            assert_eq!(scratch.check_printed(&spelled(&scratch, sql)), Ok(()), "{sql}");
        }
    }

    #[test]
    fn what_is_not_the_same_is_told_apart() {
        let scratch = Scratch::open().unwrap();
        let essence = |sql: &str| essence(&scratch.parse(sql).unwrap());
        for (a, b) in [
            ("SELECT NOT a FROM t", "SELECT a FROM t"),
            ("SELECT true", "SELECT false"),
            ("FROM a CROSS JOIN b LEFT JOIN c ON true", "FROM a, b LEFT JOIN c ON true"),
            ("SELECT 1e3", "SELECT 1000.0"),
        ] {
            assert_ne!(essence(a), essence(b));
        }
        let comma = scratch.parse("FROM a CROSS JOIN b FULL JOIN c ON true").unwrap();
        assert!(scratch.check_printed(&comma).is_err());
    }
}
