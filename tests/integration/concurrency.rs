//! Many callers at once: every answer right, throttled ones tried again, no instance serves two at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::Project;

#[test]
fn two_hundred_queries_from_sixteen_shells() {
    let project = Project::up("[function]\nconcurrency = 3\n");
    let next = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= 200 {
                        break;
                    }
                    let rows = project.rows(&format!("SELECT {n} AS n, sum(range)::BIGINT AS s FROM range({n} + 1)"));
                    assert_eq!(rows, serde_json::json!([{"n": n, "s": n * (n + 1) / 2}]));
                }
            });
        }
    });
    let log = project.quackctl(["logs"]).output().unwrap();
    assert_one_at_a_time(&String::from_utf8(log.stdout).unwrap());
}

#[test]
fn queries_go_on_while_a_table_is_replaced() {
    let project = Project::up("");
    project.write("points.csv", format!("x\n{}", "1\n".repeat(1000)));
    project.quackctl(["load", "points.csv", "--table", "points"]).assert().success();
    let replaced = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while replaced.load(Ordering::Relaxed) < 15 {
                    assert_eq!(project.rows("SELECT sum(x)::INT AS s FROM points"), serde_json::json!([{"s": 1000}]));
                }
            });
        }
        for _ in 0..15 {
            // Counted first, so that a load that fails does not leave the others waiting.
            replaced.fetch_add(1, Ordering::Relaxed);
            project.quackctl(["load", "points.csv", "--table", "points", "--replace"]).assert().success();
        }
    });
}

#[test]
fn divided_queries_go_on_while_a_table_is_replaced() {
    let project = Project::up("");
    project.write("points.csv", format!("x,part\n{}", (0..1000).map(|n| format!("1,{}\n", n % 8)).collect::<String>()));
    let load = ["load", "points.csv", "--table", "points", "--partition-by", "p=part", "--replace"];
    project.quackctl(load).assert().success();
    let replaced = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while replaced.load(Ordering::Relaxed) < 8 {
                    let query = ["query", "--workers", "4", "--json", "SELECT sum(x)::INT AS s FROM points"];
                    let answer = project.json(query);
                    assert_eq!(answer["rows"], serde_json::json!([{"s": 1000}]));
                    assert_eq!(answer["metadata"]["divided"]["functions"], 4);
                }
            });
        }
        for _ in 0..8 {
            // Counted first, as above.
            replaced.fetch_add(1, Ordering::Relaxed);
            project.quackctl(load).assert().success();
        }
    });
}

/// Lambda writes the instance's log stream nowhere into START and END, but a request that starts in an instance before
/// the one before it ended would break their order within the concurrency limit.
fn assert_one_at_a_time(log: &str) {
    let mut running: HashMap<&str, ()> = HashMap::new();
    let (mut most, mut ended) = (0, 0);
    for line in log.lines() {
        let id = line.split_once("RequestId: ").and_then(|(_, rest)| rest.split_whitespace().next());
        let Some(id) = id else { continue };
        if line.contains("  START ") {
            assert!(running.insert(id, ()).is_none(), "{id} started twice");
            most = most.max(running.len());
        } else if line.contains("  END ") {
            assert!(running.remove(id).is_some(), "{id} ended without a start");
            ended += 1;
        }
    }
    assert!(ended >= 200, "{ended} invocations ended");
    assert!(most <= 3, "{most} at once, with a concurrency of 3");
}
