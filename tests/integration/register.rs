//! Tables of Parquet files that lie where they are: found, queried, changed, and never deleted.

use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Lake, Place, Project, block_on, s3, text};

crate::on_every_target! {
    files_are_a_table_where_they_lie,
    folders_become_columns,
    nothing_deletes_files_that_lie_elsewhere,
    files_of_several_shapes_are_one_table,
    files_that_come_and_go_are_seen_by_replace,
}

fn files_are_a_table_where_they_lie(place: Place) {
    let lake = Lake::new(place);
    let project = &lake.project;
    for (file, from) in [("a", 0), ("b", 1000), ("c", 2000)] {
        let rows = format!("FROM range({from}, {}) r(i)", from + 1000);
        let columns =
            "i, i % 7 AS k, 'x' || i AS s, (i * 0.25)::DECIMAL(9,2) AS d, nullif(i, 5) AS n, i::DOUBLE AS f, [i] AS l";
        lake.write(&format!("theirs/{file}.parquet"), &format!("SELECT {columns} {rows}"));
    }
    let before = lake.objects(&lake.bucket, "theirs/");
    let told = lake.register("theirs/*.parquet", "t", []);
    let number = |name: &str| told[name].as_u64().unwrap();
    assert_eq!([number("rows"), number("files"), number("files_came"), number("files_went")], [3000, 3, 3, 0]);
    assert_eq!(told["source"], lake.address("theirs/*.parquet"));
    let column = |name: &str| {
        let found = told["columns"].as_array().unwrap().iter().find(|column| column["name"] == name).unwrap();
        [&found["type"], &found["nulls"], &found["min"], &found["max"]].map(Value::clone)
    };
    assert_eq!(column("i"), [json!("BIGINT"), json!(0), json!("0"), json!("2999")]);
    assert_eq!(column("s"), [json!("VARCHAR"), json!(0), json!("x0"), json!("x999")]);
    assert_eq!(column("d"), [json!("DECIMAL(9,2)"), json!(0), json!("0.00"), json!("749.75")]);
    assert_eq!(column("n"), [json!("BIGINT"), json!(1), json!("0"), json!("2999")]);
    // A number that may be none of one is in no bounds, and what is nested has none.
    assert_eq!(column("f"), [json!("DOUBLE"), json!(0), Value::Null, Value::Null]);
    assert_eq!(column("l"), [json!("BIGINT[]"), Value::Null, Value::Null, Value::Null]);

    let sum = "SELECT count(*)::INT AS n, sum(i)::INT AS s FROM t WHERE i >= 1500";
    let wanted = json!([{"n": 1500, "s": 3_374_250}]);
    assert_eq!(project.rows(sum), wanted);
    let divided = ["query", "--workers", "3", "--format", "json", sum];
    assert_eq!(project.json(divided), wanted);
    let explained = project.quackctl(["query", "--explain", "--workers", "3", sum]).assert().success();
    // The file that has no such row is left out, by its bounds.
    explained.stdout(contains("2 splits of t, 1 files left out"));
    assert_eq!(lake.bare(sum)["data"]["records"], wanted);
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t"), json!([{"n": 3000}]));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t AT (VERSION => 1)"), json!([{"n": 3000}]));
    lake.sql("CREATE VIEW v AS SELECT k, count(*) AS n FROM t GROUP BY k; COMMENT ON TABLE t IS 'theirs'");
    assert_eq!(project.rows("SELECT sum(n)::INT AS n FROM v"), json!([{"n": 3000}]));
    assert_eq!(lake.bare("SELECT sum(n)::INT AS n FROM v")["data"]["records"], json!([{"n": 3000}]));
    let history = project.json(["tables", "t", "--history", "--json"]);
    assert_eq!(history["versions"].as_array().unwrap().len(), 1, "{history}");
    let again = project.quackctl(["register", &lake.address("theirs/*.parquet"), "--table", "t"]).assert().code(1);
    again.stderr(contains("there is a table `t` already"));
    assert_eq!(lake.objects(&lake.bucket, "theirs/"), before);
    // Nothing of it was copied.
    assert_eq!(project.objects(), [""; 0]);
}

fn folders_become_columns(place: Place) {
    let lake = Lake::new(place);
    let project = &lake.project;
    // As DuckDB itself lays it out.
    let set = project.dir().join("set");
    let select = "SELECT i, DATE '2026-03-01' + (i % 4)::INT AS day, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'a b/ü=%' ELSE 'z' || i % 5 END AS k \
                  FROM range(400) r(i)";
    let copy = format!("COPY ({select}) TO '{}' (FORMAT parquet, PARTITION_BY (day, k))", set.display());
    lake.duckdb.execute_batch(&copy).unwrap();
    let files: Vec<String> = project.files().into_iter().filter(|file| file.starts_with("set/")).collect();
    assert_eq!(files.len(), 20);
    for file in &files {
        lake.put(
            &format!("lake/{}", file.strip_prefix("set/").unwrap()),
            std::fs::read(project.dir().join(file)).unwrap(),
        );
    }
    let told = lake.register("lake/**/*.parquet", "t", []);
    let types: Vec<&Value> = told["columns"].as_array().unwrap().iter().map(|column| &column["type"]).collect();
    assert_eq!(types, ["BIGINT", "DATE", "VARCHAR"]);
    assert_eq!(told["partitions"]["columns"], json!(["day", "k"]));
    assert_eq!(told["columns"][2]["nulls"], 80);
    for sql in [
        "SELECT k, count(*)::INT AS n, sum(i)::INT AS s FROM t GROUP BY k ORDER BY k NULLS LAST",
        "SELECT day::VARCHAR AS day, count(*)::INT AS n FROM t WHERE k = 'a b/ü=%' GROUP BY day ORDER BY day",
        "SELECT count(*)::INT AS n, sum(i)::INT AS s FROM t WHERE k IS NULL AND day > DATE '2026-03-02'",
    ] {
        let here = sql.replace("FROM t", &format!("FROM ({select})"));
        let here = format!("SELECT CAST(to_json(list(r)) AS VARCHAR) FROM ({here}) AS r");
        let here: String = lake.duckdb.query_row(&here, [], |row| row.get(0)).unwrap();
        let here: Value = serde_json::from_str(&here).unwrap();
        assert_eq!(project.rows(sql), here, "{sql}");
        assert_eq!(project.json(["query", "--workers", "4", "--format", "json", sql]), here, "{sql}");
        assert_eq!(lake.bare(sql)["data"]["records"], here, "{sql}");
    }
    // Files are left out by their folders.
    let one = "SELECT count(*) FROM t WHERE day = DATE '2026-03-02' AND k = 'z3'";
    project
        .quackctl(["query", "--explain", "--workers", "4", one])
        .assert()
        .success()
        .stdout(contains("all that it needs is in one file"));
    // Rows go into such folders.
    lake.sql("INSERT INTO t VALUES (1000, '2026-03-09', 'new'), (1001, '2026-03-01', NULL)");
    lake.sql("UPDATE t SET i = -1 WHERE day = '2026-03-09' OR i = 3");
    let sum = "SELECT count(*)::INT AS n, sum(i)::INT AS s FROM t";
    assert_eq!(project.rows(sum), json!([{"n": 402, "s": 400 * 399 / 2 + 1001 - 1 - 1 - 3}]));

    // A column that the files have, too, is read from them; where only some have it, nobody knows which counts.
    lake.write("both/y=1/a.parquet", "SELECT 1 AS y, 10 AS a");
    lake.write("both/y=2/a.parquet", "SELECT 2 AS y, 20 AS a");
    let told = lake.register("both/*/a.parquet", "b", []);
    assert!(told["notes"][0].as_str().unwrap().contains("the files have y themselves"), "{told}");
    assert_eq!(project.rows("FROM b ORDER BY y"), json!([{"y": 1, "a": 10}, {"y": 2, "a": 20}]));
    lake.write("both/y=3/a.parquet", "SELECT 30 AS a");
    lake.refused(&lake.address("both/*/a.parquet"), "`y` is in the names of folders, and in some files as well");
    lake.refused(&lake.address("lake/day=2026-03-01/k=z*/../x"), "x");
}

fn nothing_deletes_files_that_lie_elsewhere(place: Place) {
    let settings = "[lake]\nbucket = \"theirs\"\nmanage = false\nread = [\"s3://others/open/\"]\n";
    let project = match place {
        Place::Local => Project::up(settings),
        Place::Aws => {
            let project = Project::at(place, settings);
            let client = s3(&project.account().emulator.sdk());
            block_on(client.create_bucket().bucket("theirs").send()).unwrap();
            project.succeed(["up"], "in their bucket");
            project
        }
    };
    let lake = Lake::of(project);
    let project = &lake.project;
    block_on(lake.client.create_bucket().bucket("others").send()).unwrap();
    for at in 0..4 {
        lake.write(
            &format!("data/{at}.parquet"),
            &format!("SELECT i, 'x' || i AS s FROM range({at}00, {at}00 + 100) r(i)"),
        );
        let more = lake.parquet(&format!("SELECT i, 'y' || i AS s FROM range(1{at}00, 1{at}00 + 100) r(i)"));
        lake.put_in("others", &format!("open/{at}.parquet"), more);
    }
    let all = || [lake.objects(&lake.bucket, "data/"), lake.objects("others", "")].concat();
    let before = all();
    assert_eq!(before.len(), 8);
    let there = |after: &str| assert_eq!(all(), before, "after {after}");
    let sum = || project.rows("SELECT count(*)::INT AS n, sum(i)::INT AS s FROM t")[0].clone();
    let open = "s3://others/open/*.parquet";

    lake.register("data/*.parquet", "t", []);
    project.succeed(["register", open, "--table", "o"], "of another bucket");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM o WHERE i >= 1250 AND s <> ''"), json!([{"n": 150}]));
    assert_eq!(sum(), json!({"n": 400, "s": 79_800}));
    lake.sql("INSERT INTO t VALUES (1000, 'new')");
    project.write("more.csv", "i,s\n2000,more\n");
    project.succeed(["load", "more.csv", "--table", "t", "--append"], "more rows");
    there("INSERT and load --append");
    assert_eq!(sum(), json!({"n": 402, "s": 82_800}));
    lake.sql("UPDATE t SET i = i + 1 WHERE i BETWEEN 100 AND 109");
    lake.sql("DELETE FROM t WHERE i BETWEEN 200 AND 299");
    lake.sql("MERGE INTO t USING (VALUES (0, 'zero'), (9999, 'n')) v(i, s) ON t.i = v.i WHEN MATCHED THEN UPDATE SET s = v.s WHEN NOT MATCHED THEN INSERT");
    lake.sql("UPDATE t SET s = 'random' WHERE random() < 2 AND i = 399");
    there("UPDATE, DELETE and MERGE");
    assert_eq!(sum(), json!({"n": 303, "s": 82_800 + 10 - 24_950 + 9999}));
    lake.sql("ALTER TABLE t ADD COLUMN more INTEGER");
    project.succeed(["compact", "t"], "files of others and own ones");
    project.succeed(["compact", "o", "--sort", "i"], "files of others");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM o AT (VERSION => 1)"), json!([{"n": 400}]));
    there("ALTER and compact");
    project.succeed(["rollback", "t", "--to", "1"], "as it was registered");
    assert_eq!(sum(), json!({"n": 400, "s": 79_800}));
    project.succeed(["compact", "t"], "again");
    project.succeed(["rename", "o", "p"], "a table of files elsewhere");
    lake.sql("CREATE TABLE q AS FROM p; DELETE FROM p WHERE i < 1100");
    project.succeed(["expire", "t", "--older-than", "0s", "--force", "--yes"], "all versions but one");
    project.succeed(["expire", "p", "--older-than", "0s", "--force", "--yes"], "all versions but one");
    there("rollback, rename and expire");
    assert_eq!(sum(), json!({"n": 400, "s": 79_800}));
    // What takes their place in the catalog takes nothing else.
    project.succeed(["register", open, "--table", "p", "--replace"], "as it was");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM p"), json!([{"n": 400}]));
    // What is not stored yet is renamed, too.
    project.succeed(["rename", "p", "r"], "metadata alone is in the folder");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM r"), json!([{"n": 400}]));
    lake.sql("BEGIN; DELETE FROM r; ROLLBACK; TRUNCATE r");
    project.succeed(["load", "more.csv", "--table", "r", "--replace"], "other rows");
    there("what came in their place");
    lake.register("data/*.parquet", "r", ["--replace"]);
    project.succeed(["drop", "r", "--yes"], "a table that was registered");
    project.succeed(["drop", "t", "--yes"], "another");
    there("drop");
    project.succeed(["down", "--yes"], "what is quackctl's own");
    if place == Place::Aws {
        there("down");
    }
}

fn files_of_several_shapes_are_one_table(place: Place) {
    let lake = Lake::new(place);
    let project = &lake.project;
    lake.write("m/1.parquet", "SELECT 1::INTEGER AS a, 'x' AS b, 1.5::FLOAT AS f, 1.25::DECIMAL(9,2) AS d");
    lake.write(
        "m/2.parquet",
        "SELECT 'y' AS b, 5000000000::BIGINT AS a, 0.1::DOUBLE AS f, 99999999.75::DECIMAL(18,2) AS d",
    );
    lake.write("m/3.parquet", "SELECT 3::SMALLINT AS a, DATE '2026-03-01' AS c");
    lake.write(
        "m/4.parquet",
        "SELECT 4::BIGINT AS a, NULL::VARCHAR AS b, 4::DOUBLE AS f, 4::DECIMAL(18,2) AS d, NULL::DATE AS c WHERE false",
    );
    let told = lake.register("m/*.parquet", "t", []);
    assert!(told["notes"][0].as_str().unwrap().contains("files without rows, left out: 1"), "{told}");
    let columns = told["columns"].as_array().unwrap().iter();
    let columns: Vec<Value> =
        columns.map(|column| json!([column["name"], column["type"], column["nulls"], column["min"]])).collect();
    let wanted = json!([
        ["a", "BIGINT", 0, "1"],
        ["b", "VARCHAR", 1, "x"],
        ["f", "DOUBLE", 1, null],
        ["d", "DECIMAL(18,2)", 1, "1.25"],
        ["c", "DATE", 2, "2026-03-01"]
    ]);
    assert_eq!(Value::from(columns), wanted);
    let all = "SELECT a, b, f, d::DOUBLE AS d, c::VARCHAR AS c FROM t ORDER BY a";
    let rows = json!([
        {"a": 1, "b": "x", "f": 1.5, "d": 1.25, "c": null},
        {"a": 3, "b": null, "f": null, "d": null, "c": "2026-03-01"},
        {"a": 5_000_000_000_u64, "b": "y", "f": 0.1, "d": 99_999_999.75, "c": null},
    ]);
    assert_eq!(project.rows(all), rows);
    assert_eq!(project.json(["query", "--workers", "3", "--format", "json", all]), rows);
    let bare = lake.bare(all);
    assert_eq!(bare["data"]["records"], rows, "{bare}");
    lake.sql("INSERT INTO t VALUES (7, 'z', 7, 7, '2026-03-07'); ALTER TABLE t ADD COLUMN e INTEGER; UPDATE t SET e = 1 WHERE c IS NOT NULL");
    assert_eq!(
        project.rows("SELECT list(a ORDER BY a)::VARCHAR AS a, sum(e)::INT AS e FROM t"),
        json!([{"a": "[1, 3, 7, 5000000000]", "e": 2}])
    );
    project.succeed(["compact", "t"], "files of several shapes");
    assert_eq!(project.rows("SELECT count(c)::INT AS c, count(*)::INT AS n FROM t"), json!([{"c": 2, "n": 4}]));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t AT (VERSION => 1)"), json!([{"n": 3}]));

    for (select, told) in [
        ("SELECT 'one' AS a", "/m/9.parquet`: its column `a` is VARCHAR, that of `s3://"),
        ("SELECT 1 AS A", "/m/9.parquet`: it has a column `A`, and `s3://"),
        ("SELECT 1.5::DECIMAL(18,3) AS d", "`d` is DECIMAL(18,3)"),
        ("SELECT {'x': 1} AS b", "its column `b` is STRUCT(x INTEGER)"),
    ] {
        lake.write("m/9.parquet", select);
        lake.refused(&lake.address("m/*.parquet"), told);
    }
}

fn files_that_come_and_go_are_seen_by_replace(place: Place) {
    let lake = Lake::new(place);
    let project = &lake.project;
    let rows = |at: u64| {
        format!(
            "SELECT i, 's' || i AS s, i * 0.5::DECIMAL(9,1) AS d, DATE '2026-01-01' + i::INT AS day, now()::TIMESTAMP AS t, now() AS tz, \
             i % 2 = 0 AS b, i::DOUBLE AS f, uuid() AS u, [i] AS l, i::UINTEGER AS ui, TIME '10:00:00' AS ti FROM range({at}, {at} + 10) r(i)"
        )
    };
    for at in [0, 10, 20] {
        lake.write(&format!("in/p={at}/x.parquet"), &rows(at));
    }
    lake.register("in/*/*.parquet", "t", []);
    lake.sql("COMMENT ON COLUMN t.s IS 'a text'; COMMENT ON TABLE t IS 'seen'");
    lake.write("in/p=30/x.parquet", &rows(30));
    block_on(lake.client.delete_object().bucket(&lake.bucket).key("in/p=10/x.parquet").send()).unwrap();
    let gone = project.quackctl(["query", "SELECT sum(i) FROM t"]).output().unwrap();
    assert!(!gone.status.success() && text(&gone).contains("--replace"), "{}", text(&gone));
    let told = lake.register("in/*/*.parquet", "t", ["--replace"]);
    assert_eq!([&told["files_came"], &told["files_went"], &told["rows"]], [1, 1, 30]);
    assert_eq!((&told["comment"], &told["notes"]), (&json!("seen"), &json!([])));
    assert_eq!(
        project.rows("SELECT sum(i)::INT AS s, max(p)::INT AS p FROM t"),
        json!([{"s": 45 + 245 + 345, "p": 30}])
    );
    // Its history goes on: of what is there still.
    let versions =
        |project: &Project| project.json(["tables", "t", "--history", "--json"])["versions"].as_array().unwrap().len();
    assert_eq!(versions(project), 2);
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t AT (VERSION => 1) WHERE p = 20"), json!([{"n": 10}]));
    let told = lake.register("in/*/*.parquet", "t", ["--replace"]);
    assert_eq!([&told["files_came"], &told["files_went"]], [0, 0]);
    assert_eq!(versions(project), 2, "nothing is new");

    // A file that has changed where it lies: what was known of it is not true of any version any more.
    lake.write("in/p=20/x.parquet", &rows(500));
    let told = lake.register("in/*/*.parquet", "t", ["--replace"]);
    assert_eq!([&told["files_came"], &told["files_went"]], [0, 0]);
    assert!(told["notes"][0].as_str().unwrap().contains("its history begins anew"), "{told}");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM t WHERE i >= 500"), json!([{"n": 10}]));
    assert_eq!(lake.bare("SELECT count(*)::INT AS n FROM t WHERE i >= 500")["data"]["records"], json!([{"n": 10}]));
    assert_eq!(versions(project), 1);
    // So it is with a column that comes.
    lake.write("in/p=40/x.parquet", &rows(40).replace("SELECT i,", "SELECT i, 1 AS more,"));
    lake.register("in/*/*.parquet", "t", ["--replace"]);
    assert_eq!(project.rows("SELECT count(*)::INT AS n, count(more)::INT AS m FROM t"), json!([{"n": 40, "m": 10}]));
    let column = project.json(["tables", "t", "--json"])["columns"][1].take();
    assert_eq!(column["comment"], "a text");
}
