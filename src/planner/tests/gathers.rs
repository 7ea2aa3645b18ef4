//! What takes all rows at once.

use super::support::Lake;
use crate::planner::Strategy::{Gather, Single};
use crate::planner::{Grain, Planner, Request, Workers};

#[test]
fn what_looks_around_is_given_what_it_needs() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT id, sum(i) OVER (PARTITION BY k ORDER BY id) FROM t WHERE b",
        "SELECT id FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY i DESC, id) = 1",
        "SELECT *, lag(i) OVER (ORDER BY id) FROM t",
        "FROM t SELECT id, i - lag(i) OVER w AS step WINDOW w AS (PARTITION BY k ORDER BY id) ORDER BY ALL",
        "SELECT DISTINCT ON (k) k, id FROM t ORDER BY k, id",
        "SELECT name, median(i) FROM t JOIN u USING (k) GROUP BY name",
    ] {
        let plan = lake.same(sql);
        assert_eq!(plan.strategy, Gather, "{sql}\n{plan}");
    }
}

#[test]
fn only_columns_and_rows_that_are_needed_come() {
    let lake = Lake::mixed();
    let plan = lake.same("SELECT name, count(id) FROM u LEFT JOIN t ON t.k = u.k AND t.i > 990 GROUP BY name");
    let sql = &plan.fetches.iter().find(|fetch| fetch.table == "t").unwrap().sql;
    assert_eq!(sql, "SELECT id, k, i FROM t WHERE (t.i > 990)");
    // A condition on what may be missing must not be met before it is known to be missing.
    lake.same("SELECT name, id FROM u LEFT JOIN t ON t.k = u.k WHERE t.i IS NULL");
}

#[test]
fn too_much_is_not_gathered() {
    let lake = Lake::mixed();
    let sql = "SELECT median(i) FROM t";
    let request = Request {
        sql,
        catalog: &lake.catalog,
        workers: Workers::Exactly(8),
        gather_bytes: 1000,
        limit: None,
        grain: Grain::default(),
    };
    let plan = Planner::default().plan(&request);
    assert_eq!(plan.strategy, Single);
    assert!(plan.reason.contains("more rows would have to be gathered than pays"), "{}", plan.reason);
}
