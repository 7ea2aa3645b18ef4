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

/// A line may be longer than the 2 MB that DuckDB takes; the widest comes last, where nobody has looked.
#[tokio::test(flavor = "multi_thread")]
async fn lines_of_up_to_16_mb_load_from_csv_in_their_order() {
    let rows = "SELECT i AS id, repeat(md5(CAST(i AS VARCHAR)), CASE i WHEN 299 THEN 500_000 ELSE 100 END) AS body \
                FROM range(300) t(i)";
    row_groups(rows, &["csv"]).await;
    // More of them than DuckDB may hold at once.
    let many = "SELECT i AS id, repeat(md5(CAST(i AS VARCHAR)), 100_000) || i AS body FROM range(200) t(i)";
    assert!(row_groups(many, &["csv"]).await[0] < 50);
    let quotes = "SELECT i AS id, repeat('\"', 16_000_000) || i AS body FROM range(3) t(i)";
    row_groups(quotes, &["csv"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_too_long_is_told_by_its_length() {
    let lake = Lake::new().await;
    std::fs::write(lake.dir.path().join("long.csv"), format!("id,body\n1,{}\n", "x".repeat(34 << 20))).unwrap();
    let error = lake.load(request("long.csv", "long")).await.unwrap_err().to_string();
    assert!(error.contains("`long.csv`: record 2 has more than 34603008 bytes") && error.len() < 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_megabytes_are_written_a_few_at_a_time() {
    let rows = "SELECT i AS id, repeat(md5(CAST(i AS VARCHAR)), 400_000) AS body FROM range(5) t(i)";
    let groups = row_groups(rows, &["jsonl"]).await;
    assert!(groups.iter().all(|most| *most < 5), "rows of 13 MB: {groups:?} in a group");
}
