//! DuckDB's syntax tree as JSON: what is where in it, walks over it, and the few nodes that the planner makes itself.
//!
//! The tree is DuckDB's own (`json_serialize_sql`), never taken apart further than a rewrite needs. Three kinds of
//! objects matter, and each says what it is: expressions have a `class`, query nodes have `modifiers` and a `cte_map`,
//! table references have neither but a `sample`.

use serde_json::{Value, json};

/// The text under `key`, empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The array under `key`, empty where there is none.
pub(super) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The value under `key`, unless it is absent or null.
pub(super) fn child<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|value| !value.is_null())
}

/// Puts `new` under `key` of an object.
pub(super) fn set(value: &mut Value, key: &str, new: impl Into<Value>) {
    if let Value::Object(map) = value {
        map.insert(key.to_owned(), new.into());
    }
}

/// The class of an expression, e.g. `COLUMN_REF`; empty for anything else.
pub(super) fn class(value: &Value) -> &str {
    text(value, "class")
}

/// The type of a node or a reference, e.g. `SELECT_NODE`.
pub(super) fn kind(value: &Value) -> &str {
    text(value, "type")
}

pub(super) fn is_query(value: &Value) -> bool {
    value.get("modifiers").is_some() && value.get("cte_map").is_some()
}

pub(super) fn is_table_ref(value: &Value) -> bool {
    value.get("sample").is_some() && !is_query(value) && value.get("class").is_none()
}

/// The parts of a column's name, `["t", "a"]`; none for anything else.
pub(super) fn column_names(expression: &Value) -> Vec<&str> {
    if class(expression) != "COLUMN_REF" {
        return Vec::new();
    }
    items(expression, "column_names").iter().filter_map(Value::as_str).collect()
}

/// The name of a column that is written without a qualifier.
pub(super) fn bare_column(expression: &Value) -> Option<&str> {
    match column_names(expression).as_slice() {
        [name] => Some(name),
        _ => None,
    }
}

/// The value of an integer constant: an ordinal, a limit.
pub(super) fn integer(expression: &Value) -> Option<u64> {
    let value = child(expression, "value").filter(|_| class(expression) == "CONSTANT")?;
    let id = text(value.get("type")?, "id");
    if !matches!(id, "INTEGER" | "BIGINT") {
        return None;
    }
    value.get("value").and_then(Value::as_u64)
}

/// The modifiers of a query node of type `wanted`.
pub(super) fn modifier<'a>(node: &'a Value, wanted: &str) -> Option<&'a Value> {
    items(node, "modifiers").iter().find(|modifier| kind(modifier) == wanted)
}

/// Calls `see` for every object below and including `value`, outermost first, until it says not to go deeper.
pub(super) fn visit<'a>(value: &'a Value, see: &mut dyn FnMut(&'a Value) -> bool) {
    match value {
        Value::Object(map) if see(value) => map.values().for_each(|below| visit(below, see)),
        Value::Array(values) => values.iter().for_each(|below| visit(below, see)),
        _ => {}
    }
}

/// As [`visit`], where `change` may change what it sees and may fail.
pub(super) fn change<E>(value: &mut Value, see: &mut dyn FnMut(&mut Value) -> Result<bool, E>) -> Result<(), E> {
    if value.is_object() && !see(value)? {
        return Ok(());
    }
    match value {
        Value::Object(map) => map.values_mut().try_for_each(|below| change(below, see)),
        Value::Array(values) => values.iter_mut().try_for_each(|below| change(below, see)),
        _ => Ok(()),
    }
}

/// True when `test` holds for an object below, that is not inside a subquery.
pub(super) fn any(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    let mut found = false;
    visit(value, &mut |object| {
        found |= test(object);
        !found && !is_query(object)
    });
    found
}

/// Takes out what says only where something stood and how it is called, so that equal expressions compare equal.
pub(super) fn plain(expression: &Value) -> Value {
    let mut plain = expression.clone();
    set(&mut plain, "alias", "");
    unlocated(&mut plain);
    plain
}

/// Takes out the positions in the user's text.
pub(super) fn unlocated(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(location) = map.get_mut("query_location") {
                *location = json!(0);
            }
            map.values_mut().for_each(unlocated);
        }
        Value::Array(values) => values.iter_mut().for_each(unlocated),
        _ => {}
    }
}

/// A column of a table that the planner names.
pub(super) fn column(name: &str) -> Value {
    json!({ "class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": 0, "column_names": [name] })
}

/// `expression` under another name.
pub(super) fn aliased(mut expression: Value, alias: &str) -> Value {
    set(&mut expression, "alias", alias);
    expression
}

/// `*`
pub(super) fn star() -> Value {
    json!({
        "class": "STAR", "type": "STAR", "alias": "", "query_location": 0, "relation_name": "", "exclude_list": [],
        "replace_list": [], "columns": false, "expr": null, "qualified_exclude_list": [], "rename_list": []
    })
}

/// A whole number as a constant.
pub(super) fn number(value: u64) -> Value {
    json!({
        "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": 0,
        "value": { "type": { "id": "BIGINT", "type_info": null }, "is_null": false, "value": value }
    })
}

/// All of `conditions` together; `None` of none.
pub(super) fn all_of(mut conditions: Vec<Value>) -> Option<Value> {
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(json!({
            "class": "CONJUNCTION", "type": "CONJUNCTION_AND", "alias": "", "query_location": 0, "children": conditions
        })),
    }
}

/// The conditions that `condition` asks for together.
pub(super) fn conjuncts(condition: &Value) -> Vec<&Value> {
    match kind(condition) {
        "CONJUNCTION_AND" => items(condition, "children").iter().flat_map(conjuncts).collect(),
        _ => vec![condition],
    }
}

/// A reference to a table by its name, called `alias`.
pub(super) fn table(name: &str, alias: &str) -> Value {
    json!({
        "type": "BASE_TABLE", "alias": alias, "sample": null, "query_location": 0, "schema_name": "",
        "table_name": name, "column_name_alias": [], "catalog_name": "", "at_clause": null
    })
}

/// A query in the place of a table.
pub(super) fn derived(node: Value, alias: &str, columns: Vec<Value>) -> Value {
    json!({
        "type": "SUBQUERY", "alias": alias, "sample": null, "query_location": 0, "column_name_alias": columns,
        "subquery": { "node": node, "named_param_map": [] }
    })
}

/// `SELECT list FROM from WHERE condition`, with nothing else.
pub(super) fn select(list: Vec<Value>, from: Value, condition: Option<Value>) -> Value {
    json!({
        "type": "SELECT_NODE", "modifiers": [], "cte_map": { "map": [] }, "select_list": list, "from_table": from,
        "where_clause": condition, "group_expressions": [], "group_sets": [],
        "aggregate_handling": "STANDARD_HANDLING", "having": null, "sample": null, "qualify": null
    })
}

/// Groups `node` by its first `count` columns.
pub(super) fn group_by_first(node: &mut Value, count: usize) {
    if count > 0 {
        let ordinals = (1..=count as u64).map(number).collect::<Vec<_>>();
        set(node, "group_expressions", ordinals);
        set(node, "group_sets", vec![Value::from((0..count).collect::<Vec<_>>())]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_expressions_compare_equal_wherever_they_stand() {
        let mut elsewhere = aliased(column("a"), "b");
        set(&mut elsewhere, "query_location", 7);
        assert_ne!(elsewhere, column("a"));
        assert_eq!(plain(&elsewhere), plain(&column("a")));
    }

    #[test]
    fn conditions_come_apart_and_together() {
        let three = all_of(vec![column("a"), all_of(vec![column("b"), column("c")]).unwrap()]).unwrap();
        assert_eq!(conjuncts(&three), [&column("a"), &column("b"), &column("c")]);
        assert_eq!(all_of(vec![column("a")]), Some(column("a")));
        assert_eq!(all_of(Vec::new()), None);
    }
}
