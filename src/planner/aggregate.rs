//! Two-phase aggregation: each split computes partial aggregates by group, and the final query merges the groups of all
//! splits.
//!
//! The map query's columns are the grouping keys (`__g0`, ...), the arguments of DISTINCT aggregates as further keys
//! (`__k0`, ...) and the partial states of the other aggregates (`__p0`, ...). The final query is the user's, each
//! expression over groups rewritten into one over those columns.

use quack_function::wire::Column;
use serde_json::Value;

use super::ast::{self, child, class, items, set, text};
use super::context::PlanContext;
use super::draft::{Draft, Shape};
use super::from_clause::FromClause;
use super::query_plan::Strategy;
use super::recipes::{Distinct, Type, Way};
use super::refusal::Refusal;
use super::{names, normal, recipes};

/// Drafts the two phases of a SELECT `node` that groups and gives `columns`.
///
/// # Errors
/// An aggregate that is not decomposable, or an expression that cannot be rewritten over the partial result.
pub(super) fn draft(
    context: &PlanContext<'_>,
    node: &Value,
    from: &FromClause,
    columns: &[Column],
) -> Result<Draft, Refusal> {
    let mut final_node = node.clone();
    normal::resolve(&mut final_node, from)?;
    let list = items(&final_node, "select_list").to_vec();
    if list.len() != columns.len() {
        return Err(Refusal("it selects `*` from groups".to_owned()));
    }
    let by_all = text(&final_node, "aggregate_handling") == "FORCE_AGGREGATES";
    let groups =
        if by_all { grouped_by_all(context, &list)? } else { items(&final_node, "group_expressions").to_vec() };
    let mut merger = Merger {
        context,
        types: types_of_aggregates(context, &final_node)?,
        groups: groups.iter().map(|group| from.canonical(group)).collect(),
        from,
        keys: Vec::new(),
        states: Vec::new(),
        ordered: false,
    };
    merger.finish_clauses(&mut final_node, columns)?;
    let Merger { keys, states, ordered, .. } = merger;
    check(&groups, &keys, &states, ordered)?;

    let condition = child(&final_node, "where_clause").cloned();
    set(&mut final_node, "where_clause", Value::Null);
    set(
        &mut final_node,
        "group_expressions",
        (0..groups.len()).map(|index| ast::column(&names::group_key(index))).collect::<Vec<_>>(),
    );
    if by_all {
        set(&mut final_node, "aggregate_handling", "STANDARD_HANDLING");
        let all: Vec<usize> = (0..groups.len()).collect();
        set(&mut final_node, "group_sets", if groups.is_empty() { Vec::new() } else { vec![Value::from(all)] });
    }
    let (grouped, unreduced) = (groups.len() + keys.len(), !keys.is_empty());
    let kept =
        aliased(groups, names::group_key).chain(aliased(keys, names::key)).chain(aliased(states, names::partial_state));
    let from_table = node.get("from_table").cloned().unwrap_or_default();
    let mut map = ast::select(kept.collect(), from_table, condition);
    ast::group_by_first(&mut map, grouped);
    let shape = Shape { strategy: Strategy::PartialAggregate, ordered, enough_rows: None, unreduced };
    Ok(Draft { map, final_node, shape })
}

/// Each of `expressions` under the name for its index.
fn aliased(expressions: Vec<Value>, name: fn(usize) -> String) -> impl Iterator<Item = Value> {
    expressions.into_iter().enumerate().map(move |(index, expression)| ast::aliased(expression, &name(index)))
}

fn check(groups: &[Value], keys: &[Value], states: &[Value], ordered: bool) -> Result<(), Refusal> {
    if groups.is_empty() && keys.is_empty() && states.is_empty() {
        return Err(Refusal("it aggregates nothing".to_owned()));
    }
    if ordered && !keys.is_empty() {
        return Err(Refusal("it asks for distinct values and for first ones".to_owned()));
    }
    // Values that are equal under a collation may differ, and a partial result's column has no collation.
    let collated = |expression: &Value| ast::any(expression, &|object| class(object) == "COLLATE");
    if groups.iter().chain(keys).chain(states).any(collated) {
        return Err(Refusal("it groups or aggregates under a collation".to_owned()));
    }
    Ok(())
}

/// The keys of GROUP BY ALL: every item of the list without an aggregate function.
fn grouped_by_all(context: &PlanContext<'_>, list: &[Value]) -> Result<Vec<Value>, Refusal> {
    let groups: Vec<Value> = list.iter().filter(|item| !context.functions.aggregates(item)).map(ast::plain).collect();
    if groups.iter().any(|group| ast::any(group, &|object| class(object) == "WINDOW")) {
        return Err(Refusal("it groups by a window function".to_owned()));
    }
    Ok(groups)
}

/// Each aggregate call of the query with the type that DuckDB's binder gives it.
fn types_of_aggregates(context: &PlanContext<'_>, node: &Value) -> Result<Vec<(Value, String)>, Refusal> {
    let mut found: Vec<Value> = Vec::new();
    for key in ["select_list", "having", "qualify", "modifiers"] {
        let Some(clause) = child(node, key) else { continue };
        ast::visit(clause, &mut |object| {
            let aggregate = context.functions.is_aggregate(object);
            let plain = if aggregate { ast::plain(object) } else { Value::Null };
            if aggregate && !found.contains(&plain) {
                found.push(plain);
            }
            !aggregate && !ast::is_query(object)
        });
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let from = node.get("from_table").cloned().unwrap_or_default();
    let described = context.scratch.describe(&ast::select(found.clone(), from, None))?;
    Ok(found.into_iter().zip(described.into_iter().map(|column| column.sql_type)).collect())
}

/// Rewrites expressions over groups into expressions over partial results, and collects the map query's columns on the way.
struct Merger<'a> {
    context: &'a PlanContext<'a>,
    from: &'a FromClause,
    types: Vec<(Value, String)>,
    /// The grouping keys in canonical form, so that a key is recognized however it is written.
    groups: Vec<Value>,
    keys: Vec<Value>,
    states: Vec<Value>,
    ordered: bool,
}

impl Merger<'_> {
    /// Rewrites every clause that is evaluated after GROUP BY.
    fn finish_clauses(&mut self, final_node: &mut Value, columns: &[Column]) -> Result<(), Refusal> {
        let mut list = items(final_node, "select_list").to_vec();
        for (item, column) in list.iter_mut().zip(columns) {
            *item = ast::aliased(self.finish(item)?, &column.name);
        }
        set(final_node, "select_list", list);
        for key in ["having", "qualify"] {
            if let Some(clause) = child(final_node, key).cloned() {
                set(final_node, key, self.finish(&clause)?);
            }
        }
        normal::order_items(final_node, &mut |item| {
            if !normal::orders_by_result(item) {
                *item = self.finish(item)?;
            }
            Ok(())
        })
    }

    fn finish(&mut self, value: &Value) -> Result<Value, Refusal> {
        match value {
            Value::Array(values) => Ok(Value::Array(values.iter().map(|v| self.finish(v)).collect::<Result<_, _>>()?)),
            Value::Object(_) if !class(value).is_empty() => self.finish_expression(value),
            Value::Object(fields) => self.finish_fields(fields),
            _ => Ok(value.clone()),
        }
    }

    fn finish_fields(&mut self, fields: &serde_json::Map<String, Value>) -> Result<Value, Refusal> {
        let finished = fields.iter().map(|(key, value)| {
            // A subquery has its own FROM and stays; a correlated one refers to columns that the final query does not have,
            // so that it will not bind, and the draft is given up.
            let finished = if key == "subquery" { value.clone() } else { self.finish(value)? };
            Ok((key.clone(), finished))
        });
        Ok(Value::Object(finished.collect::<Result<_, Refusal>>()?))
    }

    fn finish_expression(&mut self, expression: &Value) -> Result<Value, Refusal> {
        let canonical = self.from.canonical(expression);
        if let Some(index) = self.groups.iter().position(|group| *group == canonical) {
            return Ok(ast::aliased(ast::column(&names::group_key(index)), text(expression, "alias")));
        }
        if self.context.functions.is_aggregate(expression) {
            return self.merge(expression);
        }
        match (class(expression), expression) {
            ("COLUMN_REF", _) => {
                Err(Refusal(format!("`{}` is not grouped by", ast::column_names(expression).join("."))))
            }
            ("STAR" | "LAMBDA", _) => Err(Refusal("what it makes of the groups cannot be told apart".to_owned())),
            (_, Value::Object(fields)) => self.finish_fields(fields),
            _ => Ok(expression.clone()),
        }
    }

    /// Decomposes an aggregate call: adds its partial states to the map query and returns the expression that merges them.
    fn merge(&mut self, call: &Value) -> Result<Value, Refusal> {
        let (name, arguments) = (text(call, "function_name"), items(call, "children"));
        let apart = |why: &str| Refusal(format!("`{name}` {why}"));
        let aggregate = recipes::of(name).ok_or_else(|| apart("is not known to the planner"))?;
        let distinct = call.get("distinct") == Some(&Value::Bool(true)) && aggregate.distinct != Distinct::Ignored;
        if distinct || matches!(aggregate.way, Way::OfDistinct) {
            return match arguments {
                [argument] if aggregate.distinct == Distinct::Values => self.merge_distinct(call, argument),
                _ => Err(apart("needs all rows of a group at once")),
            };
        }
        let recipe = aggregate.recipe(arguments.len()).map_err(apart)?;
        let sorted =
            call.pointer("/order_bys/orders").and_then(Value::as_array).is_some_and(|orders| !orders.is_empty());
        if aggregate.by_order && sorted {
            return Err(apart("is told an order of its own"));
        }
        let plain = ast::plain(call);
        let sql_type = self.types.iter().find(|(known, _)| *known == plain).map(|(_, sql_type)| sql_type.clone());
        let sql_type = sql_type.ok_or_else(|| apart("has no type that is known"))?;
        if recipe.result == Type::OnlyDouble && sql_type != "DOUBLE" {
            return Err(apart(&format!("gives {sql_type}, which is not merged")));
        }
        self.ordered |= aggregate.by_order;
        let mut kept = Vec::with_capacity(recipe.keep.len());
        for keep in recipe.keep {
            let mut state = self.context.scratch.template(keep, &["x", "y"], arguments)?;
            set(&mut state, "filter", call.get("filter").cloned().unwrap_or_default());
            kept.push(ast::column(&names::partial_state(place(&mut self.states, state))));
        }
        let merged = self.context.scratch.template(recipe.merge, &["p0", "p1", "p2", "p3", "p4", "p5"], &kept)?;
        if recipe.result == Type::Cast { self.context.scratch.cast(&merged, &sql_type) } else { Ok(merged) }
    }

    /// DISTINCT: the argument becomes a further grouping key of the map query, and the final query runs the aggregate over
    /// the keys.
    fn merge_distinct(&mut self, call: &Value, argument: &Value) -> Result<Value, Refusal> {
        let key = match child(call, "filter") {
            Some(filter) => {
                let values = [filter.clone(), argument.clone()];
                self.context.scratch.template("CASE WHEN f THEN x END", &["f", "x"], &values)?
            }
            None => ast::plain(argument),
        };
        let mut merged = ast::plain(call);
        set(&mut merged, "children", vec![ast::column(&names::key(place(&mut self.keys, key)))]);
        set(&mut merged, "filter", Value::Null);
        if let Some(orders) = merged.pointer_mut("/order_bys/orders") {
            *orders = Value::Array(Vec::new());
        }
        Ok(merged)
    }
}

/// The index of `expression` in `list`, to which it is added when it is not in there yet.
fn place(list: &mut Vec<Value>, expression: Value) -> usize {
    let expression = ast::plain(&expression);
    list.iter().position(|known| *known == expression).unwrap_or_else(|| {
        list.push(expression);
        list.len() - 1
    })
}
