//! `RETURNING`: the rows that a change has made, in every form that rows of queries have.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Both, Place, Project};

crate::on_every_target! {
    rows_come_back_as_duckdb_gives_them,
}

fn rows_come_back_as_duckdb_gives_them(place: Place) {
    let both = Both::new(Project::up_at(place, ""));
    let table =
        "CREATE OR REPLACE TABLE t PARTITIONED BY (k) AS SELECT i AS id, 'v' || i AS v, i % 3 AS k FROM range(9) r(i)";
    both.run(table, "created `t`");
    for sql in [
        "INSERT INTO t VALUES (10, 'a', 5), (11, 'b', DEFAULT), (12, DEFAULT, 6) RETURNING *",
        "INSERT INTO t (k, id) SELECT 7, 20 + i FROM range(3) r(i) RETURNING id + 1 AS next, v, t.k",
        "INSERT INTO t BY NAME SELECT 1 AS id WHERE false RETURNING id AS one, *",
        "INSERT INTO t DEFAULT VALUES RETURNING *",
        "UPDATE t AS x SET v = upper(v), id = id + 100 WHERE k = 1 RETURNING x.*, id - 100 AS was",
        "UPDATE t SET k = 8 RETURNING * EXCLUDE (v)",
        "UPDATE t SET v = s.w FROM (VALUES (10, 'z'), (20, 'y')) s(n, w) WHERE id = s.n RETURNING id, v",
        "DELETE FROM t WHERE id < 5 RETURNING id, v, k",
        "DELETE FROM t USING range(20, 22) r(i) WHERE t.id = i RETURNING *",
        "DELETE FROM t WHERE id = 777 RETURNING *",
        "MERGE INTO t USING (VALUES (10, 'm'), (30, 'n'), (11, 'x')) s(id, v) ON t.id = s.id WHEN MATCHED AND s.v = 'x' THEN DELETE \
         WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME RETURNING merge_action, *, t.id * 2 AS twice",
        "MERGE INTO t USING (SELECT 1 AS one) s ON false WHEN NOT MATCHED THEN DO NOTHING RETURNING *",
        "DELETE FROM t RETURNING id",
    ] {
        both.returns(sql);
        both.same("t", sql);
    }
}

#[test]
fn what_returning_tells_is_what_was_written() {
    let project = Project::up("");
    project.succeed(["query", "CREATE TABLE t AS SELECT i FROM range(1000) r(i)"], "a table");
    let count = || project.rows("SELECT count(*)::INT AS n FROM t")[0]["n"].as_u64().unwrap();
    // What nobody can reckon twice: the rows that are told of, their number and those that are gone are the same.
    for sql in ["DELETE FROM t WHERE random() < 0.2", "DELETE FROM t USING range(1) WHERE random() < 0.2"] {
        let before = count();
        let told = project.json(["query", "--json", sql]);
        assert_eq!(told["rows"].as_u64().unwrap(), before - count(), "{told}");
        assert_ne!(before, count(), "{sql}");
    }
    let gone = project.rows("DELETE FROM t WHERE random() < 0.5 RETURNING i");
    let gone: Vec<String> = gone.as_array().unwrap().iter().map(|row| row["i"].to_string()).collect();
    let left = format!("SELECT count(*)::INT AS n FROM t WHERE i IN ({})", gone.join(", "));
    assert_eq!(project.rows(&left)[0]["n"], 0);
    let told = project.json(["query", "--json", "UPDATE t SET i = -1 WHERE random() < 0.5"]);
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t WHERE i = -1")[0]["n"], told["rows"]);
    let inserted = project.rows("INSERT INTO t SELECT (random() * 1e9)::BIGINT + 2000 FROM range(3) RETURNING i");
    let sql = "SELECT i FROM t WHERE i >= 2000";
    let sorted = |rows: Value| {
        let mut rows: Vec<i64> = rows.as_array().unwrap().iter().map(|row| row["i"].as_i64().unwrap()).collect();
        rows.sort_unstable();
        rows
    };
    assert_eq!(sorted(inserted), sorted(project.rows(sql)));
    let updated = project.rows("UPDATE t SET i = (random() * 1e9)::BIGINT + 2000 WHERE i >= 2000 RETURNING i");
    assert_eq!(sorted(updated), sorted(project.rows(sql)));
}

#[test]
fn files_in_the_bucket_are_copied_into_tables() {
    let project = Project::up("");
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let place = format!("s3://{bucket}/exports");
    project.succeed(["query", "CREATE TABLE t (a INTEGER, b VARCHAR, d DECIMAL(9,2)) "], "a table");
    for (format, query, options) in [
        ("parquet", "SELECT 1 AS x, 'p' AS y, 1.5 AS z", ""),
        ("csv", "SELECT 2 AS a, 'c' AS b, 2.5 AS d", ""),
        ("json", "SELECT 3.5 AS d, 3 AS a", ""),
        ("tsv", "SELECT 4 AS a, '-' AS b, 4.5 AS d", "(HEADER, DELIMITER ';', NULLSTR '-')"),
    ] {
        let written = if format == "tsv" { "(FORMAT csv, DELIMITER ';')" } else { "" };
        project.succeed(["query", &format!("COPY ({query}) TO '{place}/x.{format}' {written}")], format);
        let copy =
            project.quackctl(["query", &format!("COPY t FROM '{place}/x.{format}' {options}")]).assert().success();
        copy.stderr(contains("inserted 1 row into `t`"));
    }
    project.succeed(["query", &format!("COPY (SELECT 'y', 5) TO '{place}/y.csv' (HEADER false)")], "no header");
    project.succeed(["query", &format!("COPY t (b, a) FROM '{place}/y.csv' (HEADER false)")], "no header");
    let sql = "SELECT a, b, d::VARCHAR AS d FROM t ORDER BY a";
    let rows = json!([
        {"a": 1, "b": "p", "d": "1.50"}, {"a": 2, "b": "c", "d": "2.50"}, {"a": 3, "b": null, "d": "3.50"},
        {"a": 4, "b": null, "d": "4.50"}, {"a": 5, "b": "y", "d": null}
    ]);
    assert_eq!(project.rows(sql), rows);
    for (sql, told) in [
        (format!("COPY t FROM '{place}/none.csv'"), "404"),
        ("COPY t FROM 's3://elsewhere/x.csv'".to_owned(), "refused"),
        (format!("COPY t FROM '{place}/x.csv?s3_endpoint=x'"), "does not tell"),
        (format!("COPY t FROM '{place}/x.csv?s3_endpoint=x' (FORMAT csv)"), "refused"),
        (format!("COPY t FROM '{place}/x.csv' (SKIP getenv('HOME'))"), "refused"),
        (format!("COPY t FROM '{place}/x.csv' (DELIMITER ';', files '/etc/passwd')"), "`files` is not supported"),
        (format!("COPY u FROM '{place}/x.csv'"), "no table `u`"),
    ] {
        project.quackctl(["query", &sql]).assert().failure().stderr(contains(told));
    }
    assert_eq!(project.rows(sql), rows);
}

#[test]
fn returned_rows_are_written_as_those_of_queries() {
    let project = Project::up("");
    project.succeed(["query", "CREATE TABLE t AS SELECT i AS a, 'x' || i AS b FROM range(4) r(i)"], "a table");
    let told = project.json(["query", "--json", "DELETE FROM t WHERE a = 0 RETURNING b"]);
    assert_eq!(
        (&told["rows"], &told["metadata"]["change"]["statement"]),
        (&json!([{"b": "x0"}]), &json!("delete")),
        "{told}"
    );
    project.quackctl(["query", "-o", "gone.parquet", "DELETE FROM t WHERE a = 1 RETURNING *"]).assert().success();
    project.succeed(["load", "gone.parquet", "--table", "gone"], "what was returned");
    assert_eq!(project.rows("FROM gone"), json!([{"a": 1, "b": "x1"}]));
    let cut = project.quackctl(["query", "--limit", "1", "UPDATE t SET a = a + 1 RETURNING a"]).assert().success();
    cut.stderr(contains("updated 2 rows").and(contains("more exist")));
    let shell =
        ".mode csv\nBEGIN;\nINSERT INTO t VALUES (9, 'z') RETURNING a;\nROLLBACK;\nSELECT max(a) AS m FROM t;\n";
    project.quackctl(["shell"]).write_stdin(shell).assert().success().stdout("a\n9\nm\n4\n");
    // More than a response carries.
    let sql = "INSERT INTO t SELECT i, repeat('long ', 200) FROM range(20000) r(i) RETURNING b";
    let output = project.quackctl(["query", "--format", "csv", "--all", sql]).output().unwrap();
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 20_001);
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t"), json!([{"n": 20_002}]));
    for (sql, told) in [
        ("DELETE FROM t RETURNING count(*)", "an aggregate has no place there"),
        ("DELETE FROM t RETURNING (SELECT 1)", "a query has no place there"),
        ("DELETE FROM t RETURNING a FROM t", "RETURNING"),
        ("DELETE FROM t RETURNING c", "not found"),
        ("DELETE FROM t USING gone RETURNING gone.a", "not found"),
        ("INSERT INTO t VALUES (1, 'x') RETURNING getenv('HOME')", "refused"),
        ("INSERT INTO t VALUES (1, 'x') RETURNING b::INTEGER", "Could not convert"),
        ("INSERT INTO t VALUES (1, 'x') ON CONFLICT DO NOTHING", "MERGE INTO"),
    ] {
        project.quackctl(["query", sql]).assert().failure().stderr(contains(told));
    }
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t"), json!([{"n": 20_002}]));
    let objects = project.objects();
    assert!(objects.iter().all(|key| key.starts_with("tables/")), "nothing is left among the results: {objects:?}");
}
