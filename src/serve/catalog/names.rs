//! What PostgreSQL calls columns of a query that have no name: clients look for them by that. Its rules are those of `FigureColname` in
//! its `parse_target.c`.

use serde_json::Value;

use super::rewrite::USER;

/// What a column without any name to take is called.
const NONE: &str = "?column?";

/// A name, and whether it is better than a type's around it.
struct Name(String, bool);

/// The names of the columns of a query, whose syntax tree DuckDB has given; nothing for a column that has its own, and for all where
/// `*` stands for some.
pub(super) fn of(tree: &Value) -> Vec<Option<String>> {
    let node = first(&tree["statements"][0]["node"]);
    let items = node["select_list"].as_array().map_or(&[][..], Vec::as_slice);
    if items.iter().any(|item| item["class"] == "STAR") {
        return Vec::new();
    }
    let name = |item: &Value| {
        let has_own = item["alias"].as_str().is_some_and(|alias| !alias.is_empty()) || item["class"] == "COLUMN_REF";
        (!has_own).then(|| figured(item).map_or_else(|| NONE.to_owned(), |Name(name, _)| name))
    };
    items.iter().map(name).collect()
}

/// The SELECT that gives the columns their names: of several put together the first.
fn first(node: &Value) -> &Value {
    match node["type"].as_str() {
        Some("SET_OPERATION_NODE") => match &node["left"] {
            Value::Null => first(&node["children"][0]),
            left => first(left),
        },
        Some("RECURSIVE_CTE_NODE") => first(&node["left"]),
        _ => node,
    }
}

fn figured(item: &Value) -> Option<Name> {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let own = |name: &str| Some(Name(name.to_owned(), true));
    let is_own_name = |name: &str| (!name.is_empty()).then(|| Name(name.to_owned(), true));
    match (text("class"), text("type")) {
        ("COLUMN_REF", _) => item["column_names"].as_array()?.last()?.as_str().and_then(is_own_name),
        ("FUNCTION" | "WINDOW", _) if item["is_operator"] == true => None,
        ("FUNCTION" | "WINDOW", _) => match text("function_name") {
            "count_star" => own("count"),
            "list_value" => own("array"),
            name => is_own_name(name.strip_prefix("pg_").filter(|word| USER.contains(word)).unwrap_or(name)),
        },
        ("CAST", _) => match figured(&item["child"]) {
            Some(name) if name.1 => Some(name),
            _ => Some(Name(type_name(&item["cast_type"])?, false)),
        },
        ("CASE", _) => match figured(&item["else_expr"]) {
            Some(name) if name.1 => Some(name),
            _ => Some(Name("case".to_owned(), false)),
        },
        ("SUBQUERY", _) => match text("subquery_type") {
            "EXISTS" => own("exists"),
            "SCALAR" => {
                let item = &first(&item["subquery"]["node"])["select_list"][0];
                match item["alias"].as_str() {
                    Some(alias) if !alias.is_empty() => own(alias),
                    // What DuckDB makes of ARRAY(SELECT ...).
                    _ if item["case_checks"][0]["then_expr"]["function_name"] == "list_value" => own("array"),
                    _ => figured(item),
                }
            }
            _ => None,
        },
        (_, "ARRAY_CONSTRUCTOR") => own("array"),
        (_, "OPERATOR_COALESCE") => own("coalesce"),
        (_, "STRUCT_EXTRACT") => item["children"][1]["value"]["value"].as_str().and_then(is_own_name),
        (_, "ARRAY_EXTRACT" | "ARRAY_SLICE") => figured(&item["children"][0]),
        _ => None,
    }
}

/// What PostgreSQL calls a type, as far as SQL of clients casts to it.
fn type_name(cast_type: &Value) -> Option<String> {
    let own = cast_type["type_info"]["name"].as_str().or_else(|| cast_type["id"].as_str())?;
    let name = match own {
        "BOOLEAN" => "bool",
        "SMALLINT" => "int2",
        "INTEGER" => "int4",
        "BIGINT" => "int8",
        "FLOAT" => "float4",
        "DOUBLE" => "float8",
        "DECIMAL" => "numeric",
        "VARCHAR" => "text",
        "BLOB" => "bytea",
        "TIMESTAMP WITH TIME ZONE" => "timestamptz",
        "TIME WITH TIME ZONE" => "timetz",
        other => return Some(other.to_lowercase()),
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};

    #[test]
    fn columns_are_called_as_postgresql_calls_them() {
        let connection = duck::open(&Sandbox::default()).unwrap();
        let names = |list: &str| {
            let tree: String = connection
                .query_row("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [list], |row| row.get(0))
                .unwrap();
            let named = of(&serde_json::from_str(&tree).unwrap());
            named.into_iter().map(|name| name.unwrap_or_default()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("SELECT a, b AS c, t.d FROM t"), "  ");
        assert_eq!(names("SELECT *, 1 FROM t"), "");
        assert_eq!(
            names("SELECT 1, 'a', a = 1, a || b, NOT a, NULL FROM t"),
            "?column? ?column? ?column? ?column? ?column? ?column?"
        );
        assert_eq!(
            names("SELECT count(*), f(x), (g(x)).n, x[1], coalesce(a, b), ARRAY[1], array(SELECT 1) FROM t"),
            "count f n x coalesce array array"
        );
        assert_eq!(
            names(
                "SELECT 'a'::text, a::int8, true, CASE WHEN a THEN b ELSE c END, CASE WHEN a THEN 1 ELSE 2 END FROM t"
            ),
            "text a bool c case"
        );
        assert_eq!(names("SELECT (SELECT max(x) FROM t), (SELECT x AS y FROM t), EXISTS (SELECT 1)"), "max y exists");
        assert_eq!(names("SELECT 1 UNION ALL SELECT a FROM t"), "?column?");
    }
}
