//! Rows as they are: filtered, ordered, limited, made distinct.

use super::support::Lake;
use crate::planner::Strategy::Projection;

#[test]
fn rows_are_filtered_and_projected_in_their_order() {
    let lake = Lake::mixed();
    for sql in [
        "FROM t",
        "SELECT * FROM t WHERE k = 2",
        "SELECT id, i * 2 AS twice, s || '!' FROM t WHERE ts > '2019-04-10' AND b",
        "SELECT id AS a, k AS A, s FROM t",
        "SELECT id AS x, x + 1 AS z FROM t WHERE z > 10",
        "SELECT *, t.* EXCLUDE (id) FROM t",
        "SELECT unnest(list), id FROM t",
        "SELECT list_transform(list, x -> x + 1), st.b FROM t",
        "SELECT COLUMNS('^(k|s)$') FROM t",
        "SELECT t FROM t",
        "SELECT 1 FROM t",
        "SELECT i * 1e-3, 1e0 AS one, i / 1e6 AS million FROM t WHERE money * 1e-2 > 30",
        "SELECT id FROM t LIMIT 7",
        "SELECT id FROM t WHERE k = 3 LIMIT 5 OFFSET 4",
        "SELECT id FROM t LIMIT 0",
        "SELECT id FROM (SELECT id, k AS key FROM t WHERE i > 0) AS below WHERE key < 4",
        "WITH a AS (SELECT id, k FROM t), b(x) AS (SELECT id FROM a WHERE k = 1) SELECT x FROM b",
    ] {
        let plan = lake.same_in_order(sql);
        assert_eq!(plan.strategy, Projection, "{sql}: {plan}");
    }
}

#[test]
fn the_first_in_order_come_of_the_first_of_each() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT id, i FROM t ORDER BY i DESC, id LIMIT 10",
        "SELECT id FROM t ORDER BY s NULLS FIRST, id DESC LIMIT 10 OFFSET 5",
        "SELECT id, -i AS i FROM t ORDER BY i, id LIMIT 10",
        "SELECT id, -i AS i FROM t ORDER BY i + 0, id LIMIT 10",
        "SELECT id, k + 1 AS next FROM t ORDER BY next, 1 LIMIT 10",
        "SELECT id, k + 1 AS next FROM t ORDER BY next * 2 DESC NULLS LAST, 1 LIMIT 10",
        "SELECT *, i + 1 AS next FROM t ORDER BY next, id LIMIT 10",
        "SELECT s, id FROM t ORDER BY ALL LIMIT 10",
        "SELECT s, id FROM t ORDER BY s COLLATE NOCASE, 2 LIMIT 10",
        "SELECT id AS a, id AS A FROM t ORDER BY i, id LIMIT 10",
        "SELECT id FROM t ORDER BY i, id",
        "SELECT id FROM t ORDER BY id LIMIT 10%",
        "SELECT id FROM t ORDER BY id LIMIT (SELECT 3)",
        "SELECT t.id FROM t ORDER BY t.id, T.k LIMIT 3",
    ] {
        let plan = lake.same_in_order(sql);
        assert_eq!(plan.strategy, Projection, "{sql}: {plan}");
        assert!(!plan.fetches[0].ordered, "{sql}");
    }
}

#[test]
fn a_limit_tells_how_many_rows_are_enough() {
    let lake = Lake::mixed();
    assert_eq!(lake.plan("SELECT id FROM t LIMIT 7 OFFSET 3").fetches[0].enough_rows, Some(10));
    assert_eq!(lake.plan("SELECT id FROM t ORDER BY id LIMIT 7").fetches[0].enough_rows, None);
    assert_eq!(lake.plan("SELECT DISTINCT id FROM t LIMIT 7").fetches[0].enough_rows, None);
}

#[test]
fn distinct_rows_are_distinct_in_parts_and_in_the_end() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT DISTINCT k FROM t",
        "SELECT DISTINCT k, b FROM t ORDER BY b, k LIMIT 4",
        "SELECT DISTINCT k % 2 AS odd FROM t ORDER BY odd",
        "SELECT DISTINCT s[1] FROM t ORDER BY ALL",
    ] {
        assert_eq!(lake.same(sql).strategy, Projection, "{sql}");
    }
    // Any rows will do, so that there is nothing but their number to compare.
    lake.same("SELECT count(*) FROM (SELECT DISTINCT s FROM t LIMIT 5)");
}
