//! The main job on an emulator that refuses what AWS refuses; all of it but for the queries, as it cannot run functions.

use crate::support::{Project, block_on, s3};
use predicates::str::contains;
use serde_json::json;

/// Rows of the large table, which are 100 MB of Parquet: nothing in them repeats.
const ROWS: u64 = 12_500_000;

#[test]
fn a_zip_is_deployed_a_large_table_loaded_and_nothing_left() {
    let Some(project) = Project::on_localemu("") else { return };
    let zips = || {
        let calls = project.account().proxy.calls().into_iter().map(|call| call.to_string());
        calls.filter(|call| call.starts_with("s3 PUT") && call.contains("/_quack/functions/")).count()
    };
    project.quackctl(["plan"]).assert().code(2).stdout(contains("5 to add"));
    assert_eq!(project.account().left(), [""; 0], "plan leaves something behind");
    project.quackctl(["up", "--no-check"]).assert().success();
    assert!(zips() > 1, "the function goes up in parts");
    project.quackctl(["plan"]).assert().success().stdout(contains("no changes"));
    project.quackctl(["up", "--no-check"]).assert().success().stdout(contains("nothing to change"));
    assert_eq!(zips(), 0);

    let file = project.dir().join("large.parquet");
    let duckdb = duckdb::Connection::open_in_memory().unwrap();
    let make = format!("COPY (SELECT (hash(i) >> 1)::BIGINT AS x FROM range({ROWS}) t(i)) TO '{}'", file.display());
    duckdb.execute_batch(&make).unwrap();
    assert!(file.metadata().unwrap().len() > 100_000_000);
    project.quackctl(["load", "large.parquet", "--table", "large"]).assert().success();
    let table = project.json(["tables", "large", "--json"]);
    assert_eq!(table["rows"], json!(ROWS), "{table}");

    // Up, and not well: the function cannot be called.
    let status = project.quackctl(["status", "--json"]).assert().code(3).get_output().stdout.clone();
    let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
    assert_eq!((&status["up"], &status["healthy"]), (&json!(true), &json!(false)));
    let bucket = status["bucket"].as_str().unwrap().to_owned();
    let client = s3(&project.account().emulator.sdk());
    let back = block_on(async {
        let listed = client.list_objects_v2().bucket(&bucket).prefix("tables/large/").send().await.unwrap();
        let mut files = Vec::new();
        for object in listed.contents().iter().filter(|object| object.key().unwrap().ends_with(".parquet")) {
            let got = client.get_object().bucket(&bucket).key(object.key().unwrap()).send().await.unwrap();
            assert!(got.e_tag().unwrap().contains('-'), "{object:?} came in parts");
            files.push(got.body.collect().await.unwrap().into_bytes());
        }
        files
    });
    assert_eq!(back.len(), 1);
    std::fs::write(project.dir().join("back.parquet"), &back[0]).unwrap();
    let sum = |name: &str| -> String {
        let path = project.dir().join(name);
        let sql = format!("SELECT count(*) || ' ' || sum(x) || ' ' || bit_xor(x) FROM '{}'", path.display());
        duckdb.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(sum("back.parquet"), sum("large.parquet"));

    project.write("quack.toml", "[function]\nmemory_mb = 640\n");
    // It does not list what comes of a parameter.
    project.quackctl(["plan"]).assert().code(2).stdout(contains("MemoryMB: 2048 -> 640"));
    project.quackctl(["up", "--no-check"]).assert().success().stdout(contains("2048 -> 640"));
    assert_eq!(project.account().memory_mb("quack-lake-dev"), Some(640));
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["back.parquet", "large.parquet", "quack.toml"]);
}
