//! Rows that are wide: few of them are held at a time, and they come back as they were.

use duckdb::Connection;

use super::request;
use crate::cloud::local::testing::Lake;
use crate::lake::catalog;

/// Loads what `rows` gives from a file of each of `kinds`; the most rows of a row group of each table, whose rows have to be
/// those of `rows`, in their order.
async fn row_groups(rows: &str, kinds: &[&str]) -> Vec<u64> {
    let lake = Lake::new().await;
    let mut found = Vec::new();
    for kind in kinds {
        let connection = Connection::open_in_memory().unwrap();
        let file = lake.dir.path().join(format!("wide.{kind}"));
        connection.execute_batch(&format!("COPY ({rows}) TO '{}'", file.display())).unwrap();
        lake.load(request(&format!("wide.{kind}"), kind)).await.unwrap();
        std::fs::remove_file(file).unwrap();
        let catalog = catalog::read(&lake.target.bucket).await.unwrap();
        let path = lake.dir.path().join("loaded.parquet");
        std::fs::write(&path, lake.get(&catalog.table(kind).unwrap().1.files[0].key).await).unwrap();
        let place = path.display();
        let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
        let differing = ask(&format!(
            "SELECT count(*) FROM (SELECT *, row_number() OVER () AS place FROM '{place}') AS a \
             FULL JOIN (SELECT *, row_number() OVER () AS place FROM ({rows})) AS b USING (place) \
             WHERE a.id IS DISTINCT FROM b.id OR a.body IS DISTINCT FROM b.body"
        ));
        assert_eq!(differing, 0, "{kind}");
        found.push(ask(&format!("SELECT max(row_group_num_rows) FROM parquet_metadata('{place}')")));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_rows_make_small_row_groups() {
    let rows = "SELECT i AS id, repeat(md5(CAST(i AS VARCHAR)), 128) AS body FROM range(12_000) t(i)";
    for (kind, most) in ["jsonl", "csv", "parquet"].iter().zip(row_groups(rows, &["jsonl", "csv", "parquet"]).await) {
        assert!((2048..=10_240).contains(&most), "{kind}: {most} rows of 4 kB in a group");
    }
    let narrow = "SELECT i AS id, 'row ' || i AS body FROM range(200_000) t(i)";
    assert_eq!(row_groups(narrow, &["parquet"]).await, [122_880]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_megabytes_are_written_a_few_at_a_time() {
    let rows = "SELECT i AS id, repeat(md5(CAST(i AS VARCHAR)), 400_000) AS body FROM range(5) t(i)";
    let groups = row_groups(rows, &["jsonl"]).await;
    assert!(groups.iter().all(|most| *most < 5), "rows of 13 MB: {groups:?} in a group");
}
