//! Tables that `quack.toml` declares by a query.

use anyhow::Result;
use quack_function::sql::Token;

use super::created::{Create, Rows};
use super::parts;
use super::reader::Reader;
use super::statement::Change;
use crate::error::usage;

/// What makes the table `name` of the one query `sql`, with the columns `partitions` in its folders' names; nothing where there is
/// such a table.
///
/// # Errors
/// What is not one query.
pub(crate) fn table_of(name: &str, sql: &str, partitions: &[String]) -> Result<Change> {
    let mut reader = Reader::of_last(sql);
    let help = "write one SELECT, FROM, WITH or VALUES";
    let is_query = match reader.peek() {
        Some(Token::Symbol('(')) => true,
        Some(token) => ["SELECT", "FROM", "WITH", "VALUES", "PIVOT", "UNPIVOT"].iter().any(|word| token.is(word)),
        None => false,
    };
    if !is_query || reader.at > 0 {
        return Err(usage(format!("table `{name}` is to be made of what is not one query"), help));
    }
    let query = reader.rest();
    parts::check_parsed(&query).map_err(|why| usage(format!("the query of table `{name}`: {why}"), help))?;
    if let Some(by) = partitions.iter().find(|by| by.contains('=')) {
        return Err(usage(
            format!("table `{name}` is made of a query, and cannot be partitioned by `{by}`"),
            "make it a column of the query, and name that",
        ));
    }
    let (replace, if_not_exists) = (false, true);
    let (table, partitions, rows) = (name.to_owned(), partitions.to_vec(), Rows::Query(query));
    Ok(Change::Create(Create { table, temporary: false, replace, if_not_exists, partitions, names: Vec::new(), rows }))
}
