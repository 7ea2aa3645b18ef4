//! Files that are left out.

use super::support::Lake;

/// How many files each fetch of `sql` leaves out; the answer is checked, too.
fn pruned(lake: &Lake, sql: &str) -> usize {
    lake.same(sql).fetches.iter().map(|fetch| fetch.pruned_files).sum()
}

#[test]
fn partitions_that_no_row_can_come_from_are_left_out() {
    let lake = Lake::mixed();
    let files = lake.catalog.tables["p"].files.len();
    assert_eq!(files, 14);
    for (condition, left) in [
        ("day >= '2019-04-03' AND day < '2019-04-06'", 3),
        ("day BETWEEN DATE '2019-04-03' AND '2019-04-05'", 3),
        ("day IN ('2019-04-03', '2019-05-01', '2019-04-07')", 2),
        ("P.day = '2019-04-03' OR p.day > '2019-04-12'", 3),
        ("dayofweek(day) = 1", 2),
        ("day + INTERVAL 1 DAY = '2019-04-05'", 1),
        ("day <> '2019-04-05'", 13),
        ("day IS NULL", 1),
        ("NOT (day < '2019-04-10')", 5),
        ("day < '2019-04-03' AND random() < 2", 14),
        ("day < '2019-04-03' OR id > 0", 14),
        ("strftime(day, '%d') = '07' AND id > 5", 1),
    ] {
        let sql = format!("SELECT count(*), sum(id) FROM p WHERE {condition}");
        // What one file has is not split.
        let expected = if left == 1 { 0 } else { files - left };
        assert_eq!(pruned(&lake, &sql), expected, "{condition}");
    }
}

#[test]
fn bounds_of_columns_leave_files_out() {
    let mut lake = Lake::new();
    let part = |from: i32| {
        format!(
            "SELECT {from} + i AS n, CAST({from} + i AS VARCHAR) AS text, ({from} + i) / 4.0 AS x, i % 2 = 0 AS even,
             DATE '2020-01-01' + CAST({from} + i AS INTEGER) AS day, CAST({from} + i AS DECIMAL(9, 2)) AS price,
             repeat('ä', 300) || ({from} + i) AS long, TIMESTAMP '2020-01-01' + to_hours({from} + i) AS ts
             FROM range(10) r(i)"
        )
    };
    let columns = ["n", "text", "x", "even", "day", "price", "long", "ts"];
    let nulls: Vec<_> = columns.iter().map(|name| format!("nullif({name}, {name}) AS {name}")).collect();
    let nulls = format!("SELECT {} FROM ({})", nulls.join(", "), part(0));
    lake.add("t", &[part(0), part(10), part(20), part(90), nulls]);
    for (condition, left) in [
        ("n = 15", 1),
        ("15 = n", 1),
        ("n > 15", 3),
        ("15 >= n", 2),
        ("n < 10", 1),
        ("n <= 10.5", 2),
        ("n = '15'", 1),
        ("n BETWEEN 9 AND 10", 2),
        ("n IN (1, 25, 1000)", 2),
        ("n IN (1, NULL)", 4),
        ("n = NULL", 4),
        ("n IS NULL", 1),
        ("n IS NOT NULL", 4),
        ("n + 1 = 15", 5),
        ("n = 15 OR n = 95", 2),
        ("n = 15 OR x = 4.25", 1),
        ("n = 15 AND x = 0", 0),
        ("x > 20.0", 1),
        ("day = '2020-01-16'", 1),
        ("day > DATE '2020-01-01' + 50", 1),
        ("ts < TIMESTAMP '2020-01-01 05:00:00'", 1),
        ("ts < DATE '2020-01-01'", 0),
        ("price = 15", 1),
        ("text = '15'", 2),
        ("text > '9'", 1),
        ("CAST(text AS INTEGER) = 95", 5),
        ("long > 'b'", 4),
        ("even", 5),
        ("even = true", 4),
        ("n <> 15", 5),
        ("n IS DISTINCT FROM 15", 5),
    ] {
        let sql = format!("SELECT count(*), sum(n), min(text) FROM t WHERE {condition}");
        let plan = lake.plan(&sql);
        let kept = plan.fetches.iter().map(|fetch| 5 - fetch.pruned_files).next();
        lake.same(&sql);
        // One file at most is not split, and one has to stay.
        match left {
            0 | 1 => assert_eq!(kept, None, "{condition}"),
            _ => assert_eq!(kept, Some(left), "{condition}"),
        }
    }
}

#[test]
fn a_condition_counts_only_where_it_drops_rows() {
    let lake = Lake::mixed();
    for sql in [
        "SELECT count(*), count(name) FROM p LEFT JOIN u ON p.i = u.k AND p.day = '2019-04-03'",
        "SELECT count(*) FROM p ANTI JOIN u ON p.i % 7 = u.k AND p.day = '2019-04-03'",
        "SELECT sum(n) FROM (SELECT count(*) AS n, '2019-04-03'::DATE AS day FROM p) WHERE day = '2019-04-04'",
        "SELECT a, count(*) FROM p AS p(day, a) WHERE day > 100 GROUP BY a",
    ] {
        assert_eq!(pruned(&lake, sql), 0, "{sql}");
    }
    assert_eq!(pruned(&lake, "SELECT count(*) FROM p JOIN u ON p.i % 7 = u.k AND p.day < '2019-04-03'"), 12);
    assert_eq!(pruned(&lake, "SELECT count(*) FROM (SELECT * FROM p WHERE day < '2019-04-03') WHERE i > 0"), 12);
}
