//! The function over object storage: tables, the edges of the bucket, and results that are written to it.

use crate::support::{Function, ObjectStore};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Starts both, or returns from the test when the extension is not at hand.
macro_rules! start {
    ($store:ident, $function:ident) => {
        let $store = ObjectStore::start();
        let Some($function) = Function::start_on(&$store) else { return };
    };
    ($store:ident, $function:ident, $($variable:expr),+) => {
        let $store = ObjectStore::start();
        let Some($function) = Function::start_with(&$store, &[$($variable),+]) else { return };
    };
}

/// The select list that gives a spilled result's columns their types again.
fn cast_back(response: &Value) -> String {
    let spilled = &response["data"]["spilled"];
    let casts: Vec<_> = spilled["cast_back"].as_array().into_iter().flatten().collect();
    let columns = response["metadata"]["columns"].as_array().unwrap().iter().map(|column| {
        let name = format!("\"{}\"", column["name"].as_str().unwrap().replace('"', "\"\""));
        match casts.iter().find(|cast| cast["name"] == column["name"]) {
            Some(cast) => format!("CAST({name} AS {}) AS {name}", cast["type"].as_str().unwrap()),
            None => name,
        }
    });
    format!(
        "SELECT {} FROM read_parquet('{}')",
        columns.collect::<Vec<_>>().join(", "),
        spilled["uri"].as_str().unwrap()
    )
}

#[test]
fn tables_are_parquet_files_with_hive_partitions() {
    start!(_store, function);
    function.rows(
        "COPY (SELECT range AS n, DATE '2019-04-01' + (range % 3)::INTEGER AS day, lpad((range % 2)::VARCHAR, 2, '0') AS code FROM range(60)) \
         TO 's3://lake/trips' (FORMAT parquet, PARTITION_BY (day, code), FILENAME_PATTERN 'part')",
    );
    let files =
        function.rows("SELECT list(file ORDER BY file) AS files FROM glob('s3://lake/trips/**')")[0]["files"].clone();
    assert_eq!(files.as_array().unwrap().len(), 6);
    let tables = json!([
        {"name": "my trips", "files": files, "partitions": [{"name": "day", "type": "DATE"}, {"name": "code", "type": "VARCHAR"}]},
        {"name": "broken", "files": ["s3://lake/missing.parquet"]},
    ]);
    let sql = "SELECT day, code, count(*) AS n, sum(n) AS total FROM \"My Trips\" WHERE day = DATE '2019-04-02' GROUP BY ALL ORDER BY ALL";
    let response = function.invoke(json!({"q": sql, "tables": tables})).unwrap();
    assert_eq!(
        response["data"]["records"],
        json!([
            {"day": "2019-04-02", "code": "00", "n": 10, "total": 310},
            {"day": "2019-04-02", "code": "01", "n": 10, "total": 280},
        ])
    );
    let error = function.invoke(json!({"q": "FROM broken", "tables": tables})).unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("missing.parquet"), "{error}");
    assert_eq!(function.error("FROM \"my trips\"").0, "DuckDB.CatalogError", "tables end with their invocation");
}

#[test]
fn the_bucket_is_the_edge_of_the_world() {
    start!(store, function);
    function.rows("COPY (SELECT 1 AS a) TO 's3://lake/a.parquet'");
    assert_eq!(function.rows("FROM 's3://lake/a.parquet'"), json!([{"a": 1}]));
    for sql in [
        "FROM 's3://other/a.parquet'",
        "FROM 's3://lakes/a.parquet'",
        "COPY (SELECT 1) TO 's3://other/a.parquet'",
        "FROM 'http://127.0.0.1/a.parquet'",
        "FROM 'https://example.com/a.parquet'",
        "FROM read_text('/proc/self/environ')",
        "FROM read_csv('/etc/passwd')",
        "ATTACH 's3://lake/a.db' AS a",
        "ATTACH '/tmp/a.db' AS a",
        "INSTALL spatial",
        "LOAD spatial",
        "SET s3_endpoint = 'example.com'",
        "CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET 'y')",
        "DROP SECRET lake",
    ] {
        let (kind, message) = function.error(sql);
        assert_eq!(kind, "Quack.SandboxError", "{sql}: {message}");
    }
    assert_eq!(function.error("FROM 's3://lake/../other/a.parquet'").0, "Quack.SandboxError", "dots lead nowhere");
    assert_eq!(function.error("FROM duckdb_secrets()").0, "Quack.SandboxError");
    assert!(store.list("../other").is_empty());
}

#[test]
fn other_buckets_may_be_read_where_the_settings_say_so() {
    start!(store, function, ("QUACK_READ", "s3://other/open/"));
    store.put("s3://other/open/1.csv", "a\n1\n");
    store.put("s3://other/open/more/2.csv", "a\n2\n");
    store.put("s3://other/shut/3.csv", "a\n3\n");
    assert_eq!(function.rows("FROM 's3://other/open/1.csv'"), json!([{"a": 1}]));
    assert_eq!(function.rows("SELECT sum(a) AS a FROM 's3://other/open/**/*.csv'"), json!([{"a": 3}]));
    for sql in [
        "FROM 's3://other/shut/3.csv'",
        "FROM 's3://other/*/*.csv'",
        "FROM glob('s3://other/**')",
        "FROM 's3://other/open/../shut/3.csv'",
        "FROM 's3://other/opened.csv'",
    ] {
        let (kind, message) = function.error(sql);
        assert_eq!(kind, "Quack.SandboxError", "{sql}: {message}");
    }
    for sql in [
        "COPY (SELECT 1 AS a) TO 's3://other/open/x.csv'",
        "COPY (SELECT 1 AS a) TO ('s3://other/' || 'open/x.csv')",
        "SET VARIABLE x = 's3://other/open/x.csv'; COPY (SELECT 1 AS a) TO (getvariable('x'))",
        "PREPARE p AS COPY (SELECT 1 AS a) TO $1; EXECUTE p('s3://other/open/x.csv')",
        "EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO 's3://other/open/x.csv'",
        "CREATE TABLE t AS SELECT 1 AS a; EXPORT DATABASE 's3://other/open/x'",
    ] {
        let (kind, message) = function.error(sql);
        assert_eq!(kind.as_str(), "Quack.SandboxError", "{sql}: {message}");
    }
    function.rows("COPY (FROM 's3://other/open/1.csv') TO 's3://lake/anywhere/x.csv'");
    assert_eq!(function.rows("FROM 's3://lake/anywhere/x.csv'"), json!([{"a": 1}]));
    assert_eq!(store.list("../other/open").len(), 2);
}

#[test]
fn writes_keep_to_their_folder() {
    start!(store, function, ("QUACK_WRITE", "s3://lake/team/"), ("QUACK_RESULTS", "team/results/"));
    store.put("s3://lake/theirs.csv", "a\n1\n");
    assert_eq!(function.rows("FROM 's3://lake/theirs.csv'"), json!([{"a": 1}]));
    function.rows(
        "COPY (FROM range(4) t(a)) TO 's3://lake/team/x' (PARTITION_BY (a), FORMAT csv, WRITE_PARTITION_COLUMNS)",
    );
    assert_eq!(store.list("team/x").len(), 4);
    let response = function.invoke(json!({"q": "FROM range(5000)", "all": true, "spill": "always"})).unwrap();
    let uri = response["data"]["spilled"]["uri"].as_str().unwrap();
    assert_eq!(uri, "s3://lake/team/results/8476a536-e9f4-11e8-9739-2dfe598c3fcd/rows.parquet");
    assert_eq!(function.rows(&format!("SELECT count(*) AS n FROM '{uri}'")), json!([{"n": 5000}]));
    for target in [
        "'s3://lake/theirs.csv'",
        "'s3://lake/team/../theirs.csv'",
        "'s3://lake/team/x' (FORMAT csv, PARTITION_BY (a), FILENAME_PATTERN '../../theirs')",
        "('s3://lake/' || 'theirs.csv')",
        "'s3://other/x.csv'",
    ] {
        let (kind, message) = function.error(&format!("COPY (SELECT 1 AS a, 2 AS b) TO {target}"));
        assert_eq!(kind, "Quack.SandboxError", "{target}: {message}");
    }
    assert_eq!(function.rows("FROM 's3://lake/theirs.csv'"), json!([{"a": 1}]), "as it was");
    assert_eq!((store.list("").len(), store.list("../other").len()), (2, 0));
}

#[test]
fn a_table_definition_brings_no_sql_of_its_own() {
    start!(_store, function);
    function.rows("COPY (SELECT 1 AS a) TO 's3://lake/day=1/a.parquet'");
    for (kind, wanted) in [
        ("INTEGER}); COPY (SELECT 1) TO 's3://lake/x.csv'; SELECT ({'a': 1", "Quack.BadEvent"),
        ("INTEGER}); CREATE SECRET s (TYPE s3); SELECT ({'a': 1", "Quack.BadEvent"),
    ] {
        let partitions = json!([{"name": "day", "type": kind}]);
        let tables = json!([{"name": "t", "files": ["s3://lake/day=1/a.parquet"], "partitions": partitions}]);
        let error = function.invoke(json!({"q": "FROM t", "tables": tables})).unwrap_err();
        assert_eq!(error["errorType"], wanted, "{error}");
    }
}

#[test]
fn no_address_leads_to_another_server() {
    start!(_store, function);
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let query = format!("s3_endpoint={}&s3_use_ssl=false", stranger.local_addr().unwrap());
    for sql in [
        format!("FROM read_text('s3://lake/x?{query}')"),
        format!("FROM 's3://lake/x.csv?{query}'"),
        format!("COPY (SELECT 1 AS a) TO 's3://lake/x.csv?{query}'"),
    ] {
        assert_eq!(function.error(&sql).0, "Quack.SandboxError", "{sql}");
    }
    let hidden = query.replacen("s3_", "_", 1);
    for sql in [
        format!("FROM read_text('s3://lake/x?s3' || '{hidden}')"),
        format!("COPY (SELECT 1 AS a) TO ('s3://lake/x.csv?s3' || '{hidden}')"),
        "FROM read_text('s3://lake/x?s3' || '_endpoint=localhost:9')".to_owned(),
    ] {
        function.error(&sql);
    }
    assert_eq!(stranger.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[test]
fn large_results_are_spilled_in_order_and_only_once() {
    start!(store, function);
    let sql = "SELECT range AS n, 'row ' || range AS s, range::HUGEINT * 100000000000000000000 AS h FROM range(300000)";
    for format in ["json", "arrow"] {
        let response = function
            .invoke(json!({"q": format!("SELECT *, hash(n) AS x FROM ({sql})"), "all": true, "format": format}))
            .unwrap();
        let metadata = &response["metadata"];
        let spilled = &response["data"]["spilled"];
        assert_eq!(spilled["uri"], "s3://lake/_quack/results/8476a536-e9f4-11e8-9739-2dfe598c3fcd/rows.parquet");
        assert_eq!(spilled["cast_back"], json!([{"name": "h", "type": "HUGEINT"}]));
        assert_eq!((&metadata["rows"], &metadata["truncated"]), (&json!(300_000), &json!(false)));
        let size = std::fs::metadata(store.path(spilled["uri"].as_str().unwrap())).unwrap().len();
        assert_eq!((&metadata["bytes"], &spilled["bytes"]), (&json!(size), &json!(size)));
        let differing = format!(
            "SELECT count(*) AS differing FROM (SELECT *, row_number() OVER () - 1 AS place FROM ({})) WHERE n <> place OR s <> 'row ' || n OR \
             h <> n::HUGEINT * 100000000000000000000 OR x <> hash(n)",
            cast_back(&response)
        );
        assert_eq!(function.rows(&differing), json!([{"differing": 0}]));
    }
}

#[test]
fn a_stream_that_is_too_large_for_a_response_is_an_object() {
    start!(store, function);
    let event = |sql: &str| json!({"q": sql, "all": true, "format": "arrow", "spill": "stream"});
    let rows = |bytes: Vec<u8>| {
        let (_, batches) = quack_function::arrow_stream::read(bytes).unwrap();
        batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>()
    };
    let small = function.invoke(event("FROM range(5000)")).unwrap();
    assert_eq!(rows(STANDARD.decode(small["data"]["arrow"].as_str().unwrap()).unwrap()), 5000);
    let large = function.invoke(event("SELECT range AS n, md5(range::VARCHAR) AS s FROM range(400000)")).unwrap();
    let spilled = &large["data"]["spilled"];
    assert!(spilled["uri"].as_str().unwrap().ends_with("/rows.arrow"), "{spilled}");
    let bytes = std::fs::read(store.path(spilled["uri"].as_str().unwrap())).unwrap();
    assert_eq!(
        (spilled["bytes"].as_u64(), large["metadata"]["rows"].as_u64()),
        (Some(bytes.len() as u64), Some(400_000))
    );
    assert!(bytes.len() > 6 << 20 && rows(bytes) == 400_000);
    let limited = json!({"q": "FROM range(5000)", "limit": 3000, "format": "arrow", "spill": "stream"});
    let metadata = &function.invoke(limited).unwrap()["metadata"];
    assert_eq!((&metadata["rows"], &metadata["truncated"]), (&json!(3000), &json!(true)));
    let error = function.invoke(event("SELECT md5(range::VARCHAR) AS s FROM range(4000000)")).unwrap_err();
    assert_eq!(error["errorType"], "Quack.TooLarge", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("more than 64 MiB"), "{error}");
    let error =
        function.invoke(event("SELECT CASE WHEN range = 300000 THEN error('x') END FROM range(400000)")).unwrap_err();
    assert!(error.to_string().contains('x'), "{error}");
}

#[test]
fn a_limit_holds_for_spilled_results() {
    start!(_store, function);
    let spill = |limit: Value, all: bool| {
        let event = json!({"q": "FROM range(5000)", "limit": limit, "all": all, "spill": "always"});
        let response = function.invoke(event).unwrap();
        let count = function.rows(&format!("SELECT count(*) AS n FROM ({})", cast_back(&response)));
        assert_eq!(count[0]["n"], response["metadata"]["rows"]);
        (response["metadata"]["rows"].as_u64().unwrap(), response["metadata"]["truncated"].as_bool().unwrap())
    };
    assert_eq!(spill(json!(3000), false), (3000, true));
    assert_eq!(spill(json!(2048), false), (2048, true));
    assert_eq!(spill(json!(5000), false), (5000, false));
    assert_eq!(spill(json!(0), false), (0, true));
    assert_eq!(spill(Value::Null, true), (5000, false));
}

#[test]
fn every_type_survives_a_spill() {
    start!(_store, function);
    // Text cannot tell a DOUBLE from the 128 KiB of padding that make the result large, so the padding is dropped after.
    let types = "SELECT *, '{\"a\": 1}'::JSON AS j, NULL AS nothing, [hugeint] AS hugeints, {'i': interval} AS intervals, map {uuid: bit} AS bits, \
                 [\"union\"] AS unions FROM test_all_types() WHERE bool IS NOT NULL";
    let padded = format!(
        "SELECT t.*, repeat(range::VARCHAR, 1000000) AS padding FROM ({types}) t, range(8) ORDER BY range, bool"
    );
    let response = function.invoke(json!({"q": padded, "all": true})).unwrap();
    assert!(response["data"]["spilled"].is_object(), "{}", response["metadata"]);
    let back = format!("SELECT * EXCLUDE (padding) FROM ({}) LIMIT 2", cast_back(&response));
    assert_eq!(function.rows(&back), function.rows(&format!("FROM ({types}) ORDER BY bool")));
    let described = |sql: &str| function.rows(&format!("SELECT column_name, column_type FROM (DESCRIBE {sql})"));
    assert_eq!(described(&back), described(types));
}

#[test]
fn a_portable_file_has_types_that_anybody_reads_and_every_value() {
    start!(_store, function);
    let event = |sql: &str| json!({"q": sql, "all": true, "spill": "portable"});
    let small = function.invoke(event("SELECT [1]::INTEGER[1] AS a")).unwrap();
    assert!(small["data"]["records"].is_array(), "what fits a response comes with it: {}", small["metadata"]);
    let types = "SELECT bool, int, dec38_10, hugeint // 10 AS h, time_tz, INTERVAL '1 year 1 us' AS i, bit, bignum, small_enum, fixed_int_array, \
                 {'h': hugeint // 10, 'i': [interval]} AS s, map {'k': time_ns} AS m, \"union\" AS u, '[1]'::JSON AS j, timestamp_s, row(1, [interval]) AS r \
                 FROM test_all_types() WHERE bool";
    let padded =
        format!("SELECT t.*, repeat(range::VARCHAR, 1000000) AS padding FROM ({types}) t, range(20) ORDER BY range");
    let response = function.invoke(event(&padded)).unwrap();
    let uri = response["data"]["spilled"]["uri"].as_str().unwrap();
    let described = format!(
        "SELECT list(column_name || ' ' || column_type) AS t FROM (DESCRIBE SELECT * EXCLUDE (padding) FROM '{uri}')"
    );
    let text = ["time_tz", "i", "bit", "bignum", "small_enum"].map(|name| format!("{name} VARCHAR"));
    let mut expected = vec!["bool BOOLEAN", "int INTEGER", "dec38_10 DECIMAL(38,10)", "h DECIMAL(38,0)"];
    expected.extend(text.iter().map(String::as_str));
    expected.extend([
        "fixed_int_array INTEGER[]",
        "s STRUCT(h DECIMAL(38,0), i VARCHAR[])",
        "m MAP(VARCHAR, VARCHAR)",
        "u STRUCT(tag UTINYINT, \"name\" VARCHAR, age SMALLINT)",
        "j JSON",
        "timestamp_s TIMESTAMP",
        "r STRUCT(\"1\" INTEGER, \"2\" VARCHAR[])",
    ]);
    assert_eq!(function.rows(&described)[0]["t"], json!(expected));
    // No SQL says the type of a row without names.
    let mut response = response;
    response["data"]["spilled"]["cast_back"].as_array_mut().unwrap().retain(|column| column["name"] != "r");
    let back = format!("SELECT * EXCLUDE (padding, r) FROM ({}) LIMIT 1", cast_back(&response));
    assert_eq!(function.rows(&back), function.rows(&format!("SELECT * EXCLUDE (r) FROM ({types})")));
}

#[test]
fn a_wanted_file_has_numbers_not_text() {
    start!(_store, function);
    let response = function
        .invoke(json!({"q": "SELECT 1::HUGEINT AS h, 2 AS h, INTERVAL '1 day' AS i", "spill": "always"}))
        .unwrap();
    let uri = response["data"]["spilled"]["uri"].as_str().unwrap();
    let types =
        function.rows(&format!("SELECT list(column_name || ' ' || column_type) AS t FROM (DESCRIBE FROM '{uri}')"));
    assert_eq!(types[0]["t"], json!(["h DECIMAL(38,0)", "h_1 INTEGER", "i INTERVAL"]));
    let error = function
        .invoke(json!({"q": "SELECT 170141183460469231731687303715884105727::HUGEINT AS h", "spill": "always"}))
        .unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("DECIMAL(38,0)"), "{error}");
}

#[test]
fn a_query_that_fails_midway_leaves_no_object() {
    start!(store, function);
    let sql = "SELECT if(range = 900000, error('midway'), 'some text, ' || range) AS s FROM range(1000000)";
    for spill in ["auto", "always"] {
        let error = function.invoke(json!({"q": sql, "all": true, "spill": spill})).unwrap_err();
        assert_eq!(error["errorType"], "DuckDB.InvalidInputError");
        assert_eq!(error["errorMessage"], "Invalid Input Error: midway");
        assert_eq!(store.list("_quack/results/8476a536-e9f4-11e8-9739-2dfe598c3fcd"), [""; 0]);
    }
    assert_eq!(function.rows("SELECT 1 AS a"), json!([{"a": 1}]));
}

#[test]
fn a_query_that_fails_in_any_thread_says_why() {
    start!(_store, function);
    // DuckDB's other thread fails while a chunk waits here to be encoded, so that it is the fetch that finds it out.
    for at in 0..50 {
        let at = 100_000 + 1_000 * at;
        let sql = format!("SELECT if(range = {at}, error('midway'), 'some text, ' || range) AS s FROM range(1000000)");
        let error = function.invoke(json!({"q": sql, "all": true})).unwrap_err();
        assert_eq!(error["errorMessage"], "Invalid Input Error: midway");
    }
}

#[test]
fn millions_of_rows_take_bounded_memory() {
    start!(_store, function);
    let wide: Vec<_> = (0..18).map(|column| format!("(range * {column} + 0.5)::DOUBLE AS c{column}")).collect();
    let response =
        function.invoke(json!({"q": format!("SELECT {} FROM range(1000000)", wide.join(", ")), "all": true})).unwrap();
    assert_eq!(response["metadata"]["rows"], 1_000_000);
    assert!(function.peak_memory_mib() < 1024, "{} MiB", function.peak_memory_mib());
}

#[test]
fn wide_rows_take_bounded_memory_and_are_written_a_few_at_a_time() {
    start!(_store, function);
    // 10 kB each, 600 MB together.
    let sql = "SELECT range AS n, repeat(md5(range::VARCHAR), 320) AS s FROM range(60000)";
    let written = ["auto", "always"].map(|spill| {
        let response = function.invoke(json!({"q": sql, "all": true, "spill": spill})).unwrap();
        assert_eq!(response["metadata"]["rows"], 60_000);
        response["data"]["spilled"]["uri"].as_str().unwrap().to_owned()
    });
    // Of the writing: what reads it below fills what DuckDB may keep of files.
    assert!(function.peak_memory_mib() < 400, "{} MiB", function.peak_memory_mib());
    for uri in written {
        let groups =
            function.rows(&format!("SELECT max(row_group_num_rows) < 10000 AS few FROM parquet_metadata('{uri}')"));
        assert_eq!(groups, json!([{"few": true}]));
        let wrong = format!(
            "SELECT count(*) AS n FROM read_parquet('{uri}', file_row_number = true) \
             WHERE n <> file_row_number OR s <> repeat(md5(n::VARCHAR), 320)"
        );
        assert_eq!(function.rows(&wrong), json!([{"n": 0}]));
    }
}
