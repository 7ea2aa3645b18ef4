//! Queries whose rows are those of the parts of a table, one part below the other: what they give can be written by whoever reads a
//! part, and need not come together anywhere.

use serde_json::Value;

use super::ast::{child, class, items, kind, text};
use super::plan::Planner;
use super::query_plan::{Fetch, QueryPlan, Strategy};
use super::request::Request;
use super::splits;
use super::worth::PART_BYTES;

impl Planner {
    /// The fetch whose rows, as its splits follow each other, are the query's.
    ///
    /// # Errors
    /// Why there is none, or why it would not pay, for people.
    pub(crate) fn stack(&self, request: &Request<'_>) -> Result<Fetch, String> {
        let QueryPlan { strategy, reason, fetches, final_sql, .. } = self.plan(request);
        if strategy == Strategy::Single {
            return Err(reason);
        }
        let Ok([mut fetch]) = <[Fetch; 1]>::try_from(fetches) else {
            return Err("one function writes: rows of several tables come together".to_owned());
        };
        let is_all =
            || self.scratch().and_then(|scratch| scratch.parse(&final_sql)).is_ok_and(|node| is_all(&node, &fetch));
        if fetch.strategy != Strategy::Projection || !fetch.ordered || fetch.enough_rows.is_some() || !is_all() {
            return Err("one function writes: what the parts of the table give is not the answer yet".to_owned());
        }
        if let Some((_, table)) = request.catalog.find(&fetch.table) {
            let most = fetch.splits.iter().map(|split| split.bytes).max().unwrap_or(0);
            fetch.splits = splits::within(std::mem::take(&mut fetch.splits), table, most.min(PART_BYTES));
        }
        Ok(fetch)
    }
}

/// Whether `node` gives nothing but the columns of the fetch's table, in their order.
fn is_all(node: &Value, fetch: &Fetch) -> bool {
    let from = child(node, "from_table").unwrap_or(&Value::Null);
    let list = items(node, "select_list");
    let is_column = |(item, column): (&Value, &quack_function::wire::Column)| {
        let names = items(item, "column_names");
        class(item) == "COLUMN_REF" && names.last().is_some_and(|name| name == column.name.as_str())
    };
    let nothing_more = ["where_clause", "having", "qualify", "sample"].iter().all(|what| child(node, what).is_none());
    kind(node) == "SELECT_NODE"
        && items(node, "modifiers").is_empty()
        && items(node, "group_expressions").is_empty()
        && nothing_more
        && kind(from) == "BASE_TABLE"
        && text(from, "table_name") == fetch.name
        && child(from, "sample").is_none()
        && list.len() == fetch.columns.len()
        && list.iter().zip(&fetch.columns).all(is_column)
}
