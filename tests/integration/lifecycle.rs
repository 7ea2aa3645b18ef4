//! The main job: up, load, query, down; and what is there before, between and after. The same on every target.

use crate::support::{Place, Project, taxis};
use predicates::prelude::*;
use predicates::str::contains;

crate::on_every_target! {
    up_load_query_down_leaves_nothing_but_the_project_file,
    up_again_changes_nothing,
    up_applies_what_changed_and_keeps_the_data,
    up_loads_declared_data_once,
    stages_run_side_by_side_and_end_alone,
    keep_data_keeps_the_tables_for_the_next_up,
    down_asks_and_without_an_answer_deletes_nothing,
    before_up_every_command_says_what_to_run,
    real_trips_give_duckdbs_own_answer,
    a_dropped_table_is_gone_with_its_files_and_no_other_is,
}

fn up_load_query_down_leaves_nothing_but_the_project_file(place: Place) {
    let project = Project::at(place, "");
    project.quackctl(["up"]).assert().success().stdout(contains("quack-lake-dev"));
    assert_eq!(project.json(["status", "--json"])["up"], true);

    project.write("points.csv", "x,y\n1,a\n2,b\n3,a\n");
    project.quackctl(["load", "points.csv", "--table", "points"]).assert().success();
    let rows = project.rows("SELECT y, sum(x)::INT AS s FROM points GROUP BY y ORDER BY y");
    assert_eq!(rows, serde_json::json!([{"y": "a", "s": 4}, {"y": "b", "s": 2}]));
    assert_eq!(project.json(["tables", "--json"])["tables"][0]["name"], "points");
    project.quackctl(["query"]).assert().success().stdout(contains("3"));
    project
        .quackctl(["logs"])
        .assert()
        .success()
        .stdout(contains("REPORT RequestId:").and(contains("Billed Duration:")));

    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["points.csv", "quack.toml"]);
}

fn up_again_changes_nothing(place: Place) {
    let project = Project::up_at(place, "");
    let again = project.json(["up", "--json"]);
    assert_eq!(again["changes"], serde_json::json!([]), "{again}");
    assert_eq!(again["loaded"], serde_json::json!([]), "{again}");
    assert_eq!(again["built"], false);
}

fn up_applies_what_changed_and_keeps_the_data(place: Place) {
    let project = Project::up_at(place, "");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    project.write("quack.toml", "[function]\nmemory_mb = 640\n");
    let changed = project.json(["up", "--json"]);
    assert!(changed["changes"].to_string().contains("2048 -> 640"), "{changed}");
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
    let log = project.quackctl(["logs"]).output().unwrap();
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(
        log.lines().rfind(|line| line.contains("REPORT RequestId")).unwrap().contains("Memory Size: 640 MB"),
        "{log}"
    );
}

fn up_loads_declared_data_once(place: Place) {
    let settings = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 5000\npartition_by = [\"date=CAST(pickup_at AS DATE)\"]\n\
                    [[data]]\ntable = \"points\"\nsource = [\"points.csv\", \"more/*.csv\"]\ndelimiter = \";\"\ndecimal = \",\"\n\
                    null = \"-\"\nheader = true\nencoding = \"latin-1\"\ntypes = \"x=INTEGER\"\n\
                    [[data]]\ntable = \"days\"\nsql = \"SELECT date, count(*) AS n FROM trips GROUP BY ALL; -- a day\"\n\
                    partition_by = \"date\"\n";
    let project = Project::at(place, settings);
    project.write("points.csv", "x;y\n1;2,5\n-;-\n");
    std::fs::create_dir(project.dir().join("more")).unwrap();
    project.write("more/points.csv", "x;y\n2;0,25\n");
    project.quackctl(["up"]).assert().success().stdout(contains("created `days` with 30 rows"));
    let days = "SELECT sum(n)::INT AS n, any_value(typeof(date)) AS t FROM days";
    assert_eq!(project.rows(days), serde_json::json!([{"n": 5000, "t": "DATE"}]));
    assert_eq!(
        project.rows("SELECT count(*) AS n, count(DISTINCT date) AS d FROM trips"),
        serde_json::json!([{"n": 5000, "d": 30}])
    );
    let points = "SELECT sum(x)::INT AS s, sum(y) AS y, any_value(typeof(x)) AS t FROM points";
    assert_eq!(project.rows(points), serde_json::json!([{"s": 3, "y": 2.75, "t": "INTEGER"}]));
    let loaded_at = project.json(["tables", "trips", "--json"])["loaded_at"].clone();
    project.quackctl(["drop", "days", "--yes"]).assert().success();
    let again = project.json(["up", "--json"]);
    assert_eq!((&again["changes"], &again["loaded"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!((&again["created"][0]["table"], &again["created"][0]["rows"]), (&"days".into(), &30.into()));
    assert_eq!(project.json(["tables", "trips", "--json"])["loaded_at"], loaded_at);
}

fn stages_run_side_by_side_and_end_alone(place: Place) {
    let project = Project::up_at(place, "");
    project.quackctl(["up", "--stage", "test"]).assert().success();
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one", "--stage", "test"]).assert().success();
    assert_eq!(project.json(["tables", "--json"])["tables"], serde_json::json!([]));
    project.quackctl(["down", "--yes", "--stage", "test"]).assert().success();
    project.quackctl(["query", "SELECT 1"]).assert().success();
    project.quackctl(["query", "SELECT 1", "--stage", "tset"]).assert().failure().stderr(contains("tset"));
}

fn keep_data_keeps_the_tables_for_the_next_up(place: Place) {
    let project = Project::up_at(place, "");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    project.quackctl(["down", "--keep-data"]).assert().success();
    project.quackctl(["query", "SELECT 1"]).assert().failure().stderr(contains("quackctl up"));
    project.quackctl(["up"]).assert().success();
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
}

fn down_asks_and_without_an_answer_deletes_nothing(place: Place) {
    let project = Project::up_at(place, "");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    project.quackctl(["down"]).assert().failure().stderr(contains("--yes"));
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
}

fn before_up_every_command_says_what_to_run(place: Place) {
    let project = Project::at(place, "");
    for command in [["query", "SELECT 1"], ["tables", "trips"], ["logs", "--quiet"]] {
        project.quackctl(command).assert().code(1).stderr(contains("run `quackctl up`"));
    }
    project.quackctl(["status"]).assert().code(4).stdout(contains("not up"));
    project.quackctl(["down", "--yes"]).assert().success();
    project.quackctl(["up", "--target", "lokal"]).assert().code(2).stderr(contains("lokal").and(contains("`local`")));
    assert_eq!(project.files(), ["quack.toml"]);
}

fn real_trips_give_duckdbs_own_answer(place: Place) {
    let Some(taxis) = taxis() else { return };
    let project = Project::up_at(place, "");
    let load = ["load", taxis.to_str().unwrap(), "--table", "taxis", "--partition-by", "day=CAST(pickup AS DATE)"];
    project.quackctl(load).assert().success();
    let sql =
        "SELECT pickup_borough, count(*) AS n, round(avg(total),2) AS avg_total FROM {} GROUP BY 1 ORDER BY 2 DESC";
    let found = project.rows(&sql.replace("{}", "taxis"));
    let direct = duckdb::Connection::open_in_memory().unwrap();
    let mut statement = direct.prepare(&sql.replace("{}", &format!("'{}'", taxis.display()))).unwrap();
    let expected: Vec<serde_json::Value> = statement
        .query_map([], |row| {
            let (borough, n, average): (Option<String>, i64, f64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(serde_json::json!({"pickup_borough": borough, "n": n, "avg_total": average}))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(expected.len(), 5);
    assert_eq!(found, serde_json::Value::from(expected));
}

fn a_dropped_table_is_gone_with_its_files_and_no_other_is(place: Place) {
    let project = Project::up_at(place, "");
    project.write("points.csv", "x,y\n1,a\n2,b\n");
    for table in ["points", "points2"] {
        project.quackctl(["load", "points.csv", "--table", table, "--partition-by", "y"]).assert().success();
    }
    let asked = project.quackctl(["drop", "points"]).assert().failure();
    asked.stderr(contains("`points` with its 2 rows would be deleted").and(contains("--yes")));
    project.quackctl(["drop", "POINTS", "--yes"]).assert().success().stdout(contains("dropped `points`: 2 rows"));
    project.quackctl(["drop", "points", "--yes"]).assert().failure().stderr(contains("did you mean `points2`?"));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM points2"), serde_json::json!([{ "n": 2 }]));
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let files = |table: &str| {
        let sql = format!("SELECT count(*)::INT AS n FROM glob('s3://{bucket}/tables/{table}/*/*/*')");
        project.rows(&sql)[0]["n"].clone()
    };
    assert_eq!((files("points"), files("points2")), (0.into(), 2.into()));
}
