//! One table split, the others whole.

use super::support::Lake;
use crate::planner::Strategy::{Gather, PartialAggregate, Projection, Single};

#[test]
fn a_small_table_goes_to_every_function() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT name, count(*) FROM t JOIN u ON t.k = u.k GROUP BY name",
        "SELECT name, sum(i * weight) FROM t, u WHERE t.k = u.k AND id > 10 GROUP BY ALL",
        "SELECT name, count(*) FROM t LEFT JOIN u USING (k) GROUP BY name",
        "SELECT name, count(*) FROM u RIGHT JOIN t USING (k) GROUP BY name",
        "SELECT k, count(*) FROM t SEMI JOIN u USING (k) GROUP BY k",
        "SELECT count(*) FROM t ANTI JOIN u ON t.k = u.k AND weight > 3",
        "SELECT count(*) FROM t NATURAL JOIN u",
        "SELECT u.k, t.k, count(*) FROM t LEFT JOIN u ON t.k = u.k GROUP BY u.k, t.k",
        "SELECT count(*) FROM t ASOF JOIN u ON t.k >= u.k",
        "SELECT count(*) FROM t CROSS JOIN u JOIN u AS v ON v.k = u.k",
        "SELECT count(*), count(v.k) FROM t CROSS JOIN u LEFT JOIN u AS v ON v.k = u.k + t.k",
        "SELECT count(*), sum(n) FROM t, unnest(list) AS l(n)",
        "SELECT sum(twice) FROM t, LATERAL (SELECT t.i * 2 AS twice)",
        "SELECT count(*) FROM t WHERE k IN (SELECT k FROM u WHERE weight > 20)",
        "SELECT count(*) FROM t WHERE k NOT IN (SELECT k FROM u)",
        "SELECT count(*) FROM t WHERE EXISTS (SELECT * FROM u WHERE u.k = t.k AND weight > t.i)",
        "SELECT sum(i) FROM t WHERE i > (SELECT avg(weight) FROM u)",
        "SELECT sum((SELECT weight FROM u WHERE u.k = t.k)) FROM t",
        "SELECT sum((SELECT sum(weight + t.i) FROM u)) FROM t",
        "SELECT name, n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) AS g JOIN (VALUES (1, 'one')) AS v(k, name) \
         USING (k)",
    ] {
        assert_eq!(lake.same(sql).strategy, PartialAggregate, "{sql}");
    }
    let plan = lake.same_by(Projection, "SELECT t.*, name FROM t JOIN u ON t.k = u.k WHERE id % 100 = 1");
    assert_eq!(plan.fetches[0].broadcast[0].table, "u");
}

#[test]
fn rows_that_have_no_partner_are_found_once() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT name, count(id) FROM u LEFT JOIN t ON t.k = u.k GROUP BY name",
        "SELECT name, id FROM t RIGHT JOIN u ON t.k = u.k",
        "SELECT name, id FROM t FULL JOIN u ON t.k = u.k",
        "SELECT name FROM u WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.k = u.k AND i > 990)",
        "SELECT name FROM u SEMI JOIN t USING (k)",
        "SELECT name FROM u ANTI JOIN t ON t.k = u.k AND t.i > 0",
        "SELECT name, id FROM u POSITIONAL JOIN (SELECT id FROM t WHERE k = 1)",
    ] {
        let plan = lake.same(sql);
        assert!(matches!(plan.strategy, Gather | Projection), "{sql}\n{plan}");
    }
}

#[test]
fn a_table_that_is_read_twice_is_gathered() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT count(*) FROM t a JOIN t b ON a.id = b.i",
        "SELECT id FROM t WHERE i = (SELECT max(i) FROM t)",
        "SELECT k, id FROM t a WHERE i > (SELECT avg(i) FROM t b WHERE b.k = a.k)",
        "SELECT a.id FROM t a, t AS b(bid, bk) WHERE a.id = bid AND bk = 2",
    ] {
        let plan = lake.same(sql);
        assert!(plan.strategy != Single, "{sql}\n{plan}");
    }
}

#[test]
fn groups_within_a_query_are_merged_within_it() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT max(n) FROM (SELECT k, count(*) AS n FROM t GROUP BY k)",
        "WITH g AS (SELECT k, sum(i) AS total FROM t GROUP BY k) SELECT k FROM g WHERE total = (SELECT max(total) \
         FROM g)",
        "SELECT k, count(*) FROM t GROUP BY k HAVING count(*) > (SELECT avg(n) FROM (SELECT count(*) AS n FROM t \
         GROUP BY k))",
        "SELECT name, (SELECT count(*) FROM t) AS n FROM u",
        "SELECT name, total FROM u JOIN (SELECT k, sum(i) AS total FROM t GROUP BY k) USING (k) ORDER BY total",
        "SELECT k, count(*) FROM t GROUP BY k UNION ALL SELECT NULL, count(*) FROM t WHERE i > 0",
        "(SELECT k FROM t GROUP BY k) EXCEPT (SELECT k FROM u) ORDER BY 1",
        "SELECT k, n FROM (SELECT k, count(*) AS n, row_number() OVER (ORDER BY count(*), k) AS r FROM t GROUP BY k) \
         WHERE r < 3",
    ] {
        assert_eq!(lake.same(sql).strategy, PartialAggregate, "{sql}");
    }
}
