//! Queries whose caller goes away: nothing of them stays, neither in the bucket nor on this machine.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Place, Project, block_on, rounds, s3, text};
use aws_sdk_s3::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

crate::on_every_target! {
    cancelled_queries_leave_no_object,
    a_cancelled_query_ends_in_the_function,
}

/// Rows that do not fit into a response, some 10 MB of them.
const LARGE: &str = "SELECT hash(range) AS a, hash(range + 1) AS b FROM range(700_000)";

fn cancelled_queries_leave_no_object(place: Place) {
    let project = Project::up_at(place, "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 1000\n");
    cancel_many(&project, "_quack/results/");
}

#[test]
fn nor_do_they_in_somebody_elses_bucket() {
    let project = Project::at(Place::Aws, "[lake]\nbucket = \"theirs\"\nmanage = false\nprefix = \"team/q\"\n");
    block_on(s3(&project.account().emulator.sdk()).create_bucket().bucket("theirs").send()).unwrap();
    project.succeed(["up"], "in their bucket");
    cancel_many(&project, "team/q/results/");
    let project = Project::up("[lake]\nbucket = \"theirs\"\nmanage = false\nprefix = \"team/q\"\n");
    cancel_many(&project, "team/q/results/");
}

/// Cancels queries at one moment after the other of their lives, and waits for their objects to be gone.
fn cancel_many(project: &Project, results: &str) {
    let status = project.json(["status", "--json"]);
    let (client, bucket) = (s3(&project.sdk(&status)), status["bucket"].as_str().unwrap().to_owned());
    let count = rounds().unwrap_or(8);
    for round in 0..count {
        let query = project.process(["query", "--all", "-o", "out.csv", LARGE]);
        // From the first moment to beyond the last.
        cancel(query, Duration::from_millis(round * 1200 / count));
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let left = keys(&client, &bucket, results);
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "left: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(project.rows("SELECT 42 AS n"), json!([{ "n": 42 }]));
}

fn cancel(mut query: Command, after: Duration) {
    let mut child = query.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    // It may be done already.
    let _ = kill_process(Pid::from_child(&child), Signal::INT);
    child.wait().unwrap();
}

fn keys(client: &Client, bucket: &str, prefix: &str) -> Vec<String> {
    let listed = block_on(client.list_objects_v2().bucket(bucket).prefix(prefix).send()).unwrap();
    listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
}

fn a_cancelled_query_ends_in_the_function(place: Place) {
    // One instance: whoever comes next waits for it.
    let project = Project::up_at(place, "[function]\nconcurrency = 1\ntimeout_s = 600\n");
    let endless = "SELECT sum(a.range * b.range) AS n FROM range(1_000_000_000) a, range(1_000_000_000) b";
    cancel(project.process(["query", endless]), Duration::from_secs(1));
    let log = || text(&project.quackctl(["logs"]).output().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    // The first is the query that proves the stage.
    while log().matches("REPORT RequestId").count() < 2 {
        assert!(Instant::now() < deadline, "it goes on: {}", log());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(project.rows("SELECT 42 AS n"), json!([{ "n": 42 }]));
}

#[test]
fn a_killed_query_leaves_files_until_the_next_only() {
    let mut project = Project::up("");
    let temporary = tempfile::tempdir().unwrap();
    project.set("TMPDIR", temporary.path().to_str().unwrap());
    let files = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut child =
        project.process(["query", "--all", "--format", "csv", LARGE]).stdout(Stdio::piped()).spawn().unwrap();
    // Its rows are fetched, and nobody takes them.
    while files(temporary.path()).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a file");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!files(temporary.path()).is_empty());
    project.succeed(["query", "--all", "-o", "out.csv", LARGE], "after a kill");
    assert_eq!(files(temporary.path()), [""; 0].map(std::path::PathBuf::from));
}
