//! What a command finds after the local target was killed the hard way.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Project, is_running, kill};
use predicates::str::contains;

/// A query that keeps the function busy for longer than the test lets it live.
const SLOW: &str = "SELECT count(*) FROM range(100000) a, range(10000000) b WHERE hash(a.range, b.range) = 1";

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn children(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let of_main = std::fs::read_to_string(path).unwrap_or_default();
    let mut pids: Vec<i32> = of_main.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok) {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        pids.extend(text.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    pids.sort_unstable();
    pids.dedup();
    pids
}

fn with_table() -> Project {
    let project = Project::up("");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    project
}

fn assert_intact(project: &Project) {
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
}

#[test]
fn a_killed_daemon_is_started_again_by_the_next_command() {
    let project = with_table();
    let pid = project.pid();
    kill(pid);
    until("the daemon is gone", || !is_running(pid));
    let output = project.quackctl(["query", "--quiet", "SELECT 1"]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", crate::support::text(&output));
    assert_intact(&project);
    assert_ne!(project.pid(), pid);
}

#[test]
fn killed_in_the_middle_of_a_query() {
    let project = with_table();
    let pid = project.pid();
    let query = project.process(["query", SLOW]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("an instance works", || !children(pid).is_empty());
    sleep(Duration::from_millis(300));
    let instances = children(pid);
    kill(pid);
    let output = query.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(crate::support::text(&output).contains("help:"), "{}", crate::support::text(&output));
    until("its instances died with it", || instances.iter().all(|pid| !is_running(*pid)));
    assert_intact(&project);
}

#[test]
fn killed_in_the_middle_of_a_load() {
    let project = with_table();
    let pid = project.pid();
    let arguments = ["load", "--sample", "taxi", "--rows", "2000000", "--table", "one", "--replace"];
    let load = project.process(arguments).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Any moment will do: before, between or after the uploads, the table must be whole.
    sleep(Duration::from_millis(1500));
    kill(pid);
    let finished = load.wait_with_output().unwrap();
    if finished.status.success() {
        assert_eq!(project.rows("SELECT count(*) AS n FROM one"), serde_json::json!([{"n": 2_000_000}]));
    } else {
        assert_intact(&project);
    }
}

#[test]
fn a_load_that_is_killed_leaves_the_table_as_it_was() {
    let project = with_table();
    let arguments = ["load", "--sample", "taxi", "--rows", "3000000", "--table", "one", "--replace"];
    let mut load = project.process(arguments).stderr(std::process::Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(700));
    load.kill().unwrap();
    load.wait().unwrap();
    assert_intact(&project);
    project.write("two.csv", "x\n2\n");
    project.quackctl(["load", "two.csv", "--table", "one", "--append"]).assert().success();
    assert_eq!(project.rows("SELECT sum(x)::INT AS s FROM one"), serde_json::json!([{"s": 3}]));
}

#[test]
fn up_that_is_killed_converges_when_it_runs_again() {
    let project = Project::new("[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 300000\n");
    for pause_ms in [5, 50, 200, 800] {
        let mut up = project
            .process(["up"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(pause_ms));
        let _ = up.kill();
        up.wait().unwrap();
    }
    project.quackctl(["up"]).assert().success();
    assert_eq!(project.rows("SELECT count(*) AS n FROM trips"), serde_json::json!([{"n": 300_000}]));
}

#[test]
fn killed_while_up_runs() {
    let project = Project::up("");
    let pid = project.pid();
    let up = project
        .process(["up"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    kill(pid);
    let output = up.wait_with_output().unwrap();
    assert!(
        output.status.success() || crate::support::text(&output).contains("help:"),
        "{}",
        crate::support::text(&output)
    );
    project.quackctl(["up"]).assert().success();
    project.quackctl(["query", "SELECT 42 AS a"]).assert().success().stdout(contains("42"));
}

#[test]
fn two_ups_at_once_make_one_engine() {
    let project = Project::new("");
    let spawn = || {
        project
            .process(["up"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let outputs = [spawn(), spawn()].map(|up| up.wait_with_output().unwrap());
    for output in &outputs {
        assert!(output.status.success(), "{}", crate::support::text(output));
    }
    project.quackctl(["query", "SELECT 42 AS a"]).assert().success().stdout(contains("42"));
}
