//! Two commands on one stage of AWS at the same moment, from nothing and from what is up: both end well, or one says
//! clearly why not; and the next command finds nothing half done.

use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Place, Project, rounds, text};
use serde_json::json;

const SETTINGS: &str = "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 1000\n";

fn spawn<const N: usize>(project: &Project, arguments: [&str; N]) -> Child {
    let mut command = project.process(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("quackctl starts")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("a child to wait for")
}

/// Fails unless a command came to its end, or says what is wrong and what to do, in words.
fn assert_clear(output: &Output, what: &str) {
    if matches!(output.status.code(), Some(0 | 2)) {
        return;
    }
    let said = text(output);
    eprintln!("{what}: {said}");
    assert!(output.status.code() == Some(1) && said.contains("error:") && said.contains("help:"), "{what}: {said}");
    for raw in ["service error", "unhandled error", "Error {", "DispatchFailure", "panicked"] {
        assert!(!said.contains(raw), "{what}: {said}");
    }
}

/// Everything is as a quiet `up` would have made it, or is made so now; then it goes, and leaves nothing.
fn assert_whole_and_gone(project: &Project, what: &str) {
    project.succeed(["up"], what);
    let rows = project.rows("SELECT count(*) AS n FROM trips");
    assert_eq!(rows, json!([{"n": 1000}]), "{what}");
    assert_eq!(project.json(["up", "--json"])["changes"], json!([]), "{what}");
    project.succeed(["down", "--yes"], what);
    project.assert_gone(&["quack.toml"]);
}

/// How many rounds, and by how much later the second command begins in each.
fn lags() -> impl Iterator<Item = (u64, Duration)> {
    (0..rounds().unwrap_or(3)).map(|round| (round, Duration::from_millis(round * 130 % 1700)))
}

#[test]
fn of_two_first_ups_both_bring_the_stage_up() {
    let project = Project::at(Place::Aws, SETTINGS);
    for (round, _) in lags() {
        let what = format!("two first ups, round {round}");
        let outputs = [spawn(&project, ["up"]), spawn(&project, ["up"])].map(end);
        assert!(outputs.iter().any(|output| output.status.success()), "{what}: {:?}", outputs.each_ref().map(text));
        outputs.iter().for_each(|output| assert_clear(output, &what));
        assert_whole_and_gone(&project, &what);
    }
}

#[test]
fn a_plan_beside_a_first_up_takes_nothing_from_it() {
    let project = Project::at(Place::Aws, SETTINGS);
    for (round, lag) in lags() {
        let what = format!("a first up beside a plan, round {round}");
        let up = spawn(&project, ["up"]);
        sleep(lag);
        let plan = end(spawn(&project, ["plan"]));
        let up = end(up);
        assert!(up.status.success(), "{what}: {}", text(&up));
        assert_clear(&plan, &what);
        assert_whole_and_gone(&project, &what);
    }
}

#[test]
fn a_down_beside_an_up_leaves_nothing_half_done() {
    let project = Project::at(Place::Aws, SETTINGS);
    for (round, lag) in lags() {
        let what = format!("an up beside a down, round {round}");
        // From what is up, and from nothing.
        if round % 2 == 0 {
            project.succeed(["up"], &what);
        }
        let (first, second) = if round % 4 < 2 { ("up", "down") } else { ("down", "up") };
        let start = |command: &str| match command {
            "up" => spawn(&project, ["up"]),
            _ => spawn(&project, ["down", "--yes"]),
        };
        let one = start(first);
        sleep(lag);
        let other = start(second);
        for (command, child) in [(first, one), (second, other)] {
            assert_clear(&end(child), &format!("{what}, {command}"));
        }
        project.succeed(["down", "--yes"], &what);
        project.assert_gone(&["quack.toml"]);
        assert_whole_and_gone(&project, &what);
    }
}
