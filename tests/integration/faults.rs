//! A share of all calls to AWS goes wrong: what `up`, `load`, `query` and `down` say is right, or they fail and say so,
//! and the same command without faults comes out right.

use std::process::Output;

use crate::support::{Place, Project, rounds, text};
use serde_json::{Value, json};

const SHARE: f64 = 0.2;

/// Runs a command while calls go wrong. It succeeds, or says in an error what to do.
fn under_faults<const N: usize>(project: &Project, seed: u64, arguments: [&str; N]) -> Output {
    let proxy = &project.account().proxy;
    proxy.fail(SHARE, seed);
    let output = project.quackctl(arguments).output().unwrap();
    eprintln!("{arguments:?}: {}, with {} faults", output.status, proxy.heal());
    if !output.status.success() {
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error:") && !said.contains("panicked"), "{arguments:?}: {said}");
        eprintln!("{said}");
    }
    output
}

fn points(project: &Project) -> Value {
    project.rows("SELECT count(*) AS n, sum(x)::BIGINT AS s FROM points")
}

#[test]
fn everything_comes_out_right_or_fails_cleanly() {
    for seed in 0..rounds().unwrap_or(2) {
        one_life(seed);
    }
}

#[test]
fn an_image_comes_out_right_or_fails_cleanly() {
    for seed in 0..rounds().unwrap_or(1) {
        let mut project = Project::at(Place::Aws, "");
        project.use_image();
        under_faults(&project, seed, ["up", "--no-check"]);
        project.succeed(["up", "--no-check"], "up without faults");
        assert_eq!(project.json(["up", "--no-check", "--json"])["changes"], json!([]));
        under_faults(&project, seed, ["down", "--yes"]);
        project.succeed(["down", "--yes"], "down without faults");
        assert_eq!(project.account().left(), ["repository base"]);
    }
}

fn one_life(seed: u64) {
    let project = Project::at(Place::Aws, "");
    under_faults(&project, seed, ["up"]);
    project.succeed(["up"], "up without faults");

    project.write("first.csv", "x\n1\n2\n");
    project.succeed(["load", "first.csv", "--table", "points"], "load without faults");
    let first = json!([{"n": 2, "s": 3}]);
    assert_eq!(points(&project), first);

    let numbers: String = (0..5000).map(|n| format!("{n}\n")).collect();
    project.write("second.csv", format!("x\n{numbers}"));
    let second = json!([{"n": 5000, "s": 12_497_500}]);
    let replace = ["load", "second.csv", "--table", "points", "--replace"];
    let loaded = under_faults(&project, seed, replace).status.success();
    assert_eq!(points(&project), if loaded { second.clone() } else { first });
    project.succeed(replace, "load without faults");
    assert_eq!(points(&project), second);

    for n in 0..5 {
        let sql = format!("SELECT count(*) AS n, sum(x)::BIGINT AS s, {n} AS round FROM points");
        let output = under_faults(&project, seed + n, ["query", "--format", "json", &sql]);
        if output.status.success() {
            let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(rows, json!([{"n": 5000, "s": 12_497_500, "round": n}]));
        } else {
            assert_eq!(output.stdout, b"");
        }
    }

    under_faults(&project, seed, ["down", "--yes"]);
    project.succeed(["down", "--yes"], "down without faults");
    project.assert_gone(&["first.csv", "quack.toml", "second.csv"]);
}
