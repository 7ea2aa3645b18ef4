//! Views: those that come with the event, and those of the lake's catalog.

use crate::support::{Function, ObjectStore};
use serde_json::{Value, json};

const CATALOG: &str = "s3://lake/_quack/catalog.json";

fn view(sql: &str) -> Value {
    json!({"sql": sql, "columns": [{"name": "a", "type": "INTEGER"}]})
}

/// A catalog without tables, and with these views.
fn catalog(views: &[(&str, Value)]) -> String {
    let views: serde_json::Map<String, Value> =
        views.iter().map(|(name, view)| ((*name).to_owned(), view.clone())).collect();
    json!({"version": 3, "tables": {}, "views": views}).to_string()
}

fn ask(function: &Function, sql: &str, views: &[(&str, &str)]) -> Result<Value, Value> {
    let views: Vec<Value> = views.iter().map(|(name, sql)| json!({"name": name, "sql": sql})).collect();
    let answer = function.invoke(json!({"q": sql, "all": true, "views": views}));
    answer.map(|answer| answer["data"]["records"].clone())
}

#[test]
fn views_of_the_event_stand_on_each_other_in_any_order() {
    let function = Function::start();
    let views = [
        ("top", "SELECT m.a + 1 AS a FROM Middle m, (FROM middle LIMIT 1) -- the end"),
        ("bottom", "VALUES (1), (2)"),
        ("Middle", "WITH bottom AS (FROM bottom) SELECT col0 AS a FROM bottom"),
        ("broken", "FROM nowhere"),
    ];
    assert_eq!(ask(&function, "SELECT sum(a)::INT AS n FROM top", &views), Ok(json!([{"n": 5}])));
    assert_eq!(ask(&function, "SELECT 1 AS n", &views), Ok(json!([{"n": 1}])), "what is not named is not made");
    assert_eq!(ask(&function, "WITH broken AS (SELECT 1 AS n) FROM broken", &views), Ok(json!([{"n": 1}])));
    assert_eq!(ask(&function, "PIVOT top ON a USING count(*)", &views), Ok(json!([{"2": 1, "3": 1}])));
    let described = ask(&function, "SELECT column_name FROM (DESCRIBE Main.TOP)", &views);
    assert_eq!(described, Ok(json!([{"column_name": "a"}])));
    let event =
        json!({"q": "SELECT x, b FROM v", "views": [{"name": "v", "sql": "SELECT 1 AS a, 2 AS b", "aliases": ["x"]}]});
    assert_eq!(function.invoke(event).unwrap()["data"]["records"], json!([{"x": 1, "b": 2}]));
    let error = ask(&function, "FROM broken", &views).unwrap_err();
    let told = error["errorMessage"].as_str().unwrap();
    assert!(told.contains("name nowhere does not exist") && told.ends_with("(in the view `broken`)"), "{told}");
    assert!(!told.contains("memory.main"), "{told}");
    assert!(!function.log().contains("opened anew"), "{}", function.log());
}

#[test]
fn the_sql_of_a_view_is_judged() {
    let function = Function::start();
    for (sql, told) in [
        ("SELECT getenv('HOME')", "refused"),
        ("FROM read_text('/etc/passwd')", "refused"),
        ("FROM duckdb_settings()", "refused"),
        ("SELECT 1; DROP VIEW v", "refused"),
        ("SELECT 1; SELECT 2", "refused"),
        ("COPY (SELECT 1) TO 's3://lake/x.csv'", "refused"),
        ("CREATE TABLE x (a INT)", "refused"),
        ("SELECT FROM", "syntax error"),
        ("FROM v", "reads itself"),
        ("FROM query('FROM v')", "reads itself"),
        ("SELECT ?", "prepared parameter"),
        ("", "refused"),
    ] {
        let error = ask(&function, "FROM v", &[("v", sql)]).expect_err(sql);
        assert!(error["errorMessage"].as_str().unwrap().contains(told), "{sql}: {error}");
    }
    let many: Vec<(String, String)> =
        (0..30).map(|n| (format!("v{n}"), format!("FROM v{} a, v{0} b", n + 1))).collect();
    let mut many: Vec<(&str, &str)> = many.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    many.push(("v30", "SELECT 1 AS a"));
    let error = ask(&function, "FROM v0", &many).unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("too many others"), "{error}");
    assert_eq!(ask(&function, "SELECT count(*) AS n FROM v26", &many), Ok(json!([{"n": 1}])));
    let chain: Vec<(String, String)> = (0..5000).map(|n| (format!("v{n}"), format!("FROM v{}", n + 1))).collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    let error = ask(&function, "FROM v0", &chain).unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("too many others"), "{error}");
    assert_eq!(ask(&function, "SELECT 42 AS n", &[]), Ok(json!([{"n": 42}])));
}

#[test]
fn views_of_the_catalog_are_found_and_listed() {
    let store = ObjectStore::start();
    let Some(function) = Function::start_on(&store) else { return };
    let columns = json!([{"name": "a", "type": "INTEGER", "comment": "it's one"}]);
    let views = [
        ("Top", json!({"sql": "SELECT x AS a FROM low", "columns": columns, "comment": "the top"})),
        ("low", json!({"sql": "SELECT 1", "aliases": ["x"], "columns": [{"name": "x", "type": "INTEGER"}]})),
        ("broken", view("FROM nowhere")),
        ("evil", view("FROM read_text('/etc/passwd')")),
        ("circle", view("FROM circle")),
    ];
    store.put(CATALOG, &catalog(&views));
    assert_eq!(function.rows("FROM top"), json!([{"a": 1}]));
    assert_eq!(function.rows("SHOW TABLES").as_array().unwrap().len(), 5);
    let listed =
        "SELECT view_name AS name, comment AS c FROM duckdb_views() WHERE NOT internal AND sql LIKE '%FROM low%'";
    assert_eq!(function.rows(listed), json!([{"name": "Top", "c": "the top"}]));
    let types = "SELECT DISTINCT table_type AS t, count(*) AS n FROM information_schema.tables GROUP BY ALL";
    assert_eq!(function.rows(types), json!([{"t": "VIEW", "n": 5}]));
    let columns =
        "SELECT column_name AS c, data_type AS t, comment AS s FROM duckdb_columns() WHERE table_name = 'Top'";
    assert_eq!(function.rows(columns), json!([{"c": "a", "t": "INTEGER", "s": "it's one"}]));
    let broken = "SELECT column_name AS c, data_type AS t FROM duckdb_columns() WHERE table_name = 'broken'";
    assert_eq!(function.rows(broken), json!([{"c": "a", "t": "INTEGER"}]), "as it was when it was made");
    assert!(function.error("FROM evil").1.contains("(in the view `evil`)"));
    assert!(function.error("FROM circle").1.contains("reads itself"));
    // What the event says wins.
    assert_eq!(ask(&function, "FROM top", &[("low", "SELECT 7 AS x")]), Ok(json!([{"a": 7}])));
    let all = ask(&function, "SELECT count(*) AS n FROM (SHOW TABLES)", &[("own", "SELECT 7 AS x")]);
    assert_eq!(all, Ok(json!([{"n": 6}])));
    assert!(!function.log().contains("opened anew"), "{}", function.log());
    for (name, forged) in [
        ("a b", view("SELECT 1")),
        ("TOP", view("SELECT 1")),
        ("x", json!({"sql": "SELECT 1", "columns": []})),
        ("x", json!({"sql": "x".repeat(70_000), "columns": [{"name": "a", "type": "INTEGER"}]})),
        ("x", json!({"sql": "SELECT 1", "columns": [{"name": "a", "type": "INTEGER) AS x, (SELECT 1"}]})),
        ("x", json!({"sql": 1, "columns": []})),
    ] {
        let mut forged_views = views.to_vec();
        forged_views.push((name, forged));
        store.put(CATALOG, &catalog(&forged_views));
        assert_eq!(function.error("SHOW TABLES").0, "Quack.CatalogError", "{name}");
    }
    store.put(CATALOG, r#"{"version": 5, "tables": {}}"#);
    assert!(function.error("SHOW TABLES").1.contains("is of version 5, and the function knows 4"));
}
