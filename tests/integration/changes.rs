//! SQL that changes the lake: what each statement leaves, what is refused, what others at the same moment do to it.

use std::process::Stdio;

use crate::support::{Place, Project, text};
use predicates::str::contains;
use serde_json::{Value, json};

crate::on_every_target! {
    tables_are_made_filled_changed_and_dropped,
    partitioned_tables_are_changed_in_the_files_that_it_takes,
}

fn run(project: &Project, sql: &str, told: &str) {
    project.quackctl(["query", sql]).assert().success().stderr(contains(told));
}

fn refused(project: &Project, sql: &str, told: &str) {
    project.quackctl(["query", sql]).assert().code(predicates::ord::ne(0)).stderr(contains(told));
}

/// What a table was after its newest change: its files, and how many rows came and went.
fn newest(project: &Project, table: &str) -> [u64; 3] {
    let versions = project.json(["tables", table, "--history", "--json"]);
    ["files", "added", "gone"].map(|what| versions["versions"][0][what].as_u64().unwrap())
}

fn tables_are_made_filled_changed_and_dropped(place: Place) {
    let project = Project::up_at(place, "");
    project.write("trips.csv", "id,zone,fare\n1,a,1.5\n2,b,2.5\n3,a,3.5\n");
    project.succeed(["load", "trips.csv", "--table", "trips"], "to begin with");
    run(
        &project,
        "CREATE TABLE zones AS SELECT zone, count(*) AS n, sum(fare) AS s FROM trips GROUP BY 1",
        "created `zones` with 2 rows",
    );
    let zones = || project.rows("SELECT zone, n, s FROM zones ORDER BY zone");
    assert_eq!(zones(), json!([{"zone": "a", "n": 2, "s": 5.0}, {"zone": "b", "n": 1, "s": 2.5}]));
    run(&project, "INSERT INTO zones VALUES ('c', 7, 0)", "inserted 1 row into `zones`");
    let with = "WITH one AS (FROM trips WHERE id = 1), z AS (SELECT 'd' AS zone FROM one, zones LIMIT 1)\n\
                INSERT INTO zones (n, zone) SELECT 8, zone FROM z";
    run(&project, with, "inserted 1 row");
    run(&project, "INSERT INTO Zones BY NAME SELECT 1.5 AS s, 'e' AS zone", "inserted 1 row");
    run(
        &project,
        "UPDATE zones AS z SET n = z.n * 10, s = (SELECT max(fare) FROM trips) WHERE z.zone > 'b'",
        "updated 3 rows",
    );
    run(
        &project,
        "DELETE FROM zones WHERE n IS NULL OR zone IN (SELECT zone FROM trips WHERE id = 2)",
        "deleted 2 rows",
    );
    assert_eq!(
        zones(),
        json!([{"zone": "a", "n": 2, "s": 5.0}, {"zone": "c", "n": 70, "s": 3.5}, {"zone": "d", "n": 80, "s": 3.5}])
    );
    run(&project, "UPDATE zones SET n = 0 WHERE zone = 'nowhere'", "updated 0 rows");
    run(&project, "ALTER TABLE zones RENAME TO areas", "the table is `areas` now");
    run(&project, "TRUNCATE areas", "deleted 3 rows");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM areas"), json!([{"n": 0}]));
    run(&project, "INSERT INTO areas SELECT 'z', 1, NULL", "inserted 1 row");
    assert_eq!(project.rows("FROM areas"), json!([{"zone": "z", "n": 1, "s": null}]));
    let named =
        "CREATE OR REPLACE TABLE areas (\"a b\", c) PARTITIONED BY (c) AS SELECT 1, 'x' UNION ALL SELECT 2, 'y'";
    run(&project, named, "created `areas` with 2 rows");
    assert_eq!(project.rows("FROM areas ORDER BY 1"), json!([{"a b": 1, "c": "x"}, {"a b": 2, "c": "y"}]));
    project
        .quackctl(["query", "CREATE TABLE more (a, b) AS SELECT 1) AS x(a), (SELECT 2"])
        .assert()
        .code(1)
        .stderr(contains("one query"));
    run(&project, "CREATE OR REPLACE TABLE areas (a INTEGER, b DECIMAL(9,2)[])", "created `areas` with 0 rows");
    let sql = "INSERT INTO areas VALUES (1, [2.5]); SELECT a, b::VARCHAR AS b FROM areas";
    let output = project.quackctl(["query", "--format", "json", sql]).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), json!([{"a": 1, "b": "[2.50]"}]));
    assert!(project.objects().iter().all(|key| key.starts_with("tables/")), "nothing is left among the results");
    run(&project, "DROP TABLE areas; DROP TABLE IF EXISTS areas", "there is no table `areas`; nothing was changed");
    assert_eq!(project.rows("SHOW TABLES"), json!([{"name": "trips"}]));
    assert_eq!(project.objects().len(), 1, "{:?}", project.objects());
}

fn partitioned_tables_are_changed_in_the_files_that_it_takes(place: Place) {
    let project = Project::up_at(place, "");
    let sql = "CREATE TABLE t PARTITIONED BY (k) AS SELECT i, i % 3 AS k FROM range(9) r(i)";
    run(&project, sql, "created `t` with 9 rows");
    assert_eq!(newest(&project, "t"), [3, 9, 0]);
    run(&project, "DELETE FROM t WHERE k = 1 AND i > 3", "deleted 2 rows");
    assert_eq!(newest(&project, "t"), [3, 1, 3], "one file was written anew");
    run(&project, "DELETE FROM t WHERE k = 0", "deleted 3 rows");
    assert_eq!(newest(&project, "t"), [2, 0, 3], "a partition without rows has no file");
    run(&project, "UPDATE t SET k = 7 WHERE i = 1", "updated 1 row");
    let rows = json!([{"k": 2, "n": 3}, {"k": 7, "n": 1}]);
    assert_eq!(project.rows("SELECT k, count(*)::INT AS n FROM t GROUP BY k ORDER BY k"), rows);
    run(&project, "DELETE FROM t", "deleted 4 rows");
    assert_eq!(project.rows("SELECT count(*)::INT AS n, max(k) AS k FROM t"), json!([{"n": 0, "k": null}]));
    run(&project, "INSERT INTO t VALUES (5, NULL), (6, 4)", "inserted 2 rows");
    assert_eq!(project.rows("FROM t ORDER BY i"), json!([{"i": 5, "k": null}, {"i": 6, "k": 4}]));

    // Columns come in the order that they were given in, whatever their names are.
    run(&project, "CREATE TABLE u PARTITIONED BY (k, day) AS SELECT 1 AS i, 2 AS k, 3 AS day", "created `u`");
    run(&project, "INSERT INTO u FROM u; INSERT INTO u VALUES (1, 2, 3)", "inserted 1 row");
    assert_eq!(project.rows("SELECT * FROM u GROUP BY ALL"), json!([{"i": 1, "k": 2, "day": 3}]));

    // As it was loaded, a partition is reckoned from the other columns.
    project.write("days.csv", "seen_at,n\n2019-04-01 10:00:00,1\n2019-04-02 11:00:00,2\n");
    project.succeed(["load", "days.csv", "--table", "days", "--partition-by", "day=CAST(seen_at AS DATE)"], "by day");
    run(&project, "INSERT INTO days VALUES ('2019-04-03 12:00:00', 3)", "inserted 1 row");
    run(
        &project,
        "INSERT INTO days BY NAME SELECT 4 AS n, TIMESTAMP '2019-04-02 01:00:00' AS seen_at",
        "inserted 1 row",
    );
    let sql = "SELECT day::VARCHAR AS day, sum(n)::INT AS n FROM days GROUP BY day ORDER BY day";
    let rows = json!([{"day": "2019-04-01", "n": 1}, {"day": "2019-04-02", "n": 6}, {"day": "2019-04-03", "n": 3}]);
    assert_eq!(project.rows(sql), rows);

    // Types of more than one word, in the views of queries, whole and divided, and where files are written anew.
    let sql = "CREATE TABLE prices PARTITIONED BY (p, seen) AS SELECT i, CAST(i % 2 + 0.5 AS DECIMAL(9,2)) AS p, \
               CAST('2020-01-01 10:00:00+02' AS TIMESTAMPTZ) AS seen FROM range(9) r(i)";
    run(&project, sql, "created `prices` with 9 rows");
    run(&project, "UPDATE prices SET i = i + 10 WHERE p = 1.5", "updated 4 rows");
    let sql = "SELECT p::VARCHAR AS p, sum(i)::INT AS n FROM prices WHERE seen = TIMESTAMPTZ '2020-01-01 08:00:00Z' \
               GROUP BY p ORDER BY p";
    assert_eq!(project.rows(sql), json!([{"p": "0.50", "n": 20}, {"p": "1.50", "n": 56}]));
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    let project = Project::up("");
    run(&project, "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b", "created `t`");
    for (sql, told) in [
        ("CREATE TABLE t AS SELECT 2", "CREATE OR REPLACE TABLE puts a new one in its place"),
        ("CREATE TABLE u AS SELECT 1 AS a, 2 AS A", "two columns are called `A`"),
        ("CREATE TABLE u PARTITIONED BY (c) AS SELECT 1 AS a, 2 AS b", "cannot partition `u` by `c`"),
        ("CREATE TABLE u AS SELECT\n  nope FROM t", "LINE 2:"),
        ("CREATE TABLE u (a INT PRIMARY KEY)", "leave it away"),
        ("CREATE TABLE u AS SELECT 1) LIMIT (1", "takes one query"),
        ("CREATE TABLE \"a/b\" AS SELECT 1 AS a", "cannot be a table's name"),
        ("CREATE TABLE u AS SELECT content FROM read_text('/etc/passwd')", "refused"),
        ("INSERT INTO t VALUES (1)", "`t` has 2 columns, and the rows have 1 column"),
        ("INSERT INTO t VALUES ('x', 1)", "Could not convert"),
        ("INSERT INTO t (a, c) VALUES (1, 2)", "`t` has no column `c`"),
        ("INSERT INTO tt VALUES (1)", "did you mean `t`?"),
        ("UPDATE t SET c = 1", "`t` has no column `c`"),
        ("UPDATE t SET a = 1 FROM t", "Ambiguous reference to table"),
        ("UPDATE t SET a = 'x' WHERE b = 'x'", "Could not convert"),
        ("DELETE FROM t WHERE a = 1) OR (1 = 1", "syntax error"),
        ("DELETE FROM t WHERE a = 1 LIMIT 1", "DELETE with LIMIT"),
        ("DELETE FROM t WHERE getenv('HOME') = ''", "refused"),
        ("DROP TABLE a, b", "each table by itself"),
    ] {
        refused(&project, sql, told);
    }
    project.quackctl(["query", "-o", "x.csv", "DELETE FROM t"]).assert().code(2).stderr(contains("gives no rows"));
    let explained = project.quackctl(["query", "--explain", "DELETE FROM t"]).assert().code(2);
    explained.stderr(contains("the statement changes the lake"));
    assert_eq!(project.rows("FROM t"), json!([{"a": 1, "b": "x"}]));
    assert_eq!(project.objects().len(), 1, "{:?}", project.objects());
    let shell =
        "SET VARIABLE v = 41;\nINSERT INTO t SELECT getvariable('v') + 1, 'y';\n.mode csv\nFROM t ORDER BY a;\n";
    project.quackctl(["shell"]).write_stdin(shell).assert().success().stdout("a,b\n1,x\n42,y\n");
    let told = project.json(["query", "--json", "INSERT INTO t VALUES (3, 'z')"]);
    assert_eq!((&told["statement"], &told["rows"]), (&json!("insert"), &json!(1)), "{told}");
}

#[test]
fn changes_at_the_same_moment_are_all_made() {
    let project = Project::up("");
    run(&project, "CREATE TABLE counter AS SELECT 0 AS n; CREATE TABLE log (who INTEGER)", "created `log`");
    let spawn = |sql: &str| {
        let mut process = project.process(["query", "--quiet", sql]);
        process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("quackctl starts")
    };
    let mut running = Vec::new();
    for who in 0..4 {
        running.push(spawn(&format!("INSERT INTO log VALUES ({who}); INSERT INTO log VALUES ({who})")));
        running.push(spawn("UPDATE counter SET n = n + 1; UPDATE counter SET n = n + 1"));
    }
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    assert_eq!(project.rows("FROM counter"), json!([{"n": 8}]));
    let log = project.rows("SELECT who, count(*)::INT AS n FROM log GROUP BY who ORDER BY who");
    assert_eq!(log, json!([{"who": 0, "n": 2}, {"who": 1, "n": 2}, {"who": 2, "n": 2}, {"who": 3, "n": 2}]));
}

#[test]
fn what_is_between_begin_and_commit_is_seen_at_once_or_not_at_all() {
    let project = Project::up("");
    run(&project, "CREATE TABLE a AS SELECT 100 AS n; CREATE TABLE b AS SELECT 0 AS n", "created `b`");
    let sum = || project.rows("SELECT (SELECT sum(n) FROM a)::INT AS a, (SELECT sum(n) FROM b)::INT AS b");
    let moves = "UPDATE a SET n = n - 10; UPDATE b SET n = n + 10";
    // The session sees it, nobody else does; without COMMIT it is gone.
    let mut script = project.quackctl([
        "query",
        "--format",
        "csv",
        &format!("BEGIN; {moves}; DROP TABLE a; CREATE TABLE c AS FROM b; FROM c"),
    ]);
    script.assert().code(1).stdout("n\n10\n").stderr(contains("there was no COMMIT"));
    assert_eq!(sum(), json!([{"a": 100, "b": 0}]));
    assert_eq!(project.rows("SHOW TABLES"), json!([{"name": "a"}, {"name": "b"}]));
    run(&project, &format!("BEGIN; {moves}; ROLLBACK"), "rolled back");
    run(
        &project,
        &format!("BEGIN; {moves}; INSERT INTO b VALUES (1); DELETE FROM b WHERE n = 1; COMMIT"),
        "2 tables were changed",
    );
    assert_eq!(sum(), json!([{"a": 90, "b": 10}]));
    refused(
        &project,
        &format!("BEGIN; {moves}; INSERT INTO b VALUES ('x'); COMMIT"),
        "the transaction was rolled back",
    );
    refused(&project, "COMMIT", "there is no transaction");
    refused(&project, "BEGIN; BEGIN", "there is a transaction already");
    // Two before and two after; nothing of what was rolled back, or replaced before anybody else saw it.
    assert_eq!(project.objects().len(), 4, "{:?}", project.objects());

    // Whoever comes second is told.
    let mut shell = project.process(["shell", "--quiet"]);
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut typed = shell.stdin.take().unwrap();
    std::io::Write::write_all(&mut typed, b".mode csv\nBEGIN; UPDATE a SET n = 1;\nSELECT n FROM a;\n").unwrap();
    let mut seen = [0; 4];
    std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut seen).unwrap();
    assert_eq!(&seen, b"n\n1\n");
    run(&project, "INSERT INTO a VALUES (2)", "inserted 1 row");
    std::io::Write::write_all(&mut typed, b"COMMIT;\n").unwrap();
    drop(typed);
    let output = shell.wait_with_output().unwrap();
    assert!(!output.status.success() && text(&output).contains("SQLSTATE 40001"), "{}", text(&output));
    assert_eq!(sum(), json!([{"a": 92, "b": 10}]));
    run(&project, "DELETE FROM a WHERE n = 2", "deleted 1 row");

    // Transfers side by side: a reader never sees half of one.
    let spawn = || {
        let mut process = project.process(["query", "--quiet", &format!("BEGIN; {moves}; COMMIT")]);
        process.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("quackctl starts")
    };
    let running: Vec<_> = (0..4).map(|_| spawn()).collect();
    for _ in 0..5 {
        let now = sum();
        assert_eq!(now[0]["a"].as_i64().unwrap() + now[0]["b"].as_i64().unwrap(), 100, "{now}");
    }
    let mut made = 0;
    for child in running {
        let output = child.wait_with_output().unwrap();
        made += i64::from(output.status.success());
        assert!(output.status.success() || text(&output).contains("SQLSTATE 40001"), "{}", text(&output));
    }
    assert_eq!(sum(), json!([{"a": 90 - 10 * made, "b": 10 + 10 * made}]));
    assert!(made > 0);
    let files = 4 + 1 + 2 * usize::try_from(made).unwrap();
    assert_eq!(project.objects().len(), files, "{:?}", project.objects());
}
