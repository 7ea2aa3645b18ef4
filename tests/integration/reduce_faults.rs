//! Divided queries while functions, storage and the way to them fail: the right answer or one clear error, and nothing
//! that runs for ever.

use std::process::{Child, Output, Stdio};

use crate::support::{Place, Project, block_on, is_running, kill, rounds, s3, state, text, until, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// 30 days of trips, a file each.
const TRIPS: &str = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 60000\n\
                     partition_by = [\"date=CAST(pickup_at AS DATE)\"]\n";

/// Reads every file, and no two splits bring the same.
const ALL_DAYS: &str = "SELECT date, count(*) AS n, sum(total_amount)::DECIMAL(18, 2) AS total FROM trips \
                        GROUP BY ALL ORDER BY ALL";

/// A project whose table is loaded, and whose functions then find S3 far away, so that there is a middle of a query; what
/// one function answered before; and the daemon's process id.
fn far_away(settings: &str) -> (Project, Value, i32) {
    let project = Project::up(TRIPS);
    let expected = expected(&project);
    project.write("quack.toml", format!("{TRIPS}{settings}[local.network]\nfirst_byte_ms = 150\n"));
    project.quackctl(["up", "--no-check"]).assert().success();
    let daemon = project.pid();
    (project, expected, daemon)
}

/// What one function answers, while all is well.
fn expected(project: &Project) -> Value {
    let rows = project.json(["query", "--all", "--format", "json", "--workers", "1", ALL_DAYS]);
    assert_eq!(rows.as_array().map(Vec::len), Some(30));
    rows
}

fn start(project: &Project, workers: &str) -> Child {
    let mut command = project.process(["query", "--all", "--json", "--workers", workers, ALL_DAYS]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Fails unless this is one error and nothing else; returns it.
fn clear_error(output: &Output) -> String {
    let said = text(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.stdout.is_empty(), "a part of an answer: {said}");
    let error: Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("no error as JSON: {said}"));
    assert_eq!(error.as_object().unwrap().keys().collect::<Vec<_>>(), ["error", "help"], "{said}");
    error["error"].as_str().unwrap().to_owned()
}

/// Invocations that began, and those that ended.
fn invocations(project: &Project) -> (usize, usize) {
    let log = project.quackctl(["logs"]).output().unwrap().stdout;
    let log = String::from_utf8_lossy(&log);
    let count = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    (count("START RequestId:"), count("END RequestId:"))
}

#[test]
fn instances_that_are_killed_in_mid_split_are_made_up_for() {
    let (project, expected, daemon) = far_away("");
    let query = start(&project, "8");
    wait_for(daemon, 8).into_iter().for_each(kill);
    let answer = answer(&query.wait_with_output().unwrap());
    assert_eq!(answer["rows"], expected);
    let divided = &answer["metadata"]["divided"];
    assert_eq!(divided["functions"], 8);
    assert!(divided["retried"].as_u64() >= Some(1) && divided["invocations"].as_u64() > Some(8), "{divided}");
}

#[test]
fn an_instance_that_stands_still_is_not_waited_for() {
    let (project, expected, daemon) = far_away("[function]\ntimeout_s = 12\n");
    let query = start(&project, "8");
    let stopped = *wait_for(daemon, 8).last().unwrap();
    kill_process(Pid::from_raw(stopped).unwrap(), Signal::STOP).unwrap();
    let output = query.wait_with_output().unwrap();
    assert_eq!(answer(&output)["rows"], expected);
    assert_eq!(state(stopped).map(|(state, _)| state), Some('T'), "the query waited until the instance timed out");
    // Nobody waits for the first copy any more, and yet it ends: by the function's timeout.
    until("the stopped instance's end", || (!is_running(stopped)).then_some(()));
}

fn a_storm_of_refusals_is_weathered(place: Place) {
    let project = Project::up_at(place, &format!("{TRIPS}[function]\nconcurrency = 3\n"));
    if place == Place::Aws {
        // The emulator's CloudFormation passes `aws.reserved_concurrency` over.
        let lambda = aws_sdk_lambda::Client::new(&project.account().emulator.sdk());
        let put = lambda.put_function_concurrency().function_name("quack-lake-dev").reserved_concurrent_executions(3);
        block_on(put.send()).unwrap();
    }
    let expected = expected(&project);
    let answer = answer(&start(&project, "20").wait_with_output().unwrap());
    assert_eq!(answer["rows"], expected);
    let divided = &answer["metadata"]["divided"];
    assert_eq!((&divided["functions"], &divided["retried"]), (&20.into(), &0.into()), "{divided}");
    assert!(divided["throttled"].as_u64() >= Some(1), "{divided}");
    assert!(divided["coldStarts"].as_u64() <= Some(3), "{divided}");
}

crate::on_every_target!(a_storm_of_refusals_is_weathered);

/// Runs queries while calls to one service go wrong.
fn under_faults(service: &'static str, share: f64) {
    let project = Project::up_at(Place::Aws, TRIPS);
    let expected = expected(&project);
    let (mut right, mut retried) = (0, 0);
    for seed in 0..rounds().unwrap_or(3) {
        project.account().proxy.fail_at(service, share, seed);
        let output = start(&project, "10").wait_with_output().unwrap();
        eprintln!("{}, with {} faults", output.status, project.account().proxy.heal());
        if output.status.success() {
            let answer = answer(&output);
            assert_eq!(answer["rows"], expected);
            retried += answer["metadata"]["divided"]["retried"].as_u64().unwrap();
            right += 1;
        } else {
            eprintln!("{}", clear_error(&output));
        }
    }
    assert!(right > 0, "not one query came through");
    assert!(retried > 0, "not one split was sent again in {right} queries");
}

#[test]
fn invocations_that_fail_cost_time_and_nothing_else() {
    under_faults("lambda", 0.3);
}

#[test]
fn storage_that_fails_costs_time_and_nothing_else() {
    under_faults("s3", 0.5);
}

#[test]
fn a_file_that_is_corrupt_or_gone_is_named() {
    let project = Project::up_at(Place::Aws, TRIPS);
    let plan = project.json(["query", "--explain", "--json", "--workers", "4", ALL_DAYS]);
    let key = plan["fetches"][0]["splits"][2]["files"][1].as_str().unwrap();
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let client = s3(&project.account().emulator.sdk());
    let size = block_on(client.head_object().bucket(&bucket).key(key).send()).unwrap().content_length().unwrap();
    let is_named = |what: &str| {
        let error = clear_error(&start(&project, "4").wait_with_output().unwrap());
        assert!(error.contains(key), "{key}, {what}, is not named: {error}");
    };
    for (what, garbage) in [("corrupt", vec![b'x'; size as usize]), ("cut short", b"PAR1".to_vec())] {
        block_on(client.put_object().bucket(&bucket).key(key).body(garbage.into()).send()).unwrap();
        is_named(what);
    }
    block_on(client.delete_object().bucket(&bucket).key(key).send()).unwrap();
    project.account().proxy.calls();
    is_named("gone");
    let sent = project.account().proxy.calls().iter().filter(|call| call.action.ends_with("/invocations")).count();
    assert_eq!(sent, 4, "what is gone was asked for again");
}

#[test]
fn ctrl_c_starts_no_more_functions_and_those_that_run_end() {
    // Two at a time: most splits wait when the signal comes.
    let (project, _, daemon) = far_away("[function]\nconcurrency = 2\n");
    let (before, _) = invocations(&project);
    let query = start(&project, "15");
    wait_for(daemon, 2);
    kill_process(Pid::from_child(&query), Signal::INT).unwrap();
    let output = query.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    let after = until("the end of what ran", || {
        let (began, ended) = invocations(&project);
        (began == ended).then_some(began)
    });
    assert!(after < before + 15, "{before}, then {after}: all were started");
}
