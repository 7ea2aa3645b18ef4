//! Rows that are wide: few of them are held at a time, and they come back as they were.

use duckdb::Connection;

use super::{partitioned, request};
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

/// Loads `file`, a Parquet file that `copy` makes of `rows`; the most bytes of a row group of the table, whose rows have to be
/// those of the file, in their order.
async fn group_bytes(rows: &str, options: &str) -> u64 {
    let lake = Lake::new().await;
    let connection = Connection::open_in_memory().unwrap();
    let file = lake.dir.path().join("foreign.parquet");
    connection.execute_batch(&format!("COPY ({rows}) TO '{}' (FORMAT parquet{options})", file.display())).unwrap();
    lake.load(request("foreign.parquet", "t")).await.unwrap();
    let catalog = catalog::read(&lake.target.bucket).await.unwrap();
    let loaded = lake.dir.path().join("loaded.parquet");
    std::fs::write(&loaded, lake.get(&catalog.table("t").unwrap().1.files[0].key).await).unwrap();
    let digest = |path: &std::path::Path| -> (u64, u64) {
        let sql = format!(
            "SELECT count(*), bit_xor(hash(place, row)) FROM (SELECT row_number() OVER () AS place, row FROM '{}' AS row)",
            path.display()
        );
        connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    assert_eq!(digest(&loaded), digest(&file), "{rows}");
    let sql = format!("SELECT max(row_group_bytes) FROM parquet_metadata('{}')", loaded.display());
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// Of every column DuckDB holds a page, and the pages of these are more together than it may hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_with_more_in_its_pages_than_may_be_held_loads_some_columns_at_a_time() {
    let columns: Vec<_> = (0..7).map(|column| format!("i || repeat('{column}', 2_000) AS c{column}")).collect();
    let rows = format!("SELECT {} FROM range(50_000) t(i)", columns.join(", "));
    let bytes = group_bytes(&rows, ", DICTIONARY_SIZE_LIMIT 1").await;
    assert!(bytes < 16 << 20, "{bytes} in a group");
}

/// DuckDB holds 2048 rows, and would copy them.
#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_with_very_wide_rows_loads_a_few_at_a_time() {
    let rows = "SELECT i AS id, i || repeat('x', 170_000) AS body FROM range(1_950) t(i)";
    let bytes = group_bytes(rows, "").await;
    assert!(bytes < 16 << 20, "{bytes} in a group");
}

/// They are in one row group, of which DuckDB reads 2048 rows at once; in smaller ones they load.
#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_with_too_much_in_a_row_group_is_refused_with_what_to_do() {
    let lake = Lake::new().await;
    let connection = Connection::open_in_memory().unwrap();
    let file = lake.dir.path().join("foreign.parquet");
    let rows = "SELECT i AS id, i || repeat('x', 8_000_000) AS body FROM range(80) t(i)";
    connection.execute_batch(&format!("COPY ({rows}) TO '{}'", file.display())).unwrap();
    let error = lake.load(request("foreign.parquet", "t")).await.unwrap_err();
    let help = crate::error::help(&error).unwrap();
    assert!(error.to_string().contains("too much of it has to be in memory at once"), "{error}");
    assert!(help.contains("fewer rows in a row group") && help.contains("nothing was loaded"), "{help}");
    assert_eq!(lake.keys("tables/").await, [""; 0]);
}

/// Pieces and row groups do not end where the others do.
#[tokio::test(flavor = "multi_thread")]
async fn wide_rows_keep_their_order_whatever_they_come_from() {
    let rows = "SELECT i AS id, repeat(md5(CAST(i AS VARCHAR)), 700) AS body FROM range(3_000) t(i)";
    let bytes = group_bytes(rows, ", ROW_GROUP_SIZE 1_000").await;
    assert!(bytes < 16 << 20, "{bytes} in a group of rows of 22 kB");
    for most in row_groups(rows, &["parquet", "jsonl", "csv"]).await {
        assert!(most < 1_000, "{most} rows of 22 kB in a group");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_rows_of_several_files_are_split_into_partitions() {
    let lake = Lake::new().await;
    let connection = Connection::open_in_memory().unwrap();
    let dir = lake.dir.path().display();
    for file in 0..3 {
        let rows = format!(
            "SELECT i AS id, 'a' AS file_row_number, i % 2 AS piece, repeat(md5(CAST(i AS VARCHAR)), 700) AS body \
             FROM range({file}000, {file}600) t(i)"
        );
        connection.execute_batch(&format!("COPY ({rows}) TO '{dir}/{file}.parquet'")).unwrap();
    }
    lake.load(partitioned(request("*.parquet", "t"), &["piece"])).await.unwrap();
    let catalog = catalog::read(&lake.target.bucket).await.unwrap();
    let mut found = Vec::new();
    for (number, file) in catalog.table("t").unwrap().1.files.iter().enumerate() {
        let loaded = format!("{dir}/{number}.loaded");
        std::fs::write(&loaded, lake.get(&file.key).await).unwrap();
        let sql = format!(
            "SELECT list(id) FROM (SELECT id FROM read_parquet('{loaded}') WHERE body = repeat(md5(CAST(id AS VARCHAR)), 700))"
        );
        let ids: String =
            connection.query_row(&format!("SELECT CAST(({sql}) AS VARCHAR)"), [], |row| row.get(0)).unwrap();
        found.push(ids);
    }
    let expected = |odd: u64| {
        let ids = [0, 1000, 2000].iter().flat_map(|start| *start..start + 600).filter(|id| id % 2 == odd);
        format!("{:?}", ids.collect::<Vec<u64>>())
    };
    assert!(found == [expected(0), expected(1)], "rows are lost, or not in their order");
}
