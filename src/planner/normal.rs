//! Normalization: a query in the one form that the planner rewrites. Unsupported nodes are refused, common table
//! expressions are inlined, and references to the SELECT list's aliases and ordinals become the expressions themselves.

use std::collections::HashMap;

use serde_json::Value;

use super::ast::{self, child, class, items, kind, set, text};
use super::from_clause::FromClause;
use super::functions::is_pure_table_function;
use super::refusal::Refusal;
use super::scratch::Scratch;

/// Most values that come in the place of names: a few names that stand for each other can stand for more than memory holds.
pub(super) const MOST_VALUES: usize = 1 << 18;

/// Classes of expressions that the planner's rewrites know.
const EXPRESSIONS: &[&str] = &[
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "LAMBDA",
    "OPERATOR",
    "STAR",
    "SUBQUERY",
    "WINDOW",
];

/// Refuses a query with nodes that the rewrites do not support: samples, recursion, positional references, PIVOT, time
/// travel, tables outside of the catalog.
///
/// # Errors
/// The first such node.
pub(super) fn check(tree: &Value) -> Result<(), Refusal> {
    let mut refused = None;
    ast::visit(tree, &mut |object| {
        let why = refusal(object);
        refused = refused.take().or(why);
        refused.is_none()
    });
    refused.map_or(Ok(()), |why| Err(Refusal(why.to_owned())))
}

fn refusal(object: &Value) -> Option<&'static str> {
    if child(object, "sample").is_some() {
        return Some("it takes a sample of the rows");
    }
    if !class(object).is_empty() {
        return (!EXPRESSIONS.contains(&class(object))).then_some("it refers to columns by position or parameter");
    }
    if ast::is_query(object) {
        return (!matches!(kind(object), "SELECT_NODE" | "SET_OPERATION_NODE")).then_some("it is recursive");
    }
    if !ast::is_table_ref(object) {
        return None;
    }
    match kind(object) {
        "BASE_TABLE" if child(object, "at_clause").is_some() => Some("it asks for a table as of another time"),
        "BASE_TABLE" if !text(object, "schema_name").is_empty() => Some("it names a table with its schema"),
        "TABLE_FUNCTION" if !is_pure_table_function(object) => Some("it calls a function that reads elsewhere"),
        "BASE_TABLE" | "SUBQUERY" | "JOIN" | "EMPTY" | "EXPRESSION_LIST" | "TABLE_FUNCTION" => None,
        _ => Some("it pivots or describes a table"),
    }
}

/// A common table expression in scope, its query already inlined.
struct Named {
    name: String,
    node: Value,
    values: usize,
    /// Column aliases, `WITH name(a, b)`.
    columns: Vec<Value>,
}

/// Inlines every common table expression: a reference to one becomes a derived table.
///
/// # Errors
/// A recursive one.
pub(super) fn inline(node: &mut Value) -> Result<(), Refusal> {
    inline_within(node, &mut Vec::new(), &mut MOST_VALUES.clone())
}

/// How many values there are in a tree, itself among them.
pub(super) fn values(tree: &Value) -> usize {
    1 + match tree {
        Value::Object(fields) => fields.values().map(values).sum(),
        Value::Array(items) => items.iter().map(values).sum(),
        _ => 0,
    }
}

pub(super) fn too_long() -> Refusal {
    Refusal("it is too long with all that it names in the place of the names".to_owned())
}

/// Inlines with the names in `scope`; `left` is how many values may still be put into the place of names.
fn inline_within(node: &mut Value, scope: &mut Vec<Named>, left: &mut usize) -> Result<(), Refusal> {
    let outside = scope.len();
    let map = node.get_mut("cte_map").and_then(|map| map.get_mut("map")).map(Value::take).unwrap_or_default();
    set(node, "cte_map", serde_json::json!({ "map": [] }));
    for entry in map.as_array().into_iter().flatten() {
        let definition = entry.get("value").cloned().unwrap_or_default();
        let mut body = definition.pointer("/query/node").cloned().unwrap_or_default();
        if !matches!(kind(&body), "SELECT_NODE" | "SET_OPERATION_NODE") {
            return Err(Refusal("it is recursive".to_owned()));
        }
        inline_within(&mut body, scope, left)?;
        scope.push(Named {
            values: values(&body),
            name: text(entry, "key").to_owned(),
            node: body,
            columns: items(&definition, "aliases").to_vec(),
        });
    }
    if let Value::Object(fields) = node {
        for (_, value) in fields.iter_mut().filter(|(key, _)| *key != "cte_map") {
            ast::change(value, &mut |object| {
                if ast::is_query(object) {
                    inline_within(object, scope, left)?;
                    return Ok(false);
                }
                let name = text(object, "table_name");
                if kind(object) == "BASE_TABLE"
                    && text(object, "schema_name").is_empty()
                    && let Some(named) = scope.iter().rev().find(|named| named.name.eq_ignore_ascii_case(name))
                {
                    let alias = Some(text(object, "alias")).filter(|alias| !alias.is_empty()).unwrap_or(name);
                    let mut columns = items(object, "column_name_alias").to_vec();
                    columns.extend(named.columns.iter().skip(columns.len()).cloned());
                    *left = left.checked_sub(named.values).ok_or_else(too_long)?;
                    *object = ast::derived(named.node.clone(), alias, columns);
                    return Ok(false);
                }
                Ok::<bool, Refusal>(true)
            })?;
        }
    }
    scope.truncate(outside);
    Ok(())
}

/// Projection pushdown into EXISTS: `EXISTS (SELECT * ...)` becomes `EXISTS (SELECT 1 ...)`, as only the number of rows
/// counts. Otherwise `*` would make every column of the table needed.
pub(super) fn lighten_exists(tree: &mut Value) -> Result<(), Refusal> {
    ast::change(tree, &mut |object| {
        if matches!(text(object, "subquery_type"), "EXISTS" | "NOT_EXISTS")
            && let Some(node) = object.pointer_mut("/subquery/node")
            && items(node, "modifiers").is_empty()
            && items(node, "select_list").iter().all(|item| class(item) == "STAR" && child(item, "expr").is_none())
            && text(node, "aggregate_handling") == "STANDARD_HANDLING"
            && items(node, "group_expressions").is_empty()
        {
            set(node, "select_list", vec![ast::number(1)]);
        }
        Ok::<bool, Refusal>(true)
    })
}

/// Resolves references to the SELECT list: aliases in every clause, and ordinals in GROUP BY, become the expressions that
/// they refer to, so that no later rewrite has to know about them.
///
/// Where an alias is also the name of a column of FROM, DuckDB's binder prefers one or the other depending on the clause:
/// the column in WHERE and GROUP BY, the alias in ORDER BY. In HAVING and QUALIFY that is not relied upon, and the node is
/// refused.
///
/// # Errors
/// An ambiguous alias, or an order by a constant.
pub(super) fn resolve(node: &mut Value, from: &FromClause) -> Result<(), Refusal> {
    let list = items(node, "select_list").to_vec();
    let mut names: HashMap<String, Value> = HashMap::new();
    // Aliases that are also columns of FROM, or of two items of the list.
    let mut ambiguous: Vec<String> = Vec::new();
    let mut resolved = Vec::with_capacity(list.len());
    for item in &list {
        let alias = text(item, "alias").to_lowercase();
        let mut expression = item.clone();
        // Lateral column aliases: an item may refer to an earlier one.
        substitute(&mut expression, &names)?;
        let plain = ast::plain(&expression);
        resolved.push(expression);
        if alias.is_empty() || class(item) == "STAR" {
            continue;
        }
        let renames_nothing = ast::column_names(item).last().is_some_and(|name| name.eq_ignore_ascii_case(&alias));
        if renames_nothing {
            continue;
        }
        if from.has_column(&alias)? || names.contains_key(&alias) {
            names.remove(&alias);
            ambiguous.push(alias);
        } else {
            names.insert(alias, plain);
        }
    }
    ordinals(node, &resolved);
    if items(node, "group_sets").len() > 1 {
        // Two equal keys are two columns of a grouping set when they are ordinals, and one when they are written out.
        let groups: Vec<Value> = items(node, "group_expressions").iter().map(|group| from.canonical(group)).collect();
        if groups.iter().enumerate().any(|(index, group)| groups.iter().take(index).any(|other| other == group)) {
            return Err(Refusal("its grouping sets name one thing twice".to_owned()));
        }
    }
    for key in ["having", "qualify"] {
        let is_ambiguous = child(node, key).is_some_and(|clause| {
            ast::any(clause, &|object| {
                ast::bare_column(object).is_some_and(|name| ambiguous.contains(&name.to_lowercase()))
            })
        });
        if is_ambiguous {
            return Err(Refusal("a name in HAVING is a column's as well as a result's".to_owned()));
        }
    }
    if let Value::Object(fields) = node {
        for key in ["where_clause", "group_expressions", "having", "qualify"] {
            fields.get_mut(key).map_or(Ok(()), |clause| substitute(clause, &names))?;
        }
        fields.insert("select_list".to_owned(), resolved.clone().into());
    }
    order_items(node, &mut |item| {
        // An ORDER BY item that is nothing but an alias is the alias, even where a column has the same name.
        let bare = ast::bare_column(item).map(str::to_lowercase);
        let position = list.iter().position(|listed| {
            let alias = text(listed, "alias").to_lowercase();
            !alias.is_empty() && bare.as_ref() == Some(&alias)
        });
        match position.and_then(|position| resolved.get(position)) {
            Some(meaning) if class(meaning) != "CONSTANT" => *item = ast::plain(meaning),
            Some(_) => return Err(Refusal("it is ordered by a constant".to_owned())),
            None => substitute(item, &names)?,
        }
        Ok(())
    })
}

/// Whether the ORDER BY `item` refers to the result by position, an ordinal or ALL, and so holds unchanged for any query
/// with the same columns.
pub(super) fn orders_by_result(item: &Value) -> bool {
    let bare = |key| items(item, key).is_empty();
    let all = class(item) == "STAR" && child(item, "expr").is_none() && text(item, "relation_name").is_empty();
    ast::integer(item).is_some() || (all && bare("exclude_list") && bare("replace_list") && bare("rename_list"))
}

/// Calls `change` for each expression of ORDER BY and of DISTINCT ON.
///
/// # Errors
/// Those of `change`.
pub(super) fn order_items(
    node: &mut Value,
    change: &mut dyn FnMut(&mut Value) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    for modifier in node.get_mut("modifiers").and_then(Value::as_array_mut).into_iter().flatten() {
        for order in modifier.get_mut("orders").and_then(Value::as_array_mut).into_iter().flatten() {
            order.get_mut("expression").map_or(Ok(()), &mut *change)?;
        }
        for target in modifier.get_mut("distinct_on_targets").and_then(Value::as_array_mut).into_iter().flatten() {
            change(target)?;
        }
    }
    Ok(())
}

fn ordinals(node: &mut Value, list: &[Value]) {
    for group in node.get_mut("group_expressions").and_then(Value::as_array_mut).into_iter().flatten() {
        let index = ast::integer(group).and_then(|ordinal| usize::try_from(ordinal).ok()?.checked_sub(1));
        if let Some(item) = index.and_then(|index| list.get(index)) {
            *group = ast::plain(item);
        }
    }
}

fn substitute(expression: &mut Value, names: &HashMap<String, Value>) -> Result<(), Refusal> {
    let outer_alias = text(expression, "alias").to_owned();
    ast::change(expression, &mut |object| {
        // Scopes of their own: a lambda's parameters and a subquery's columns shadow the aliases.
        if class(object) == "LAMBDA" || ast::is_query(object) {
            return Ok::<bool, Refusal>(false);
        }
        match ast::bare_column(object).and_then(|name| names.get(&name.to_lowercase())) {
            Some(meaning) => {
                *object = meaning.clone();
                Ok(false)
            }
            None => Ok(true),
        }
    })?;
    if expression.is_object() {
        set(expression, "alias", outer_alias);
    }
    Ok(())
}

/// Limit pushdown: the query gives no more than `most` rows, unless it has a LIMIT of its own.
///
/// # Errors
/// DuckDB's.
pub(super) fn limit(scratch: &Scratch, root: &mut Value, most: u64) -> Result<(), Refusal> {
    if ast::modifier(root, "LIMIT_MODIFIER").is_some() || ast::modifier(root, "LIMIT_PERCENT_MODIFIER").is_some() {
        return Ok(());
    }
    let limited = scratch.parse(&format!("SELECT 1 LIMIT {most}"))?;
    if let (Some(modifier), Some(modifiers)) =
        (ast::modifier(&limited, "LIMIT_MODIFIER"), root.get_mut("modifiers").and_then(Value::as_array_mut))
    {
        modifiers.push(modifier.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::scratch::Scratch;

    fn inlined(sql: &str) -> String {
        let scratch = Scratch::open().unwrap();
        let mut node = scratch.parse(sql).unwrap();
        inline(&mut node).unwrap();
        scratch.print(&node).unwrap()
    }

    #[test]
    fn common_table_expressions_go_where_they_are_named() {
        assert_eq!(
            inlined("WITH x(a) AS (SELECT b, c FROM t), y AS (FROM x) SELECT * FROM y, main.x, X AS z(k)"),
            "SELECT * FROM (SELECT * FROM (SELECT b, c FROM t) AS x(a)) AS y , main.x , (SELECT b, c FROM t) AS z(k)"
        );
        assert_eq!(inlined("WITH t AS (FROM t) FROM t"), "SELECT * FROM (SELECT * FROM t) AS t");
        assert_eq!(
            inlined("WITH x AS (SELECT 1) SELECT (WITH x AS (SELECT 2) SELECT 3 FROM x) FROM x"),
            "SELECT (SELECT 3 FROM (SELECT 2) AS x) FROM (SELECT 1) AS x"
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let scratch = Scratch::open().unwrap();
        let why = |sql: &str| check(&scratch.parse(sql).unwrap()).unwrap_err().0;
        assert!(why("FROM t TABLESAMPLE 10%").contains("sample"));
        assert!(why("FROM (FROM t USING SAMPLE 3)").contains("sample"));
        assert!(why("SELECT #1 FROM t").contains("position"));
        assert!(why("FROM read_parquet('x')").contains("reads elsewhere"));
        assert!(why("FROM t WHERE a IN (FROM main.t)").contains("schema"));
        assert!(why("SUMMARIZE t").contains("describes"));
        assert!(check(&scratch.parse("FROM t, unnest([1]), (VALUES (1)) v WHERE a = 1").unwrap()).is_ok());
    }
}
