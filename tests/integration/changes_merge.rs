//! `MERGE INTO`, `UPDATE ... FROM` and `DELETE ... USING`: each statement is also put to a DuckDB here, and the table must be the same.

use std::process::Stdio;

use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Both, Place, Project, text};

crate::on_every_target! {
    rows_are_merged_as_duckdb_does,
}

/// Each begins with the same table of three files, of two partitions.
const TABLE: &str = "CREATE OR REPLACE TABLE t PARTITIONED BY (k) AS SELECT i AS id, 'v' || i AS v, i * 10 AS n, i % 3 AS k FROM range(9) r(i)";
const SOURCE: &str = "CREATE OR REPLACE TABLE s AS SELECT * FROM (VALUES (2, 'B', 20, 2), (5, 'E', 55, 2), (10, 'X', 1, 0), (11, 'Y', 2, 1)) v(id, v, n, k)";

fn rows_are_merged_as_duckdb_does(place: Place) {
    let both = Both::new(Project::up_at(place, ""));
    both.run(SOURCE, "created `s` with 4 rows");
    let statements = [
        (
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT",
            "merged 4 rows into `t`",
        ),
        (
            "MERGE INTO t AS x USING (SELECT id AS a, n AS b FROM s) AS y ON x.id = y.a WHEN MATCHED AND y.b > 50 THEN DELETE \
             WHEN MATCHED THEN UPDATE SET n = n + b, v = DEFAULT, k = 1 WHEN NOT MATCHED AND y.b = 1 THEN INSERT (id, n) VALUES (a, DEFAULT) \
             WHEN NOT MATCHED BY SOURCE AND x.k = 1 THEN UPDATE SET v = 'only ' || v WHEN NOT MATCHED BY SOURCE AND k = 0 THEN DELETE",
            "merged 9 rows",
        ),
        (
            "MERGE INTO t USING s USING (id, k) WHEN MATCHED THEN UPDATE SET n = id * 2 WHEN NOT MATCHED THEN INSERT VALUES (id, v, n, k)",
            "merged 4 rows",
        ),
        (
            "MERGE INTO t USING (SELECT 3 AS id, 5 AS n UNION ALL SELECT 30, 6) u ON t.id = u.id WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME",
            "merged 2 rows",
        ),
        // A row that several match: one that deletes is enough, and each other clause has its say.
        (
            "MERGE INTO t USING (SELECT unnest([1, 1, 2, 2]) AS id, unnest(['d', 'u', 'u', 'w']) AS op) u ON t.id = u.id \
             WHEN MATCHED AND op = 'd' THEN DELETE WHEN MATCHED AND op = 'w' THEN UPDATE SET n = -1 WHEN MATCHED THEN UPDATE SET v = 'u'",
            "merged 2 rows",
        ),
        // Without a condition comes last, wherever it stands.
        (
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN MATCHED AND s.id = 2 THEN DO NOTHING",
            "merged 1 row",
        ),
        (
            "MERGE INTO t USING s ON t.id > s.id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET n = (SELECT max(n) FROM s WHERE s.id > t.id)",
            "merged 3 rows",
        ),
        ("MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES", "merged 2 rows"),
        (
            "MERGE INTO t USING (FROM t) AS u ON t.id = u.id + 1 WHEN MATCHED THEN UPDATE SET n = u.n WHEN NOT MATCHED THEN INSERT *",
            "merged 9 rows",
        ),
        (
            "MERGE INTO t USING range(5, 12) r(i) ON t.id = i WHEN MATCHED THEN INSERT (id) VALUES (i) WHEN NOT MATCHED BY SOURCE THEN DO NOTHING",
            "merged 4 rows",
        ),
        (
            "MERGE INTO t USING (SELECT NULL::INT AS id) u ON t.id = u.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE THEN DELETE",
            "merged 9 rows",
        ),
        (
            "MERGE INTO t USING (SELECT 100 AS id) u ON t.id = u.id WHEN MATCHED THEN ERROR 'no' WHEN NOT MATCHED THEN DO NOTHING",
            "merged 0 rows",
        ),
        (
            "WITH u AS (SELECT id, n FROM s), w AS (FROM u WHERE n < 50) MERGE INTO t USING w ON t.id = w.id \
             WHEN MATCHED THEN UPDATE SET n = w.n + (SELECT count(*) FROM u) WHEN NOT MATCHED THEN INSERT BY NAME",
            "merged 3 rows",
        ),
        ("WITH u AS (FROM s) UPDATE t SET n = (SELECT max(n) FROM u) WHERE id IN (SELECT id FROM u)", "updated 2 rows"),
        (
            "WITH RECURSIVE u(x) AS (SELECT 3 UNION ALL SELECT x + 1 FROM u WHERE x < 5) DELETE FROM t USING u WHERE t.id = u.x",
            "deleted 3 rows",
        ),
        ("UPDATE t SET n = s.n + t.n, v = s.v FROM s WHERE t.id = s.id", "updated 2 rows"),
        (
            "UPDATE t AS x SET n = y.m FROM (SELECT k, max(n) AS m FROM s GROUP BY k) AS y, range(1) WHERE x.k = y.k",
            "updated 9 rows",
        ),
        ("UPDATE t SET (n, v) = (k, 'row') WHERE id > 6", "updated 2 rows"),
        ("UPDATE t SET v = 'gone' WHERE id IN (SELECT id FROM s) OR n > random() + 70", "updated 3 rows"),
        ("DELETE FROM t USING s, s AS o WHERE t.id = s.id AND o.id > s.id", "deleted 2 rows"),
        ("DELETE FROM t AS x USING (FROM s WHERE id > 3) y WHERE x.k = y.k", "deleted 9 rows"),
        ("DELETE FROM t WHERE random() < 2", "deleted 9 rows"),
    ];
    // What AWS adds is the same for all of them.
    for (sql, told) in statements.into_iter().step_by(if place == Place::Aws { 4 } else { 1 }) {
        both.leaves_the_same("t", &format!("{TABLE}; {sql}"), told);
    }
    // What is merged into a table without rows, and into one that has lost all.
    both.run("TRUNCATE t", "deleted");
    both.run("MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT", "merged 4 rows");
    both.same("t", "a merge into what was emptied");
    let objects = both.project.objects();
    assert!(objects.iter().all(|key| key.starts_with("tables/")), "nothing is left among the results: {objects:?}");
    let versions = both.project.json(["tables", "t", "--history", "--json"]);
    assert_eq!(versions["versions"][0]["files"], 3, "a file for each k: {versions}");
}

#[test]
fn merges_that_cannot_be_done_change_nothing() {
    let project = Project::up("");
    let sql = "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b; CREATE TABLE s AS SELECT 1 AS a, 2 AS c; CREATE TABLE f AS SELECT 1 AS file_row_number; CREATE TABLE g AS SELECT 1 AS Filename, 2 AS k";
    project.succeed(["query", sql], "tables");
    for (sql, told) in [
        ("MERGE INTO tt USING s ON true WHEN MATCHED THEN DELETE", "did you mean `t`?"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET bb = 1", "`t` has no column `bb`"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE BY NAME", "`t` has no column `c`"),
        (
            "MERGE INTO t USING (SELECT 1 AS a) s ON t.a = s.a WHEN MATCHED THEN UPDATE",
            "`t` has 2 columns, and the rows have 1",
        ),
        ("MERGE INTO t USING s ON a = 1 WHEN MATCHED THEN DELETE", "Ambiguous reference"),
        ("MERGE INTO t USING s JOIN s AS o USING (a) ON true WHEN MATCHED THEN DELETE", "is not supported"),
        ("MERGE INTO t USING s, s AS o ON true WHEN MATCHED THEN DELETE", "is not one table or query"),
        ("MERGE INTO t USING s ON true, false WHEN MATCHED THEN DELETE", "give one expression"),
        ("MERGE INTO t USING read_text('/etc/passwd') s ON true WHEN MATCHED THEN DELETE", "refused"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = getenv('HOME')", "refused"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = b", "Could not convert"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN ERROR 'row ' || s.c", "the statement's ERROR: row 2"),
        (
            "MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED THEN INSERT (a, b) VALUES (1)",
            "the list names 2 columns",
        ),
        ("MERGE INTO f USING s ON true WHEN MATCHED THEN DELETE", "a column `file_row_number`"),
        ("UPDATE t SET a = 1 FROM s WHERE t.a = s.a LIMIT 1", "LIMIT"),
        ("UPDATE t SET a = 1 FROM s) AS x, (t WHERE true", "Parser Error"),
        ("DELETE FROM t USING nope WHERE true", "nope"),
    ] {
        project.quackctl(["query", sql]).assert().failure().stderr(contains(told));
    }
    assert_eq!(project.rows("FROM t"), json!([{"a": 1, "b": "x"}]));
    let sql = "MERGE INTO g USING s ON g.k > s.a WHEN MATCHED THEN UPDATE SET k = filename + 4 WHEN NOT MATCHED BY SOURCE THEN DELETE";
    project.succeed(["query", sql], "a column with the name of one of DuckDB's own");
    assert_eq!(project.rows("FROM g"), json!([{"Filename": 1, "k": 5}]));
}

#[test]
fn merges_at_the_same_moment_lose_and_double_nothing() {
    let project = Project::up("");
    project.succeed(["query", "CREATE TABLE counters (who INTEGER, n INTEGER)"], "a table");
    let sql = "MERGE INTO counters AS c USING (SELECT unnest([1, 2]) AS who) AS s USING (who) WHEN MATCHED THEN UPDATE SET n = n + 1 \
               WHEN NOT MATCHED THEN INSERT VALUES (who, 1)";
    let spawn = || {
        let mut process = project.process(["query", "--quiet", sql]);
        process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("quackctl starts")
    };
    let running: Vec<_> = (0..4).map(|_| spawn()).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let counted: Value = json!([{"who": 1, "n": 4}, {"who": 2, "n": 4}]);
    assert_eq!(project.rows("FROM counters ORDER BY who"), counted);
    // Within a transaction, and not at all.
    project.succeed(["query", &format!("BEGIN; {sql}; ROLLBACK")], "what is rolled back");
    assert_eq!(project.rows("FROM counters ORDER BY who"), counted);
    project.succeed(["query", &format!("BEGIN; {sql}; {sql}; COMMIT")], "what is committed");
    assert_eq!(project.rows("SELECT sum(n)::INT AS n FROM counters"), json!([{"n": 12}]));
}
