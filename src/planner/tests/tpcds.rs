//! TPC-DS: all 99 queries, with each of the seven tables of facts in eight files.

use quack_function::sql::literal;

use super::support::Lake;
use crate::fetch::pinned::{Web, extension};
use crate::planner::Strategy;

/// Queries that more than one function works on.
const LEAST_SPLIT: usize = 80;

/// Queries that have rows at this scale: an answer without any would say little.
const LEAST_ANSWERED: usize = 70;

/// Says which strategy each query takes and why.
const DOCUMENT: &str = include_str!("../../../docs/tpcds.md");

/// The tables that are in more than one file, and what is counted off to find a row's.
const PARTITIONED: &[(&str, &str)] = &[
    ("catalog_returns", "cr_item_sk"),
    ("catalog_sales", "cs_item_sk"),
    ("inventory", "inv_item_sk"),
    ("store_returns", "sr_item_sk"),
    ("store_sales", "ss_item_sk"),
    ("web_returns", "wr_item_sk"),
    ("web_sales", "ws_item_sk"),
];

#[test]
fn all_queries_give_the_same_rows() {
    let path = extension("tpcds", crate::arch::host().unwrap(), &Web::QUIET).unwrap();
    let mut lake = Lake::new();
    lake.execute(&format!("LOAD {}; CALL dsdgen(sf = 0.01)", literal(&path.to_string_lossy())));
    let queries = lake.rows_of("SELECT query_nr, query FROM tpcds_queries() ORDER BY query_nr");
    let tables = lake.rows_of("SELECT column_count, table_name FROM duckdb_tables() WHERE schema_name = 'main'");
    for (_, table) in &tables {
        lake.adopt(table, PARTITIONED);
    }
    assert_eq!((tables.len(), queries.len()), (24, 99));
    let (mut split, mut answered, mut table, mut wrong) = (0, 0, String::new(), Vec::new());
    for (number, query) in queries {
        let query = query.trim().trim_end_matches(';');
        match lake.difference(query, false) {
            Ok(plan) => {
                table.push_str(&format!("| {number} | {} | {} |\n", plan.strategy, plan.reason));
                split += usize::from(plan.strategy != Strategy::Single);
            }
            Err(difference) => wrong.push(format!("query {number}: {difference}")),
        }
        answered += usize::from(lake.has_rows(query));
    }
    assert!(wrong.is_empty(), "{} of 99 are wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(split >= LEAST_SPLIT && answered >= LEAST_ANSWERED, "only {split} were split, {answered} have rows");
    assert!(DOCUMENT.ends_with(&table), "docs/tpcds.md should end with:\n{table}");
}
