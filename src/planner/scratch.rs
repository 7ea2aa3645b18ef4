//! A DuckDB that holds the tables' columns and no rows: it parses, prints, binds, and tells types.

use std::cell::RefCell;
use std::collections::HashMap;

use duckdb::Connection;
use quack_function::names;
use quack_function::sql::{identifier, literal, own_table};
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{ast, spell};
use crate::duck::{self, Sandbox, types, words};
use crate::lake::catalog::Table;

/// The planner's own DuckDB.
pub(super) struct Scratch {
    connection: Connection,
    /// Expressions that were written here, parsed.
    templates: RefCell<HashMap<String, Value>>,
    /// What has been asked of `duckdb_functions()`, which takes its time.
    functions: RefCell<HashMap<String, Vec<FunctionFacts>>>,
    /// The columns of the lake's tables that are known here, all in lower case.
    tables: RefCell<HashMap<String, Vec<String>>>,
}

impl Scratch {
    /// Opens DuckDB with nothing in it; it reaches no files.
    ///
    /// # Errors
    /// When DuckDB cannot start.
    pub(super) fn open() -> Result<Self, Refusal> {
        let sandbox = Sandbox { memory: Some("256MB"), threads: Some(1), ..Sandbox::default() };
        let connection = duck::open(&sandbox).map_err(|error| Refusal(format!("{error:#}")))?;
        Ok(Self {
            connection,
            templates: RefCell::default(),
            functions: RefCell::default(),
            tables: RefCell::default(),
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes a table of the lake known.
    ///
    /// # Errors
    /// A type that this DuckDB does not know.
    pub(super) fn add_table(&self, name: &str, table: &Table) -> Result<(), Refusal> {
        let columns = table.columns.iter();
        self.add_view(name, columns.clone().map(|column| (column.name.as_str(), column.sql_type.as_str())), None)?;
        let columns = columns.map(|column| column.name.to_lowercase()).collect();
        self.tables.borrow_mut().insert(name.to_lowercase(), columns);
        Ok(())
    }

    /// Has a table of the lake have so many rows, for what DuckDB makes of that: their values are nobody's.
    ///
    /// # Errors
    /// A type that this DuckDB does not know.
    pub(super) fn add_sized(&self, name: &str, table: &Table, rows: u64) -> Result<(), Refusal> {
        let columns = table.columns.iter().map(|column| (column.name.as_str(), column.sql_type.as_str()));
        self.add_view(name, columns, Some(rows))
    }

    /// The columns of a table of the lake, in lower case; `None` for one that was not made known.
    pub(super) fn columns_of(&self, name: &str) -> Option<Vec<String>> {
        self.tables.borrow().get(&name.to_lowercase()).cloned()
    }

    /// Makes a table of partial results known.
    ///
    /// # Errors
    /// A type that this DuckDB does not know.
    pub(super) fn add_partials(&self, name: &str, columns: &[Column]) -> Result<(), Refusal> {
        self.add_view(name, columns.iter().map(|column| (column.name.as_str(), column.sql_type.as_str())), None)
    }

    /// A view, as the function has it: it has no `rowid`. Nothing is known of its rows but how many they are, if that is said.
    fn add_view<'a>(
        &self,
        name: &str,
        columns: impl Iterator<Item = (&'a str, &'a str)>,
        rows: Option<u64>,
    ) -> Result<(), Refusal> {
        // Not NULL where there are rows: nothing would be left of them.
        let value = if rows.is_some() { "CAST(range AS VARCHAR)" } else { "NULL" };
        let columns = columns
            .map(|(name, sql_type)| Ok(format!("CAST({value} AS {}) AS {}", checked(sql_type)?, identifier(name))))
            .collect::<Result<Vec<_>, Refusal>>()?;
        let from = rows.map_or_else(|| "LIMIT 0".to_owned(), |rows| format!("FROM range({rows})"));
        let select = format!("SELECT {} {from}", columns.join(", "));
        let mut sql = format!("CREATE OR REPLACE VIEW memory.main.{} AS {select};", identifier(name));
        // Under the one name that the planner has for it, and under the two that SQL has.
        if let (Some(schema), _) = names::parts(name) {
            sql += &format!("CREATE SCHEMA IF NOT EXISTS memory.{};", identifier(schema));
            sql += &format!("CREATE OR REPLACE VIEW {} AS {select}", own_table(name));
        }
        Ok(self.connection.execute_batch(&sql)?)
    }

    /// The query node of the one SELECT that `sql` is.
    ///
    /// # Errors
    /// Anything but one SELECT without parameters.
    pub(super) fn parse(&self, sql: &str) -> Result<Value, Refusal> {
        let serialize = "SELECT json_serialize_sql(CAST(? AS VARCHAR), skip_null := false, skip_empty := false, \
                         skip_default := false)";
        let text: String = self.connection.query_row(serialize, [sql], |row| row.get(0))?;
        let mut tree: Value = serde_json::from_str(&text).map_err(|error| Refusal(error.to_string()))?;
        if tree.get("error") == Some(&Value::Bool(true)) {
            return Err(Refusal("it is not a SELECT that DuckDB can take apart".to_owned()));
        }
        let mut statements = tree.get_mut("statements").map(Value::take).unwrap_or_default();
        match statements.as_array_mut().map(Vec::as_mut_slice) {
            Some([statement]) if ast::items(statement, "named_param_map").is_empty() => {
                Ok(statement.get_mut("node").map(Value::take).unwrap_or_default())
            }
            Some([_]) => Err(Refusal("it has parameters".to_owned())),
            _ => Err(Refusal("it is not one statement".to_owned())),
        }
    }

    /// A query node as SQL.
    ///
    /// # Errors
    /// A tree that DuckDB does not take.
    pub(super) fn print(&self, node: &Value) -> Result<String, Refusal> {
        let tree = json!({ "error": false, "statements": [{ "node": node, "named_param_map": [] }] }).to_string();
        let print = "SELECT json_deserialize_sql(CAST(? AS JSON))";
        Ok(self.connection.query_row(print, [tree], |row| row.get(0))?)
    }

    /// Refuses a tree that DuckDB does not print as it read it: what is made of its parts could say something else.
    ///
    /// # Errors
    /// Such a tree.
    pub(super) fn check_printed(&self, node: &Value) -> Result<(), Refusal> {
        let read_again = self.parse(&self.print(node)?)?;
        match spell::essence(node) == spell::essence(&read_again) {
            true => Ok(()),
            false => Err(Refusal("DuckDB writes it otherwise than it reads it".to_owned())),
        }
    }

    /// An expression that is written in this program: `template` with its columns `names` replaced by `values`.
    ///
    /// # Errors
    /// A template that is no expression.
    pub(super) fn template(&self, template: &str, names: &[&str], values: &[Value]) -> Result<Value, Refusal> {
        let known = self.templates.borrow().get(template).cloned();
        let mut expression = match known {
            Some(expression) => expression,
            None => {
                let node = self.parse(&format!("SELECT {template}"))?;
                let first = ast::items(&node, "select_list").first().cloned();
                let mut expression = first.ok_or_else(|| Refusal(format!("`{template}` is no expression")))?;
                ast::unlocated(&mut expression);
                self.templates.borrow_mut().insert(template.to_owned(), expression.clone());
                expression
            }
        };
        ast::change(&mut expression, &mut |object| {
            let index = ast::bare_column(object).and_then(|name| names.iter().position(|known| *known == name));
            match index.and_then(|index| values.get(index)) {
                Some(value) => {
                    // In a struct, the alias is the field's name.
                    *object = ast::aliased(value.clone(), ast::text(object, "alias"));
                    Ok::<bool, Refusal>(false)
                }
                None => Ok(true),
            }
        })?;
        Ok(expression)
    }

    /// `expression` cast to a type by its DuckDB name.
    ///
    /// # Errors
    /// A name that is no type.
    pub(super) fn cast(&self, expression: &Value, sql_type: &str) -> Result<Value, Refusal> {
        self.template(&format!("CAST(x AS {})", checked(sql_type)?), &["x"], std::slice::from_ref(expression))
    }

    /// The columns that a query node gives, by DuckDB's binder.
    ///
    /// # Errors
    /// A query that does not bind: an unknown name, or a column of a query around it.
    pub(super) fn describe(&self, node: &Value) -> Result<Vec<Column>, Refusal> {
        self.describe_sql(&self.print(node)?)
    }

    /// As [`Self::describe`].
    ///
    /// # Errors
    /// SQL that does not bind.
    pub(super) fn describe_sql(&self, sql: &str) -> Result<Vec<Column>, Refusal> {
        Ok(words::columns(&self.connection, sql)?)
    }

    /// DuckDB's plan of a query node, as JSON.
    ///
    /// # Errors
    /// A query that does not bind.
    pub(super) fn explain(&self, node: &Value) -> Result<Value, Refusal> {
        let sql = format!("EXPLAIN (FORMAT json) {}", self.print(node)?);
        let plan: String = self.connection.query_row(&sql, [], |row| row.get(1))?;
        serde_json::from_str(&plan).map_err(|error| Refusal(error.to_string()))
    }

    /// What DuckDB knows of the functions called `names`, in lower case; nothing of those that it does not know.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn functions(&self, names: &[String]) -> Result<Vec<FunctionFacts>, Refusal> {
        let mut known = self.functions.borrow_mut();
        let new: Vec<_> = names.iter().filter(|name| !known.contains_key(*name)).collect();
        if !new.is_empty() {
            let literals: Vec<_> = new.iter().map(|name| literal(name)).collect();
            known.extend(new.into_iter().map(|name| (name.clone(), Vec::new())));
            let sql = format!(
                "SELECT DISTINCT function_name, function_type, coalesce(stability, ''), macro_definition \
                 FROM duckdb_functions() WHERE function_name IN ({})",
                literals.join(", ")
            );
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map([], |row| {
                let (name, kind, stability) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(FunctionFacts { name, kind, stability, definition: row.get(3)? })
            })?;
            for row in rows {
                let row = row?;
                known.entry(row.name.clone()).or_default().push(row);
            }
        }
        Ok(names.iter().filter_map(|name| known.get(name)).flatten().cloned().collect())
    }
}

/// A type that somebody else may have written, as a value that says nothing but that type.
///
/// # Errors
/// Text that is no type.
pub(super) fn checked(sql_type: &str) -> Result<SqlType, Refusal> {
    types::parse(sql_type).map_err(Refusal)
}

/// A row of `duckdb_functions()`.
#[derive(Clone)]
pub(super) struct FunctionFacts {
    pub name: String,
    /// `scalar`, `aggregate`, `macro`, `table`, ...
    pub kind: String,
    /// `CONSISTENT`, `CONSISTENT_WITHIN_QUERY`, `VOLATILE`, or empty for macros.
    pub stability: String,
    pub definition: Option<String>,
}
