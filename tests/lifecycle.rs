//! The main job: up, load, query, down; and what is there before, between and after.

mod support;

use std::fs;
use std::net::TcpStream;

use predicates::prelude::*;
use predicates::str::contains;
use support::{Project, is_running, taxis};

#[test]
fn up_load_query_down_leaves_nothing_but_the_project_file() {
    let project = Project::new("");
    project.quackctl(["up"]).assert().success().stdout(contains("quack-lake-dev"));
    let status = project.json(["status", "--json"]);
    let pid = project.pid();
    let endpoint = status["endpoint"].as_str().unwrap().trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&endpoint).is_ok());

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
    assert!(!is_running(pid), "the daemon is still there");
    assert!(TcpStream::connect(&endpoint).is_err(), "the port is still open");
    assert_eq!(project.files(), ["points.csv", "quack.toml"]);
    assert!(!project.dir().join(".quack").exists());
}

#[test]
fn up_again_changes_nothing() {
    let project = Project::up("");
    let before = (project.pid(), project.json(["status", "--json"])["endpoint"].clone());
    let again = project.json(["up", "--json"]);
    assert_eq!(again["changes"], serde_json::json!([]), "{again}");
    assert_eq!(before, (project.pid(), project.json(["status", "--json"])["endpoint"].clone()));
}

#[test]
fn up_applies_what_changed_and_keeps_the_data() {
    let project = Project::up("");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    project.write("quack.toml", "[function]\nmemory_mb = 640\n");
    let changed = project.json(["up", "--json"]);
    assert!(changed["changes"].to_string().contains("memory_mb 2048 -> 640"), "{changed}");
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
    let log = project.quackctl(["logs"]).output().unwrap();
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(log.lines().rfind(|line| line.starts_with("REPORT")).unwrap().contains("Memory Size: 640 MB"), "{log}");
}

#[test]
fn up_loads_declared_data_once() {
    let settings = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 5000\npartition_by = [\"date=CAST(pickup_at AS DATE)\"]\n\
                    [[data]]\ntable = \"points\"\nsource = \"points.csv\"\n";
    let project = Project::new(settings);
    project.write("points.csv", "x\n1\n2\n");
    project.quackctl(["up"]).assert().success();
    assert_eq!(
        project.rows("SELECT count(*) AS n, count(DISTINCT date) AS d FROM trips"),
        serde_json::json!([{"n": 5000, "d": 30}])
    );
    assert_eq!(project.rows("SELECT sum(x)::INT AS s FROM points"), serde_json::json!([{"s": 3}]));
    let loaded_at = project.json(["tables", "trips", "--json"])["loaded_at"].clone();
    assert_eq!(project.json(["up", "--json"])["changes"], serde_json::json!([]));
    assert_eq!(project.json(["tables", "trips", "--json"])["loaded_at"], loaded_at);
}

#[test]
fn stages_run_side_by_side_and_end_alone() {
    let project = Project::up("");
    project.quackctl(["up", "--stage", "test"]).assert().success();
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one", "--stage", "test"]).assert().success();
    assert_eq!(project.json(["tables", "--json"])["tables"], serde_json::json!([]));
    project.quackctl(["down", "--yes", "--stage", "test"]).assert().success();
    project.quackctl(["query", "SELECT 1"]).assert().success();
    project
        .quackctl(["query", "SELECT 1", "--stage", "tset"])
        .assert()
        .failure()
        .stderr(contains("tset").and(contains("dev")));
}

#[test]
fn keep_data_keeps_the_tables_for_the_next_up() {
    let project = Project::up("");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    let pid = project.pid();
    project.quackctl(["down", "--keep-data"]).assert().success();
    assert!(!is_running(pid));
    project.quackctl(["query", "SELECT 1"]).assert().failure().stderr(contains("quackctl up"));
    project.quackctl(["up"]).assert().success();
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
}

#[test]
fn down_asks_and_without_an_answer_deletes_nothing() {
    let project = Project::up("");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    project.quackctl(["down"]).assert().failure().stderr(contains("--yes"));
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
}

#[test]
fn before_up_every_command_says_what_to_run() {
    let project = Project::new("");
    for command in [["query", "SELECT 1"], ["tables", "trips"], ["logs", "--quiet"]] {
        project.quackctl(command).assert().code(1).stderr(contains("run `quackctl up`"));
    }
    project.quackctl(["status"]).assert().success().stdout(contains("not up"));
    project.quackctl(["down", "--yes"]).assert().success();
    project.quackctl(["up", "--target", "lokal"]).assert().code(2).stderr(contains("lokal").and(contains("`local`")));
    assert_eq!(project.files(), ["quack.toml"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let project = Project::new(&format!("[local]\nport = {port}\n"));
    project
        .quackctl(["up"])
        .assert()
        .code(1)
        .stderr(contains(port.to_string()).and(contains("taken").or(contains("in use"))));
    assert_eq!(project.files(), ["quack.toml"]);
}

#[test]
fn secrets_are_for_the_owner_alone_and_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::up("");
    let status = project.json(["status", "--json"]);
    let path = status["credentials_file"].as_str().unwrap();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    let secret = text.lines().find_map(|line| line.strip_prefix("aws_secret_access_key")).unwrap();
    let secret = secret.trim_start_matches([' ', '=']);
    assert!(secret.len() >= 32);
    project.quackctl(["query", "SELECT 1"]).assert().success();
    for arguments in [["status", "--json"], ["status", "--verbose"], ["logs", "--verbose"], ["up", "--verbose"]] {
        let output = project.quackctl(arguments).output().unwrap();
        assert!(!support::text(&output).contains(secret), "{arguments:?} shows the key");
    }
    for file in project.files().iter().filter(|file| !path.ends_with(file.as_str())) {
        let content = fs::read(project.dir().join(file)).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(secret), "{file} holds the key");
    }
}

#[test]
fn real_trips_give_duckdbs_own_answer() {
    let Some(taxis) = taxis() else { return };
    let project = Project::up("");
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
