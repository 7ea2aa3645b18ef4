//! Events and responses: the earlier project's contract, limits, encodings, errors, and that nothing is left behind.

mod support;

use serde_json::{Value, json};
use support::Function;

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

#[test]
fn every_kind_of_query_has_rows() {
    let function = Function::start();
    for (sql, records) in [
        ("FROM range(2)", json!([{"range": 0}, {"range": 1}])),
        ("VALUES (1, 'x')", json!([{"col0": 1, "col1": "x"}])),
        ("WITH t AS (SELECT 1 AS a) FROM t", json!([{"a": 1}])),
        ("SELECT 1 AS a, 2 AS a, 3 AS \"A\"", json!([{"a": 1, "a_1": 2, "A_2": 3}])),
        ("PIVOT (SELECT 1 AS a, 'x' AS b) ON b USING sum(a)", json!([{"x": 1}])),
        ("CREATE TEMP TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2); FROM t", json!([{"a": 1}, {"a": 2}])),
        ("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)", json!([{"Count": 2}])),
        ("CREATE TABLE t (a INTEGER)", json!([])),
        ("SELECT 1 AS a; -- the end\n;", json!([{"a": 1}])),
        ("SET VARIABLE x = 4; SELECT getvariable('x') AS x", json!([{"x": 4}])),
        ("PREPARE p AS SELECT 1 AS a; EXECUTE p", json!([{"a": 1}])),
        ("CREATE TABLE t (a INTEGER); SHOW TABLES", json!([{"name": "t"}])),
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
    let midway = json!({"q": "SELECT if(range = 90000, error('midway'), range) FROM range(100000)", "all": true});
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
                 duckdb_prepared_statements()) AS prepared, (SELECT md5(string_agg(value, ',' ORDER BY name)) FROM \
                 duckdb_settings()) AS settings, (SELECT list(name) FROM duckdb_secrets()) AS secrets, (SELECT count(*) FROM duckdb_logs) AS logs";
    let before = function.rows(state);
    for sql in [
        "CREATE TABLE t (a INTEGER)",
        "CREATE TEMP TABLE t (a INTEGER)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE MACRO m(x) AS x + 1",
        "CREATE TEMP MACRO m(x) AS TABLE SELECT x",
        "CREATE TYPE mood AS ENUM ('ok')",
        "CREATE SEQUENCE s",
        "CREATE SCHEMA s",
        "SET VARIABLE x = 1",
        "PREPARE p AS SELECT 1",
        "FROM query('FROM enable_' || 'logging()')",
        "FROM query('FROM enable_' || 'logging()'); SELECT 1; FROM query('FROM disable_' || 'logging()')",
        "CREATE TABLE t (a INTEGER); SELECT error('after')",
    ] {
        let _ = function.invoke(json!({"q": sql}));
        assert_eq!(function.rows(state), before, "after {sql}");
    }
}

#[test]
fn files_end_with_their_invocation() {
    let function = Function::start();
    let folder = function.rows("SELECT current_setting('temp_directory') AS folder")[0]["folder"].clone();
    let folder = folder.as_str().unwrap();
    // DuckDB's own folder for what does not fit into memory is the one place on disk that SQL may write to.
    function.rows(&format!("EXPORT DATABASE '{folder}/'; COPY (SELECT 42 AS a) TO '{folder}/left.csv'"));
    let (kind, _) = function.error(&format!("FROM '{folder}/left.csv'"));
    assert_eq!(kind, "DuckDB.IOError");
    assert!(!std::path::Path::new(folder).exists());
}

#[test]
fn the_sandbox_refuses_what_outlives_an_invocation() {
    let function = Function::start();
    for sql in [
        "ATTACH ':memory:' AS x",
        "DETACH memory",
        "USE memory",
        "SET threads = 1",
        "SET SESSION search_path = 'x'",
        "RESET threads",
        "PRAGMA enable_profiling",
        "PRAGMA disable_optimizer",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "EXPLAIN ANALYZE COMMIT",
        "CREATE TABLE t (a INTEGER); COMMIT",
        "INSTALL icu",
        "FORCE INSTALL icu",
        "LOAD icu",
        "CREATE SECRET (TYPE s3)",
        "create /* */ or replace persistent -- x\n secret s (TYPE s3)",
        "SELECT 1; CREATE TEMPORARY SECRET s (TYPE s3)",
        "DROP SECRET lake",
        "IMPORT DATABASE 'x'",
        "COPY FROM DATABASE memory TO temp",
        "CALL enable_logging()",
    ] {
        let (kind, message) = function.error(sql);
        assert_eq!(kind, "Quack.SandboxError", "{sql}: {message}");
        assert!(message.contains("confined to its bucket"), "{sql}: {message}");
    }
    for sql in [
        "FROM read_text('/proc/self/environ')",
        "FROM '/etc/passwd.csv'",
        "COPY (SELECT 1) TO 'x.csv'",
        "FROM glob('/*')",
    ] {
        let (kind, message) = function.error(sql);
        assert_eq!(kind, "DuckDB.PermissionError", "{sql}: {message}");
        assert!(message.contains("confined to its bucket"), "{sql}: {message}");
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
