//! `up` and `down` on AWS, killed at their calls, one after the other: the same command again brings about what the first
//! was to.

use crate::support::{Moment, Place, Project, rounds};
use serde_json::json;

const SETTINGS: &str = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 1000\n";

/// Where to kill: after how many calls, and when in the next. A thorough run takes every call, both ways; others take
/// every `step`-th, one way or the other.
fn points(step: usize) -> Box<dyn Iterator<Item = (usize, Moment)>> {
    let moments = [Moment::Before, Moment::After];
    if rounds().is_some() {
        return Box::new((0..).flat_map(move |skip| moments.map(|moment| (skip, moment))));
    }
    Box::new((0..).step_by(step).zip(moments.into_iter().cycle()))
}

fn assert_healthy(project: &Project, what: &str) {
    let rows = project.rows("SELECT count(*) AS n FROM trips");
    assert_eq!(rows, json!([{"n": 1000}]), "{what}");
}

#[test]
fn up_that_is_killed_at_any_call_converges() {
    let project = Project::at(Place::Aws, SETTINGS);
    let mut killed = 0;
    for (skip, moment) in points(5) {
        let Some(call) = project.kill_at_call(["up"], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        project.succeed(["up"], &what);
        assert_healthy(&project, &what);
        project.succeed(["down", "--yes"], &what);
        assert_eq!(project.account().left(), [""; 0], "{what}");
        killed += 1;
    }
    assert!(killed > 3, "`up` makes more calls than {killed}");
}

#[test]
fn up_of_an_image_that_is_killed_at_any_call_converges() {
    let mut project = Project::at(Place::Aws, "");
    project.use_image();
    for (skip, moment) in points(7) {
        let Some(call) = project.kill_at_call(["up", "--no-check"], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        project.succeed(["up", "--no-check"], &what);
        let function = project.account().function("quack-lake-dev");
        assert!(function.code.is_some_and(|code| code.image_uri.is_some_and(|uri| uri.contains("@sha256:"))), "{what}");
        project.succeed(["down", "--yes"], &what);
        assert_eq!(project.account().left(), ["repository base"], "{what}");
    }
}

#[test]
fn down_that_is_killed_at_any_call_converges() {
    let project = Project::at(Place::Aws, SETTINGS);
    let mut killed = 0;
    for (skip, moment) in points(4) {
        project.succeed(["up"], "before down");
        let Some(call) = project.kill_at_call(["down", "--yes"], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        project.succeed(["down", "--yes"], &what);
        assert_eq!(project.account().left(), [""; 0], "{what}");
        killed += 1;
    }
    assert!(killed > 3, "`down` makes more calls than {killed}");
}

#[test]
fn down_of_kept_data_that_is_killed_at_any_call_converges() {
    let project = Project::at(Place::Aws, SETTINGS);
    for (skip, moment) in points(3) {
        project.succeed(["up"], "before down");
        project.succeed(["down", "--keep-data"], "before down");
        let Some(call) = project.kill_at_call(["down", "--yes"], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        project.succeed(["down", "--yes"], &what);
        assert_eq!(project.account().left(), [""; 0], "{what}");
    }
}

#[test]
fn keeping_the_data_is_killed_at_any_call_and_loses_none() {
    let project = Project::up_at(Place::Aws, SETTINGS);
    for (skip, moment) in points(5) {
        let Some(call) = project.kill_at_call(["down", "--keep-data"], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        let again = if skip % 2 == 0 { "down" } else { "up" };
        if again == "down" {
            project.succeed(["down", "--keep-data"], &what);
        }
        let loaded = project.json(["up", "--json"])["loaded"].clone();
        assert_eq!(loaded, json!([]), "the data were lost, {what}");
        assert_healthy(&project, &what);
    }
}

#[test]
fn plan_that_is_killed_at_any_call_leaves_nothing_for_long() {
    let project = Project::at(Place::Aws, SETTINGS);
    for (skip, moment) in points(2) {
        let Some(call) = project.kill_at_call(["plan"], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        project.quackctl(["plan"]).assert().code(2);
        assert_eq!(project.account().left(), [""; 0], "{what}");
    }
}

#[test]
fn up_that_changes_something_is_killed_and_converges() {
    let project = Project::up_at(Place::Aws, SETTINGS);
    let mut memory = 512;
    for (skip, moment) in points(5) {
        memory += 64;
        project.write("quack.toml", format!("{SETTINGS}[function]\nmemory_mb = {memory}\n"));
        let Some(call) = project.kill_at_call(["up"], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        project.succeed(["up"], &what);
        assert_eq!(project.account().memory_mb("quack-lake-dev"), Some(memory), "{what}");
        assert_healthy(&project, &what);
    }
}

#[test]
fn a_statement_that_is_killed_at_any_call_changes_all_or_nothing() {
    let project = Project::up_at(Place::Aws, "");
    project
        .succeed(["query", "CREATE TABLE t PARTITIONED BY (k) AS SELECT i, 0 AS n, i % 2 AS k FROM range(6) r(i)"], "");
    let state = || project.rows("SELECT k, n, count(*)::INT AS rows FROM t GROUP BY k, n ORDER BY k, n");
    let (mut n, mut killed) = (0, 0);
    for (skip, moment) in points(3) {
        let update = ["query", "UPDATE t SET n = n + 1 WHERE k = 1"];
        let Some(call) = project.kill_at_call(update, skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        let found = state();
        n = found[1]["n"].as_i64().filter(|found| *found == n || *found == n + 1).expect(&what);
        assert_eq!(found, json!([{"k": 0, "n": 0, "rows": 3}, {"k": 1, "n": n, "rows": 3}]), "{what}");
        killed += 1;
    }
    assert!(killed > 3, "an UPDATE makes more calls than {killed}");
    project.succeed(["query", "DROP TABLE t"], "at last");
}

#[test]
fn a_merge_that_is_killed_at_any_call_is_made_or_not() {
    let project = Project::up_at(Place::Aws, "");
    let sql = "CREATE TABLE t PARTITIONED BY (k) AS SELECT i, 0 AS n, i % 3 AS k FROM range(6) r(i)";
    project.succeed(["query", sql], "");
    let merge = "MERGE INTO t USING (SELECT (SELECT max(n) + 1 FROM t) AS m, unnest([1, 3]) AS k) AS s ON t.k = s.k \
                 WHEN MATCHED THEN UPDATE SET n = m WHEN NOT MATCHED THEN INSERT VALUES (0, m, 2) \
                 WHEN NOT MATCHED BY SOURCE AND t.k = 2 THEN DELETE RETURNING merge_action";
    project.succeed(["query", merge], "");
    let (mut n, mut killed) = (1, 0);
    for (skip, moment) in points(4) {
        let Some(call) = project.kill_at_call(["query", merge], skip, moment) else { break };
        let what = format!("killed at call {skip}, {moment:?} {call}");
        eprintln!("{what}");
        let found = project.rows("SELECT k, n, count(*)::INT AS rows FROM t GROUP BY k, n ORDER BY k, n");
        n = found[1]["n"].as_i64().filter(|found| *found == n || *found == n + 1).expect(&what);
        let all = json!([{"k": 0, "n": 0, "rows": 2}, {"k": 1, "n": n, "rows": 2}, {"k": 2, "n": n, "rows": 1}]);
        assert_eq!(found, all, "{what}");
        killed += 1;
    }
    assert!(killed > 3, "a MERGE makes more calls than {killed}");
}
