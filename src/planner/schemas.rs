//! Names with a schema: `sales.orders` becomes a name of one part, as the catalog has it, for as long as a query is planned, and two
//! again where SQL is made of the plan.

use quack_function::names;
use serde_json::Value;

use super::ast::{self, kind, set, text};
use super::refusal::Refusal;

/// Has tables in schemas be named by one part.
///
/// # Errors
/// A column that is named with its schema, or a part of the query that would be mistaken for such a table.
pub(super) fn join(root: &mut Value) -> Result<(), Refusal> {
    let mut schemas: Vec<String> = Vec::new();
    let mut tables: Vec<String> = Vec::new();
    ast::change(root, &mut |object| {
        if kind(object) != "BASE_TABLE" {
            return Ok::<bool, Refusal>(true);
        }
        let (schema, name) = (text(object, "schema_name").to_owned(), text(object, "table_name").to_owned());
        let full = format!("{schema}.{name}");
        let of_lake = ["", "memory"].iter().any(|known| known.eq_ignore_ascii_case(text(object, "catalog_name")));
        if schema.is_empty() || !of_lake || !names::is_table(&full) {
            return Ok(true);
        }
        if text(object, "alias").is_empty() {
            set(object, "alias", name);
        }
        set(object, "catalog_name", "");
        set(object, "schema_name", "");
        set(object, "table_name", full.as_str());
        schemas.push(schema);
        tables.push(full);
        Ok(true)
    })?;
    let mut is_unclear = false;
    ast::visit(root, &mut |object| {
        let column = ast::column_names(object);
        is_unclear |= column.len() > 2 && schemas.iter().any(|schema| schema.eq_ignore_ascii_case(column[0]))
            || tables.iter().any(|table| table.eq_ignore_ascii_case(text(object, "key")));
        true
    });
    match is_unclear {
        true => Err(Refusal("it names a column with its schema".to_owned())),
        false => Ok(()),
    }
}

/// The same tree with such names as SQL has them.
pub(super) fn split(root: &Value) -> Value {
    let mut made = root.clone();
    // Nothing in here fails.
    let _ = ast::change(&mut made, &mut |object| {
        if kind(object) == "BASE_TABLE"
            && let (Some(schema), name) = names::parts(text(object, "table_name"))
        {
            let (schema, name) = (schema.to_owned(), name.to_owned());
            set(object, "schema_name", schema);
            set(object, "table_name", name);
        }
        Ok::<bool, std::convert::Infallible>(true)
    });
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::scratch::Scratch;

    #[test]
    fn names_are_joined_and_split_again() {
        let scratch = Scratch::open().unwrap();
        let sql = "SELECT orders.a, b FROM sales.orders , memory.sales.items AS i , main.t WHERE (a = ANY(SELECT a FROM other))";
        let mut root = scratch.parse(sql).unwrap();
        join(&mut root).unwrap();
        assert_eq!(crate::planner::walk::references(&root), ["sales.orders", "sales.items", "t", "other"]);
        assert_eq!(
            scratch.print(&split(&root)).unwrap(),
            "SELECT orders.a, b FROM sales.orders AS orders , sales.items AS i , main.t WHERE (a = ANY(SELECT a FROM other))"
        );
        for sql in ["SELECT sales.orders.a FROM sales.orders", "WITH \"sales.orders\" AS (SELECT 1) FROM sales.orders"]
        {
            assert!(join(&mut scratch.parse(sql).unwrap()).is_err(), "{sql}");
        }
    }
}
