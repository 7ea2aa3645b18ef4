//! Where nothing can be worked out in parts: the functions send the rows and columns that the query needs, and the
//! final query is the user's own over those.

use quack_function::wire::Column;
use serde_json::Value;

use super::ast::{self, child, class, items, set, text};
use super::context::PlanContext;
use super::draft::{Draft, Shape};
use super::from_clause::FromClause;
use super::query_plan::Strategy;
use super::refusal::Refusal;
use super::{names, normal, reads};

/// What is gathered: rows as they are, in the order that the table has them.
pub(super) const SHAPE: Shape = Shape { strategy: Strategy::Gather, ordered: true, enough_rows: None, unreduced: true };

/// Drafts a SELECT `node` whose FROM and WHERE are worked out in parts, and everything else at the end.
///
/// # Errors
/// A `*`, or anything else that hides which columns are needed.
pub(super) fn draft(
    _: &PlanContext<'_>,
    node: &Value,
    from: &FromClause,
    columns: &[Column],
) -> Result<Draft, Refusal> {
    let mut final_node = node.clone();
    normal::resolve(&mut final_node, from)?;
    let mut list = items(&final_node, "select_list").to_vec();
    if list.len() != columns.len() {
        return Err(Refusal("it selects `*`".to_owned()));
    }
    for (item, column) in list.iter_mut().zip(columns) {
        set(item, "alias", column.name.as_str());
    }
    set(&mut final_node, "select_list", list);
    let mut needed: Vec<Value> = Vec::new();
    for key in ["select_list", "group_expressions", "having", "qualify"] {
        if let Some(clause) = final_node.get_mut(key) {
            send(clause, from, &mut needed)?;
        }
    }
    normal::order_items(&mut final_node, &mut |item| {
        if normal::orders_by_result(item) { Ok(()) } else { send(item, from, &mut needed) }
    })?;
    if needed.is_empty() {
        needed.push(ast::number(1));
    }
    let condition = child(&final_node, "where_clause").cloned();
    set(&mut final_node, "where_clause", Value::Null);
    let needed =
        needed.into_iter().enumerate().map(|(index, column)| ast::aliased(column, &names::column(index))).collect();
    let map = ast::select(needed, node.get("from_table").cloned().unwrap_or_default(), condition);
    Ok(Draft { map, final_node, shape: SHAPE })
}

/// Replaces the columns in `clause` by those that are sent for them.
fn send(clause: &mut Value, from: &FromClause, needed: &mut Vec<Value>) -> Result<(), Refusal> {
    ast::change(clause, &mut |object| {
        match class(object) {
            "STAR" | "LAMBDA" => return Err(Refusal("which columns it needs cannot be told".to_owned())),
            "COLUMN_REF" => {
                let column = from.canonical(object);
                let index = needed.iter().position(|known| *known == column).unwrap_or_else(|| {
                    needed.push(column);
                    needed.len() - 1
                });
                *object = ast::aliased(ast::column(&names::column(index)), text(object, "alias"));
                return Ok(false);
            }
            _ => {}
        }
        Ok(!ast::is_query(object))
    })
}

/// The query that gives what `tree`, of which `node` is a part, needs of the table at leaf `index` of `node`.
pub(super) fn table(
    context: &PlanContext<'_>,
    tree: &Value,
    node: &Value,
    from: &FromClause,
    index: usize,
) -> Option<Value> {
    let leaf = from.leaves.get(index)?;
    let reference = node.pointer(&leaf.pointer)?;
    let (_, table) = context.catalog.find(text(reference, "table_name"))?;
    let renamed = !items(reference, "column_name_alias").is_empty();
    let list = if renamed || from.natural || takes_all(tree, node, &leaf.alias) {
        vec![ast::star()]
    } else {
        let words = reads::words(tree);
        let columns = table.columns.iter().map(|column| column.name.as_str());
        let mut needed: Vec<&str> = columns.filter(|name| words.contains(&name.to_lowercase())).collect();
        if needed.is_empty() {
            needed.extend(table.columns.first().map(|column| column.name.as_str()));
        }
        needed.into_iter().map(ast::column).collect()
    };
    Some(ast::select(list, reference.clone(), ast::all_of(from.conditions(index, context.functions))))
}

/// Whether `node` asks for every column there is, or any part of `tree` for every column or the very rows of what is
/// called `alias`.
fn takes_all(tree: &Value, node: &Value, alias: &str) -> bool {
    let every = |object: &Value| class(object) == "STAR" && text(object, "relation_name").is_empty();
    let clauses = ["select_list", "where_clause", "group_expressions", "having", "qualify", "from_table"];
    let mut takes = clauses.into_iter().filter_map(|key| child(node, key)).any(|clause| ast::any(clause, &every));
    ast::visit(tree, &mut |object| {
        let qualifier = if class(object) == "STAR" { text(object, "relation_name") } else { "" };
        let row = ast::bare_column(object).unwrap_or(qualifier);
        takes |= !row.is_empty() && row.eq_ignore_ascii_case(alias);
        !takes
    });
    takes
}
