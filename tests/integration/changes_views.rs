//! Views: made, read, replaced, renamed and dropped as DuckDB has them; what people write about tables, views and columns.

use crate::support::{Place, Project, block_on, s3};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

crate::on_every_target! {
    views_are_made_read_and_dropped,
    comments_are_kept_with_what_they_are_about,
}

fn run(project: &Project, sql: &str, told: &str) {
    project.quackctl(["query", sql]).assert().success().stderr(contains(told));
}

fn refused(project: &Project, sql: &str, told: &str) {
    let done = project.quackctl(["query", sql]).assert().code(predicates::ord::ne(0));
    done.stderr(contains(told));
}

/// An object of JSON in the bucket.
fn object(project: &Project, key: &str) -> Value {
    let status = project.json(["status", "--json"]);
    let client = s3(&project.sdk(&status));
    block_on(async {
        let got = client.get_object().bucket(status["bucket"].as_str().unwrap()).key(key).send().await.unwrap();
        serde_json::from_slice(&got.body.collect().await.unwrap().into_bytes()).unwrap()
    })
}

fn stored(project: &Project) -> Value {
    object(project, "_quack/catalog.json")
}

fn views_are_made_read_and_dropped(place: Place) {
    let project = Project::up_at(place, "");
    run(&project, "CREATE TABLE trips AS SELECT i AS id, i % 3 AS zone FROM range(9) r(i)", "created `trips`");
    run(
        &project,
        "CREATE VIEW by_zone AS SELECT zone, count(*) AS n FROM trips GROUP BY 1",
        "created the view `by_zone`",
    );
    run(
        &project,
        "CREATE VIEW Main.busy (place) AS -- those with rows\nSELECT zone, n AS amount FROM by_zone WHERE n > 1 -- all",
        "created the view `busy`",
    );
    let busy = || project.rows("SELECT place::INT AS p, amount::INT AS a FROM BUSY ORDER BY ALL");
    assert_eq!(busy(), json!([{"p": 0, "a": 3}, {"p": 1, "a": 3}, {"p": 2, "a": 3}]));
    run(&project, "DELETE FROM trips WHERE id > 6", "deleted 2 rows");
    assert_eq!(busy(), json!([{"p": 0, "a": 3}, {"p": 1, "a": 2}, {"p": 2, "a": 2}]), "a view has no rows of its own");
    // What else reads: changes, other queries, what describes.
    run(
        &project,
        "CREATE TABLE kept AS SELECT * FROM busy b JOIN trips t ON b.place = t.zone",
        "created `kept` with 7 rows",
    );
    run(&project, "INSERT INTO trips SELECT place + 100, place FROM busy", "inserted 3 rows");
    run(&project, "DELETE FROM trips WHERE id >= 100 AND zone IN (SELECT place FROM busy)", "deleted 3 rows");
    run(&project, "MERGE INTO kept USING busy ON kept.place = busy.place WHEN MATCHED THEN DELETE", "merged 7 rows");
    let described = project.rows("SELECT column_name AS c, column_type AS t FROM (DESCRIBE busy)");
    assert_eq!(described, json!([{"c": "place", "t": "BIGINT"}, {"c": "amount", "t": "BIGINT"}]));
    assert_eq!(project.rows("SELECT max AS m FROM (SUMMARIZE busy) WHERE column_name = 'amount'"), json!([{"m": "3"}]));
    let listed = json!([{"name": "busy"}, {"name": "by_zone"}, {"name": "kept"}, {"name": "trips"}]);
    assert_eq!(project.rows("SHOW TABLES"), listed);
    let types = project.rows("SELECT table_name AS t, table_type AS k FROM information_schema.tables ORDER BY 1");
    assert_eq!(types[0], json!({"t": "busy", "k": "VIEW"}));
    assert_eq!(types[2], json!({"t": "kept", "k": "BASE TABLE"}));
    let sql = "SELECT view_name AS v FROM duckdb_views() WHERE NOT internal AND sql LIKE '%FROM by_zone%'";
    assert_eq!(project.rows(sql), json!([{"v": "busy"}]));
    // A star is looked at by each query, as are the tables' names.
    run(&project, "CREATE VIEW every AS FROM trips; ALTER TABLE trips ADD COLUMN note VARCHAR", "altered `trips`");
    assert_eq!(project.rows("SELECT count(note)::INT AS n FROM every"), json!([{"n": 0}]));
    run(&project, "ALTER TABLE trips RENAME TO rides", "the table is `rides` now");
    refused(&project, "FROM every", "(in the view `every`)");
    assert_eq!(project.rows("SHOW TABLES").as_array().unwrap().len(), 5, "one that is broken is listed");
    run(&project, "ALTER TABLE rides RENAME TO trips", "the table is `trips` now");

    run(&project, "CREATE OR REPLACE VIEW every AS SELECT 1 AS one", "created the view `every`");
    assert_eq!(project.rows("FROM every"), json!([{"one": 1}]));
    run(
        &project,
        "ALTER VIEW every RENAME TO one; CREATE VIEW IF NOT EXISTS one AS FROM nowhere",
        "nothing was changed",
    );
    assert_eq!(project.rows("FROM one"), json!([{"one": 1}]));
    run(&project, "DROP VIEW one; DROP VIEW IF EXISTS one; ALTER VIEW IF EXISTS one RENAME TO two", "no view `one`");

    // In a transaction, which others see at once or not at all.
    run(
        &project,
        "BEGIN; CREATE VIEW v AS FROM trips; ALTER TABLE kept RENAME TO held; COMMIT",
        "2 tables and 1 view were changed",
    );
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM v"), json!([{"n": 7}]));
    let script = "BEGIN; CREATE OR REPLACE VIEW v AS SELECT 1 AS a; DROP VIEW by_zone; FROM v; ROLLBACK";
    project.quackctl(["query", "--format", "csv", script]).assert().success().stdout("a\n1\n");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM v, by_zone"), json!([{"n": 21}]));

    let shown = project.json(["tables", "busy", "--json"]);
    assert_eq!(shown["sql"], "-- those with rows\nSELECT zone, n AS amount FROM by_zone WHERE n > 1");
    assert_eq!(shown["columns"][1], json!({"name": "amount", "type": "BIGINT"}));
    let all = project.json(["tables", "--json"]);
    assert_eq!((all["tables"].as_array().unwrap().len(), all["views"].as_array().unwrap().len()), (2, 3), "{all}");
    project.quackctl(["tables"]).assert().success().stdout(contains("by_zone"));
    project.quackctl(["tables", "v"]).assert().success().stdout(contains("v: a view"));
    project.quackctl(["rename", "v", "w"]).assert().success().stdout(contains("renamed `v` to `w`"));
    project.quackctl(["drop", "w", "--yes"]).assert().success().stdout(contains("dropped the view `w`"));
    run(&project, "DROP VIEW busy; DROP VIEW by_zone; DROP TABLE held", "dropped `held`");
    assert_eq!(project.rows("SHOW TABLES"), json!([{"name": "trips"}]));
}

#[test]
fn a_catalog_without_views_is_as_it_always_was() {
    let project = Project::up("");
    run(&project, "CREATE TABLE t AS SELECT 1 AS a", "created `t`");
    let before = stored(&project);
    assert_eq!((&before["version"], before.as_object().unwrap().len()), (&json!(2), 2), "{before}");
    run(&project, "CREATE VIEW v AS FROM t", "created the view `v`");
    let with = stored(&project);
    assert_eq!(with["version"], 3, "an older quackctl says that it does not know the form");
    assert_eq!(with["views"], json!({"v": {"sql": "FROM t", "columns": [{"name": "a", "type": "INTEGER"}]}}));
    run(&project, "DROP VIEW v", "dropped the view `v`");
    assert_eq!(stored(&project), before);
}

#[test]
fn tables_and_views_share_their_names_and_are_told_apart() {
    let project = Project::up("");
    run(&project, "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS FROM t; CREATE VIEW w AS FROM v", "the view `w`");
    let before = stored(&project);
    for (sql, told) in [
        ("CREATE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW puts a new one in its place"),
        ("CREATE VIEW T AS SELECT 1", "there is a table `t` already"),
        ("CREATE OR REPLACE VIEW t AS SELECT 1", "there is a table `t` already"),
        ("CREATE TABLE V AS SELECT 1 AS a", "there is a view `v`"),
        ("CREATE OR REPLACE TABLE v AS SELECT 1 AS a", "there is a view `v`"),
        ("ALTER TABLE t RENAME TO v", "there is a view `v` already"),
        ("ALTER VIEW v RENAME TO t", "there is a table `t` already"),
        ("ALTER VIEW v RENAME TO w", "there is a view `w` already"),
        ("DROP TABLE v", "DROP VIEW v is for it"),
        ("DROP TABLE IF EXISTS v", "DROP VIEW v is for it"),
        ("DROP VIEW t", "`t` is a table, not a view"),
        ("DROP VIEW IF EXISTS t", "`t` is a table, not a view"),
        ("DROP VIEW vv", "did you mean `v`?"),
        ("ALTER TABLE v RENAME TO x", "ALTER VIEW v is for it"),
        ("ALTER VIEW t RENAME TO x", "`t` is a table, not a view"),
        ("ALTER TABLE v ADD COLUMN b INT", "`v` is a view, not a table"),
        ("INSERT INTO v VALUES (1)", "`v` is a view, not a table"),
        ("UPDATE v SET a = 2", "`v` is a view, not a table"),
        ("DELETE FROM v", "`v` is a view, not a table"),
        ("TRUNCATE v", "`v` is a view, not a table"),
        ("MERGE INTO v USING t ON v.a = t.a WHEN MATCHED THEN DELETE", "`v` is a view, not a table"),
        ("FROM v AT (VERSION => 1)", "`v` is a view, which has no versions"),
        ("CREATE VIEW x AS FROM t AT (VERSION => 1)", "a view of a table as it was is not supported"),
        ("CREATE VIEW x AS FROM nowhere", "nowhere does not exist"),
        ("CREATE VIEW x AS SELECT\n  nope FROM t", "LINE 2:"),
        ("CREATE VIEW x AS SELECT content FROM read_text('/etc/passwd')", "refused"),
        ("CREATE VIEW x AS SELECT 1) UNION (SELECT 2", "one query"),
        ("CREATE VIEW x AS SELECT ?", "parameter"),
        ("CREATE VIEW x AS DESCRIBE t", "a view of this statement is not supported"),
        ("CREATE VIEW x AS PIVOT t ON a", "a view of this statement is not supported"),
        ("CREATE VIEW x (a, b) AS FROM t", "More VIEW aliases"),
        ("CREATE VIEW \"a/b\" AS FROM t", "cannot be a table's name"),
        ("CREATE VIEW other.x AS FROM t", "no schema `other`"),
        ("CREATE OR REPLACE VIEW v AS FROM v", "reads itself"),
        ("CREATE OR REPLACE VIEW v AS SELECT a FROM w", "reads itself"),
        ("CREATE TEMP VIEW x AS FROM t", "CREATE TEMPORARY VIEW is not supported"),
        ("CREATE MATERIALIZED VIEW x AS FROM t", "CREATE MATERIALIZED VIEW is not supported"),
        ("CREATE RECURSIVE VIEW x AS FROM t", "WITH RECURSIVE"),
        ("ALTER VIEW v ADD COLUMN b INT", "ALTER VIEW in this form"),
        ("DROP VIEW v, w", "DROP VIEW in this form"),
        ("COMMENT ON SCHEMA main IS 'x'", "COMMENT ON SCHEMA is not supported"),
        ("COMMENT ON TABLE tt IS 'x'", "did you mean `t`?"),
        ("COMMENT ON COLUMN t.b IS 'x'", "`t` has no column `b`"),
        ("COMMENT ON COLUMN b IS 'x'", "the table's name is missing"),
        ("COMMENT ON TABLE t IS 1 + 1", "COMMENT ON in this form"),
    ] {
        refused(&project, sql, told);
    }
    project.write("t.csv", "a\n1\n");
    let load = project.quackctl(["load", "t.csv", "--table", "v", "--replace"]);
    { load }.assert().code(2).stderr(contains("there is a view `v`"));
    project.quackctl(["tables", "v", "--history"]).assert().code(2).stderr(contains("which has no versions"));
    assert_eq!(stored(&project), before, "nothing was changed");
    assert_eq!(project.rows("FROM w"), json!([{"a": 1}]));
    // What does not stand in the event, the function finds by itself.
    let status = project.json(["status", "--json"]);
    let name = project.json(["outputs", "--json"])["function"].as_str().expect("a function").to_owned();
    let answer = block_on(async {
        let lambda = aws_sdk_lambda::Client::new(&project.sdk(&status));
        let payload = json!({"q": "SELECT a + 1 AS b FROM w"}).to_string().into_bytes();
        lambda.invoke().function_name(name).payload(payload.into()).send().await.unwrap()
    });
    let answer: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    assert_eq!(answer["data"]["records"], json!([{"b": 2}]), "{answer}");
}

#[test]
fn what_became_of_views_comes_back() {
    let project = Project::up("");
    run(&project, "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT a + 1 AS b FROM t", "the view `v`");
    run(&project, "DROP VIEW v", "dropped the view `v`");
    project.quackctl(["recover", "v"]).assert().success().stdout(contains("v: a view"));
    assert_eq!(project.rows("FROM v"), json!([{"b": 2}]));
    run(&project, "CREATE OR REPLACE VIEW v AS SELECT 7 AS b; DROP TABLE t", "dropped `t`");
    project.quackctl(["recover", "t"]).assert().success();
    assert_eq!(project.rows("FROM v, t"), json!([{"b": 7, "a": 1}]), "nothing but the table came back");
    project.quackctl(["recover", "v"]).assert().success();
    assert_eq!(project.rows("FROM v"), json!([{"b": 2}]));
    let listed = project.json(["recover", "--json"]);
    let first = listed["versions"].as_array().unwrap().last().unwrap()["version"].as_str().unwrap().to_owned();
    project.quackctl(["recover", "--at", &first]).assert().code(1).stderr(contains("`v` (a view)"));
    project.quackctl(["recover", "--at", &first, "--yes"]).assert().success();
    assert_eq!(project.rows("SHOW TABLES"), json!([{"name": "t"}]));
}

fn comments_are_kept_with_what_they_are_about(place: Place) {
    let project = Project::up_at(place, "");
    run(&project, "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b; CREATE VIEW v AS FROM t", "created the view `v`");
    run(
        &project,
        "COMMENT ON TABLE t IS 'It''s a\ntable'; COMMENT ON COLUMN main.t.A IS $$of $1$$",
        "commented on `t`",
    );
    run(&project, "COMMENT ON VIEW v IS E'a\\tview'; COMMENT ON COLUMN v.b IS 'two'", "commented on `v`");
    let about = || {
        let tables =
            "SELECT comment AS c FROM duckdb_tables() UNION ALL SELECT comment FROM duckdb_views() WHERE NOT internal";
        let columns = "SELECT table_name || '.' || column_name || ': ' || comment AS c FROM duckdb_columns() WHERE comment \
                       IS NOT NULL ORDER BY ALL";
        [project.rows(tables), project.rows(columns)]
    };
    let all = [json!([{"c": "It's a\ntable"}, {"c": "a\tview"}]), json!([{"c": "t.a: of $1"}, {"c": "v.b: two"}])];
    assert_eq!(about(), all);
    // It stays, whatever is done with the rows.
    run(
        &project,
        "INSERT INTO t VALUES (2, 'y'); UPDATE t SET a = 3 WHERE b = 'x'; DELETE FROM t WHERE a = 2",
        "deleted 1 row",
    );
    run(
        &project,
        "ALTER TABLE t ADD COLUMN c INTEGER; ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME TO t",
        "is `t` now",
    );
    project.quackctl(["rollback", "t", "--to", "1"]).assert().success();
    project.write("t.csv", "a,b\n5,z\n");
    project.succeed(["load", "t.csv", "--table", "t", "--replace"], "with other rows");
    run(&project, "ALTER VIEW v RENAME TO w; ALTER VIEW w RENAME TO v", "is `v` now");
    assert_eq!(about(), all);
    let shown = project.json(["tables", "t", "--json"]);
    assert_eq!((&shown["comment"], &shown["columns"][0]["comment"]), (&json!("It's a\ntable"), &json!("of $1")));
    project.quackctl(["tables", "t"]).assert().success().stdout(contains("It's a table").and(contains("of $1")));
    project.quackctl(["tables", "v"]).assert().success().stdout(contains("a view").and(contains("two")));
    // Others see it where Iceberg has it.
    let metadata = object(&project, stored(&project)["tables"]["t"]["metadata"].as_str().unwrap());
    assert_eq!(metadata["properties"]["comment"], "It's a\ntable");
    assert!(metadata["schemas"].to_string().contains(r#""doc":"of $1""#), "{}", metadata["schemas"]);
    run(&project, "ALTER TABLE t RENAME COLUMN a TO k", "altered `t`");
    assert_eq!(about()[1], json!([{"c": "t.k: of $1"}, {"c": "v.b: two"}]), "as in DuckDB");
    run(
        &project,
        "COMMENT ON TABLE t IS NULL; COMMENT ON COLUMN t.k IS NULL; COMMENT ON VIEW v IS NULL",
        "commented on `v`",
    );
    assert_eq!(about(), [json!([{"c": null}, {"c": null}]), json!([{"c": "v.b: two"}])]);
    run(
        &project,
        "BEGIN; COMMENT ON TABLE t IS 'x'; COMMENT ON COLUMN v.b IS NULL; COMMIT",
        "1 table and 1 view were changed",
    );
    assert_eq!(about(), [json!([{"c": "x"}, {"c": null}]), json!([])]);
}
