//! Walking a syntax tree from the top: statements, query nodes, and what stands in FROM.

use super::Named;
use super::fields::{Object, field, list, object, one_of, only, optional, text, texts, unknown};
use super::value::{check_constant, check_type};
use crate::engine::Failure;
use crate::engine::access::Access;
use serde_json::Value;
use std::collections::BTreeSet;

/// A walk over one SELECT.
pub(super) struct Walk<'a> {
    pub(super) access: &'a Access,
    /// The event's tables, in lower case.
    pub(super) tables: &'a BTreeSet<String>,
    /// Names that the query itself gives to parts of it (WITH), in lower case, outermost first.
    pub(super) parts: Vec<String>,
    /// What it says of tables.
    pub(super) named: Named,
    /// SQL that it runs from a text.
    pub(super) texts: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(access: &'a Access, tables: &'a BTreeSet<String>) -> Self {
        Self { access, tables, parts: Vec::new(), named: Named::default(), texts: Vec::new() }
    }

    /// Judges a statement, or a SELECT in brackets.
    pub(super) fn statement(&mut self, statement: &Value) -> Result<(), Failure> {
        let statement = object(statement)?;
        only(statement, &["node", "named_param_map"])?;
        self.node(field(statement, "node")?)
    }

    /// Judges a query node with its WITH: each part sees those before it.
    fn node(&mut self, node: &Value) -> Result<(), Failure> {
        let node = object(node)?;
        let parts = self.parts.len();
        let with = object(field(node, "cte_map")?)?;
        only(with, &["map"])?;
        for entry in list(with, "map")? {
            let entry = object(entry)?;
            only(entry, &["key", "value"])?;
            let part = object(field(entry, "value")?)?;
            only(part, &["aliases", "query", "materialized", "key_targets"])?;
            self.expressions(list(part, "key_targets")?)?;
            self.statement(field(part, "query")?)?;
            self.parts.push(text(entry, "key")?.to_ascii_lowercase());
        }
        list(node, "modifiers")?.iter().try_for_each(|modifier| self.modifier(modifier))?;
        let judged = match text(node, "type")? {
            "SELECT_NODE" => self.select(node),
            "SET_OPERATION_NODE" => {
                only(node, &["type", "modifiers", "cte_map", "setop_type", "left", "right", "setop_all"])?;
                one_of(text(node, "setop_type")?, &["UNION", "UNION_BY_NAME", "EXCEPT", "INTERSECT"])?;
                self.node(field(node, "left")?)?;
                self.node(field(node, "right")?)
            }
            "RECURSIVE_CTE_NODE" => {
                let own = ["cte_name", "union_all", "left", "right", "aliases", "key_targets"];
                only(node, &[&["type", "modifiers", "cte_map"], own.as_slice()].concat())?;
                self.expressions(list(node, "key_targets")?)?;
                self.node(field(node, "left")?)?;
                let name = text(node, "cte_name")?.to_ascii_lowercase();
                self.parts.extend([recurring("recurring", &name), name]);
                self.node(field(node, "right")?)
            }
            other => Err(unknown(other)),
        };
        self.parts.truncate(parts);
        judged
    }

    fn select(&mut self, node: &Object) -> Result<(), Failure> {
        only(
            node,
            &[
                "type",
                "modifiers",
                "cte_map",
                "select_list",
                "from_table",
                "where_clause",
                "group_expressions",
                "group_sets",
                "aggregate_handling",
                "having",
                "sample",
                "qualify",
            ],
        )?;
        one_of(text(node, "aggregate_handling")?, &["STANDARD_HANDLING", "FORCE_AGGREGATES", "NO_AGGREGATES_ALLOWED"])?;
        self.expressions(list(node, "select_list")?)?;
        self.table(field(node, "from_table")?)?;
        for clause in ["where_clause", "having", "qualify"] {
            self.optional_expression(node, clause)?;
        }
        self.expressions(list(node, "group_expressions")?)?;
        check_sample(node)
    }

    /// ORDER BY, LIMIT, DISTINCT ON.
    pub(super) fn modifier(&mut self, modifier: &Value) -> Result<(), Failure> {
        let modifier = object(modifier)?;
        match text(modifier, "type")? {
            "ORDER_MODIFIER" => {
                only(modifier, &["type", "orders"])?;
                self.orders(list(modifier, "orders")?)
            }
            "LIMIT_MODIFIER" | "LIMIT_PERCENT_MODIFIER" => {
                only(modifier, &["type", "limit", "offset"])?;
                self.optional_expression(modifier, "limit")?;
                self.optional_expression(modifier, "offset")
            }
            "DISTINCT_MODIFIER" => {
                only(modifier, &["type", "distinct_on_targets"])?;
                self.expressions(list(modifier, "distinct_on_targets")?)
            }
            other => Err(unknown(other)),
        }
    }

    pub(super) fn orders(&mut self, orders: &[Value]) -> Result<(), Failure> {
        orders.iter().try_for_each(|order| {
            let order = object(order)?;
            only(order, &["type", "null_order", "expression"])?;
            self.expression(field(order, "expression")?)
        })
    }

    /// Judges what stands in FROM.
    fn table(&mut self, table: &Value) -> Result<(), Failure> {
        let table = object(table)?;
        check_sample(table)?;
        let known = |own: &[&str]| only(table, &[&["type", "alias", "sample", "query_location"], own].concat());
        match text(table, "type")? {
            "EMPTY" => known(&[]),
            "BASE_TABLE" => {
                known(&["schema_name", "table_name", "column_name_alias", "catalog_name", "at_clause"])?;
                if let Some(at) = optional(table, "at_clause") {
                    let at = object(at)?;
                    only(at, &["unit", "expr"])?;
                    self.expression(field(at, "expr")?)?;
                }
                self.base_table(text(table, "catalog_name")?, text(table, "schema_name")?, text(table, "table_name")?)
            }
            "SUBQUERY" => {
                known(&["subquery", "column_name_alias"])?;
                self.statement(field(table, "subquery")?)
            }
            "JOIN" => self.join(table),
            "TABLE_FUNCTION" => {
                known(&["function", "column_name_alias", "with_ordinality"])?;
                self.table_function(field(table, "function")?)
            }
            "EXPRESSION_LIST" => {
                known(&["expected_names", "expected_types", "values"])?;
                list(table, "expected_types")?.iter().try_for_each(check_type)?;
                list(table, "values")?
                    .iter()
                    .try_for_each(|row| self.expressions(row.as_array().ok_or_else(|| unknown("values"))?))
            }
            "PIVOT" => self.pivot(table),
            "SHOW_REF" => {
                known(&["table_name", "query", "show_type", "catalog_name", "schema_name"])?;
                one_of(text(table, "show_type")?, &["SUMMARY", "DESCRIBE", "SHOW_FROM", "SHOW_UNQUALIFIED"])?;
                match optional(table, "query") {
                    Some(query) => self.node(query),
                    None => {
                        let lists = [
                            "",
                            "\"tables\"",
                            "\"databases\"",
                            "\"schemas\"",
                            "\"variables\"",
                            "__show_tables_expanded",
                        ];
                        self.named.lists = true;
                        one_of(text(table, "table_name")?, &lists)
                    }
                }
            }
            other => Err(unknown(other)),
        }
    }

    fn join(&mut self, join: &Object) -> Result<(), Failure> {
        let own = ["left", "right", "condition", "join_type", "ref_type", "using_columns", "delim_flipped"];
        let common = ["type", "alias", "sample", "query_location", "duplicate_eliminated_columns"];
        only(join, &[own.as_slice(), common.as_slice()].concat())?;
        one_of(text(join, "join_type")?, &["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"])?;
        one_of(text(join, "ref_type")?, &["REGULAR", "NATURAL", "CROSS", "POSITIONAL", "ASOF"])?;
        texts(join, "using_columns")?;
        if !list(join, "duplicate_eliminated_columns")?.is_empty() {
            return Err(unknown("duplicate_eliminated_columns"));
        }
        self.table(field(join, "left")?)?;
        self.table(field(join, "right")?)?;
        self.optional_expression(join, "condition")
    }

    fn pivot(&mut self, pivot: &Object) -> Result<(), Failure> {
        let own = ["source", "aggregates", "unpivot_names", "pivots", "groups", "column_name_alias", "include_nulls"];
        only(pivot, &[&["type", "alias", "sample", "query_location"], own.as_slice()].concat())?;
        self.table(field(pivot, "source")?)?;
        self.expressions(list(pivot, "aggregates")?)?;
        texts(pivot, "unpivot_names")?;
        texts(pivot, "groups")?;
        for column in list(pivot, "pivots")? {
            let column = object(column)?;
            only(column, &["pivot_expressions", "unpivot_names", "entries", "pivot_enum"])?;
            if !text(column, "pivot_enum")?.is_empty() {
                let why = "no type of yours is there; write the values, IN ('a', 'b')";
                return Err(Failure::refused("PIVOT ... IN the name of an ENUM", why));
            }
            self.expressions(list(column, "pivot_expressions")?)?;
            texts(column, "unpivot_names")?;
            for entry in list(column, "entries")? {
                let entry = object(entry)?;
                only(entry, &["values", "star_expr", "alias"])?;
                list(entry, "values")?.iter().try_for_each(check_constant)?;
                self.optional_expression(entry, "star_expr")?;
            }
        }
        Ok(())
    }
}

/// A qualified name as it stands among the parts of a query, where no other is like it: SQL holds no NUL.
pub(super) fn recurring(schema: &str, lower: &str) -> String {
    format!("{}\0{lower}", schema.to_ascii_lowercase())
}

/// TABLESAMPLE, USING SAMPLE.
fn check_sample(of: &Object) -> Result<(), Failure> {
    let Some(sample) = optional(of, "sample") else { return Ok(()) };
    let sample = object(sample)?;
    only(sample, &["sample_size", "is_percentage", "method", "seed"])?;
    check_constant(field(sample, "sample_size")?)
}
