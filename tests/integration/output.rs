//! What comes out of a query: every row where a file or a pipe takes them, the first ones where a person looks.

use std::process::Stdio;

use crate::support::{Project, on_terminal, text};
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, is_empty, starts_with};

const ROWS: &str = "SELECT i, md5(i::VARCHAR) AS text FROM range(42049) t(i)";

#[test]
fn files_and_pipes_hold_every_row() {
    let project = Project::up("limit = 7");
    for (format, lines) in [("csv", 42_050), ("tsv", 42_050), ("jsonl", 42_049), ("json", 42_051), ("markdown", 42_051)]
    {
        let output = project.quackctl(["query", "--quiet", "--format", format, ROWS]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{format}: {}", text(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), lines, "{format}");
        let file = format!("out.{format}");
        project.quackctl(["query", "--format", format, "-o", &file, ROWS]).assert().success().stdout(is_empty());
        assert_eq!(std::fs::read(project.dir().join(file)).unwrap(), output.stdout, "{format}");
        let dash = project.quackctl(["query", "--format", format, "-o", "-", ROWS]).output().unwrap();
        assert_eq!(dash.stdout, output.stdout, "{format}");
    }
    let output = project.quackctl(["query", ROWS]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 42_049 + 5);
    assert_eq!(project.json(["query", "--json", ROWS])["rows"].as_array().map(Vec::len), Some(42_049));
    let count = |path: &str| {
        let connection = duckdb::Connection::open_in_memory().unwrap();
        let sql = format!("SELECT count(*) FROM '{}'", project.dir().join(path).display());
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    project.quackctl(["query", "-o", "out.parquet", ROWS]).assert().success();
    project
        .quackctl(["query", "-o", "few.parquet", "--limit", "7", ROWS])
        .assert()
        .success()
        .stderr(contains("limited"));
    assert_eq!((count("out.parquet"), count("few.parquet")), (42_049, 7));
}

#[test]
fn a_terminal_shows_the_first_rows_of_a_table_and_says_so() {
    let project = Project::up("limit = 7");
    let shown = on_terminal(&project, &["query", ROWS], &[]);
    assert!(shown.contains("7 rows (limited: more exist"), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.contains('│')).count(), 7 + 2, "{shown}");
    let quiet = on_terminal(&project, &["query", "--quiet", ROWS], &[]);
    assert!(quiet.contains("7 rows (limited: more exist"), "{quiet}");
    // What is not made to be looked at is whole on a terminal, too; and so is what tells of something.
    let csv = on_terminal(&project, &["query", "--format", "csv", "SELECT i FROM range(30) t(i)"], &[]);
    assert!(csv.contains("30 rows ") && !csv.contains("limited"), "{csv}");
    let columns = (0..71).map(|i| format!("{i} AS column_{i}")).collect::<Vec<_>>().join(", ");
    let described = on_terminal(&project, &["query", &format!("DESCRIBE SELECT {columns}")], &[]);
    assert!(described.contains("column_70") && !described.contains("limited"), "{described}");
    let wide = on_terminal(&project, &["query", &format!("SELECT {columns}")], &[]);
    assert!(wide.contains("71 columns, "), "{wide}");
}

#[test]
fn a_plan_is_printed_as_duckdbs_command_line_prints_it() {
    let project = Project::up("");
    let plan = |sql: &str| project.quackctl(["query", sql]).assert().success();
    let boxed = "┌─────────────────────────────┐\n│┌───────────────────────────┐│\n││       Physical Plan       ││\n";
    plan("EXPLAIN SELECT 42 AS answer").stdout(starts_with(boxed).and(contains("│         PROJECTION        │\n")));
    let analyzed = contains("Total Time").and(contains("EXPLAIN_ANALYZE")).and(contains("explain_key").not());
    plan("-- how long?\nEXPLAIN ANALYZE SELECT 42 AS answer").stdout(analyzed);
    plan("EXPLAIN (FORMAT json) SELECT 42").stdout(starts_with("[\n"));
    let mut csv = project.quackctl(["query", "--format", "csv", "EXPLAIN SELECT 42"]);
    csv.assert().success().stdout(starts_with("explain_key,explain_value\nphysical_plan,"));
}

#[test]
fn each_statement_gives_its_result_and_its_own_error() {
    let project = Project::up("");
    let csv = |sql: &str| project.quackctl(["query", "--format", "csv", sql]).output().unwrap();
    let output = csv("SELECT 1 AS a; SET VARIABLE x = 41;\nSELECT getvariable('x') + 1 AS b;");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\nb\n42\n", "{}", text(&output));
    let output = csv("SELECT 1 AS a;\n\nSELECT 2 AS b,\n  nonsense;");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("LINE 4:   nonsense") && said.contains("\n          ^"), "{said}");
    let said = text(&csv("SELECT 1 AS a;  SELEC 2;"));
    let caret = said.lines().find(|line| line.trim() == "^").unwrap_or_default();
    assert_eq!(caret.find('^'), Some("LINE 1: SELECT 1 AS a;  ".len()), "{said}");
    let mut two = project.quackctl(["query", "-o", "out.csv", "SELECT 1; SELECT 2"]);
    two.assert().code(2).stderr(contains("2 results").and(contains("out.csv")));
    assert!(!project.dir().join("out.csv").exists());
}

#[test]
fn what_would_not_last_is_refused() {
    let project = Project::up("");
    let mut create = project.quackctl(["query", "CREATE TEMP VIEW v AS SELECT 1"]);
    let told = contains("CREATE TEMPORARY VIEW is not supported").and(contains("WITH"));
    create.assert().failure().stdout(is_empty()).stderr(told);
}

#[test]
fn sql_comes_from_standard_input_when_it_is_a_file_or_a_pipe() {
    let project = Project::up("");
    let file = project.write("q.sql", "-- what?\nSELECT 42 AS a;\n");
    let mut query = project.process(["query", "--format", "csv"]);
    let output = query.stdin(std::fs::File::open(file).unwrap()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n42\n", "{}", text(&output));
    project.quackctl(["query", "--format", "csv"]).write_stdin("SELECT 42 AS a").assert().success().stdout("a\n42\n");
    // Nothing at all is the health check that it is without standard input.
    project.quackctl(["query"]).write_stdin("").assert().success().stdout(starts_with("healthy"));
    let empty = project.write("empty.sql", "");
    let output = project.process(["query"]).stdin(std::fs::File::open(empty).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn sql_that_begins_with_a_comment_is_sql() {
    let project = Project::up("");
    for sql in ["-- x\nSELECT 42 AS a", "--x\nSELECT 42 AS a", "/* x */ SELECT 42 AS a"] {
        project.quackctl(["query", "--format", "csv", sql]).assert().success().stdout("a\n42\n");
        project.quackctl(["query", "--format", "csv", "-q", sql]).assert().success().stdout("a\n42\n");
    }
    project.quackctl(["query", "-- only this"]).assert().code(2).stderr(contains("holds no statement"));
    project.quackctl(["query", "--nonsense"]).assert().code(2).stderr(contains("--nonsense"));
}

#[test]
fn what_is_no_sql_is_told() {
    let project = Project::up("");
    project.write("page.sql", "\n<!DOCTYPE html>\n<html><body>SELECT 1</body></html>");
    project.quackctl(["query", "-f", "page.sql"]).assert().code(2).stderr(contains("`page.sql` is a web page"));
    project.write("script.sql", ".mode csv\nSELECT 1;\n");
    for arguments in [["query", "\\d"], ["query", ".tables"], ["query", "-fscript.sql"]] {
        let told = contains("is a command of the shell, not SQL").and(contains("quackctl shell < FILE"));
        project.quackctl(arguments).assert().code(2).stderr(told);
    }
    let mut address = project.quackctl(["query", "-f", "https://example.org/q.sql"]);
    address.assert().code(2).stderr(contains("curl -fsSL https://example.org/q.sql"));
    for (sql, said) in
        [("SELEC 1", "syntax error"), ("FROM tripz", "tripz"), ("SELECT a FROM range(1)", "\"a\" not found")]
    {
        let mut explain = project.quackctl(["query", "--explain", sql]);
        explain.assert().code(1).stdout(is_empty()).stderr(contains(said).and(contains("LINE 1:")));
    }
}

#[test]
fn a_script_that_nobody_reads_to_its_end_is_no_error() {
    let project = Project::up("");
    let mut query =
        project.process(["query", "--quiet", "--format", "csv", "FROM range(1000000); FROM range(1000000)"]);
    let mut query = query.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(query.stdout.take());
    let output = query.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output));
}

#[test]
fn rows_come_through_standard_input_and_pipes() {
    let project = Project::up("");
    let load = |table: &str| project.quackctl(["load", "-", "--table", table, "--quiet"]);
    load("t").write_stdin("id\tcity\n1\tBerlin\n2\tRome\n").assert().success().stdout(is_empty());
    load("j").write_stdin("{\"id\": 3}\n").assert().success().stdout(is_empty());
    load("e").write_stdin("").assert().failure().stderr(contains("`standard input` is empty"));
    load("z").write_stdin(b"\x1f\x8b\x08.".as_slice()).assert().failure().stderr(contains("gunzip -c"));
    load("p")
        .write_stdin(b"\x89PNG\r\n".as_slice())
        .assert()
        .failure()
        .stderr(contains("not a format that load reads"));
    assert_eq!(project.rows("SELECT (SELECT sum(id) FROM t) + (SELECT sum(id) FROM j) AS n")[0]["n"], 6);
    assert_eq!(project.json(["tables", "t", "--json"])["source"], "standard input");
    let quackctl = env!("CARGO_BIN_EXE_quackctl");
    let line = format!("'{quackctl}' load <(printf 'a,b\\n1,2\\n') --table piped");
    let mut bash = std::process::Command::new("bash");
    let output = bash.current_dir(project.dir()).args(["-c", &line]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("piped: 1 row, "), "{}", text(&output));
}

#[test]
fn a_table_of_many_columns_is_told_in_few_lines() {
    let project = Project::up("");
    let columns: Vec<_> = (0..71).map(|i| format!("column_{i}")).collect();
    project.write("wide.csv", format!("{}\n{}\n", columns.join(","), ["1"; 71].join(",")));
    let mut load = project.quackctl(["load", "wide.csv", "--table", "wide"]);
    load.assert()
        .success()
        .stdout(contains("column_19").and(contains("column_20").not()).and(contains("51 more columns")));
    project.quackctl(["tables", "wide"]).assert().success().stdout(contains("column_70"));
    let long = "a_file_with_quite_a_long_name_as_there_are_many_of_them_in_collections.csv";
    project.write(long, "a\n1\n");
    project.quackctl(["load", long, "--table", "another_table"]).assert().success();
    let shown = on_terminal(&project, &["tables"], &[]);
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains(" another_table ") && shown.contains("…"), "{shown}");
    assert_eq!(shown.lines().count(), 3 + 2 + 1 + 1, "no row takes two lines:\n{shown}");
    assert!(shown.contains("no room for: loaded at"), "{shown}");
    let piped = text(&project.quackctl(["tables"]).output().unwrap());
    assert!(piped.contains(long) && piped.contains("loaded at"), "{piped}");
}

#[test]
fn the_shell_takes_what_other_shells_do() {
    let project = Project::up("limit = 7");
    project.write("trips.csv", "id,city\n1,Berlin\n2,Rome\n");
    project.quackctl(["load", "trips.csv", "--table", "trips"]).assert().success();
    project.write("more.sql", ".mode csv\nSELECT 3 AS c;\nSELECT 4 AS d");
    let script = ".mode\n.timer off\n.timer\n\\dt\n\\d trips\n.mode line\nFROM trips ORDER BY id LIMIT 1;\n\\x off\n.read more.sql\n\
                  .output rows.csv\nSELECT i FROM range(50) t(i);\n.output\nEXPLAIN SELECT 42;\nexit\nSELECT nothing;\n";
    let output = project.quackctl(["shell"]).write_stdin(script).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let expected = "mode: table; there are table, line, json, jsonl, csv, tsv, markdown\ntimer: off\n\
                    trips  2 rows\ntrips\n  id    BIGINT\n  city  VARCHAR\n  id = 1\ncity = Berlin\nc\n3\nd\n4\n";
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.starts_with(expected), "{stdout}");
    assert!(stdout[expected.len()..].starts_with("explain_key,"), "{stdout}");
    let rows = std::fs::read_to_string(project.dir().join("rows.csv")).unwrap();
    assert_eq!(rows.lines().count(), 51, "a file takes every row");
    project.write("itself.sql", ".read itself.sql\n");
    let mut endless = project.quackctl(["shell"]);
    endless.write_stdin(".read itself.sql\n").assert().code(2).stderr(contains("does one read itself?"));
}

#[test]
fn the_shell_asks_on_until_a_statement_ends() {
    let project = Project::up("");
    let typed = [("quack> ", "SELECT 40 +\n"), ("   ...> ", "2 AS answer;\n"), ("quack> ", "\\q\n")];
    let shown = on_terminal(&project, &["shell"], &typed);
    assert!(shown.contains("│      42 │"), "{shown}");
}

#[test]
fn the_shell_does_not_wait_for_the_end_of_what_is_no_sql() {
    let project = Project::up("");
    let typed = [("quack> ", "quackctl tables\n"), ("quack> ", "selct 1\n"), ("quack> ", "\\q\n")];
    let shown = on_terminal(&project, &["shell"], &typed);
    assert!(shown.contains("`quackctl` begins no SQL") && shown.contains("`.help` lists its commands"), "{shown}");
    assert!(shown.contains("did you mean `SELECT`?"), "{shown}");
}

#[test]
fn the_shell_says_that_an_unfinished_statement_was_not_run() {
    let project = Project::up("");
    // A Ctrl-D that came before the next prompt would be the terminal's own.
    let typed = [("quack> ", "SELECT 41 + 1 AS answer\n"), ("   ...> ", "\u{4}"), ("was not run", "\\q\n")];
    let shown = on_terminal(&project, &["shell"], &typed);
    assert!(shown.contains("had no `;` at its end, and was not run") && !shown.contains("│ 42"), "{shown}");
}

#[test]
fn the_shells_output_is_written_as_its_name_tells() {
    let project = Project::up("");
    let script = ".output a.csv\nSELECT 1 AS n, 'x,y' AS t;\n.output b.jsonl\nSELECT 2 AS n;\n.mode csv\nSELECT 3 AS n;\n\
                  .output c.txt\nSELECT 4 AS n;\n";
    project.quackctl(["shell"]).write_stdin(script).assert().success().stdout(is_empty());
    let read = |name: &str| std::fs::read_to_string(project.dir().join(name)).unwrap();
    assert_eq!(read("a.csv"), "n,t\n1,\"x,y\"\n");
    assert_eq!(read("b.jsonl"), "{\"n\":2}\nn\n3\n", "a later .mode counts");
    assert_eq!(read("c.txt"), "n\n4\n");
    for name in ["d.parquet", "d.arrow"] {
        let mut shell = project.quackctl(["shell"]);
        shell
            .write_stdin(format!(".output {name}\n"))
            .assert()
            .code(2)
            .stderr(contains(name).and(contains("query -o")));
        assert!(!project.dir().join(name).exists());
    }
}

#[test]
fn the_shell_keeps_what_variables_are_set_to() {
    let project = Project::up("");
    project.write("set.sql", "SET VARIABLE w = getvariable('v') + 1 -- ;");
    let script = ".mode csv\n.timer off\nSET VARIABLE v = 3;\n.read set.sql\n\
                  SELECT getvariable('v') AS v, getvariable('w') AS w;\n\
                  RESET VARIABLE v;\nSELECT getvariable('v') IS NULL AS gone, getvariable('w') AS w;\n";
    let output = project.quackctl(["shell"]).write_stdin(script).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "v,w\n3,4\ngone,w\ntrue,4\n", "{}", text(&output));
}

#[test]
fn what_is_written_as_tsv_loads_back() {
    let project = Project::up("");
    let sql =
        "SELECT * FROM (VALUES (1, 'tab\there'), (2, NULL), (3, 'a\nbreak'), (4, 'a \"quote\"'), (5, '\\N')) v(n, t)";
    project.quackctl(["query", "-o", "out.tsv", sql]).assert().success();
    project.quackctl(["load", "out.tsv", "--table", "back"]).assert().success();
    let rows = |sql: &str| project.json(["query", "--json", sql])["rows"].clone();
    assert_eq!(rows("FROM back ORDER BY n"), rows(sql));
}

#[test]
fn no_rows_are_written_in_every_format() {
    let project = Project::up("");
    for (name, sql) in [
        ("a.parquet", "SELECT 1 AS a WHERE false"),
        ("b.parquet", "SELECT 1 AS a LIMIT 0"),
        ("c.arrow", "SELECT 1 AS a WHERE false"),
    ] {
        project.succeed(["query", "-o", name, sql], sql);
        assert!(project.dir().join(name).metadata().unwrap().len() > 50, "{name}");
    }
}

#[test]
fn a_copy_that_fails_midway_leaves_what_was_there_before() {
    let project = Project::up("");
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let place = format!("s3://{bucket}/exports");
    let fails = "SELECT CASE WHEN i = 3000000 THEN error('boom') ELSE i::VARCHAR END AS a FROM range(4000000) r(i)";
    for name in ["x.parquet", "x.csv"] {
        let good = format!("COPY (SELECT 42 AS a) TO '{place}/{name}'");
        for there in [0, 1] {
            let mut copy = project.quackctl(["query", &format!("SELECT 1; COPY ({fails}) TO '{place}/{name}'")]);
            copy.assert().code(1).stderr(contains("boom"));
            let files =
                project.rows(&format!("SELECT count(*)::INT AS n FROM glob('{place}/*') WHERE suffix(file, '{name}')"));
            assert_eq!(files, serde_json::json!([{ "n": there }]), "{name}");
            if there == 0 {
                project.succeed(["query", &good], name);
            }
        }
        assert_eq!(project.rows(&format!("FROM '{place}/{name}'")), serde_json::json!([{ "a": 42 }]), "{name}");
    }
}
