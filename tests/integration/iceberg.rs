//! Tables as others read them: pyiceberg, DuckDB's `iceberg_scan`, polars, after every kind of change.

use std::path::Path;

use aws_credential_types::provider::ProvideCredentials;
use serde_json::json;

use crate::support::{Place, Project, block_on, python, text};

crate::on_every_target! {
    others_read_the_same_rows_after_every_kind_of_change,
    tables_are_read_as_they_were,
}

fn others_read_the_same_rows_after_every_kind_of_change(place: Place) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/iceberg");
    let python = python("iceberg", &folder.join("requirements.txt"));
    let project = Project::up_at(place, "");
    let status = project.json(["status", "--json"]);
    let sdk = project.sdk(&status);
    let credentials = sdk.credentials_provider().unwrap();
    let keys = block_on(credentials.provide_credentials()).unwrap();
    let mut readers = project.program(python);
    readers.arg(folder.join("lake.py")).arg(env!("CARGO_BIN_EXE_quackctl"));
    readers.args([sdk.endpoint_url().unwrap(), keys.access_key_id(), keys.secret_access_key()]);
    let output = readers.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("reads of tables"), "{}", text(&output));
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
    assert!(told("FROM t AT (VERSION => 9)").contains("`t` has no version 9"));
    assert!(told("FROM t AT (TIMESTAMP => '2001-01-01')").contains("the oldest is version 1"));
    assert!(told("FROM t AT (VERSION => 'x')").contains("is no VERSION of a table"));

    // What was is made a table of its own, and the table is as it was, which is a version, too.
    project.succeed(["query", "CREATE TABLE u AS FROM t AT (VERSION => 1)"], "of what was");
    assert_eq!(project.rows("FROM u"), json!([{"a": 1}]));
    project.quackctl(["rollback", "t", "--to", "2"]).assert().success();
    assert_eq!(project.rows("FROM t ORDER BY a"), json!([{"a": 1}, {"a": 2}]));
    assert_eq!(project.rows("FROM t AT (VERSION => 4)"), json!([{"b": "x"}]));
    project.succeed(["query", "INSERT INTO t VALUES (7)"], "to the table as it was");
    assert_eq!(project.rows("SELECT sum(a)::INT AS s FROM t"), json!([{"s": 10}]));
    let shell = project.quackctl(["shell"]).write_stdin(".mode csv\nFROM t AT (VERSION => 1);\nFROM u;\n").assert();
    shell.success().stdout("a\n1\na\n1\n");
}
