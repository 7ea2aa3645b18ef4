//! Forged catalogs: each is refused for its reason, and has not had what it was after.

use std::path::Path;

use serde_json::Value;

use super::corpus;
use crate::cloud::local::testing::Lake;
use crate::config::TextForm;
use crate::duck::{self, Sandbox};
use crate::error;
use crate::invoke::tables;
use crate::lake::catalog::{self, Catalog};
use crate::lake::load::{LoadRequest, Mode, Origin};
use crate::lake::views;
use crate::planner::{Grain, Planner, Request, Workers};

const CATALOGS: &str = include_str!("../../../tests/attacks/catalogs.jsonl");

/// What forged catalogs would have deleted.
const PRECIOUS: [&str; 2] = ["theirs/precious.parquet", "tables/other/1/precious.parquet"];

fn bytes_of(case: &Value) -> Vec<u8> {
    match case.get("raw") {
        Some(raw) => raw.as_str().unwrap().as_bytes().to_vec(),
        None => serde_json::to_vec(&case["catalog"]).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_catalogs_are_refused_each_for_its_reason() {
    let lake = Lake::new().await;
    lake.write("new.csv", "id,zone,day\n1,a,2026-03-01\n");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("precious.parquet"), "precious").unwrap();
    for key in PRECIOUS {
        lake.put(key, b"precious".to_vec()).await;
    }
    let cases = corpus::read(CATALOGS, outside.path());
    let refused = cases.iter().filter(|case| case["refused"].is_string()).count();
    assert!(refused >= 100 && refused < cases.len(), "{refused} of {}", cases.len());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let bytes = bytes_of(case);
        lake.put("_quack/catalog.json", bytes.clone()).await;
        let read = catalog::read(&lake.target.bucket).await;
        let Some(reason) = case["refused"].as_str() else {
            assert!(read.is_ok(), "{name}: {:?}", read.unwrap_err());
            continue;
        };
        let error = read.expect_err(name);
        let (told, help) = (format!("{error:#}"), error::help(&error).unwrap_or_default());
        assert!(told.contains(reason), "{name}: {told}");
        assert!(told.contains("_quack/catalog.json") && told.len() < 2000, "{name}: {told}");
        assert!(help.contains("quackctl"), "{name}: {help}");
        assert!(!told.chars().any(|c| c.is_control() || c == '\u{202e}'), "{name}: {told}");
        let replace = LoadRequest {
            table: "trips".to_owned(),
            origin: Origin::Source(vec!["new.csv".to_owned()]),
            partition_by: Vec::new(),
            mode: Mode::Replace,
            form: TextForm::default(),
        };
        assert!(lake.refused(replace).await.contains(reason), "{name}");
        assert!(views::drop_named(&lake.target.bucket, "trips").await.is_err(), "{name}");
        assert_eq!(lake.get("_quack/catalog.json").await, bytes, "{name}: the catalog is another");
    }
    for key in PRECIOUS {
        assert_eq!(lake.get(key).await, b"precious", "{key}");
    }
    assert_eq!(lake.keys("tables/").await, [PRECIOUS[1]], "nothing was left");
    only_the_precious(outside.path());
}

/// The walls behind the check: a forged catalog that got past it has the planner neither write nor crash, and the views
/// that a table stands for are refused.
#[test]
fn what_lies_behind_the_check_holds_by_itself() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("precious.parquet"), "precious").unwrap();
    let planner = Planner::default();
    for case in corpus::read(CATALOGS, outside.path()) {
        let name = case["name"].as_str().unwrap();
        let Ok(catalog) = serde_json::from_slice::<Catalog>(&bytes_of(&case)) else { continue };
        for sql in [
            "SELECT * FROM trips WHERE day = '2026-03-01'",
            "SELECT zone, count(*), max(id) FROM trips WHERE id > 3 AND zone < 'x' GROUP BY zone",
            "SELECT median(id) FROM trips",
        ] {
            let workers = Workers::Exactly(4);
            planner.plan(&Request {
                sql,
                catalog: &catalog,
                workers,
                gather_bytes: 64 << 20,
                limit: None,
                grain: Grain::default(),
            });
            for table in tables::named_in(sql, &catalog, "bucket").tables {
                // What is not refused as text is nothing but a view of files that this DuckDB does not reach.
                if let Ok(view) = table.view_sql() {
                    let locked = duck::open(&Sandbox::default()).unwrap();
                    assert!(locked.execute_batch(&view).is_err(), "{name}: {view}");
                }
            }
        }
    }
    only_the_precious(outside.path());
}

fn only_the_precious(dir: &Path) {
    let precious = dir.join("precious.parquet").display().to_string();
    assert_eq!(corpus::names_below(dir), [precious], "a file was written on this machine, or deleted");
}
