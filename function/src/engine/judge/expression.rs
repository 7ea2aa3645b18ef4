//! Walking the expressions of a syntax tree.

use super::fields::{Object, field, list, object, one_of, only, optional, text, texts, unknown};
use super::query::Walk;
use super::value::{check_constant, check_type, constant_text};
use crate::engine::Failure;
use crate::functions::{FUNCTIONS, Place, Verdict};
use serde_json::Value;

/// Most parts of a column's name, `table.column.field.field`: DuckDB takes one apart on its stack, which very many overflow.
const MAX_PARTS: usize = 500;

/// Settings that SQL may ask for: none tells of keys, of other queries or of the machine.
const SETTINGS: &[&str] = &[
    "calendar",
    "default_collation",
    "default_null_order",
    "default_order",
    "enable_external_access",
    "ieee_floating_point_ops",
    "integer_division",
    "lock_configuration",
    "max_expression_depth",
    "max_memory",
    "max_temp_directory_size",
    "memory_limit",
    "null_order",
    "pivot_limit",
    "preserve_insertion_order",
    "schema",
    "search_path",
    "threads",
    "timezone",
    "worker_threads",
];

impl Walk<'_> {
    pub(super) fn expressions(&mut self, expressions: &[Value]) -> Result<(), Failure> {
        expressions.iter().try_for_each(|expression| self.expression(expression))
    }

    pub(super) fn optional_expression(&mut self, of: &Object, field: &str) -> Result<(), Failure> {
        optional(of, field).map_or(Ok(()), |expression| self.expression(expression))
    }

    /// Judges an expression.
    pub(super) fn expression(&mut self, expression: &Value) -> Result<(), Failure> {
        let expression = object(expression)?;
        let kind = text(expression, "type")?;
        let known = |own: &[&str], kinds: &[&str]| {
            only(expression, &[&["class", "type", "alias", "query_location"], own].concat())?;
            one_of(kind, kinds)
        };
        match text(expression, "class")? {
            "COLUMN_REF" => {
                known(&["column_names"], &["COLUMN_REF"])?;
                if list(expression, "column_names")?.len() > MAX_PARTS {
                    return Err(Failure::refused("a name of so many parts", "take it apart with WITH"));
                }
                texts(expression, "column_names")
            }
            "CONSTANT" => {
                known(&["value"], &["VALUE_CONSTANT"])?;
                check_constant(field(expression, "value")?)
            }
            "FUNCTION" => {
                known(FUNCTION_FIELDS, &["FUNCTION"])?;
                self.function(expression)
            }
            "WINDOW" => self.window(expression),
            "COMPARISON" => {
                known(&["left", "right"], COMPARISONS)?;
                self.expression(field(expression, "left")?)?;
                self.expression(field(expression, "right")?)
            }
            "CONJUNCTION" => {
                known(&["children"], &["CONJUNCTION_AND", "CONJUNCTION_OR"])?;
                self.expressions(list(expression, "children")?)
            }
            "OPERATOR" => {
                known(&["children"], OPERATORS)?;
                self.expressions(list(expression, "children")?)
            }
            "BETWEEN" => {
                known(&["input", "lower", "upper"], &["COMPARE_BETWEEN", "COMPARE_NOT_BETWEEN"])?;
                ["input", "lower", "upper"].iter().try_for_each(|part| self.expression(field(expression, part)?))
            }
            "CASE" => {
                known(&["case_checks", "else_expr"], &["CASE_EXPR"])?;
                for check in list(expression, "case_checks")? {
                    let check = object(check)?;
                    only(check, &["when_expr", "then_expr"])?;
                    self.expression(field(check, "when_expr")?)?;
                    self.expression(field(check, "then_expr")?)?;
                }
                self.optional_expression(expression, "else_expr")
            }
            "CAST" => {
                known(&["child", "cast_type", "try_cast"], &["OPERATOR_CAST"])?;
                check_type(field(expression, "cast_type")?)?;
                self.expression(field(expression, "child")?)
            }
            "COLLATE" => {
                known(&["child", "collation"], &["COLLATE"])?;
                let collation = text(expression, "collation")?;
                if !collation.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'.') {
                    return Err(unknown(collation));
                }
                self.expression(field(expression, "child")?)
            }
            "LAMBDA" => {
                known(&["lhs", "expr"], &["LAMBDA"])?;
                self.expression(field(expression, "lhs")?)?;
                self.expression(field(expression, "expr")?)
            }
            "SUBQUERY" => {
                known(&["subquery_type", "subquery", "child", "comparison_type"], &["SUBQUERY"])?;
                one_of(text(expression, "subquery_type")?, &["SCALAR", "EXISTS", "NOT_EXISTS", "ANY"])?;
                self.optional_expression(expression, "child")?;
                self.statement(field(expression, "subquery")?)
            }
            "STAR" => self.star(expression),
            "PARAMETER" => known(&["identifier"], &["VALUE_PARAMETER"]),
            "POSITIONAL_REFERENCE" => known(&["index"], &["POSITIONAL_REFERENCE"]),
            "DEFAULT" => known(&[], &["VALUE_DEFAULT"]),
            other => Err(unknown(other)),
        }
    }

    /// `*`, COLUMNS(...), with what they leave out, replace and rename.
    fn star(&mut self, star: &Object) -> Result<(), Failure> {
        let own = ["relation_name", "exclude_list", "replace_list", "columns", "expr", "qualified_exclude_list"];
        only(star, &[&["class", "type", "alias", "query_location", "rename_list"], own.as_slice()].concat())?;
        one_of(text(star, "type")?, &["STAR"])?;
        for replaced in list(star, "replace_list")? {
            let replaced = object(replaced)?;
            only(replaced, &["key", "value"])?;
            self.expression(field(replaced, "value")?)?;
        }
        self.optional_expression(star, "expr")
    }

    /// A function in an expression.
    fn function(&mut self, function: &Object) -> Result<(), Failure> {
        let name = text(function, "function_name")?;
        match verdict(Place::Expression, name)? {
            Verdict::Setting => check_setting(function)?,
            Verdict::Allowed => {}
            _ => return Err(unknown(name)),
        }
        self.function_parts(function)
    }

    /// Everything of a function but its name.
    pub(super) fn function_parts(&mut self, function: &Object) -> Result<(), Failure> {
        only(function, &[&["class", "type", "alias", "query_location"], FUNCTION_FIELDS].concat())?;
        if function.get("export_state").and_then(Value::as_bool) != Some(false) {
            return Err(Failure::refused("EXPORT_STATE", "it shows how DuckDB lies in memory"));
        }
        self.expressions(list(function, "children")?)?;
        self.optional_expression(function, "filter")?;
        optional(function, "order_bys").map_or(Ok(()), |orders| self.modifier(orders))
    }

    /// A function with OVER.
    fn window(&mut self, window: &Object) -> Result<(), Failure> {
        let own = [
            "function_name",
            "schema",
            "catalog",
            "children",
            "partitions",
            "orders",
            "start",
            "end",
            "start_expr",
            "end_expr",
            "offset_expr",
            "default_expr",
            "ignore_nulls",
            "filter_expr",
            "exclude_clause",
            "distinct",
            "arg_orders",
        ];
        only(window, &[&["class", "type", "alias", "query_location"], own.as_slice()].concat())?;
        if !text(window, "type")?.starts_with("WINDOW_") {
            return Err(unknown("window"));
        }
        let name = text(window, "function_name")?;
        if verdict(Place::Expression, name)? != Verdict::Allowed {
            return Err(unknown(name));
        }
        self.expressions(list(window, "children")?)?;
        self.expressions(list(window, "partitions")?)?;
        self.orders(list(window, "orders")?)?;
        self.orders(list(window, "arg_orders")?)?;
        ["start_expr", "end_expr", "offset_expr", "default_expr", "filter_expr"]
            .iter()
            .try_for_each(|part| self.optional_expression(window, part))
    }
}

/// What a function holds beside what every expression does.
const FUNCTION_FIELDS: &[&str] = &[
    "function_name",
    "schema",
    "catalog",
    "children",
    "filter",
    "order_bys",
    "distinct",
    "is_operator",
    "export_state",
];

const COMPARISONS: &[&str] = &[
    "COMPARE_EQUAL",
    "COMPARE_NOTEQUAL",
    "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_DISTINCT_FROM",
    "COMPARE_NOT_DISTINCT_FROM",
];

const OPERATORS: &[&str] = &[
    "ARRAY_CONSTRUCTOR",
    "ARRAY_EXTRACT",
    "ARRAY_SLICE",
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "GROUPING_FUNCTION",
    "OPERATOR_COALESCE",
    "OPERATOR_IS_NOT_NULL",
    "OPERATOR_IS_NULL",
    "OPERATOR_NOT",
    "OPERATOR_NULLIF",
    "OPERATOR_TRY",
    "OPERATOR_UNPACK",
    "STRUCT_EXTRACT",
];

/// What SQL may do with the function `name`. A schema in front of it changes nothing: no function is anybody's but DuckDB's.
///
/// # Errors
/// `Quack.SandboxError` when it is refused, `DuckDB.CatalogError` when there is none.
pub(super) fn verdict(place: Place, name: &str) -> Result<Verdict, Failure> {
    let shown: String = name.chars().take(80).collect();
    match FUNCTIONS.verdict(place, name) {
        Some(Verdict::Refused(why)) => Err(Failure::refused(&format!("{shown}()"), why)),
        Some(verdict) => Ok(verdict),
        None => {
            let kind = if place == Place::From { "Table Function" } else { "Function" };
            let mut message = format!("Catalog Error: {kind} with name {shown} does not exist!");
            if let Some(similar) = FUNCTIONS.similar(place, name) {
                message += &format!("\nDid you mean \"{similar}\"?");
            }
            Err(Failure::new("DuckDB.CatalogError", message))
        }
    }
}

/// current_setting() of what anybody may know.
fn check_setting(function: &Object) -> Result<(), Failure> {
    let setting = match list(function, "children")? {
        [argument] => constant_text(object(argument)?),
        _ => None,
    };
    match setting {
        Some(name) if SETTINGS.contains(&name.to_ascii_lowercase().as_str()) => Ok(()),
        _ => {
            let why = format!("it may be asked for {}, spelled out", SETTINGS.join(", "));
            Err(Failure::refused("current_setting() in this form", &why))
        }
    }
}
