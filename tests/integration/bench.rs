//! `quackctl bench`: one query three ways, every answer the same.

use crate::support::Project;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

fn with_trips() -> Project {
    let project = Project::up("");
    let load =
        ["load", "--sample", "taxi", "--rows", "20000", "--table", "trips", "-p", "date=CAST(pickup_at AS DATE)"];
    project.quackctl(load).assert().success();
    project
}

#[test]
fn three_ways_give_one_answer() {
    let project = with_trips();
    let report = project.json(["bench", "-n", "2", "--days", "4", "--json"]);
    assert_eq!(report["equal"], true, "{report}");
    assert_eq!((&report["functions"], &report["strategy"]), (&4.into(), &"partial-aggregate".into()));
    let ways = report["ways"].as_array().unwrap();
    assert_eq!(
        ways.iter().map(|way| way["way"].as_str().unwrap()).collect::<Vec<_>>(),
        ["map-reduce", "one-function", "local"]
    );
    for way in ways {
        let number = |name: &str| way[name].as_f64().unwrap();
        assert!(number("min_ms") > 0.0 && number("min_ms") <= number("mean_ms"), "{way}");
    }
    // The health check of `up` left one instance; four at once need three more, or fewer where one was done early.
    assert!(ways[0]["cold_starts"].as_u64().unwrap() <= 4, "{report}");
    assert!(ways[0]["cost_usd"].as_f64() > ways[1]["cost_usd"].as_f64(), "{report}");
    assert!(ways[2]["cost_usd"].is_null());
}

#[test]
fn a_difference_is_said_and_is_a_failure() {
    let project = with_trips();
    let sql = "SELECT count(*) AS n, random() AS r FROM trips";
    project
        .quackctl(["bench", "-n", "1", sql])
        .assert()
        .code(1)
        .stdout(contains("DIFFERS").and(contains("instead of (")));
    project.quackctl(["bench", "-n", "1", "SELECT avg(total_amount) FROM trips"]).assert().success();
    project.quackctl(["bench", "SELECT * FROM nothing"]).assert().code(1).stderr(contains("nothing"));
    project.quackctl(["bench", "--table", "trip"]).assert().code(1).stderr(contains("`trips`"));
    project.quackctl(["bench", " ; "]).assert().code(2).stderr(contains("no statement"));
}

#[test]
fn what_the_local_duckdb_needs_comes_from_the_mirror() {
    let project = Project::up("");
    let empty = tempfile::tempdir().unwrap();
    let mut bench = project.quackctl(["bench", "-n", "1", "SELECT 42"]);
    // Nobody is there.
    bench.env("QUACK_CACHE_DIR", empty.path()).env("QUACK_MIRROR", "http://127.0.0.1:1/duckdb");
    bench
        .assert()
        .failure()
        .stderr(contains("cannot fetch DuckDB's httpfs").and(contains("http://127.0.0.1:1/duckdb/")));
}

#[test]
fn many_functions_are_modelled_from_parts_that_really_ran() {
    let held = "[function]\nmemory_mb = 512\n[local]\ncpu_share = true\nidle_s = 0\n";
    let project = Project::up(held);
    let load =
        ["load", "--sample", "taxi", "--rows", "20000", "--table", "trips", "-p", "date=CAST(pickup_at AS DATE)"];
    project.quackctl(load).assert().success();
    let sql = "SELECT pickup_location_id, count(*) AS n FROM trips GROUP BY ALL ORDER BY ALL";
    let simulated = project.json(["bench", "--simulate", "--functions", "1,4,100,1000", "--json", sql]);
    assert_eq!(simulated["equal"], true, "{simulated}");
    let lines = simulated["lines"].as_array().unwrap();
    // There are thirty files.
    let expected = [(1, "single"), (4, "partial-aggregate"), (30, "partial-aggregate")];
    assert_eq!(lines.len(), expected.len(), "{simulated}");
    for (line, (functions, strategy)) in lines.iter().zip(expected) {
        assert_eq!((&line["functions"], &line["strategy"]), (&functions.into(), &strategy.into()), "{line}");
        let number = |name: &str| line[name].as_f64().unwrap();
        let measured = |name: &str| line["measured"][name].as_f64().unwrap();
        assert!(measured("cpu_ms") > 0.0 && measured("slowest_ms") <= measured("together_ms"), "{line}");
        // A footer and a body of each file at the least.
        assert!(measured("s3_requests") >= 60.0 && measured("s3_received_kb") > 0.0, "{line}");
        // Each is new, and its start is waited for.
        assert!(number("cold_starts") >= f64::from(functions), "{line}");
        assert!(number("latency_ms") >= measured("slowest_ms") + 146.0, "{line}");
        assert!(number("latency_p95_ms") >= number("latency_ms") && number("cost_usd") > 0.0, "{line}");
        assert_eq!((number("throttled"), number("failed_runs")), (0.0, 0.0), "{line}");
    }
    let notes = simulated["notes"].to_string();
    assert!(notes.contains("no more than 30 parts") && notes.contains("without a network"), "{notes}");
    let table = project.quackctl(["bench", "--simulate", "--functions", "2", sql]).assert().success();
    table.stdout(contains("512 MB (0.29 vCPU)").and(contains("slowest part")));
    project.write("quack.toml", held.replace("idle_s = 0", ""));
    let refused = project.quackctl(["bench", "--simulate", sql]).assert().code(2);
    refused.stderr(contains("not as Lambda's").and(contains("idle_s = 0")));
}
