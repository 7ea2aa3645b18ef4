//! TPC-H: all 22 queries, with `lineitem` and `orders` in eight files each.

use quack_function::sql::literal;

use super::support::Lake;
use crate::fetch::pinned::{Web, extension};
use crate::planner::Strategy;

/// Queries that more than one function works on.
const LEAST_SPLIT: usize = 15;

/// Says which strategy each query takes and why.
const DOCUMENT: &str = include_str!("../../../docs/tpch.md");

/// The tables that are in more than one file, and what is counted off to find a row's.
const PARTITIONED: &[(&str, &str)] = &[("lineitem", "l_orderkey // 32"), ("orders", "o_orderkey // 32")];

#[test]
fn all_queries_give_the_same_rows() {
    let path = extension("tpch", crate::arch::host().unwrap(), &Web::QUIET).unwrap();
    let mut lake = Lake::new();
    lake.execute(&format!("LOAD {}; CALL dbgen(sf = 0.1)", literal(&path.to_string_lossy())));
    let queries: Vec<(i32, String)> = lake.rows_of("SELECT query_nr, query FROM tpch_queries() ORDER BY query_nr");
    for table in ["lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region"] {
        lake.adopt(table, PARTITIONED);
    }
    assert_eq!(queries.len(), 22);
    let (mut split, mut table) = (0, String::new());
    for (number, query) in queries {
        let query = query.trim().trim_end_matches(';');
        let plan = lake.difference(query, false).unwrap_or_else(|difference| panic!("query {number}: {difference}"));
        table.push_str(&format!("| {number} | {} | {} |\n", plan.strategy, plan.reason));
        split += usize::from(plan.strategy != Strategy::Single);
    }
    assert!(split >= LEAST_SPLIT, "only {split} were split");
    assert!(DOCUMENT.ends_with(&table), "docs/tpch.md should end with:\n{table}");
}
