//! `quackctl history` and `logs`: what was asked, by whom, and what it cost; and the month's budget.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{Place, Project, Server, python};

crate::on_every_target! {
    what_was_asked_is_told_with_what_it_cost,
}

/// The lines of `logs --json`.
fn log(project: &Project) -> Vec<Value> {
    let output = project.quackctl(["logs", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Billed milliseconds and dollars of all REPORT lines, by the price that Lambda's page has.
fn reported(project: &Project, gb_second_usd: f64) -> (u64, f64) {
    let log = log(project);
    let reports = log.iter().map(|line| &line["report"]).filter(|report| !report.is_null());
    reports.fold((0, 0.0), |(ms, usd), report| {
        let (billed, memory) = (report["billedMs"].as_u64().unwrap(), report["memoryMb"].as_f64().unwrap());
        (ms + billed, usd + billed as f64 / 1000.0 * memory / 1024.0 * gb_second_usd + 0.000_000_2)
    })
}

fn what_was_asked_is_told_with_what_it_cost(place: Place) {
    let mut project = Project::up_at(place, "");
    project.set("USER", "bea");
    project.succeed(["query", "CREATE TABLE a AS SELECT i FROM range(4) r(i)"], "a table");
    project.succeed(["query", "INSERT INTO a SELECT i + 10 FROM range(4) r(i)"], "a second file");
    project.succeed(["query", "CREATE TABLE b AS SELECT 1 AS i"], "another table");
    project.succeed(["query", "--workers", "2", "SELECT i % 2 AS k, count(*) FROM a GROUP BY k"], "a divided query");
    project.quackctl(["query", "SELECT sum(nothing) FROM a JOIN b USING (i)"]).assert().failure();
    let server = Server::start(&project, &[]);
    let script = format!(
        "import psycopg
c = psycopg.connect(host='127.0.0.1', port={}, user='ann', dbname='lake', application_name='report', autocommit=True)
assert c.execute('SELECT sum(i) FROM a JOIN b USING (i) WHERE i < %s', (9,)).fetchall() == [(1,)]",
        server.port
    );
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let python = python("clients", &folder.join("requirements.txt"));
    assert!(std::process::Command::new(python).args(["-c", &script]).status().unwrap().success());
    server.end();

    let all = project.json(["history", "--json"]);
    let all = all.as_array().unwrap();
    let of = |sql: &str| all.iter().find(|query| query["sql"].as_str().unwrap().contains(sql)).unwrap_or(&Value::Null);
    let divided = of("SELECT i % 2 AS k");
    assert_eq!((&divided["user"], &divided["application"]), (&json!("bea"), &json!("quackctl")), "{all:#?}");
    assert_eq!((&divided["invocations"], &divided["tables"]), (&json!(2), &json!(["a"])), "{divided}");
    assert!(divided["error"].is_null() && divided["billedMs"].as_u64() > Some(0), "{divided}");
    let failed = of("sum(nothing)");
    assert_eq!((&failed["error"], &failed["tables"]), (&json!("DuckDB.BinderError"), &json!(["a", "b"])), "{failed}");
    let wire = of("WHERE i <");
    assert_eq!((&wire["user"], &wire["application"], &wire["rows"]), (&json!("ann"), &json!("report"), &json!(1)));
    assert_eq!(of("CREATE TABLE a")["user"], "bea");

    // What the months' sum says is what the REPORT lines do; nothing runs any more.
    let price = if std::env::consts::ARCH == "aarch64" { 0.000_013_333_4 } else { 0.000_016_666_7 };
    let (billed_ms, usd) = reported(&project, price);
    let sum = project.json(["history", "--sum", "month", "--json"]);
    assert_eq!(sum["billedMs"], json!(billed_ms), "{sum}");
    assert!((sum["costUsd"].as_f64().unwrap() / usd - 1.0).abs() < 1e-9, "{sum}: {usd}");
    assert_eq!(sum["errors"], 1, "{sum}");
    for by in ["user", "day", "query"] {
        let groups = project.json(["history", "--json", "--by", by]);
        let billed = groups.as_array().unwrap().iter().map(|group| group["billedMs"].as_u64().unwrap());
        assert_eq!(billed.sum::<u64>(), billed_ms, "{groups:#}");
    }
    let tables = project.json(["history", "--json", "--by", "table"]);
    let b = tables.as_array().unwrap().iter().find(|group| group["key"] == "b").unwrap();
    assert_eq!((&b["queries"], &b["errors"]), (&json!(2), &json!(1)), "{tables:#}");

    let words = ["history", "--limit", "1"];
    project.quackctl(words).assert().success().stdout(contains("ann").and(contains("before these: --limit N")));
    project.quackctl(["history", "--by", "user"]).assert().success().stdout(contains("bea").and(contains("ann")));
    project.quackctl(["history", "--sum", "since", "--since", "0s"]).assert().success().stdout(contains("0 queries"));
    project.quackctl(["history", "--limit", "0"]).assert().code(2);
    project.quackctl(["history", "--sum", "month", "--since", "1d"]).assert().code(2).stderr(contains("--since"));
    project.quackctl(["history", "--by", "colour"]).assert().code(2).stderr(contains("colour").and(contains("user")));
    let errors = project.quackctl(["logs", "--errors"]).assert().success();
    errors.stdout(contains("DuckDB.BinderError").and(contains("START").not()).and(contains("REPORT").not()));
}

#[test]
fn sql_that_is_not_to_be_logged_is_not() {
    let project = Project::up("[function]\nlog_sql = false\n");
    project.succeed(["query", "SELECT 'hush' AS a"], "a query");
    project.quackctl(["query", "SELECT hush"]).assert().failure();
    let log = project.quackctl(["logs"]).output().unwrap().stdout;
    assert!(!String::from_utf8(log).unwrap().contains("hush"));
    let all = project.json(["history", "--json"]);
    let digest = all.as_array().unwrap().last().unwrap()["sql"].as_str().unwrap();
    assert!(digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{all}");
}

#[test]
fn a_budget_that_is_used_up_warns_or_refuses() {
    let mut project = Project::up("[cost]\nbudget_usd_month = 0.00000001\nhard = true\n");
    // What `up` itself asked is in the log, which is settled half a minute later.
    project.succeed(["query", "CREATE TABLE a AS SELECT 1 AS i"], "money is left");
    for sql in ["FROM a", "INSERT INTO a VALUES (2)"] {
        let told = contains("this month's queries have cost").and(contains("raise it in quack.toml"));
        project.quackctl(["query", sql]).assert().code(1).stderr(told);
    }
    project.set("QUACK_HARD_BUDGET", "false");
    project.quackctl(["query", "FROM a"]).assert().success().stderr(contains("note: this month's queries"));
    project.set("QUACK_BUDGET_USD_MONTH", "10");
    project.quackctl(["query", "FROM a"]).assert().success().stderr(contains("budget").not());
    let sum = project.quackctl(["history", "--sum", "month"]).assert().success();
    sum.stdout(contains("of the budget's $10.00"));
    project.set("QUACK_BUDGET_USD_MONTH", "much");
    project.quackctl(["query", "FROM a"]).assert().code(2).stderr(contains("much").and(contains("budget_usd_month")));
}

#[test]
fn what_was_kept_of_the_spending_may_be_damaged() {
    let project = Project::up("[cost]\nbudget_usd_month = 5\n");
    project.succeed(["query", "SELECT 1"], "a query");
    let kept = project.dir().join(".quack/dev/spent.json");
    let was = std::fs::read_to_string(&kept).unwrap();
    assert!(was.contains("own"), "{was}");
    std::fs::write(&kept, "{\"own\": 7").unwrap();
    project.succeed(["query", "SELECT 1"], "the log is read again");
    assert!(std::fs::read_to_string(&kept).unwrap().contains("logged_usd"));
    // What says that nothing was ever spent, or that all is known until the end of time.
    let sum = |text: &str| {
        std::fs::write(&kept, text).unwrap();
        project.succeed(["query", "SELECT 1"], "what cannot be is not believed");
        serde_json::from_str::<Value>(&std::fs::read_to_string(&kept).unwrap()).unwrap()
    };
    let looked = sum("{\"logged_usd\": -5, \"looked_ms\": 1}")["logged_usd"].as_f64();
    assert!(looked >= Some(0.0), "{looked:?}");
    let late = sum("{\"looked_ms\": 9223372036854775807, \"until_ms\": 9223372036854775807}");
    assert!(late["looked_ms"].as_i64().unwrap() < i64::MAX / 2, "{late}");
    // Somebody else's file is not written to.
    let victim = project.write("victim", "mine");
    std::fs::remove_file(&kept).unwrap();
    std::os::unix::fs::symlink(&victim, &kept).unwrap();
    project.quackctl(["query", "SELECT 1"]).assert().success().stderr(contains("not known"));
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
}
