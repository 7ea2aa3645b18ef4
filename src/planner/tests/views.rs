//! Queries of views are divided as the SELECTs that they stand for; each answer has to be DuckDB's own, which has the same views.

use quack_function::sql::identifier;
use quack_function::view::View;

use super::support::Lake;
use crate::planner::Strategy::{Gather, PartialAggregate, Projection, Single};

impl Lake {
    fn add_view(&mut self, name: &str, aliases: &[&str], sql: &str) {
        let aliases: Vec<String> = aliases.iter().map(|name| (*name).to_owned()).collect();
        let list: Vec<String> = aliases.iter().map(|name| identifier(name)).collect();
        let list = if list.is_empty() { String::new() } else { format!("({})", list.join(", ")) };
        self.execute(&format!("CREATE TEMP VIEW {} {list} AS {sql}", identifier(name)));
        self.catalog.views.insert(name.to_owned(), View { sql: sql.to_owned(), aliases, ..View::default() });
    }
}

fn lake() -> Lake {
    let mut lake = Lake::mixed();
    lake.add_view("piece", &["key"], "WITH u AS (SELECT k, i, money, id, day FROM t WHERE id > 100) FROM u -- all");
    lake.add_view("Sums", &[], "SELECT key, count(*) AS n, sum(money) AS s FROM PIECE GROUP BY key");
    lake.add_view("named", &[], "SELECT s.*, u.name FROM sums s JOIN u ON s.key = u.k");
    lake.add_view("first", &[], "SELECT id, money FROM t ORDER BY id LIMIT 7");
    lake
}

#[test]
fn a_view_is_divided_as_its_select() {
    let lake = lake();
    lake.same_by(PartialAggregate, "SELECT count(*), sum(i) FROM piece WHERE key = 3");
    lake.same_by(PartialAggregate, "FROM sums");
    lake.same_by(PartialAggregate, "SELECT x.a, main_sums.n FROM (SELECT 3 AS a) x JOIN sums AS main_sums ON key = a");
    lake.same_by(Projection, "SELECT key, id FROM piece WHERE day = '2019-04-03'");
    lake.same_by(PartialAggregate, "SELECT o.a, count(*) FROM piece AS o(a, b) GROUP BY o.a");
    lake.same_by(Gather, "SELECT median(i) FROM piece");
    for sql in [
        "SELECT name, n FROM named WHERE n > 3",
        "WITH u AS (SELECT 1 AS k, 'not that one' AS name) SELECT * FROM named, u",
        "WITH piece AS (SELECT 7 AS key) SELECT * FROM piece",
        "WITH t AS (SELECT 7 AS id) SELECT count(*) FROM piece, t",
        "SELECT (SELECT max(n) FROM sums) AS m, count(*) FROM t WHERE k IN (SELECT key FROM named)",
        "SELECT * FROM sums UNION ALL SELECT k, id, money FROM t WHERE id < 10",
        "SELECT sum(money) FROM first",
        "SELECT Piece.key FROM piece WHERE EXISTS (SELECT * FROM first f WHERE f.id = piece.id + 94)",
    ] {
        lake.same(sql);
    }
    assert_ne!(lake.same("WITH t AS (SELECT 7 AS id) SELECT count(*) FROM piece, t").strategy, Single);
}

#[test]
fn what_a_view_lacks_is_not_found_around_it() {
    let mut lake = lake();
    // As it is once a column of its table is gone: alone it does not bind, in a query it would take another table's.
    lake.catalog.views.insert("stale".to_owned(), View { sql: "SELECT weight FROM t".to_owned(), ..View::default() });
    let plan = lake.plan("SELECT count(*) FROM u, stale");
    assert!(plan.strategy == Single && plan.reason.contains("weight"), "{}", plan.reason);
}

#[test]
fn how_much_a_view_stands_for_is_bounded() {
    let mut lake = lake();
    let mut add = |name: String, sql: String| lake.catalog.views.insert(name, View { sql, ..View::default() });
    for number in 0..40 {
        add(format!("v{number}"), format!("FROM v{0} a, v{0} b", number + 1));
    }
    add("v40".to_owned(), "SELECT id FROM t".to_owned());
    let parts: Vec<String> = (1..60).map(|n| format!("x{n} AS (SELECT a.id FROM x{0} a, x{0} b)", n - 1)).collect();
    add("many".to_owned(), format!("WITH x0 AS (SELECT id FROM t), {} FROM x59", parts.join(", ")));
    add("circle".to_owned(), "FROM round".to_owned());
    add("round".to_owned(), "FROM circle".to_owned());
    for (sql, why) in [
        ("SELECT count(*) FROM v0", "too long"),
        ("SELECT count(*) FROM many", "too long"),
        ("SELECT count(*) FROM t, circle", "reads itself"),
    ] {
        let plan = lake.plan(sql);
        assert!(plan.strategy == Single && plan.reason.contains(why), "{sql}: {}", plan.reason);
    }
}
