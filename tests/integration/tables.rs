//! Tables by their names: listed by SQL, found by a function that is told nothing of them, renamed.

use crate::support::{Place, Project, block_on, s3};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

crate::on_every_target! {
    what_lists_tables_lists_the_lakes,
    an_event_alone_finds_the_tables,
    a_table_is_all_there_under_its_new_name,
}

/// A lake of two tables.
fn with_tables(place: Place, settings: &str) -> Project {
    let project = Project::up_at(place, settings);
    project.write("points.csv", "x,y\n1,a\n2,b\n3,b\n");
    project.succeed(["load", "points.csv", "--table", "points", "--partition-by", "y"], "first");
    project.write("zones.csv", "name\nnorth\n");
    project.succeed(["load", "zones.csv", "--table", "zones"], "second");
    project
}

fn what_lists_tables_lists_the_lakes(place: Place) {
    let project = with_tables(place, "");
    let both = json!([{"name": "points"}, {"name": "zones"}]);
    for sql in [
        "SHOW TABLES",
        "SELECT name FROM (SHOW ALL TABLES)",
        "SELECT table_name AS name FROM information_schema.tables ORDER BY 1",
        "SELECT table_name AS name FROM duckdb_tables() ORDER BY 1",
        "SELECT DISTINCT table_name AS name FROM duckdb_columns() WHERE NOT internal ORDER BY 1",
    ] {
        assert_eq!(project.rows(sql), both, "{sql}");
    }
    let one = "SELECT table_catalog || '.' || table_schema || '.' || table_name AS name, table_type AS t \
               FROM information_schema.tables WHERE table_name = 'points'";
    assert_eq!(project.rows(one), json!([{"name": "memory.main.points", "t": "BASE TABLE"}]));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM memory.main.points"), json!([{"n": 3}]));
    assert_eq!(
        project.rows("SELECT count(*)::INT AS n FROM duckdb_tables() WHERE table_name = 'points'"),
        json!([{"n": 1}])
    );
    let columns = "SELECT column_name AS c, data_type AS t FROM information_schema.columns WHERE table_name = 'points' \
                   ORDER BY ordinal_position";
    assert_eq!(project.rows(columns), json!([{"c": "x", "t": "BIGINT"}, {"c": "y", "t": "VARCHAR"}]));
    let described = project.rows("DESCRIBE points");
    assert_eq!((&described[0]["column_name"], &described[1]["column_name"]), (&json!("x"), &json!("y")));
    project.succeed(["drop", "zones", "--yes"], "second");
    assert_eq!(project.rows("SHOW TABLES"), json!([{"name": "points"}]));
}

/// What the function answers to an event that any client of AWS sends.
fn invoke(project: &Project, event: &Value) -> Value {
    let status = project.json(["status", "--json"]);
    let lambda = aws_sdk_lambda::Client::new(&project.sdk(&status));
    let invoke = lambda.invoke().function_name(status["function"].as_str().unwrap());
    let answer = block_on(invoke.payload(event.to_string().into_bytes().into()).send()).unwrap();
    serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap()
}

fn an_event_alone_finds_the_tables(place: Place) {
    let query = json!({"q": "SELECT y, sum(x)::INT AS s FROM points GROUP BY y ORDER BY y"});
    let rows = json!([{"y": "a", "s": 1}, {"y": "b", "s": 5}]);
    let project = with_tables(place, "");
    assert_eq!(invoke(&project, &query)["data"]["records"], rows);
    let unknown = invoke(&project, &json!({"q": "FROM pionts"}));
    assert_eq!(unknown["errorType"], "DuckDB.CatalogError", "{unknown}");
}

#[test]
fn an_event_alone_finds_the_tables_under_a_prefix_of_somebody_elses_bucket() {
    let project = Project::at(Place::Aws, "[lake]\nbucket = \"theirs\"\nmanage = false\nprefix = \"team/q\"\n");
    block_on(s3(&project.account().emulator.sdk()).create_bucket().bucket("theirs").send()).unwrap();
    project.succeed(["up"], "in their bucket");
    project.write("zones.csv", "name\nnorth\n");
    project.succeed(["load", "zones.csv", "--table", "zones"], "in their bucket");
    let answer = invoke(&project, &json!({"q": "FROM zones"}));
    assert_eq!(answer["data"]["records"], json!([{"name": "north"}]), "{answer}");
    assert_eq!(project.rows("SHOW TABLES"), json!([{"name": "zones"}]));
}

fn a_table_is_all_there_under_its_new_name(place: Place) {
    let project = with_tables(place, "");
    let sum = |table: &str| project.rows(&format!("SELECT sum(x)::INT AS s FROM {table}"))[0]["s"].clone();
    let points = |project: &Project| project.quackctl(["rename", "points", "zones"]).assert().failure();
    points(&project).stderr(contains("there is a table `zones` already"));
    project.quackctl(["rename", "point", "dots"]).assert().failure().stderr(contains("did you mean `points`?"));
    project.quackctl(["rename", "points", "no name"]).assert().code(2).stderr(contains("cannot be a table's name"));
    project.quackctl(["rename", "zones", "zones"]).assert().code(2).stderr(contains("is called `zones` already"));
    let renamed = project.quackctl(["rename", "POINTS", "dots"]).assert().success();
    renamed.stdout(contains("renamed `points` to `dots`"));
    assert_eq!(sum("dots"), 6);
    let asks = project.quackctl(["down"]).assert().failure();
    asks.stderr(contains("with 2 tables: dots, zones would be deleted"));
    let gone = project.quackctl(["query", "FROM points"]).assert().failure();
    gone.stderr(contains("points").and(contains("does not exist")));
    assert_eq!(
        invoke(&project, &json!({"q": "SELECT count(*) AS n FROM dots"}))["data"]["records"],
        json!([{ "n": 3 }])
    );

    // The old name is free, and each of the two tables keeps its own files.
    project.succeed(["load", "points.csv", "--table", "points", "--partition-by", "y"], "again");
    project.succeed(["load", "points.csv", "--table", "dots", "--partition-by", "y", "--append"], "to the renamed one");
    assert_eq!((sum("points"), sum("dots")), (6.into(), 12.into()));
    project.succeed(["drop", "points", "--yes"], "the new one of the old name");
    assert_eq!(sum("dots"), 12);
    project.succeed(["rename", "dots", "Dots"], "in another case");
    project.succeed(["load", "points.csv", "--table", "Dots", "--partition-by", "y", "--replace"], "the renamed one");
    assert_eq!(sum("dots"), 6);
    project.succeed(["drop", "dots", "--yes"], "the renamed one");
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let left =
        format!("SELECT count(*)::INT AS n FROM glob('s3://{bucket}/tables/**') WHERE file NOT LIKE '%/zones/%'");
    assert_eq!(project.rows(&left), json!([{ "n": 0 }]));
    // What was dropped under its new name comes back under the old one, too.
    project.succeed(["recover", "points"], "the dropped table");
    assert_eq!(sum("points"), 6);
}
