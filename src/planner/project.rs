//! Queries that neither group nor look around: each split filters and projects its rows, and the final query orders,
//! limits or makes distinct what came.

use std::collections::HashSet;

use quack_function::wire::Column;
use serde_json::Value;

use super::ast::{self, child, class, items, kind, set, text};
use super::context::PlanContext;
use super::draft::{Draft, Shape};
use super::from_clause::FromClause;
use super::query_plan::Strategy;
use super::refusal::Refusal;
use super::{names, normal};

/// Drafts the projection of a SELECT `node` that gives `columns`.
///
/// # Errors
/// An order or a DISTINCT that the final query could not say.
pub(super) fn draft(
    _: &PlanContext<'_>,
    node: &Value,
    from: &FromClause,
    columns: &[Column],
) -> Result<Draft, Refusal> {
    let mut map = node.clone();
    normal::resolve(&mut map, from)?;
    let distinct = ast::modifier(&map, "DISTINCT_MODIFIER");
    if distinct.is_some_and(|modifier| !items(modifier, "distinct_on_targets").is_empty()) {
        return Err(Refusal("which row DISTINCT ON keeps takes all of them".to_owned()));
    }
    let is_distinct = distinct.is_some();
    let is_ordered = ast::modifier(&map, "ORDER_MODIFIER").is_some();
    let limit = row_limit(&map);

    let mut keys = Keys { columns: columns.len(), hidden: Vec::new(), is_distinct };
    let mut final_node = ast::select(Vec::new(), Value::Null, None);
    set(&mut final_node, "modifiers", items(&map, "modifiers").to_vec());
    normal::order_items(&mut final_node, &mut |item| keys.finish(item, &map))?;
    let Keys { hidden, .. } = keys;

    if limit.is_none() {
        // What is ordered or limited in the end need not be before.
        let kept: Vec<Value> =
            items(&map, "modifiers").iter().filter(|modifier| kind(modifier) == "DISTINCT_MODIFIER").cloned().collect();
        set(&mut map, "modifiers", kept);
    } else if let Some(limit) = limit {
        bound(&mut map, limit);
    }
    let mut list = items(&map, "select_list").to_vec();
    list.extend(hidden.iter().enumerate().map(|(index, key)| ast::aliased(key.clone(), &names::key(index))));
    set(&mut map, "select_list", list);

    let carried = carried_names(columns);
    if carried.iter().zip(columns).any(|(name, column)| *name != column.name) {
        // Two columns of one name would be renamed on the way.
        let all = carried.iter().cloned().chain((0..hidden.len()).map(names::key)).map(Value::from).collect();
        map = ast::select(vec![ast::star()], ast::derived(map, names::DERIVED, all), None);
    }
    let list = carried
        .iter()
        .zip(columns)
        .map(|(name, column)| ast::aliased(ast::column(name), &column.name))
        .collect::<Vec<_>>();
    set(&mut final_node, "select_list", list);
    Ok(Draft {
        map,
        final_node,
        shape: Shape {
            strategy: Strategy::Projection,
            ordered: !is_ordered,
            enough_rows: limit.filter(|_| !is_ordered && !is_distinct),
            unreduced: false,
        },
    })
}

/// The rows that are enough of each split: those that the limit skips and those that it lets through.
fn row_limit(node: &Value) -> Option<u64> {
    let modifier = ast::modifier(node, "LIMIT_MODIFIER")?;
    let limit = ast::integer(child(modifier, "limit")?)?;
    let offset = child(modifier, "offset").map_or(Some(0), ast::integer)?;
    limit.checked_add(offset)
}

/// Lets at most `rows` through.
fn bound(node: &mut Value, rows: u64) {
    for modifier in node.get_mut("modifiers").and_then(Value::as_array_mut).into_iter().flatten() {
        if kind(modifier) == "LIMIT_MODIFIER" {
            set(modifier, "limit", ast::number(rows));
            set(modifier, "offset", Value::Null);
        }
    }
}

/// The names of the columns on their way: the result's own, unless two are the same but for case.
fn carried_names(columns: &[Column]) -> Vec<String> {
    let different: HashSet<String> = columns.iter().map(|column| column.name.to_lowercase()).collect();
    let own = different.len() == columns.len() && !different.iter().any(|name| name.is_empty());
    let named = columns.iter().enumerate();
    named.map(|(index, column)| if own { column.name.clone() } else { names::column(index) }).collect()
}

/// What the rows are ordered by, where it is not a column of the result: sent along, and left out in the end.
struct Keys {
    columns: usize,
    hidden: Vec<Value>,
    is_distinct: bool,
}

impl Keys {
    /// Rewrites what the map query orders by into what the final query does.
    fn finish(&mut self, item: &mut Value, map: &Value) -> Result<(), Refusal> {
        if normal::orders_by_result(item) {
            return Ok(());
        }
        if class(item) == "COLLATE" {
            let mut below = child(item, "child").cloned().unwrap_or_default();
            self.finish_plain(&mut below, map, false)?;
            set(item, "child", below);
            return Ok(());
        }
        self.finish_plain(item, map, true)
    }

    fn finish_plain(&mut self, item: &mut Value, map: &Value, may_count: bool) -> Result<(), Refusal> {
        if ast::any(item, &|object| class(object) == "COLLATE") {
            return Err(Refusal("it is ordered by what it makes of a collation".to_owned()));
        }
        let plain = ast::plain(item);
        let list = items(map, "select_list");
        let in_result = list.iter().position(|listed| ast::plain(listed) == plain);
        if let Some(index) = in_result.filter(|_| may_count && list.len() == self.columns) {
            *item = ast::number(index as u64 + 1);
            return Ok(());
        }
        if self.is_distinct {
            return Err(Refusal("it orders distinct rows by something else".to_owned()));
        }
        let index = self.hidden.iter().position(|known| *known == plain).unwrap_or_else(|| {
            self.hidden.push(plain);
            self.hidden.len() - 1
        });
        *item = ast::aliased(ast::column(&names::key(index)), text(item, "alias"));
        Ok(())
    }
}
