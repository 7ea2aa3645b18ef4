//! The list of functions, held against what DuckDB has, and the page about it, held against the list.

use super::{Judge, Judgement};
use crate::engine::access::Access;
use crate::engine::raw::{Connection, Database};
use crate::engine::storage::Folder;
use crate::functions::{FUNCTIONS, Place, Verdict, entries};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn open() -> Database {
    Database::open(&[("allow_unsigned_extensions", "true".to_owned())]).unwrap()
}

/// The first column of `sql`, a text.
fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut rows = connection.prepare(sql).unwrap().stream().unwrap();
    let mut texts = Vec::new();
    while let Some(chunk) = rows.fetch().unwrap() {
        texts.extend(chunk.texts().flatten());
    }
    texts
}

fn judge(sql: &str) -> Result<Judgement, crate::engine::Failure> {
    let access = Access { read: vec![Folder::whole("lake")], write: vec![Folder::whole("lake")] };
    Judge::new(&open(), access).unwrap().judge(sql, &BTreeSet::from(["trips".to_owned()]))
}

/// When this fails, DuckDB has brought functions: each goes into `functions.txt`, after somebody has thought about it.
#[test]
fn every_function_is_classified() {
    let connection = open().connect().unwrap();
    if let Some(dir) = std::env::var_os("QUACK_EXTENSION_DIR") {
        for name in ["httpfs", "avro", "aws", "tpch", "tpcds", "iceberg", "delta", "spatial", "ducklake"] {
            let path = Path::new(&dir).join(format!("{name}.duckdb_extension"));
            if path.exists() {
                connection.execute(&format!("LOAD '{}'", path.display())).unwrap();
            }
        }
    }
    let functions = "SELECT DISTINCT lower(function_name) || ' ' || CASE WHEN function_type IN ('table', 'table_macro') THEN \
                     'table' ELSE 'expression' END FROM duckdb_functions() WHERE function_type <> 'pragma' ORDER BY ALL";
    let unknown: Vec<_> = texts(&connection, functions)
        .into_iter()
        .filter(|function| {
            let (name, place) = function.rsplit_once(' ').unwrap();
            let place = if place == "table" { Place::From } else { Place::Expression };
            FUNCTIONS.verdict(place, name).is_none()
        })
        .collect();
    assert_eq!(unknown, [""; 0], "in no section of functions.txt");
}

/// DuckDB writes them into its tree in a way that is no JSON.
#[test]
fn numbers_that_no_double_holds_are_refused() {
    for sql in ["SELECT 1e400", "SELECT -1e400 AS a", "SELECT 1 WHERE 2 < 1e999"] {
        let failure = judge(sql).unwrap_err();
        assert!(!failure.is_internal() && failure.message.contains("larger than a DOUBLE"), "{sql}: {failure}");
    }
    assert!(judge("SELECT 'infinity'::DOUBLE, ':Infinity'").is_ok());
}

/// DuckDB's own views are few enough to be looked at one by one.
#[test]
fn every_view_of_duckdbs_own_is_known() {
    let connection = open().connect().unwrap();
    let views =
        "SELECT view_name FROM duckdb_views() WHERE internal AND schema_name <> 'information_schema' ORDER BY ALL";
    assert_eq!(
        texts(&connection, views).join(" "),
        "duckdb_columns duckdb_constraints duckdb_databases duckdb_indexes duckdb_logs duckdb_schemas duckdb_tables \
         duckdb_types duckdb_views pg_am pg_attrdef pg_attribute pg_class pg_collation pg_constraint pg_database pg_depend \
         pg_description pg_enum pg_index pg_indexes pg_namespace pg_prepared_statements pg_proc pg_sequence pg_sequences \
         pg_settings pg_tables pg_tablespace pg_type pg_views pragma_database_list sqlite_master sqlite_schema \
         sqlite_temp_master sqlite_temp_schema"
    );
}

/// `docs/functions.md`, made from the list.
fn page() -> String {
    let mut by_reason: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, _, name, verdict) in entries() {
        // What begins so is DuckDB's own and is documented nowhere.
        if let Verdict::Refused(reason) = verdict
            && !name.starts_with("__")
        {
            by_reason.entry(reason).or_default().insert(name);
        }
    }
    let mut page = "# Functions that are refused\n\n\
        The function runs SELECT, and a SELECT may call every function of DuckDB and of the extensions that it may be packaged \
        with, but for those below. A test makes this page from the list that the function itself goes by.\n\n\
        Functions that read files (`read_parquet`, `read_csv`, `glob` and the like) take addresses that are spelled out, inside \
        the bucket and the folders of `lake.read`; `query()` and `query_table()` take texts that are spelled out; \
        `current_setting()` tells of settings that anybody may know.\n\n\
        | refused | because |\n| --- | --- |\n"
        .to_owned();
    for (reason, names) in by_reason {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        page += &format!("| {} | {reason} |\n", names.join(", "));
    }
    page
}

#[test]
fn the_page_about_functions_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/functions.md");
    if std::env::var_os("QUACK_UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    // The function's sources also travel without the rest.
    if let Ok(written) = std::fs::read_to_string(&path) {
        assert_eq!(written, page(), "make it again with QUACK_UPDATE_DOCS=1");
    }
}

#[test]
fn tables_are_told_apart_from_parts_of_the_query() {
    let named = |sql: &str| match judge(sql).unwrap() {
        Judgement::Select(named) => named.tables.into_iter().collect::<Vec<_>>(),
        other => panic!("{sql}: {other:?}"),
    };
    assert_eq!(named("FROM Trips, main.trips"), ["trips"]);
    assert_eq!(named("WITH trips AS (SELECT 1) FROM trips"), [""; 0]);
    assert_eq!(named("WITH trips AS (FROM trips) FROM trips"), ["trips"]);
    assert_eq!(named("SELECT (WITH trips AS (SELECT 1) FROM trips) FROM trips"), ["trips"]);
    assert_eq!(named("FROM query('FROM query_table(''trips'')')"), ["trips"]);
    assert_eq!(named("SUMMARIZE trips"), ["trips"]);
    assert_eq!(named("FROM nowhere"), [""; 0]);
    let found = |sql: &str| match judge(sql).unwrap() {
        Judgement::Select(named) => (named.unknown.into_iter().collect::<Vec<_>>().join(" "), named.lists),
        other => panic!("{sql}: {other:?}"),
    };
    assert_eq!(found("FROM trips, Zones, memory.main.more, range(3), (SELECT 1) z"), ("more zones".to_owned(), false));
    assert_eq!(found("WITH zones AS (SELECT 1) SELECT zones.*, 'duckdb_tables' FROM zones"), (String::new(), false));
    assert_eq!(found("FROM Sales.Trips, memory.other.x"), ("other.x sales.trips".to_owned(), false));
    assert_eq!(found("FROM query_table('s.csv')"), ("s.csv".to_owned(), false));
    for sql in ["FROM temp.trips", "FROM other.sales.trips", "FROM \"a.b\".trips", "FROM sales.\"a b\""] {
        assert!(judge(sql).unwrap_err().message.contains("does not exist"), "{sql}");
    }
    for lists in [
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "DESCRIBE",
        "FROM information_schema.columns",
        "SELECT (SELECT count(*) FROM duckdb_tables())",
        "FROM query('FROM duckdb_columns()')",
        "FROM duckdb_views",
        "FROM Pg_Catalog.pg_class",
        "FROM sqlite_master",
    ] {
        assert!(found(lists).1, "{lists}");
    }
    let outside = "WITH a AS (WITH \"s3://other/x\" AS (SELECT 1) SELECT 1) FROM \"s3://other/x\"";
    assert!(judge(outside).unwrap_err().message.contains("s3://other/x"));
}

#[test]
fn deep_sql_is_judged_and_does_not_end_the_process() {
    for sql in [
        format!("SELECT {}", vec!["1"; 900].join(" + ")),
        format!("SELECT {}1{}", "CASE WHEN a THEN ".repeat(900), " END".repeat(900)),
        format!("SELECT {}{}", "[".repeat(900), "]".repeat(900)),
        format!("SELECT NULL::INTEGER{}", "[]".repeat(900)),
        vec!["SELECT 1"; 5000].join(" UNION ALL "),
        format!("FROM {}", vec!["trips"; 900].join(", ")),
    ] {
        assert!(matches!(judge(&sql).unwrap(), Judgement::Select(_)), "{}", &sql[..40]);
    }
    for sql in [format!("SELECT {}1", "NOT ".repeat(20_000)), format!("SELECT {}", vec!["1"; 20_000].join(" + "))] {
        assert_eq!(judge(&sql).unwrap(), Judgement::Malformed);
    }
}
