//! Tables as others read them: pyiceberg, DuckDB's `iceberg_scan`, polars, after every kind of change.

use std::path::Path;
use std::process::Stdio;

use aws_credential_types::provider::ProvideCredentials;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Lake, Place, Project, block_on, python, s3, text};

crate::on_every_target! {
    others_read_the_same_rows_after_every_kind_of_change,
    others_read_tables_of_files_that_lie_elsewhere,
    tables_of_others_are_read_as_they_have_them,
    tables_are_read_as_they_were,
    columns_come_go_and_change,
    columns_change_while_files_stay,
    small_files_are_put_together_and_old_versions_go,
    rows_come_along_a_z_order_curve,
    partitions_that_are_too_small_become_columns,
}

fn others_read_the_same_rows_after_every_kind_of_change(place: Place) {
    others_read(place, "lake.py", "reads of tables");
}

fn others_read_tables_of_files_that_lie_elsewhere(place: Place) {
    others_read(place, "registered.py", "reads of registered tables");
}

fn tables_of_others_are_read_as_they_have_them(place: Place) {
    let lake = Lake::of(others_read(place, "theirs.py", "reads of others' tables"));
    // The function itself finds what a column is called in older files; of a table that is not told to it.
    let sql = "SELECT sum(c)::INT AS s, count(b)::INT AS n FROM named";
    let wanted = json!([{"s": 6, "n": 2}]);
    assert_eq!(lake.project.rows(sql), wanted);
    assert_eq!(lake.bare(sql)["data"]["records"], wanted);
}

/// Runs a script with which others read tables; it must say what was `told`. Gives its project.
fn others_read(place: Place, script: &str, told: &str) -> Project {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/iceberg");
    let python = python("iceberg", &folder.join("requirements.txt"));
    let project = Project::up_at(place, "");
    let status = project.json(["status", "--json"]);
    let sdk = project.sdk(&status);
    let credentials = sdk.credentials_provider().unwrap();
    let keys = block_on(credentials.provide_credentials()).unwrap();
    let mut readers = project.program(python);
    readers.arg(folder.join(script)).arg(env!("CARGO_BIN_EXE_quackctl"));
    readers.args([sdk.endpoint_url().unwrap(), keys.access_key_id(), keys.secret_access_key()]);
    let output = readers.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(told), "{}", text(&output));
    project
}

fn tables_are_read_as_they_were(place: Place) {
    let project = Project::up_at(place, "");
    for sql in [
        "CREATE TABLE t AS SELECT 1 AS a",
        "INSERT INTO t VALUES (2)",
        "UPDATE t SET a = a * 10",
        "CREATE OR REPLACE TABLE t AS SELECT 'x' AS b",
    ] {
        project.succeed(["query", sql], sql);
    }
    let versions = project.json(["tables", "t", "--history", "--json"])["versions"].take();
    let told: Vec<_> =
        versions.as_array().unwrap().iter().map(|one| (&one["version"], &one["rows"], &one["change"])).collect();
    let wanted = [(4, 1, "overwrite"), (3, 2, "overwrite"), (2, 2, "append"), (1, 1, "append")];
    let wanted = wanted.map(|(version, rows, change)| (json!(version), json!(rows), json!(change)));
    assert_eq!(told, wanted.each_ref().map(|(a, b, c)| (a, b, c)));
    assert_eq!(project.rows("FROM t AT (VERSION => 2) ORDER BY a"), json!([{"a": 1}, {"a": 2}]));
    assert_eq!(
        project.rows("SELECT t.a, n.b FROM t AT (VERSION => 3) JOIN t AS n ON true ORDER BY ALL"),
        json!([{"a": 10, "b": "x"}, {"a": 20, "b": "x"}])
    );
    let at = versions[2]["at"].as_str().unwrap();
    let sql = format!("SELECT count(*)::INT AS n FROM t AT (TIMESTAMP => '{at}')");
    assert_eq!(project.rows(&sql), json!([{"n": 2}]));
    let told = |sql: &str| text(&project.quackctl(["query", sql]).output().unwrap());
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM (DESCRIBE t AT (VERSION => 1))"), json!([{"n": 1}]));
    project
        .quackctl(["query", "--explain", "FROM t AT (VERSION => 1)"])
        .assert()
        .success()
        .stdout(contains("strategy"));
    assert!(told("FROM t AT (VERSION => 9)").contains("`t` has no version 9"));
    assert!(told("FROM t AT (TIMESTAMP => '2001-01-01')").contains("the oldest is version 1"));
    assert!(told("FROM t AT (VERSION => 'x')").contains("is no VERSION of a table"));

    // What was is made a table of its own, and the table is as it was, which is a version, too.
    project.succeed(["query", "CREATE TABLE u AS FROM t AT (VERSION => 1)"], "of what was");
    assert_eq!(project.rows("FROM u"), json!([{"a": 1}]));
    project.quackctl(["rollback", "t", "--to", "2"]).assert().success();
    assert_eq!(project.rows("FROM t ORDER BY a"), json!([{"a": 1}, {"a": 2}]));
    let column = project.json(["tables", "t", "--json"])["columns"][0].take();
    assert_eq!([&column["nulls"], &column["min"], &column["max"]], [&json!(0), &json!("1"), &json!("2")]);
    assert_eq!(project.rows("FROM t AT (VERSION => 4)"), json!([{"b": "x"}]));
    project.succeed(["query", "INSERT INTO t VALUES (7)"], "to the table as it was");
    assert_eq!(project.rows("SELECT sum(a)::INT AS s FROM t"), json!([{"s": 10}]));
    let shell = project.quackctl(["shell"]).write_stdin(".mode csv\nFROM t AT (VERSION => 1);\nFROM u;\n").assert();
    shell.success().stdout("a\n1\na\n1\n");
}

fn columns_come_go_and_change(place: Place) {
    let project = Project::up_at(place, "");
    let run = |sql: &str| project.succeed(["query", sql], sql);
    let refused = |sql: &str, told: &str| {
        let output = project.quackctl(["query", sql]).output().unwrap();
        assert!(!output.status.success() && text(&output).contains(told), "{sql}: {}", text(&output));
    };
    run("CREATE TABLE t PARTITIONED BY (k) AS SELECT i::INTEGER AS i, 'x' || i AS s, i % 2 AS k FROM range(4) r(i)");
    run("ALTER TABLE t ADD COLUMN \"new one\" DECIMAL(9,2)");
    run("ALTER TABLE t ADD COLUMN IF NOT EXISTS S VARCHAR");
    run(
        "ALTER TABLE t RENAME s TO name; ALTER TABLE t ALTER COLUMN i SET DATA TYPE BIGINT; INSERT INTO t VALUES (5000000000, 'y', 1.5, 1)",
    );
    let described = "SELECT column_name AS c, column_type AS t FROM (DESCRIBE t)";
    let columns = [("i", "BIGINT"), ("name", "VARCHAR"), ("new one", "DECIMAL(9,2)"), ("k", "BIGINT")];
    assert_eq!(project.rows(described), json!(columns.map(|(c, t)| json!({"c": c, "t": t}))));
    run("ALTER TABLE t DROP COLUMN name; ALTER TABLE t DROP COLUMN IF EXISTS nothing");
    let rows = project.rows("SELECT i, \"new one\"::DOUBLE AS n, k FROM t WHERE k = 1 ORDER BY i");
    assert_eq!(
        rows,
        json!([{"i": 1, "n": null, "k": 1}, {"i": 3, "n": null, "k": 1}, {"i": 5000000000_u64, "n": 1.5, "k": 1}])
    );
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t AT (VERSION => 1) WHERE s = 'x3'"), json!([{"n": 1}]));
    refused("ALTER TABLE t DROP COLUMN k", "is partitioned by `k`");
    refused("ALTER TABLE t DROP COLUMN j", "has no column `j`");
    refused("ALTER TABLE t ADD COLUMN I INTEGER", "has a column `I` already");
    refused("ALTER TABLE t ADD COLUMN x NOTHING", "is no type");
    refused("ALTER TABLE t ALTER i TYPE TINYINT", "5000000000");
    refused("ALTER TABLE t ALTER i SET DEFAULT 3", "ALTER TABLE in this form is not supported");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t"), json!([{"n": 5}]));
}

fn columns_change_while_files_stay(place: Place) {
    let project = Project::up_at(place, "");
    let run = |sql: &str| text(&project.quackctl(["query", sql]).assert().success().get_output().clone());
    run(
        "CREATE TABLE t PARTITIONED BY (k) AS SELECT i::INTEGER AS i, 'x' || i AS s, 0.1::FLOAT AS f, i % 2 AS k FROM range(4) r(i)",
    );
    let status = project.json(["status", "--json"]);
    let files = || -> Vec<String> {
        let list = s3(&project.sdk(&status)).list_objects_v2();
        let list = list.bucket(status["bucket"].as_str().unwrap()).prefix("tables/t/2").send();
        let listed = block_on(list).unwrap();
        listed.contents().iter().map(|object| format!("{} {:?}", object.key().unwrap(), object.e_tag())).collect()
    };
    let before = files();
    for sql in [
        "ALTER TABLE t ADD COLUMN more VARCHAR",
        "ALTER TABLE t ALTER i SET DATA TYPE BIGINT; ALTER TABLE t ALTER f SET DATA TYPE DOUBLE",
        "ALTER TABLE t DROP COLUMN s",
    ] {
        let said = run(sql);
        assert!(said.contains("altered `t`") && !said.contains("anew"), "{said}");
    }
    run("INSERT INTO t VALUES (5000000000, 0.25, 'm', 1)");
    let after = files();
    assert!(before.iter().all(|file| after.contains(file)) && after.len() == before.len() + 1, "{after:#?}");
    let all = "SELECT i, f, more, k FROM t ORDER BY i";
    let now = project.rows(all);
    let float = f64::from(0.1_f32);
    let old = |i: u64| json!({"i": i, "f": float, "more": null, "k": i % 2});
    assert_eq!(now, json!([old(0), old(1), old(2), old(3), {"i": 5000000000_u64, "f": 0.25, "more": "m", "k": 1}]));
    // Divided, too, and by conditions that leave files out.
    for (sql, wanted) in [
        ("SELECT sum(i)::BIGINT AS s, count(more)::INT AS c FROM t", json!([{"s": 5000000006_u64, "c": 1}])),
        ("SELECT i FROM t WHERE more = 'm'", json!([{"i": 5000000000_u64}])),
        ("SELECT sum(i)::BIGINT AS s FROM t WHERE more IS NULL AND k = 1", json!([{"s": 4}])),
        ("SELECT count(*)::INT AS n FROM t WHERE f > 0.1", json!([{"n": 5}])),
    ] {
        assert_eq!(project.rows(sql), wanted, "{sql}");
        let divided = project.json(["query", "--workers", "3", "--format", "json", sql]);
        assert_eq!(divided, wanted, "{sql}, divided");
    }
    // As it was, and back.
    let then = "SELECT i, s, typeof(f) AS t FROM t AT (VERSION => 1) WHERE k = 1 ORDER BY i";
    assert_eq!(project.rows(then), json!([{"i": 1, "s": "x1", "t": "DOUBLE"}, {"i": 3, "s": "x3", "t": "DOUBLE"}]));
    project.succeed(["rollback", "t", "--to", "1"], "to the columns that were");
    assert_eq!(project.rows("SELECT count(s)::INT AS n, sum(i)::INT AS s FROM t"), json!([{"n": 4, "s": 6}]));
    project.succeed(["rollback", "t", "--to", "2"], "and to those that are");
    assert_eq!(project.rows(all), now);
    // In a transaction, with rows before and after.
    run(
        "BEGIN; INSERT INTO t VALUES (9, 9.5, 'b', 0); ALTER TABLE t ADD COLUMN last INTEGER; INSERT INTO t VALUES (10, 10.5, 'c', 7, 0); \
         ALTER TABLE t ADD COLUMN again INTEGER; INSERT INTO t VALUES (11, 11.5, 'd', 8, 6, 1); COMMIT",
    );
    let rows = "SELECT i, more, last, again FROM t WHERE i BETWEEN 4 AND 100 ORDER BY i";
    let added = json!([
        {"i": 9, "more": "b", "last": null, "again": null},
        {"i": 10, "more": "c", "last": 7, "again": null},
        {"i": 11, "more": "d", "last": 8, "again": 6},
    ]);
    assert_eq!(project.rows(rows), added);
    // Rows of all shapes are changed.
    run(
        "ALTER TABLE t ADD COLUMN one INTEGER; UPDATE t SET one = 1 WHERE i IN (1, 10); DELETE FROM t WHERE i = 2 OR more = 'm'",
    );
    run("MERGE INTO t USING (VALUES (3, 33), (99, 99)) s(i, v) ON t.i = s.i WHEN MATCHED THEN UPDATE SET one = s.v \
         WHEN NOT MATCHED THEN INSERT (i, one, k) VALUES (s.i, s.v, 0)");
    let ones = "SELECT i, one FROM t ORDER BY i";
    let changed = json!([{"i": 0, "one": null}, {"i": 1, "one": 1}, {"i": 3, "one": 33}, {"i": 9, "one": null}, {"i": 10, "one": 1},
        {"i": 11, "one": null}, {"i": 99, "one": 99}]);
    assert_eq!(project.rows(ones), changed);
    // A name that files have for something else is not read as the new column.
    run("ALTER TABLE t ADD COLUMN s INTEGER");
    assert_eq!(project.rows("SELECT count(s)::INT AS n, count(*)::INT AS c FROM t"), json!([{"n": 0, "c": 7}]));
    run("ALTER TABLE t ADD COLUMN fresh DATE; INSERT INTO t (i, k, fresh) VALUES (100, 0, '2020-01-01')");
    // Dropped and brought back, its files as they are; and written anew, all of one shape.
    project.succeed(["drop", "t", "--yes"], "the table");
    project.succeed(["recover", "t"], "with its columns");
    let last = "SELECT i, one, fresh::VARCHAR AS d FROM t WHERE i >= 99 ORDER BY i";
    let kept = json!([{"i": 99, "one": 99, "d": null}, {"i": 100, "one": null, "d": "2020-01-01"}]);
    assert_eq!(project.rows(last), kept);
    run("INSERT INTO t (i, k, fresh) VALUES (101, 1, '2020-01-02')");
    project.succeed(["compact", "t", "--sort", "i"], "all of it");
    assert_eq!(project.rows(last).as_array().unwrap().len(), 3);
    assert_eq!(project.rows("SELECT count(*)::INT AS n, count(fresh)::INT AS c FROM t"), json!([{"n": 9, "c": 2}]));
}

fn small_files_are_put_together_and_old_versions_go(place: Place) {
    let project = Project::up_at(place, "");
    let run = |sql: &str| project.succeed(["query", sql], sql);
    run("CREATE TABLE t PARTITIONED BY (k) AS SELECT i, i % 2 AS k FROM range(4) r(i)");
    run("INSERT INTO t VALUES (10, 0); INSERT INTO t VALUES (20, 1); INSERT INTO t VALUES (30, 2)");
    let compacted = project.json(["compact", "t", "--json"]);
    assert_eq!((&compacted["before"], &compacted["after"]), (&json!(5), &json!(3)));
    project.quackctl(["compact", "t"]).assert().success().stdout(contains("(3) would be better put together"));
    assert_eq!(project.rows("SELECT sum(i)::INT AS s, count(*)::INT AS n FROM t"), json!([{"s": 66, "n": 7}]));
    project.quackctl(["compact", "t", "--sort", "j"]).assert().code(2).stderr(contains("has no column `j`"));
    project.quackctl(["compact", "t", "--sort", "i"]).assert().success().stdout(contains("files of `t`: 3, before 3"));
    assert_eq!(project.rows("SELECT sum(i)::INT AS s FROM t WHERE k = 0"), json!([{"s": 12}]));

    let files = || {
        let status = project.json(["status", "--json"]);
        let list = s3(&project.sdk(&status))
            .list_objects_v2()
            .bucket(status["bucket"].as_str().unwrap())
            .prefix("tables/t/")
            .send();
        let keys = block_on(list).unwrap();
        let is_data = |key: &str| key.ends_with(".parquet");
        let data = keys.contents().iter().filter(|object| object.key().is_some_and(is_data)).count();
        (keys.contents().len(), data)
    };
    let before = files();
    project.quackctl(["expire", "t", "--older-than", "1s"]).assert().code(2).stderr(contains("--force"));
    project.quackctl(["expire", "t"]).assert().success().stdout(contains("no version that is old enough"));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let would = project.quackctl(["expire", "t", "--older-than", "1s", "--force"]).assert().success();
    would.stdout(contains("would forget its versions 1, 2, 3, 4, 5"));
    assert_eq!(files(), before);
    project.quackctl(["expire", "t", "--older-than", "1s", "--force", "--yes"]).assert().success();
    assert!(files().0 < before.0);
    assert_eq!(files().1, 3, "of what is gone nothing is left, and of what is there everything");
    assert_eq!(project.rows("SELECT sum(i)::INT AS s, count(*)::INT AS n FROM t"), json!([{"s": 66, "n": 7}]));
    let versions = project.json(["tables", "t", "--history", "--json"])["versions"].take();
    assert_eq!(versions.as_array().unwrap().len(), 1);
    run("INSERT INTO t VALUES (1, 1)");
    project.quackctl(["drop", "t", "--yes"]).assert().success();
    assert_eq!(files(), (0, 0), "a table that is gone leaves nothing");
}

fn partitions_that_are_too_small_become_columns(place: Place) {
    let project = Project::up_at(place, "");
    let run = |sql: &str| project.succeed(["query", sql], sql);
    run("CREATE TABLE t PARTITIONED BY (k, day) AS \
         SELECT i, 'x' || i AS s, 10 - i % 2 AS k, DATE '2019-04-01' + (i % 9)::INT AS day FROM range(54) r(i)");
    let of_rows = |from: &str| {
        let sql = format!(
            "SELECT count(*)::INT AS n, sum(i)::INT AS s, min(day)::VARCHAR AS d, sum(k)::INT AS k FROM {from}"
        );
        project.rows(&sql)
    };
    let before = of_rows("t");
    let columns = "SELECT column_name || ' ' || column_type AS c FROM (DESCRIBE t)";
    let columns_before = project.rows(columns);
    let kept = project.quackctl(["compact", "t", "--keep-partitions"]).assert().success();
    kept.stdout(contains("(18) would be better put together"));
    let told = project.quackctl(["compact", "t"]).assert().success();
    told.stdout(contains("`t` was partitioned by k, day, and files had").and(contains("files of `t`: 1, before 18")));
    assert_eq!((of_rows("t"), project.rows(columns)), (before.clone(), columns_before));
    let table = project.json(["tables", "t", "--json"]);
    assert_eq!(table["partitions"]["columns"], json!([]));
    let sorted = project.rows("SELECT bool_and(coalesce((b.k, b.day) >= (a.k, a.day), true)) AS y FROM \
         (SELECT *, row_number() OVER () AS n FROM t) a JOIN (SELECT *, row_number() OVER () AS n FROM t) b ON b.n = a.n + 1");
    assert_eq!(sorted, json!([{"y": true}]));
    assert_eq!(of_rows("t AT (VERSION => 1)"), before);

    // It goes on as it is now, and as it was when it is rolled back.
    run(
        "INSERT INTO t VALUES (100, 'y', 9, '2019-05-01'); DELETE FROM t WHERE day = '2019-04-02'; UPDATE t SET k = 11 WHERE i = 0",
    );
    let rows = json!([{"n": 49, "s": 1390, "d": "2019-04-01", "k": 466}]);
    assert_eq!(of_rows("t"), rows);
    assert_eq!(of_rows("t AT (VERSION => 2)"), before);
    project.quackctl(["rollback", "t", "--to", "1"]).assert().success();
    run("INSERT INTO t VALUES (100, 'y', 9, '2019-05-01')");
    assert_eq!(project.json(["tables", "t", "--json"])["partitions"]["columns"], json!(["k", "day"]));
    assert_eq!(of_rows("t"), json!([{"n": 55, "s": 1531, "d": "2019-04-01", "k": 522}]));
    project.quackctl(["compact", "t", "--sort", "i"]).assert().success().stdout(contains("files of `t`: 1, before 19"));

    // Of files that have other columns, too.
    run("CREATE OR REPLACE TABLE t PARTITIONED BY (k) AS SELECT i, i % 20 AS k FROM range(40) r(i); \
         ALTER TABLE t ADD COLUMN s VARCHAR; INSERT INTO t SELECT i, 'x', i % 20 FROM range(40, 60) r(i)");
    project.quackctl(["compact", "t"]).assert().success().stdout(contains("files of `t`: 1, before 40"));
    let sorted = project.rows("SELECT bool_and(coalesce(b.k >= a.k, true)) AS y, count(a.s)::INT AS n, sum(a.i)::INT AS s FROM \
         (SELECT *, row_number() OVER () AS n FROM t) a LEFT JOIN (SELECT *, row_number() OVER () AS n FROM t) b ON b.n = a.n + 1");
    assert_eq!(sorted, json!([{"y": true, "n": 20, "s": 1770}]));

    // What was reckoned from other columns is from then on, too.
    let lines: Vec<String> = (1..=20).map(|day| format!("{day},z,2019-04-{day:02} 10:00:00\n")).collect();
    project.write("days.csv", format!("n,zone,seen_at\n{}", lines.concat()));
    let by = ["--partition-by", "day=CAST(seen_at AS DATE)", "--partition-by", "zone"];
    project.succeed(["load", "days.csv", "--table", "days", by[0], by[1], by[2], by[3]], "by day");
    project.quackctl(["compact", "days"]).assert().success().stdout(contains("partitioned by day, zone"));
    project.succeed(["load", "days.csv", "--table", "days", "--append"], "as before");
    project.succeed(["load", "days.csv", "--table", "days", "--append", by[0], by[1], by[2], by[3]], "said again");
    run("INSERT INTO days VALUES (21, '2019-04-21 11:00:00', 'y')");
    let sql = "SELECT day::VARCHAR AS day, sum(n)::INT AS n, zone FROM days WHERE day >= '2019-04-19' GROUP BY ALL ORDER BY day";
    let days = json!([{"day": "2019-04-19", "n": 57, "zone": "z"}, {"day": "2019-04-20", "n": 60, "zone": "z"},
        {"day": "2019-04-21", "n": 21, "zone": "y"}]);
    assert_eq!(project.rows(sql), days);
    project.quackctl(["compact", "days"]).assert().success().stdout(contains("files of `days`: 1, before 4"));
    assert_eq!(project.rows(sql), days);
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM days WHERE day = '2019-04-07'"), json!([{"n": 3}]));
    let names = project.rows("SELECT string_agg(column_name, ' ') AS names FROM (DESCRIBE days)");
    assert_eq!(names, json!([{"names": "n seen_at day zone"}]));
}

/// Whoever adds rows while a table is compacted adds them all.
#[test]
fn rows_that_come_while_partitions_become_columns_are_kept() {
    let project = Project::up("");
    let sql = "CREATE TABLE t PARTITIONED BY (k) AS SELECT i, i % 40 AS k FROM range(400) r(i)";
    project.succeed(["query", sql], "to begin with");
    let inserts: String = (0..6).map(|k| format!("INSERT INTO t VALUES (1000, {k});")).collect();
    let start = |arguments: [&str; 2]| {
        project.process(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running = [start(["query", &inserts]), start(["compact", "t"]), start(["query", &inserts])];
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let rows = "SELECT count(*)::INT AS n, sum(i)::INT AS s FROM t";
    assert_eq!(project.rows(rows), json!([{"n": 412, "s": 79800 + 12_000}]));
    assert_eq!(project.json(["tables", "t", "--json"])["partitions"]["columns"], json!([]));
}

fn rows_come_along_a_z_order_curve(place: Place) {
    let project = Project::up_at(place, "");
    let run = |sql: &str| project.succeed(["query", sql], sql);
    // Two columns that have nothing to do with each other; some NULLs, and texts.
    let rows = "SELECT i, nullif((hash(i) % 1000)::INT, 7) AS a, DATE '2026-01-01' + (hash(i + 1000000000) % 1000)::INT AS b, \
                's' || (i % 10) AS s, [1] AS l FROM range(3000000) r(i)";
    run(&format!("CREATE TABLE before AS {rows}; CREATE TABLE t AS FROM before"));
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let all = format!("parquet_metadata('s3://{bucket}/tables/t/*/*.parquet')");
    let files =
        || project.rows(&format!("SELECT DISTINCT file_name AS f FROM {all} ORDER BY f")).as_array().unwrap().clone();
    // Row groups of a new file that a filter on a value leaves, of all.
    let groups = |known: &[Value], column: &str, value: &str| {
        let new: Vec<Value> = files().into_iter().filter(|file| !known.contains(file)).collect();
        let [new] = new.as_slice() else { panic!("one new file: {new:?}") };
        let of = if column == "a" { "INTEGER" } else { "DATE" };
        let sql = format!(
            "SELECT count(*) FILTER (CAST('{value}' AS {of}) BETWEEN CAST(stats_min_value AS {of}) AND \
             CAST(stats_max_value AS {of}))::INT AS n, count(*)::INT AS c FROM {all} \
             WHERE path_in_schema = '{column}' AND file_name = {}",
            new["f"].to_string().replace('"', "'")
        );
        let told = project.rows(&sql);
        (told[0]["n"].as_u64().unwrap(), told[0]["c"].as_u64().unwrap())
    };
    let known = files();
    project.succeed(["compact", "t", "--sort", "a,b"], "sorted");
    let (sorted, all) = groups(&known, "b", "2026-06-01");
    assert!(sorted == all && all >= 20, "{sorted} of {all}: a column that is not the first is everywhere");
    let known = files();
    let told = project.json(["compact", "t", "--z-order", "a,b", "--json"]);
    assert_eq!((&told["rows"], &told["after"]), (&json!(3_000_000), &json!(1)));
    for (column, value) in [("a", "300"), ("b", "2026-06-01")] {
        let (left, all) = groups(&known, column, value);
        assert!(left * 2 <= all && all >= 20, "{column}: {left} of {all}");
    }
    // The same rows, none changed, lost or twice.
    let differ = "SELECT count(*)::INT AS n FROM (FROM t EXCEPT ALL FROM before)";
    assert_eq!(project.rows(differ), json!([{"n": 0}]));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t"), json!([{"n": 3_000_000}]));
    project.succeed(["compact", "t", "--z-order", "s,A,b"], "texts, and a name in another case");
    assert_eq!(project.rows(differ), json!([{"n": 0}]));
    for (arguments, told) in [
        (["--z-order", "a"].as_slice(), "a Z-order is one of 2 to 8 columns, and 1 are given"),
        (&["--z-order", "a,l"], "`l` is INTEGER[]: rows are not put into a Z-order by such"),
        (&["--z-order", "a,nope"], "has no column `nope`"),
        (&["--z-order", "a,b", "--sort", "a"], "--sort"),
    ] {
        let all = [&["compact", "t"], arguments].concat();
        let output = project.process([]).args(&all).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(told), "{}", text(&output));
    }
    // Each partition for itself.
    run("CREATE TABLE p PARTITIONED BY (k) AS SELECT a, b, i % 3 AS k, i AS quack_place FROM t WHERE i < 3000");
    project.succeed(["compact", "p", "--z-order", "a,b"], "partitions, and a column of that name");
    let differ = "SELECT count(*)::INT AS n FROM (FROM p EXCEPT ALL FROM p AT (VERSION => 1))";
    assert_eq!(project.rows(differ), json!([{"n": 0}]));
}
