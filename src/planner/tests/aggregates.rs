//! GROUP BY in all its forms, and every function that comes apart.

use super::support::Lake;
use crate::planner::Strategy::{self, Gather, PartialAggregate, Single};
use crate::planner::recipes;

fn by(strategy: Strategy, queries: &[&str]) {
    let lake = Lake::mixed();
    for sql in queries {
        lake.same_by(strategy, sql);
    }
}

#[test]
fn groups_are_merged_however_they_are_named() {
    by(
        PartialAggregate,
        &[
            "SELECT k, count(*), sum(i), min(d), max(s), avg(i) FROM t GROUP BY k",
            "SELECT k AS kk, count(*) FROM t GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3",
            "SELECT k % 2 AS odd, sum(i) + count(*) FROM t GROUP BY odd HAVING odd = 1",
            "SELECT T.k, b, count(s) FROM t GROUP BY ALL ORDER BY ALL",
            "SELECT t.K + 1, upper(s), max(ts) FROM t AS t GROUP BY k + 1, UPPER(s)",
            "SELECT date_trunc('week', ts) AS week, sum(money) FROM t GROUP BY ALL",
            "SELECT count(*) AS n FROM t GROUP BY k HAVING n > 100",
            "SELECT sum(i) AS i, k FROM t GROUP BY k ORDER BY i",
            "SELECT k FROM t GROUP BY k ORDER BY sum(i), k",
            "SELECT k, s FROM t GROUP BY k, s HAVING count(*) > 10 AND max(i) > 0",
            "SELECT CASE WHEN k > 3 THEN 'high' WHEN k IS NULL THEN 'none' ELSE 'low' END AS level, count(*) FROM t \
             GROUP BY 1",
            "SELECT k, count(*) FROM t GROUP BY k ORDER BY count(*) DESC, k NULLS FIRST LIMIT 3 OFFSET 1",
            "SELECT DISTINCT count(*) > 100 FROM t GROUP BY k",
            "SELECT list[1], st.a, count(*) FROM t GROUP BY ALL",
            "FROM t SELECT count(*) WHERE false",
            "SELECT k, count(*) FROM t WHERE false GROUP BY k",
            "SELECT count(*), sum(i), avg(x), min(s), stddev(x), first(id), bool_or(b), corr(x, y) FROM t WHERE id + \
             0 < 0",
            "SELECT 1 AS one, 'x', count(*) FROM t",
            "SELECT count(*) FROM t HAVING sum(i) > 1000000000",
            "SELECT k, sum(i) AS total, total / count(*) AS mean FROM t GROUP BY k",
        ],
    );
}

#[test]
fn grouping_sets_are_made_of_the_finest_groups() {
    by(
        PartialAggregate,
        &[
            "SELECT k, b, count(*), sum(i), avg(money) FROM t GROUP BY ROLLUP (k, b)",
            "SELECT k, b, count(*), grouping(k, b) FROM t GROUP BY CUBE (k, b)",
            "SELECT k, b, count(DISTINCT s), grouping_id(k) FROM t GROUP BY GROUPING SETS ((k), (b), ()) HAVING \
             count(*) > 3",
            "SELECT k, count(*) FROM t WHERE id + 0 < 0 GROUP BY ROLLUP (k)",
            "SELECT count(*) FROM t WHERE id + 0 < 0 GROUP BY ()",
            "SELECT tiny % 3, stddev_pop(x) FROM t GROUP BY CUBE (1)",
        ],
    );
}

#[test]
fn a_group_that_is_named_twice_is_grouped_by_twice() {
    by(
        Gather,
        &[
            "SELECT k AS a, k AS b, count(*) FROM t GROUP BY CUBE (1, 2)",
            "SELECT k AS a, t.k AS b, median(i) FROM t GROUP BY ROLLUP (a, b)",
        ],
    );
}

#[test]
fn functions_come_apart() {
    let functions = [
        "count(*)",
        "count()",
        "count(s)",
        "count_star()",
        "count_if(b)",
        "countif(b)",
        "kahan_sum(x)",
        "sumkahan(x)",
        "first(id)",
        "arbitrary(s)",
        "last(id)",
        "argmin(s, id)",
        "min_by(s, id)",
        "argmax(s, id)",
        "sum(i)",
        "sum(big)",
        "sum(tiny)",
        "sum(money)",
        "sum(b)",
        "sum(x)",
        "avg(i)",
        "avg(big)",
        "avg(money)",
        "mean(x)",
        "avg(x::FLOAT)",
        "favg(x)",
        "fsum(x)",
        "product(x / 1e6)",
        "min(i)",
        "max(s)",
        "min(ts)",
        "max(huge)",
        "min(list)",
        "max(st)",
        "bool_and(b)",
        "bool_or(b)",
        "bit_and(tiny)",
        "bit_or(i)",
        "bit_xor(id)",
        "any_value(day - day)",
        "arg_min(s, id)",
        "arg_max(id, big * 10000 + id % 3000)",
        "max_by(s, id)",
        "arg_min_null(s, id)",
        "arg_max_null(s, id)",
        "var_pop(x)",
        "var_samp(x)",
        "variance(tiny)",
        "stddev(money)",
        "stddev_pop(i)",
        "stddev_samp(x)",
        "sem(x)",
        "covar_pop(x, y)",
        "covar_samp(y, x)",
        "corr(x, y)",
        "corr(i, d)",
        "regr_count(y, x)",
        "regr_avgx(y, x)",
        "regr_avgy(y, x)",
        "regr_sxx(y, x)",
        "regr_syy(y, x)",
        "regr_sxy(y, x)",
        "regr_slope(y, x)",
        "regr_intercept(y, x)",
        "regr_r2(y, x)",
        "count(DISTINCT s)",
        "sum(DISTINCT tiny)",
        "avg(DISTINCT tiny)",
        "min(DISTINCT s)",
        "approx_count_distinct(s)",
    ];
    let untried: Vec<_> = recipes::merged_names()
        .filter(|name| !functions.iter().any(|function| function.starts_with(&format!("{name}("))))
        .collect();
    assert!(untried.is_empty(), "{untried:?}");
    let lake = Lake::mixed();
    for function in functions {
        for filter in ["", " FILTER (WHERE i > 0)"] {
            for rest in
                ["FROM t", "FROM t GROUP BY k", "FROM t WHERE k = 3 GROUP BY ALL", "FROM t GROUP BY id % 100 > 1, k"]
            {
                lake.same_by(PartialAggregate, &format!("SELECT {function}{filter} {rest}"));
            }
        }
    }
}

#[test]
fn what_pairs_say_of_constants() {
    by(
        PartialAggregate,
        &[
            "SELECT corr(1, x), corr(x, 1), regr_slope(x, 1), regr_r2(x, 1), regr_r2(1, x), regr_intercept(x, 1) \
             FROM t",
            "SELECT corr(x, y), covar_samp(x, y), stddev(x), sem(x), regr_r2(x, y) FROM t GROUP BY id",
        ],
    );
}

#[test]
fn first_rows_come_in_the_order_of_the_table() {
    let lake = Lake::mixed();
    for sql in
        ["SELECT first(id), last(id) FROM t", "SELECT k, first(s), arbitrary(id), any_value(id) FROM t GROUP BY k"]
    {
        assert!(lake.same_by(PartialAggregate, sql).fetches[0].ordered, "{sql}");
    }
}

#[test]
fn large_values_far_from_zero_keep_their_spread() {
    by(
        PartialAggregate,
        &["SELECT stddev(1e7 + x), var_samp(1e7 + y), covar_samp(1e7 + x, 1e7 + y), regr_slope(1e7 + x, 1e7 + y) \
             FROM t"],
    );
}

#[test]
fn what_does_not_come_apart_is_gathered() {
    by(
        Gather,
        &[
            "SELECT median(i), quantile_cont(x, 0.9), mode(k) FROM t WHERE i > 0",
            "SELECT k, median(i) AS m, count(*) FROM t GROUP BY k HAVING m > 0 ORDER BY m",
            "SELECT k, string_agg(s, ',' ORDER BY id), list(i ORDER BY id DESC) FROM t GROUP BY k",
            "SELECT first(id ORDER BY d, id) FROM t",
            "SELECT histogram(k), kurtosis(x) FROM t",
            "SELECT k, list(DISTINCT s ORDER BY s) FROM t GROUP BY ALL",
            "SELECT min(i, 3), max(s, 2) FROM t",
            "SELECT geomean(tiny + 1), weighted_avg(i, tiny) FROM t",
            "SELECT count(*), s COLLATE NOCASE AS x FROM t GROUP BY s COLLATE NOCASE",
            "SELECT k, count(*), first(id ORDER BY id), count(DISTINCT s) FROM t GROUP BY k",
        ],
    );
}

#[test]
fn the_rows_order_is_kept_where_it_is_gathered() {
    by(Gather, &["SELECT k, list(id), string_agg(s, '-') FROM t GROUP BY k", "SELECT array_agg(id) FROM t"]);
}

#[test]
fn windows_look_over_merged_groups() {
    by(
        PartialAggregate,
        &[
            "SELECT k, sum(i), rank() OVER (ORDER BY sum(i) DESC) FROM t GROUP BY k",
            "SELECT k, sum(sum(i)) OVER (ORDER BY k) FROM t GROUP BY k QUALIFY row_number() OVER (ORDER BY k) < 3",
        ],
    );
}

#[test]
fn what_is_new_each_time_runs_once() {
    by(
        Single,
        &[
            "SELECT count(*) FROM t WHERE random() < 2",
            "SELECT count(*) FROM t WHERE ts < now()",
            "SELECT k, count(*) FROM t TABLESAMPLE 10% GROUP BY k",
            "SELECT approx_quantile(i, 0.5) FROM t",
            "SELECT count(*) FROM u",
            // It is the outer query that is grouped.
            "SELECT (SELECT sum(t.i)) FROM t",
            "SELECT (SELECT max(t.i) FROM u) FROM t",
            "SELECT 1",
            "SELECT nothing FROM t",
            "SELECT __g0 FROM t",
            "SELECT 1; SELECT count(*) FROM t",
            "not SQL",
        ],
    );
}
