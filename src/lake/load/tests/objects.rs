//! Objects of S3, the lake's and others.

use super::request;
use crate::cloud::local::testing::Lake;
use crate::lake::load::{LoadRequest, Mode};

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_loaded_by_their_addresses() {
    let lake = Lake::new().await;
    let bucket = lake.target.bucket.name.clone();
    for (key, n) in [("in/a.csv", 1), ("in/b.csv", 2), ("in/deep/c.csv", 3), ("in/x[1].csv", 4), ("other.csv", 5)] {
        lake.put(key, format!("n\n{n}\n").into_bytes()).await;
    }
    for (source, found) in [
        ("in/a.csv", "[1]"),
        ("in/?.csv", "[1, 2]"),
        ("in/**/?.csv", "[1, 2, 3]"),
        ("in/x[[]1].csv", "[4]"),
        ("*.csv", "[5]"),
    ] {
        let source = format!("s3://{bucket}/{source}");
        lake.load(LoadRequest { mode: Mode::Replace, ..request(&source, "t") }).await.unwrap();
        let table = lake.table("t").await;
        assert_eq!(lake.select(&table, "SELECT list(n ORDER BY n) FROM TABLE").await, found, "{source}");
        assert_eq!(table.source, source);
    }
    let refused = |key: &str| lake.refused(request(&format!("s3://{bucket}/{key}"), "u"));
    assert_eq!(refused("in/z.csv").await, format!("there is no object `s3://{bucket}/in/z.csv`"));
    assert_eq!(refused("in/*.json").await, format!("no object matches `s3://{bucket}/in/*.json`"));
    assert_eq!(refused("in/").await, format!("`s3://{bucket}/in/` is a folder"));
    assert_eq!(lake.refused(request("s3://nosuch/x.csv", "u")).await, "there is no bucket `nosuch` where the lake is");
    assert_eq!(lake.refused(request("s3://nosuch/*.csv", "u")).await, "there is no bucket `nosuch` where the lake is");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_another_bucket_is_read_to_its_last_byte() {
    let lake = Lake::new().await;
    lake.target.bucket.s3.create_bucket().bucket("theirs").send().await.unwrap();
    let rows: String = (0..300_000_u64).map(|n| format!("{n},{}\n", n * 7919 % 100_003)).collect();
    let put = lake.target.bucket.s3.put_object().bucket("theirs").key("a.csv");
    put.body(format!("n,h\n{rows}").into_bytes().into()).send().await.unwrap();
    lake.write("b.csv", "n,h\n300000,0\n");
    let both = vec!["s3://theirs/a.csv".to_owned(), "b.csv".to_owned()];
    let origin = crate::lake::load::Origin::Source(both);
    lake.load(LoadRequest { origin, ..request("", "t") }).await.unwrap();
    let table = lake.table("t").await;
    assert_eq!(lake.select(&table, "SELECT (count(*), max(n)) FROM TABLE").await, "(300001, 300000)");
}
