//! The lake's own tables, for SQL that comes without their definitions; and callers that go away.

use crate::support::{Function, ObjectStore};
use serde_json::{Value, json};

/// Starts both, or returns from the test when the extension is not at hand.
macro_rules! start {
    ($store:ident, $function:ident) => {
        let $store = ObjectStore::start();
        let Some($function) = Function::start_on(&$store) else { return };
    };
}

const CATALOG: &str = "s3://lake/_quack/catalog.json";

/// A name that a caller gives its result.
const NAME: &str = "0123456789abcdef0123456789abcdef";

fn column(name: &str, sql_type: &str) -> Value {
    json!({"name": name, "type": sql_type, "nulls": 0, "min": null, "max": null})
}

fn table(columns: &[Value], partitions: &[Value], files: &[&str]) -> Value {
    let files: Vec<_> = files.iter().map(|key| json!({"key": key, "rows": 1, "bytes": 1})).collect();
    json!({"source": "s", "loaded_at": "t", "rows": 1, "bytes": 1, "columns": columns, "partitions": partitions, "files": files})
}

/// A lake of two tables: `Trips`, whose files are there, and `zones`, whose file is not.
fn fill(store: &ObjectStore, function: &Function) -> Value {
    function.rows(
        "COPY (SELECT range AS n, DATE '2026-01-01' + (range % 2)::INTEGER AS day FROM range(10)) TO 's3://lake/tables/Trips/1' \
         (FORMAT parquet, PARTITION_BY (day), FILENAME_PATTERN 'data')",
    );
    let day = json!({"name": "day", "type": "DATE"});
    let files = ["tables/Trips/1/day=2026-01-01/data0.parquet", "tables/Trips/1/day=2026-01-02/data0.parquet"];
    let catalog = json!({"version": 1, "tables": {
        "Trips": table(&[column("n", "BIGINT"), column("day", "DATE")], &[day], &files),
        "zones": table(
            &[column("odd \"name", "STRUCT(a INTEGER, b VARCHAR[])"), column("kind", "ENUM('x', 'it''s')"), column("j", "JSON")],
            &[],
            &["tables/zones/1/data_0.parquet"],
        ),
    }});
    store.put(CATALOG, &catalog.to_string());
    catalog
}

#[test]
fn sql_without_definitions_finds_the_lakes_tables() {
    start!(store, function);
    assert_eq!(function.error("FROM trips").0, "DuckDB.CatalogError", "there is no catalog yet");
    assert_eq!(function.rows("SHOW TABLES"), json!([]));
    fill(&store, &function);
    assert_eq!(
        function.rows("SELECT count(*) AS n, max(day) AS day FROM trips"),
        json!([{"n": 10, "day": "2026-01-02"}])
    );
    assert_eq!(function.rows("SELECT count(*) AS n FROM main.\"TRIPS\" WHERE day = '2026-01-01'"), json!([{"n": 5}]));
    assert_eq!(function.rows("SELECT count(*) AS n FROM memory.main.trips"), json!([{"n": 10}]));
    assert_eq!(function.rows("PIVOT (SELECT day FROM trips) ON day USING count(*)")[0]["2026-01-01"], 5);
    assert_eq!(function.rows("DESCRIBE trips")[1]["column_name"], "day");
    // What the event says wins.
    let event = json!({"q": "SELECT count(*) AS n FROM trips", "tables": [{"name": "trips", "files": ["s3://lake/tables/Trips/1/day=2026-01-02/data0.parquet"]}]});
    assert_eq!(function.invoke(event).unwrap()["data"]["records"], json!([{"n": 5}]));
    let (kind, message) = function.error("FROM zones");
    assert!(kind.starts_with("DuckDB.") && message.contains("tables/zones/1/data_0.parquet"), "{kind}: {message}");
    assert_eq!(function.error("FROM zonse").0, "DuckDB.CatalogError");
}

#[test]
fn what_lists_tables_lists_the_lakes() {
    start!(store, function);
    fill(&store, &function);
    let both = json!([{"name": "Trips"}, {"name": "zones"}]);
    assert_eq!(function.rows("SHOW TABLES"), both);
    for sql in [
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY ALL",
        "SELECT DISTINCT table_name AS name FROM information_schema.columns ORDER BY ALL",
        "SELECT table_name AS name FROM duckdb_tables() ORDER BY ALL",
        "SELECT name FROM (SHOW ALL TABLES) ORDER BY ALL",
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY ALL",
        "SELECT tablename AS name FROM pg_catalog.pg_tables ORDER BY ALL",
        "SELECT 1; SELECT table_name AS name FROM duckdb_tables ORDER BY ALL",
    ] {
        assert_eq!(function.rows(sql), both, "{sql}");
    }
    let columns = function.rows(
        "SELECT column_name AS c, data_type AS t FROM duckdb_columns() WHERE table_name = 'zones' ORDER BY column_index",
    );
    let types = [("odd \"name", "STRUCT(a INTEGER, b VARCHAR[])"), ("kind", "ENUM('x', 'it''s')"), ("j", "JSON")];
    assert_eq!(columns, json!(types.map(|(c, t)| json!({"c": c, "t": t}))));
    // Beside a table that is read, too.
    let mixed = "SELECT (SELECT count(*) FROM trips) AS n, list(table_name ORDER BY table_name) AS t FROM information_schema.tables";
    assert_eq!(function.rows(mixed), json!([{"n": 10, "t": ["Trips", "zones"]}]));
    // A table that is asked about by name is no other than those that are not, although its definition came with the event.
    let files = ["s3://lake/tables/Trips/1/day=2026-01-01/data0.parquet"];
    let event = json!({"q": "SELECT table_name AS name FROM duckdb_tables() WHERE table_name = 'Trips'",
        "tables": [{"name": "Trips", "files": files}]});
    assert_eq!(function.invoke(event).unwrap()["data"]["records"], json!([{"name": "Trips"}]));
    let event = json!({"q": "SHOW TABLES", "tables": [{"name": "own", "files": files}]});
    let all = json!([{"name": "Trips"}, {"name": "own"}, {"name": "zones"}]);
    assert_eq!(function.invoke(event).unwrap()["data"]["records"], all, "an event may bring tables of its own");
    // Nothing of it stays, and what has changed is seen.
    store.put(CATALOG, r#"{"version": 1, "tables": {}}"#);
    assert_eq!(function.rows("SELECT table_name FROM duckdb_tables()"), json!([]));
    assert!(!function.log().contains("opened anew"), "{}", function.log());
}

#[test]
fn schemas_are_found_and_listed_and_no_file_is() {
    start!(store, function);
    fill(&store, &function);
    let pointer = json!({"metadata": "tables/s.csv/metadata/00000-a.metadata.json"});
    let catalog = json!({"version": 4, "tables": {"s.csv": pointer}, "schemas": ["S", "empty"]});
    store.put(CATALOG, &catalog.to_string());
    // It is looked for in the lake, where its metadata are not: no file of that name is.
    for sql in ["FROM s.csv", "FROM memory.S.csv", "FROM query_table('s.csv')", "DESCRIBE s.csv"] {
        let (kind, message) = function.error(sql);
        assert!(kind == "Quack.CatalogError" && message.contains("of table \"s.csv\""), "{sql}: {message}");
    }
    for (sql, told) in
        [("FROM s.other", "s.other does not exist"), ("FROM data.parquet", "data.parquet does not exist")]
    {
        let (kind, message) = function.error(sql);
        assert!(kind == "DuckDB.CatalogError" && message.contains(told), "{sql}: {message}");
    }
    store.put(CATALOG, &json!({"version": 4, "tables": {}, "schemas": ["S", "empty"]}).to_string());
    let sql =
        "SELECT schema_name AS s FROM duckdb_schemas() WHERE NOT internal AND database_name = 'memory' ORDER BY 1";
    assert_eq!(function.rows(sql), json!([{"s": "S"}, {"s": "empty"}]));
    // A definition of the event's, in a schema that it makes for itself.
    let files = ["s3://lake/tables/Trips/1/day=2026-01-01/data0.parquet"];
    let event = json!({"q": "SELECT count(*) AS n FROM Own.t JOIN own.T AS u ON true", "tables": [{"name": "own.t", "files": files}]});
    assert_eq!(function.invoke(event).unwrap()["data"]["records"], json!([{"n": 25}]));
    assert!(!function.log().contains("opened anew"), "{}", function.log());
    for forged in [json!(["main"]), json!(["a", "A"]), json!(["a.b"]), json!(["x y"]), json!([7]), json!("a")] {
        store.put(CATALOG, &json!({"version": 4, "tables": {}, "schemas": forged}).to_string());
        assert_eq!(function.error("SHOW TABLES").0, "Quack.CatalogError", "{forged}");
    }
}

#[test]
fn a_forged_catalog_is_no_catalog() {
    start!(store, function);
    let good = fill(&store, &function);
    let mut forged = Vec::new();
    let mut forge = |path: &str, value: Value| {
        let mut catalog = good.clone();
        *catalog.pointer_mut(path).unwrap() = value;
        forged.push((path.to_owned(), catalog.to_string()));
    };
    for key in [
        "_quack/catalog.json",
        "tables/other/1.parquet",
        "tables/zones/../Trips/1/x.parquet",
        "tables/zones/*.parquet",
        "tables/zones/x?s3_endpoint=127.0.0.1:1",
        "s3://other/x.parquet",
        "/etc/passwd",
        "",
    ] {
        forge("/tables/zones/files/0/key", json!(key));
    }
    for sql_type in ["BIGINT); CREATE TABLE evil (a INTEGER", "no_such_type_at_all(1)", ""] {
        forge("/tables/zones/columns/0/type", json!(sql_type));
    }
    for name in ["", "a\u{0}", "a\u{202e}b", &"x".repeat(2000), "KIND"] {
        forge("/tables/zones/columns/0/name", json!(name));
    }
    forge("/version", json!(2));
    forge("/tables/zones/columns", json!([]));
    forge("/tables/Trips/partitions/0/name", json!("n"));
    let zones = good["tables"]["zones"].clone();
    for name in ["ZONES", "zo nes", "a\"b", "1a", "../x"] {
        let mut tables = good["tables"].clone();
        tables[name] = zones.clone();
        forge("/tables", tables);
    }
    forged.push(("no JSON".to_owned(), "{".to_owned()));
    forged.push(("another thing".to_owned(), "[]".to_owned()));
    for (what, catalog) in forged {
        store.put(CATALOG, &catalog);
        let (kind, message) = function.error("SHOW TABLES");
        assert_eq!(kind, "Quack.CatalogError", "{what}: {catalog}");
        assert!(message.contains("cannot be used") && message.contains("send the tables' definitions"), "{message}");
        let (kind, message) = function.error("FROM zones");
        assert!(kind == "DuckDB.CatalogError" && message.contains("cannot be used"), "{what}: {kind}: {message}");
    }
    store.put(CATALOG, &good.to_string());
    assert_eq!(function.rows("SELECT count(*) AS n FROM duckdb_tables()"), json!([{"n": 2}]));
}

#[test]
fn a_result_is_called_what_the_caller_calls_it() {
    start!(store, function);
    let event = json!({"q": "SELECT range AS n FROM range(10)", "all": true, "spill": "always", "result": NAME});
    let spilled = &function.invoke(event).unwrap()["data"]["spilled"];
    assert_eq!(spilled["uri"], format!("s3://lake/_quack/results/{NAME}/rows.parquet"));
    assert_eq!(store.list(&format!("_quack/results/{NAME}")), ["rows.parquet"]);
    let event = json!({"q": "SELECT 1", "result": "../../x"});
    assert_eq!(function.invoke(event).unwrap_err()["errorType"], "Quack.BadEvent");
}

#[test]
fn nothing_is_left_for_a_caller_that_has_gone() {
    start!(store, function);
    let folder = format!("_quack/results/{NAME}");
    let word = format!("s3://lake/{folder}/left");
    // A result that is spilled; and work without an end, whose caller goes in the middle of it.
    for sql in [
        "SELECT range AS n FROM range(10)",
        "SELECT sum(a.range * b.range) AS n FROM range(1_000_000_000) a, range(1_000_000_000) b",
    ] {
        store.put(&word, "");
        let event = json!({"q": sql, "all": true, "spill": "always", "result": NAME});
        let error = function.invoke(event).unwrap_err();
        assert_eq!(error["errorType"], "Quack.Cancelled", "{error}");
        assert_eq!(store.list(&folder), [""; 0]);
    }
    assert_eq!(function.rows("SELECT 42 AS n"), json!([{"n": 42}]));
    assert!(!function.log().contains("opened anew"), "{}", function.log());
}
