//! Partial aggregates: each split groups and aggregates its rows, and the final query merges the groups.
//!
//! The map query gives the values that are grouped by (`__g0`, ...), the values that DISTINCT counts (`__k0`, ...) and
//! what each aggregate function needs to be merged (`__p0`, ...). The final query is the user's, over those columns.

use quack_function::wire::Column;
use serde_json::Value;

use super::ast::{self, child, class, items, set, text};
use super::from::From;
use super::{Draft, Strategy, Tools, Why, normal, recipes};

/// Drafts the partial aggregation of a SELECT `node` that groups, and gives `columns`.
///
/// # Errors
/// A function that does not come apart, or anything else that the final query could not say.
pub(super) fn draft(tools: &Tools<'_>, node: &Value, from: &From, columns: &[Column]) -> Result<Draft, Why> {
    let mut last = node.clone();
    normal::resolve(&mut last, from)?;
    let list = items(&last, "select_list").to_vec();
    if list.len() != columns.len() {
        return Err(Why("it selects `*` from groups".to_owned()));
    }
    let by_all = text(&last, "aggregate_handling") == "FORCE_AGGREGATES";
    let groups = if by_all { grouped_by_all(tools, &list)? } else { items(&last, "group_expressions").to_vec() };
    let mut merger = Merger {
        tools,
        types: types_of_aggregates(tools, &last)?,
        groups: groups.iter().map(|group| from.canonical(group)).collect(),
        from,
        keys: Vec::new(),
        states: Vec::new(),
        ordered: false,
    };
    merger.finish_clauses(&mut last, columns)?;
    let Merger { keys, states, ordered, .. } = merger;
    check(&groups, &keys, &states, ordered)?;

    let condition = child(&last, "where_clause").cloned();
    set(&mut last, "where_clause", Value::Null);
    set(&mut last, "group_expressions", (0..groups.len()).map(|index| column('g', index)).collect::<Vec<_>>());
    if by_all {
        set(&mut last, "aggregate_handling", "STANDARD_HANDLING");
        let all: Vec<usize> = (0..groups.len()).collect();
        set(&mut last, "group_sets", if groups.is_empty() { Vec::new() } else { vec![Value::from(all)] });
    }
    let (grouped, brings_rows) = (groups.len() + keys.len(), !keys.is_empty());
    let kept = [('g', groups), ('k', keys), ('p', states)];
    let kept = kept.into_iter().flat_map(|(letter, expressions)| {
        expressions.into_iter().enumerate().map(move |(index, kept)| ast::aliased(kept, &name(letter, index)))
    });
    let from_table = node.get("from_table").cloned().unwrap_or_default();
    let mut map = ast::select(kept.collect(), from_table, condition);
    ast::group_by_first(&mut map, grouped);
    Ok(Draft { map, last, strategy: Strategy::PartialAggregate, ordered, enough_rows: None, brings_rows })
}

fn name(letter: char, index: usize) -> String {
    format!("__{letter}{index}")
}

fn column(letter: char, index: usize) -> Value {
    ast::column(&name(letter, index))
}

fn check(groups: &[Value], keys: &[Value], states: &[Value], ordered: bool) -> Result<(), Why> {
    if groups.is_empty() && keys.is_empty() && states.is_empty() {
        return Err(Why("it aggregates nothing".to_owned()));
    }
    if ordered && !keys.is_empty() {
        return Err(Why("it asks for distinct values and for first ones".to_owned()));
    }
    // Equal under a collation is not equal, and what is kept of a group has lost its collation.
    let collated = |expression: &Value| ast::any(expression, &|object| class(object) == "COLLATE");
    if groups.iter().chain(keys).chain(states).any(collated) {
        return Err(Why("it groups or aggregates under a collation".to_owned()));
    }
    Ok(())
}

/// What GROUP BY ALL groups by: every result column without an aggregate function.
fn grouped_by_all(tools: &Tools<'_>, list: &[Value]) -> Result<Vec<Value>, Why> {
    let groups: Vec<Value> = list.iter().filter(|item| !tools.functions.aggregates(item)).map(ast::plain).collect();
    if groups.iter().any(|group| ast::any(group, &|object| class(object) == "WINDOW")) {
        return Err(Why("it groups by a window function".to_owned()));
    }
    Ok(groups)
}

/// The type that DuckDB gives each aggregate function of the query.
fn types_of_aggregates(tools: &Tools<'_>, node: &Value) -> Result<Vec<(Value, String)>, Why> {
    let mut found: Vec<Value> = Vec::new();
    for key in ["select_list", "having", "qualify", "modifiers"] {
        let Some(clause) = child(node, key) else { continue };
        ast::visit(clause, &mut |object| {
            let aggregate = tools.functions.is_aggregate(object);
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
    let described = tools.scratch.describe(&ast::select(found.clone(), from, None))?;
    Ok(found.into_iter().zip(described.into_iter().map(|column| column.sql_type)).collect())
}

/// Rewrites what is said of groups into what is said of parts of groups.
struct Merger<'a> {
    tools: &'a Tools<'a>,
    from: &'a From,
    types: Vec<(Value, String)>,
    /// Canonical, to be recognized wherever they are written again.
    groups: Vec<Value>,
    keys: Vec<Value>,
    states: Vec<Value>,
    ordered: bool,
}

impl Merger<'_> {
    /// Rewrites every clause that comes after grouping.
    fn finish_clauses(&mut self, last: &mut Value, columns: &[Column]) -> Result<(), Why> {
        let mut list = items(last, "select_list").to_vec();
        for (item, column) in list.iter_mut().zip(columns) {
            *item = ast::aliased(self.finish(item)?, &column.name);
        }
        set(last, "select_list", list);
        for key in ["having", "qualify"] {
            if let Some(clause) = child(last, key).cloned() {
                set(last, key, self.finish(&clause)?);
            }
        }
        normal::order_items(last, &mut |item| {
            if !normal::orders_by_result(item) {
                *item = self.finish(item)?;
            }
            Ok(())
        })
    }

    fn finish(&mut self, value: &Value) -> Result<Value, Why> {
        match value {
            Value::Array(values) => Ok(Value::Array(values.iter().map(|v| self.finish(v)).collect::<Result<_, _>>()?)),
            Value::Object(_) if !class(value).is_empty() => self.finish_expression(value),
            Value::Object(fields) => self.finish_fields(fields),
            _ => Ok(value.clone()),
        }
    }

    fn finish_fields(&mut self, fields: &serde_json::Map<String, Value>) -> Result<Value, Why> {
        let finished = fields.iter().map(|(key, value)| {
            // A subquery has its own FROM; where it asks for a column of this one, the final query will not bind.
            let finished = if key == "subquery" { value.clone() } else { self.finish(value)? };
            Ok((key.clone(), finished))
        });
        Ok(Value::Object(finished.collect::<Result<_, Why>>()?))
    }

    fn finish_expression(&mut self, expression: &Value) -> Result<Value, Why> {
        let canonical = self.from.canonical(expression);
        if let Some(index) = self.groups.iter().position(|group| *group == canonical) {
            return Ok(ast::aliased(column('g', index), text(expression, "alias")));
        }
        if self.tools.functions.is_aggregate(expression) {
            return self.merge(expression);
        }
        match (class(expression), expression) {
            ("COLUMN_REF", _) => Err(Why(format!("`{}` is not grouped by", ast::column_names(expression).join(".")))),
            ("STAR" | "LAMBDA", _) => Err(Why("what it makes of the groups cannot be told apart".to_owned())),
            (_, Value::Object(fields)) => self.finish_fields(fields),
            _ => Ok(expression.clone()),
        }
    }

    /// Takes an aggregate function apart: notes what the splits keep for it, and gives how that is merged.
    fn merge(&mut self, call: &Value) -> Result<Value, Why> {
        let (name, arguments) = (text(call, "function_name"), items(call, "children"));
        let apart = || Why(format!("`{name}` needs all rows of a group at once"));
        let sorted =
            call.pointer("/order_bys/orders").and_then(Value::as_array).is_some_and(|orders| !orders.is_empty());
        let distinct = call.get("distinct") == Some(&Value::Bool(true));
        if self.tools.functions.is_macro(call) {
            return Err(apart());
        }
        if (distinct && !recipes::is_distinct_anyway(name)) || name.eq_ignore_ascii_case("approx_count_distinct") {
            return match arguments {
                [argument] if recipes::takes_distinct(name) => self.merge_distinct(call, argument),
                _ => Err(apart()),
            };
        }
        let recipe = recipes::of(name, arguments.len()).ok_or_else(apart)?;
        let plain = ast::plain(call);
        let sql_type = self.types.iter().find(|(known, _)| *known == plain).map(|(_, sql_type)| sql_type.clone());
        let sql_type = sql_type.ok_or_else(apart)?;
        if (recipe.only_numbers && sql_type != "DOUBLE") || (recipe.ordered && sorted) {
            return Err(apart());
        }
        self.ordered |= recipe.ordered;
        let mut kept = Vec::with_capacity(recipe.keep.len());
        for keep in recipe.keep {
            let mut state = self.tools.scratch.template(keep, &["x", "y"], arguments)?;
            set(&mut state, "filter", call.get("filter").cloned().unwrap_or_default());
            kept.push(column('p', place(&mut self.states, state)));
        }
        let merged = self.tools.scratch.template(recipe.merge, &["p0", "p1", "p2", "p3", "p4", "p5"], &kept)?;
        if recipe.cast { self.tools.scratch.cast(&merged, &sql_type) } else { Ok(merged) }
    }

    /// The splits keep each value once, and the final query runs the function over those.
    fn merge_distinct(&mut self, call: &Value, argument: &Value) -> Result<Value, Why> {
        let key = match child(call, "filter") {
            Some(filter) => {
                let values = [filter.clone(), argument.clone()];
                self.tools.scratch.template("CASE WHEN f THEN x END", &["f", "x"], &values)?
            }
            None => ast::plain(argument),
        };
        let mut merged = ast::plain(call);
        set(&mut merged, "children", vec![column('k', place(&mut self.keys, key))]);
        set(&mut merged, "filter", Value::Null);
        if let Some(orders) = merged.pointer_mut("/order_bys/orders") {
            *orders = Value::Array(Vec::new());
        }
        Ok(merged)
    }
}

/// The index of `expression` in `list`, where it is put if it is not there.
fn place(list: &mut Vec<Value>, expression: Value) -> usize {
    let expression = ast::plain(&expression);
    list.iter().position(|known| *known == expression).unwrap_or_else(|| {
        list.push(expression);
        list.len() - 1
    })
}
