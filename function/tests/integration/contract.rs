//! Events and responses: the earlier project's contract, limits, encodings, errors, and that nothing is left behind.

use crate::support::Function;
use serde_json::{Value, json};

#[test]
fn the_old_contract_holds() {
    let function = Function::start();
    let response = function.invoke(json!({"q": "SELECT 42 AS a", "limit": 1})).unwrap();
    let metadata = &response["metadata"];
    assert_eq!(response["data"], json!({"records": [{"a": 42}]}));
    assert_eq!(metadata["query"], "SELECT 42 AS a");
    assert_eq!(metadata["eventId"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    assert_eq!(metadata["warm"], false);
    assert!(metadata["timeMs"].is_u64() && metadata["epochMs"].as_u64().unwrap() > 1_500_000_000_000);
    assert_eq!((&metadata["rows"], &metadata["truncated"]), (&json!(1), &json!(false)));
    assert_eq!(metadata["engine"], "v1.5.5");
    assert_eq!(metadata["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(metadata["columns"], json!([{"name": "a", "type": "INTEGER"}]));
    let again = function.invoke(json!({"q": "SELECT 1", "unknown": {"field": []}})).unwrap();
    assert_eq!(again["metadata"]["warm"], true);
    assert_eq!(again["metadata"]["initMs"], metadata["initMs"]);
}

#[test]
fn limits_cut_rows_and_say_so() {
    let function = Function::start();
    let ask = |limit: Value, rows: u32| {
        let response = function.invoke(json!({"q": format!("FROM range({rows})"), "limit": limit})).unwrap();
        let metadata = &response["metadata"];
        assert_eq!(metadata["rows"].as_u64().unwrap() as usize, response["data"]["records"].as_array().unwrap().len());
        (metadata["rows"].as_u64().unwrap(), metadata["truncated"].as_bool().unwrap())
    };
    assert_eq!(ask(Value::Null, 19), (19, false));
    assert_eq!(ask(Value::Null, 20), (20, false));
    assert_eq!(ask(Value::Null, 21), (20, true));
    assert_eq!(ask(json!(0), 5), (0, true));
    assert_eq!(ask(json!(0), 0), (0, false));
    assert_eq!(ask(json!(2048), 2048), (2048, false));
    assert_eq!(ask(json!(2048), 2049), (2048, true));
    assert_eq!(ask(json!(3000), 5000), (3000, true));
    assert_eq!(ask(json!(u64::MAX), 5000), (5000, false));
    let all = function.invoke(json!({"q": "FROM range(10000)", "limit": 5, "all": true})).unwrap();
    assert_eq!(all["metadata"]["rows"], 10000);
}

/// `params` are bound by name, whatever is in them, and by nothing that is not there.
#[test]
fn parameters_are_bound() {
    let function = Function::start();
    let rows = |sql: &str, params: Value| {
        let answer = function.invoke(json!({"q": sql, "params": params}));
        answer.map(|answer| answer["data"]["records"].clone())
    };
    let day = "SELECT CAST($day AS DATE) + 1 AS d, $Day IS NULL AS n";
    assert_eq!(rows(day, json!({"day": "2019-04-01"})).unwrap(), json!([{"d": "2019-04-02", "n": false}]));
    assert_eq!(rows(day, json!({"day": null, "other": "x"})).unwrap(), json!([{"d": null, "n": true}]));
    let hostile = "'); DROP TABLE t; --\u{0}\"";
    assert!(rows("SELECT $1 AS a, $x AS b", json!({"1": "x", "x": hostile})).is_err());
    assert_eq!(
        rows("SELECT ? AS a, ? AS b", json!({"1": "x", "2": hostile})).unwrap(),
        json!([{"a": "x", "b": hostile}])
    );
    assert_eq!(
        rows("SET VARIABLE v = $1; SELECT getvariable('v') AS v", json!({"1": "y"})).unwrap(),
        json!([{"v": "y"}])
    );
    assert_eq!(
        rows("PIVOT (SELECT 'p' AS k, $1 AS v) ON k USING max(v)", json!({"1": "z"})).unwrap(),
        json!([{"p": "z"}])
    );
    let missing = rows("SELECT $2", json!({"1": "x"})).unwrap_err();
    let said = missing["errorMessage"].as_str().unwrap();
    assert!(said.contains("that nothing gives a value"), "{said}");
    // What a value says is a text wherever it stands: no file, no name.
    assert!(rows("FROM read_csv($1)", json!({"1": "/etc/passwd"})).is_err());
}

#[test]
fn every_kind_of_query_has_rows() {
    let function = Function::start();
    for (sql, records) in [
        ("FROM range(2)", json!([{"range": 0}, {"range": 1}])),
        ("VALUES (1, 'x')", json!([{"col0": 1, "col1": "x"}])),
        ("WITH t AS (SELECT 1 AS a) FROM t", json!([{"a": 1}])),
        ("SELECT 1 AS a, 2 AS a, 3 AS \"A\"", json!([{"a": 1, "a_1": 2, "A_2": 3}])),
        ("PIVOT (SELECT 1 AS a, 'x' AS b) ON b USING sum(a)", json!([{"x": 1}])),
        (
            "PIVOT (VALUES (1, 'x', 3), (2, 'y', 10)) t(a, b, c) ON b, c USING sum(a)",
            json!([{"x_10": null, "x_3": 1, "y_10": 2, "y_3": null}]),
        ),
        ("SELECT 1; SELECT 2 AS a", json!([{"a": 2}])),
        ("SELECT 1 AS a; -- the end\n;", json!([{"a": 1}])),
        ("SET VARIABLE x = 4; SELECT getvariable('x') AS x", json!([{"x": 4}])),
        (
            "SET VARIABLE x = (SELECT [1, 2]); SET VARIABLE y = getvariable('x')[2]; SELECT getvariable('y') AS y",
            json!([{"y": 2}]),
        ),
        ("SET VARIABLE x = 4; RESET VARIABLE x; SELECT getvariable('x') AS x", json!([{"x": null}])),
        ("SET VARIABLE x = 4", json!([])),
        ("SHOW TABLES", json!([])),
        ("FROM query('SELECT 1 AS a')", json!([{"a": 1}])),
    ] {
        assert_eq!(function.rows(sql), records, "{sql}");
    }
    assert_eq!(function.rows("DESCRIBE SELECT 1 AS a")[0]["column_type"], "INTEGER");
    assert_eq!(function.rows("SUMMARIZE SELECT 1 AS a")[0]["max"], "1");
    assert_eq!(function.rows("EXPLAIN SELECT 1")[0]["explain_key"], "physical_plan");
    assert_eq!(function.rows("EXPLAIN ANALYZE SELECT 1")[0]["explain_key"], "analyzed_plan");
}

#[test]
fn malformed_events_are_answered() {
    let function = Function::start();
    for (event, quoted) in [
        ("not json", "not json"),
        ("[1, 2]", "[1,2]"),
        ("{}", "`q`"),
        (r#"{"q": 42}"#, "42"),
        (r#"{"q": "SELECT 1", "limit": -1}"#, "-1"),
        (r#"{"q": "SELECT 1", "limit": 1.5}"#, "1.5"),
        (r#"{"q": "SELECT 1", "limit": 99999999999999999999}"#, "99999999999999999999"),
        (r#"{"q": "SELECT 1", "limit": "many"}"#, "many"),
        (r#"{"q": ""}"#, "no SQL statement"),
        (r#"{"q": "-- nothing"}"#, "-- nothing"),
        (r#"{"q": "SELECT ?"}"#, "parameter"),
    ] {
        let error = function.invoke_text(event).expect_err(event);
        assert_eq!(error["errorType"], "Quack.BadEvent", "{event}");
        assert!(error["errorMessage"].as_str().unwrap().contains(quoted), "{event}: {error}");
    }
    assert_eq!(function.rows("SELECT 1 AS a"), json!([{"a": 1}]));
}

#[test]
fn sql_errors_are_duckdbs_own() {
    let function = Function::start();
    let (kind, message) = function.error("SELEC 1");
    assert_eq!(kind, "DuckDB.ParserError");
    assert!(message.ends_with("LINE 1: SELEC 1\n        ^"), "{message}");
    assert_eq!(function.error("FROM nowhere").0, "DuckDB.CatalogError");
    assert_eq!(function.error("SELECT a FROM range(1)").0, "DuckDB.BinderError");
    assert_eq!(function.error("SELECT 'x'::INTEGER").0, "DuckDB.ConversionError");
    assert_eq!(function.error("SELECT 1\0").0, "DuckDB.ParserError");
    assert!(function.error("SELECT {a: 1}::VARIANT AS v").1.contains("VARIANT"));
    let midway = json!({"q": "SELECT if(range = 30000, error('midway'), range) FROM range(100000)", "all": true});
    assert_eq!(function.invoke(midway).unwrap_err()["errorMessage"], "Invalid Input Error: midway");
    assert_eq!(function.rows("SELECT 1 AS a"), json!([{"a": 1}]));
}

#[test]
fn nothing_is_left_for_the_next_invocation() {
    let function = Function::start();
    let state = "SELECT (SELECT list(table_name) FROM duckdb_tables()) AS tables, (SELECT list(view_name) FROM duckdb_views() WHERE \
                 NOT internal) AS views, (SELECT list(function_name) FROM duckdb_functions() WHERE NOT internal AND function_name NOT \
                 LIKE '\\_\\_%' ESCAPE '\\') AS functions, (SELECT list(type_name) FROM duckdb_types() WHERE NOT internal) AS types, \
                 (SELECT list(sequence_name) FROM duckdb_sequences()) AS sequences, (SELECT list(schema_name) FROM duckdb_schemas() \
                 WHERE NOT internal) AS schemas, (SELECT list(name) FROM duckdb_variables()) AS variables, (SELECT \
                 list(database_name) FROM duckdb_databases() WHERE NOT internal) AS databases, (SELECT list(name) FROM \
                 duckdb_prepared_statements()) AS prepared, upper('alice') AS alice";
    let before = function.rows(state);
    for sql in [
        "CREATE TABLE t (a INTEGER)",
        "CREATE MACRO upper(x) AS 'mallory'",
        "SET VARIABLE x = 1",
        "SET VARIABLE x = 1; SELECT error('after')",
        "FROM query('FROM enable_' || 'logging()')",
        "SELECT error('x')",
    ] {
        let _ = function.invoke(json!({"q": sql}));
        assert_eq!(function.rows(state), before, "after {sql}");
    }
}

#[test]
fn the_sandbox_refuses_what_is_no_select_and_says_what_to_do() {
    let function = Function::start();
    for (sql, wanted) in [
        ("ATTACH ':memory:' AS x", "ATTACH is refused: no other database is opened"),
        ("USE memory", "USE is refused"),
        ("SET threads = 1", "SET is refused: the function's settings are fixed"),
        ("SET SESSION search_path = 'x'", "SET is refused"),
        ("RESET threads", "RESET is refused"),
        ("PRAGMA enable_profiling", "PRAGMA is refused"),
        ("BEGIN", "BEGIN is refused: each event is a transaction"),
        ("EXPLAIN ANALYZE COMMIT", "COMMIT is refused"),
        ("CREATE TABLE t (a INTEGER); COMMIT", "CREATE is refused: nothing of it would last"),
        ("INSERT INTO t VALUES (1)", "INSERT is refused: the function by itself changes no table"),
        ("INSTALL icu", "INSTALL is refused: extensions are packaged"),
        ("FORCE INSTALL icu", "FORCE is refused"),
        ("create /* */ or replace persistent -- x\n secret s (TYPE s3)", "CREATE SECRET is refused"),
        ("SELECT 1; DROP SECRET lake", "DROP SECRET is refused"),
        ("IMPORT DATABASE 'x'", "IMPORT is refused"),
        ("EXPORT DATABASE 's3://lake/x'", "EXPORT is refused: write what you need with COPY"),
        ("COPY FROM DATABASE memory TO temp", "COPY"),
        ("CALL enable_logging()", "CALL is refused: call the function in a query"),
        ("PREPARE p AS SELECT 1", "PREPARE is refused: nothing is kept between queries"),
        ("WITH x AS (SELECT 1) INSERT INTO t FROM x", "WITH is refused: only SELECT is run"),
        ("SELECT * FROM (PIVOT (SELECT 1 AS a) ON a)", "must name its values"),
        ("FROM enable_logging()", "enable_logging() is refused"),
        (
            "FROM read_text('/proc/self/environ')",
            "reading \"/proc/self/environ\" is refused: SQL may read under s3://lake/",
        ),
        ("FROM '/etc/passwd.csv'", "is refused"),
        ("COPY (SELECT 1) TO 'x.csv'", "SQL may write only under s3://lake/"),
        ("FROM glob('/*')", "is refused"),
    ] {
        let (kind, message) = function.error(sql);
        assert_eq!(kind, "Quack.SandboxError", "{sql}: {message}");
        assert!(message.contains(wanted), "{sql}: {message}");
    }
    assert_eq!(
        function.error("SELECT uper('x')").1,
        "Catalog Error: Function with name uper does not exist!\nDid you mean \"upper\"?"
    );
    assert_eq!(function.error("SELECT 'x'::mood").0, "DuckDB.CatalogError");
}

#[test]
fn errors_tell_the_place_in_the_events_own_sql() {
    let function = Function::start();
    let (_, message) = function.error("SELECT 1;\nSELECT 2;  SELECT nothing");
    assert!(
        message.ends_with("LINE 2: SELECT 2;  SELECT nothing\n                          ^")
            || message.contains("LINE 2:"),
        "{message}"
    );
    assert!(function.error("SELECT 1;\n\nSELEC 2").1.contains("LINE 3:"));
}

/// The environment shows no key, all threads are under the filter, and the memory cannot be dumped.
#[test]
fn the_process_gives_away_nothing() {
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIAHIDDEN"),
        ("AWS_SECRET_ACCESS_KEY", "hidden-key"),
        ("MY_API_TOKEN", "hidden-token"),
    ];
    let more = [("QUACK_EXTENSIONS", ""), ("QUACK_BUCKET", crate::support::BUCKET)];
    let function = Function::spawn(&[keys.as_slice(), more.as_slice()].concat(), None);
    assert_eq!(function.rows("SELECT 42 AS a"), json!([{"a": 42}]));
    let read = |file: &str| std::fs::read(format!("/proc/{}/{file}", function.id())).unwrap_or_default();
    let environment = read("environ");
    assert!(environment.iter().all(|byte| *byte == 0), "{}", String::from_utf8_lossy(&environment));
    for thread in std::fs::read_dir(format!("/proc/{}/task", function.id())).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"), "{status}");
    }
}

#[test]
fn a_failing_start_is_reported() {
    let (error, status) = Function::spawn(&[], None).init_error();
    assert_eq!(error["errorType"], "Quack.InitError");
    assert!(error["errorMessage"].as_str().unwrap().contains("QUACK_BUCKET"), "{error}");
    assert!(!status.success());
    let (error, _) = Function::spawn(&[("QUACK_BUCKET", "b"), ("QUACK_EXTENSIONS", "nosuch")], None).init_error();
    assert!(error["errorMessage"].as_str().unwrap().contains("nosuch"), "{error}");
}
