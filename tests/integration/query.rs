//! `quackctl query` and `quackctl shell`: where SQL comes from, where rows go, what errors say.

use std::fs;
use std::process::Stdio;

use crate::support::Project;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use serde_json::json;

/// A project with a table of five rows.
fn with_table() -> Project {
    let project = Project::up("");
    project.write("trips.csv", "id,city\n1,Berlin\n2,\"Paris, Texas\"\n3,\n4,Rome\n5,Oslo\n");
    project.quackctl(["load", "trips.csv", "--table", "trips"]).assert().success();
    project
}

#[test]
fn sql_comes_from_wherever_it_is() {
    let project = Project::up("");
    let file = project.write("q.sql", "SELECT 42 AS a -- the answer\n");
    let file = file.to_str().unwrap();
    for arguments in [["--format=csv", "SELECT 42 AS a"], ["--format=csv", "-qSELECT 42 AS a"]] {
        project.quackctl(["query", arguments[0], arguments[1]]).assert().success().stdout("a\n42\n");
    }
    project.quackctl(["query", "--format=csv", "-f", file]).assert().success().stdout("a\n42\n");
    project.quackctl(["query", "--format=csv", "-"]).write_stdin("SELECT 42 AS a;").assert().stdout("a\n42\n");
}

#[test]
fn sql_that_is_none_is_refused_before_anything_is_up() {
    let project = Project::new("");
    project.write("binary.sql", b"SELECT '\xff'");
    project.quackctl(["query", " -- nothing\n;"]).assert().code(2).stderr(contains("holds no statement"));
    project.quackctl(["query", "-"]).write_stdin("").assert().code(2).stderr(contains("standard input"));
    project.quackctl(["query", "-f", "no.sql"]).assert().code(2).stderr(contains("`no.sql`"));
    project.quackctl(["query", "-f", "binary.sql"]).assert().code(2).stderr(contains("not UTF-8"));
    project.quackctl(["query", "SELECT 1", "-o", "x.xlsx"]).assert().code(2).stderr(contains("--format"));
    project.quackctl(["query", "SELECT 1"]).assert().failure().stderr(contains("quackctl up"));
}

#[test]
fn rows_are_limited_and_it_is_said() {
    let project = with_table();
    let mut limited = project.quackctl(["query", "--limit", "2", "--format", "csv", "FROM trips ORDER BY id"]);
    let expected = "id,city\n1,Berlin\n2,\"Paris, Texas\"\n";
    limited.assert().success().stdout(expected).stderr(contains("2 rows (limited"));
    let sql = "SELECT id FROM trips ORDER BY id";
    // A cut is told whatever else is not.
    let mut cut = project.quackctl(["query", "--quiet", "--limit", "2", "--format", "csv", sql]);
    cut.assert().success().stdout("id\n1\n2\n").stderr(contains("2 rows (limited"));
    let mut silent = project.quackctl(["query", "--quiet", "--all", "--format", "csv", sql]);
    silent.assert().success().stdout("id\n1\n2\n3\n4\n5\n").stderr(is_empty());
    project.quackctl(["query"]).assert().success().stdout(contains("healthy: `trips` has 5 rows"));
}

#[test]
fn a_plan_is_explained_and_nothing_is_run() {
    let project = with_table();
    project.quackctl(["load", "trips.csv", "--table", "parts", "--partition-by", "id"]).assert().success();
    let explain = |workers: &str, sql: &str| {
        let mut command = project.quackctl(["query", "--explain", "--workers", workers, "--json", sql]);
        serde_json::from_slice::<serde_json::Value>(&command.assert().success().get_output().stdout).unwrap()
    };
    let plan = explain("8", "SELECT city, count(*) FROM parts WHERE id BETWEEN 2 AND 4 GROUP BY city");
    assert_eq!(plan["strategy"], "partial-aggregate");
    assert_eq!(plan["fetches"][0]["splits"].as_array().map(Vec::len), Some(3));
    assert_eq!(plan["fetches"][0]["pruned_files"], 2);
    assert_eq!(explain("8", "SELECT median(id) FROM parts")["strategy"], "gather");
    assert_eq!(explain("auto", "SELECT median(id) FROM parts")["strategy"], "single");
    let mut text =
        project.quackctl(["query", "--explain", "--workers", "2", "SELECT id FROM parts ORDER BY id LIMIT 3"]);
    text.assert().success().stdout(
        contains("strategy  projection")
            .and(contains("from 2 splits of parts"))
            .and(contains("weighed"))
            .and(predicates::str::is_match("1 function, about [0-9]+ ms and ").unwrap())
            .and(contains(", taken as --workers says")),
    );
    project.quackctl(["query", "--explain", "--workers", "0", "SELECT 1"]).assert().code(2);
}

/// What `--explain` says that is read is held against what DuckDB says that it got.
#[test]
fn what_is_read_is_as_much_as_was_said() {
    let project = Project::up("");
    let tables = ["a", "b", "c"];
    for table in tables {
        let days = ["--partition-by", "day=pickup_at::DATE"];
        project
            .quackctl(["load", "--sample", "taxi", "--rows", "300000", "--table", table])
            .args(days)
            .assert()
            .success();
    }
    for (table, sql) in tables.into_iter().zip([
        "SELECT sum(total_amount), max(dropoff_at) FROM {}",
        "SELECT min(pickup_at) FROM {} WHERE day < '2019-04-06' AND dropoff_at > '2019-04-02'",
        "SELECT bit_xor(hash(t)) FROM {} t",
    ]) {
        let sql = sql.replace("{}", table);
        let explained = project.json(["query", "--explain", "--json", &sql]);
        let [way, several] = explained["weighed"].as_array().unwrap().as_slice() else { panic!("{explained}") };
        assert!(way["functions"] == 1 && several["functions"].as_u64() > Some(4), "{explained}");
        assert_eq!([&way["taken"], &several["taken"]], [true, false]);
        let said = way["read_bytes"].as_f64().unwrap();
        // Nothing of this table was read before, so that all of it comes from S3.
        let analyzed = project.quackctl(["query", &format!("EXPLAIN ANALYZE {sql}")]).output().unwrap();
        let analyzed = String::from_utf8(analyzed.stdout).unwrap();
        let line = analyzed.lines().find(|line| line.contains(" in: ")).unwrap_or_else(|| panic!("{analyzed}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "in:").unwrap();
        let unit = ["bytes", "KiB", "MiB"].iter().position(|unit| *unit == words[at + 2]).unwrap();
        let read = words[at + 1].parse::<f64>().unwrap() * 1024_f64.powi(unit.try_into().unwrap());
        assert!((0.75..1.1).contains(&(read / said)), "{sql}: {read} bytes were read, {said} were said");
        assert!(way["usd_at_most"].as_f64().unwrap() > 0.0);
        let of = |way: &serde_json::Value, what: &str| way["expected"][what].as_f64().unwrap();
        assert!(of(way, "ms") > 0.0 && of(several, "usd") > of(way, "usd") && of(way, "usd") > 0.0, "{explained}");
    }
}

/// What a query took is held against what `--explain` says of the next run of it.
#[test]
fn what_was_measured_is_told_until_tables_are_others() {
    let project = with_table();
    let sql = "SELECT city, count(*) AS n FROM trips GROUP BY ALL ORDER BY ALL";
    let way = || project.json(["query", "--explain", "--json", sql])["weighed"][0].clone();
    project.rows("SELECT 1 AS warm FROM trips LIMIT 1");
    assert_eq!(way()["measured"], json!(null));
    let mut took: Vec<(f64, f64)> = (0..3)
        .map(|_| {
            let metadata = &project.json(["query", "--json", sql])["metadata"];
            assert_eq!(metadata["warm"], true, "{metadata}");
            (metadata["elapsedMs"].as_f64().unwrap(), metadata["costUsd"].as_f64().unwrap())
        })
        .collect();
    took.sort_by(|one, other| one.0.total_cmp(&other.0));
    let told = way()["measured"].clone();
    let near = |is: f64, name: &str| (is - told[name].as_f64().unwrap()).abs() <= is * 1e-9;
    assert!(told["runs"] == 3 && near(took[1].0, "ms"), "{told}: {took:?}");
    assert!(took.iter().any(|(_, usd)| near(*usd, "usd")), "{told}: {took:?}");
    let mut text = project.quackctl(["query", "--explain", sql]);
    text.assert().success().stdout(contains("; measured 3 times, medians: "));
    let kept = project.dir().join(".quack/dev/measured.jsonl");
    let mode = std::os::unix::fs::PermissionsExt::mode(&kept.metadata().unwrap().permissions());
    assert!(mode & 0o077 == 0 && !fs::read_to_string(&kept).unwrap().contains("city"));
    project.succeed(["query", "INSERT INTO trips FROM trips"], "as many rows again");
    assert_eq!(way()["measured"], json!(null), "of a table that is twice as large nothing is known");
}

#[test]
fn json_is_the_rows_or_everything() {
    let project = with_table();
    let sql = "SELECT id, city FROM Trips WHERE id IN (2, 3) ORDER BY id";
    let rows = json!([{"id": 2, "city": "Paris, Texas"}, {"id": 3, "city": null}]);
    assert_eq!(project.rows(sql), rows);
    let everything = project.json(["query", "--json", sql]);
    assert_eq!(everything["rows"], rows);
    assert_eq!(everything["metadata"]["rows"], 2);
    assert!(everything["metadata"]["report"]["billedMs"].as_u64().unwrap() > 0);
    assert!(everything["metadata"]["costUsd"].as_f64().unwrap() > 0.0);
}

#[test]
fn errors_say_what_to_do() {
    let project = with_table();
    let stderr = |sql: &str| {
        let output = project.quackctl(["query", sql]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{sql}");
        assert!(output.stdout.is_empty(), "{sql}");
        String::from_utf8(output.stderr).unwrap()
    };
    let syntax = stderr("SELECT 1 FRM trips");
    assert!(syntax.contains("LINE 1: SELECT 1 FRM trips") && syntax.contains('^'), "{syntax}");
    let unknown = stderr("FROM tripz");
    assert!(unknown.contains("did you mean `trips`?"), "{unknown}");
    let before = stderr("FROM lake.main.trips");
    assert!(before.contains("there is `trips`: write it so"), "{before}");
    let refused = stderr("DROP SCHEMA main");
    assert!(
        refused.starts_with("error: the schema `main` cannot be dropped\nhelp: DROP TABLE and DROP VIEW"),
        "{refused}"
    );
    project.succeed(["rename", "trips", "order"], "to a word of SQL");
    let reserved = stderr("SELECT * FROM order");
    assert!(reserved.contains("help: `order` is a word of SQL") && reserved.contains("\"order\""), "{reserved}");
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM \"order\""), serde_json::json!([{"n": 5}]));
    let quoted = stderr("SELECT count(*) FROM \"order\" WHERE city = \"Rome\"");
    assert!(quoted.contains("help: a text stands in single quotes: 'Rome'"), "{quoted}");
    let outside = stderr("FROM read_text('/etc/passwd')");
    assert!(outside.contains("/etc/passwd") && outside.contains("quackctl load"), "{outside}");
}

#[test]
fn files_are_whole_or_not_there() {
    let project = with_table();
    for format in ["csv", "parquet", "table"] {
        let full = project.quackctl(["query", "-o", "/dev/full", "--format", format, "FROM trips"]).assert().code(1);
        full.stderr(contains("cannot write `/dev/full`: No space left on device"));
    }
    for arguments in [["query", "FROM trips"], ["tables", "trips"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = project.process(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("cannot write standard output: No space left") && !output.status.success(), "{said}");
    }
    let before = project.files();
    project.quackctl(["query", "-o", "out.csv", "FROM tripz"]).assert().failure();
    assert_eq!(project.files(), before);
    project.quackctl(["query", "-o", "missing/out.csv", "FROM trips"]).assert().code(2).stderr(contains("no folder"));
    project.quackctl(["query", "-o", "out.csv", "SELECT id FROM trips ORDER BY id"]).assert().success().stdout("");
    assert_eq!(std::fs::read_to_string(project.dir().join("out.csv")).unwrap(), "id\n1\n2\n3\n4\n5\n");
}

#[test]
fn results_over_a_response_come_whole_and_leave_nothing_in_the_bucket() {
    let project = Project::up("");
    // Random text does not compress into a response; HUGEINT is not a type that Parquet has.
    let sql = "SELECT i, md5(i::VARCHAR) AS text, i::HUGEINT * 1000000000000000000000 AS huge FROM range(300000) t(i)";
    let output = project.quackctl(["query", "--all", "--format", "jsonl", sql]).output().unwrap();
    assert!(output.status.success(), "{}", crate::support::text(&output));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 300_000);
    let last = stdout.lines().last().unwrap();
    assert!(last.starts_with("{\"i\":299999,") && last.ends_with("\"huge\":299999000000000000000000000}"), "{last}");
    project.quackctl(["query", "--all", "-o", "out.parquet", sql]).assert().success();
    let sums = "SELECT count(*), sum(i)::BIGINT, sum(huge)::VARCHAR FROM read_parquet(?)";
    let connection = duckdb::Connection::open_in_memory().unwrap();
    let path = project.dir().join("out.parquet").display().to_string();
    let found: (i64, i64, String) =
        connection.query_row(sums, [path], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!((found.0, found.1), (300_000, 44_999_850_000));
    assert_eq!(found.2.split('.').next(), Some("44999850000000000000000000000000"));
    let left: Vec<_> = project.files().into_iter().filter(|file| file.contains("_quack/results/")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What an answer tells of its columns is held against what comes: no type that DuckDB has may fall through.
#[test]
fn every_type_comes_with_the_answer_and_spilled_and_is_the_same() {
    let project = Project::up("");
    let few = "SELECT * FROM test_all_types()";
    // Sorted on the function's disk, of which it has 512 MB: enough rows to be spilled, and not many more.
    let many = "SELECT * FROM test_all_types(), (SELECT md5(i::VARCHAR) AS text FROM range(100000) t(i)) ORDER BY text";
    let rows = |sql: &str, limit: &str| {
        let output = project.quackctl(["query", "--all", "--format", "jsonl", sql]).output().unwrap();
        assert!(output.status.success(), "{limit}: {}", crate::support::text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let few = rows(few, "inline");
    assert_eq!(few.lines().count(), 3);
    let many = rows(&format!("SELECT * FROM ({many}) LIMIT 200000"), "spilled");
    assert_eq!(many.lines().count(), 200_000);
    for line in few.lines() {
        let line = line.strip_suffix('}').unwrap();
        assert!(many.lines().take(3).any(|other| other.starts_with(line)), "{line}");
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let project = Project::up("");
    let mut query = project
        .process(["query", "--quiet", "--all", "--format", "csv", "FROM range(1000000)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(query.stdout.take());
    let output = query.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", crate::support::text(&output));
    assert!(output.stderr.is_empty(), "{}", crate::support::text(&output));
}

#[test]
fn nobody_reading_is_no_panic() {
    let project = Project::up("");
    let unread = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    for arguments in [["completions", "bash"], ["query", "SELECT 1"], ["query", "SELEC 1"], ["status", "--json"]] {
        let status = project.process(arguments).stdout(unread()).stderr(unread()).status().unwrap();
        assert_eq!(status.code(), Some(i32::from(arguments[1] == "SELEC 1")), "{arguments:?}");
    }
    let mut shell = project.process(["shell"]);
    let shell = shell.stdin(Stdio::piped()).stdout(unread()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut shell.stdin.as_ref().unwrap(), b".timer off\nSELECT 1;\n").unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", crate::support::text(&output));
}

#[test]
fn the_shell_speaks_json_lines_to_programs() {
    let project = Project::up("");
    let mut shell = project.quackctl(["shell", "--json", "--quiet"]);
    let rows = "{\"a\":1}\n{\"b\":\"x\"}\n";
    shell.write_stdin("SELECT 1 AS a; SELECT 'x' AS b;\n").assert().success().stdout(rows).stderr(is_empty());
}

#[test]
fn a_query_that_is_told_to_end_leaves_no_file() {
    let project = Project::up("");
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        ends_in_order(&project, signal);
    }
}

fn ends_in_order(project: &Project, signal: rustix::process::Signal) {
    let before = project.files();
    let query = project
        .process(["query", "-o", "out.csv", "SELECT count(*) FROM range(10000000000) t(i) WHERE md5(i::VARCHAR) = ''"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its file is there before the query is sent.
    while project.files().len() == before.len() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = rustix::process::Pid::from_child(&query);
    rustix::process::kill_process(pid, signal).unwrap();
    let output = query.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", crate::support::text(&output));
    assert!(!project.files().iter().any(|file| file.contains("out.csv") || file.contains(".part")));
}

#[test]
fn the_shell_runs_a_script_to_its_first_error() {
    let project = with_table();
    let script =
        ".format csv\n.timer off\nSELECT\n  1 AS a; SELECT 2 AS b;\n.schema trips\nSELECT count(*) AS n FROM trips";
    let shell = |script: &str| project.quackctl(["shell"]).write_stdin(script.to_owned()).output().unwrap();
    let output = shell(script);
    assert!(output.status.success(), "{}", crate::support::text(&output));
    let expected = "a\n1\nb\n2\ntrips\n  id    BIGINT\n  city  VARCHAR\nn\n5\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    let output = shell(".format csv\nSELECT 1 AS a;\nSELEC 2;\nSELECT 3 AS c;\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\n");
    let told = crate::support::text(&output);
    assert!(told.contains("stopped at line 3; the rest was not run"), "{told}");
    let output = shell(".frmat csv\n");
    assert!(crate::support::text(&output).contains("did you mean `.format`?"), "{}", crate::support::text(&output));
}
