//! Users may call their things as the planner calls its own.

use super::support::Lake;
use crate::planner::Strategy::Single;
use crate::planner::names;

/// Every name that the planner gives, one of each kind.
fn reserved() -> Vec<String> {
    let numbered = [names::partials(0), names::partials(1), names::group_key(0), names::key(0)];
    let fixed = [names::BOUNDS, names::BOUND_TEXTS, names::DERIVED].map(str::to_owned);
    numbered.into_iter().chain([names::partial_state(0), names::column(0)]).chain(fixed).collect()
}

fn part(from: u32) -> String {
    format!("SELECT {from} + i AS id, i % 3 AS k, {from} AS part FROM range(100) r(i)")
}

fn parts() -> Vec<String> {
    [0, 100, 200, 300].map(part).to_vec()
}

#[test]
fn a_table_may_have_a_reserved_name() {
    let mut lake = Lake::new();
    lake.add("t", &parts());
    for name in reserved() {
        let upper = name.to_uppercase();
        lake.add(&upper, &parts());
        for sql in [
            // Pruned by its bounds, so that a view of the planner's would take the place of the table's.
            format!("SELECT k, count(*), sum(id), min(part) FROM {name} WHERE id >= 150 AND id < 320 GROUP BY k"),
            format!("SELECT count(*) FROM t JOIN {upper} AS o USING (id) WHERE t.id > 250 AND o.id < 380"),
            format!("SELECT id FROM t WHERE id > 150 AND id IN (SELECT id FROM main.{name} WHERE part > 100)"),
            format!("SELECT id, k FROM \"{name}\" WHERE part = 200 ORDER BY k, id LIMIT 5"),
        ] {
            assert_eq!(lake.same(&sql).strategy, Single, "{sql}");
        }
    }
    assert_ne!(lake.same("SELECT count(*) FROM t").strategy, Single);
}

#[test]
fn what_a_query_makes_may_have_a_reserved_name() {
    let mut lake = Lake::new();
    lake.add("t", &parts());
    for name in reserved() {
        for sql in [
            format!("WITH {name} AS (SELECT id, k FROM t WHERE id > 150) SELECT k, count(*) FROM {name} GROUP BY k"),
            format!("SELECT {name}.k, sum(id) FROM t AS {name} WHERE {name}.id < 250 GROUP BY ALL"),
            format!("SELECT k AS {name}, count(*) AS n FROM t GROUP BY {name} ORDER BY n, {name}"),
            format!("SELECT id FROM (SELECT id, k AS {name} FROM t) ORDER BY {name}, id LIMIT 7"),
            format!("SELECT count(DISTINCT {name}) FROM t AS x(id, {name}, part) WHERE id > 20"),
        ] {
            assert_eq!(lake.same(&sql).strategy, Single, "{sql}");
        }
        let text = format!("SELECT count(*) FROM t WHERE '{name}' <> CAST(id AS VARCHAR)");
        assert_ne!(lake.same(&text).strategy, Single, "a text names nothing: {text}");
    }
}

#[test]
fn a_column_may_have_a_reserved_name() {
    let mut lake = Lake::new();
    for (index, name) in reserved().into_iter().enumerate() {
        let table = format!("t{index}");
        let parts: Vec<_> = parts().iter().map(|part| format!("SELECT *, id % 7 AS {name} FROM ({part})")).collect();
        lake.add(&table, &parts);
        for sql in [
            format!("SELECT * FROM {table} WHERE id > 150 ORDER BY k, id LIMIT 9"),
            format!("SELECT k, count(*) FROM {table} GROUP BY k"),
            format!("SELECT k, row_number() OVER (ORDER BY id) FROM {table}"),
            format!("SELECT max({name}) FROM {table}"),
        ] {
            assert_eq!(lake.same(&sql).strategy, Single, "{sql}");
        }
    }
}
