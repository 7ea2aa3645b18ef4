//! Loads that succeed: what is in the bucket and in the catalog afterwards.

use duckdb::Connection;
use quack_function::table::read_parts_sql;

use super::{partitioned, request, sample};
use crate::cloud::local::testing::Lake;
use crate::error;
use crate::lake::catalog::{self, ColumnStats, Table};
use crate::lake::load::{LoadRequest, Mode};

impl Lake {
    pub(super) async fn table(&self, name: &str) -> Table {
        catalog::read(&self.target.bucket).await.unwrap().table(name).unwrap().1.clone()
    }

    /// The Parquet files below `prefix`, whoever names them.
    pub(super) async fn data(&self, prefix: &str) -> Vec<String> {
        let mut keys = self.keys(prefix).await;
        keys.retain(|key| !key.contains("/metadata/"));
        keys
    }

    /// What DuckDB reads from a table's objects, downloaded into folders as their keys have them.
    pub(super) async fn select(&self, table: &Table, sql: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        for file in &table.files {
            let path = dir.path().join(&file.key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes = self.get(&file.key).await;
            assert_eq!(bytes.len() as u64, file.bytes);
            std::fs::write(&path, bytes).unwrap();
        }
        // As the function reads it, but for where the files are.
        let defined = table.definition("t", "here");
        let reader = match &defined.shapes {
            Some(shapes) => shapes.read_sql(&defined.partitions, &[]),
            None => read_parts_sql(&defined.files, &defined.partitions),
        };
        let reader = reader.unwrap().replace("s3://here", &dir.path().to_string_lossy());
        let sql = format!("SELECT CAST(({}) AS VARCHAR)", sql.replace("TABLE", &reader));
        Connection::open_in_memory().unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
    }
}

fn column<'a>(table: &'a Table, name: &str) -> &'a ColumnStats {
    table.columns.iter().find(|column| column.name == name).unwrap()
}

fn with(request: LoadRequest, mode: Mode) -> LoadRequest {
    LoadRequest { mode, ..request }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_becomes_one_parquet_object() {
    let lake = Lake::new().await;
    lake.write("a[1].csv", "id,name,at\n1,\"x, y\",2020-01-01\n2,,2020-01-03\n");
    let loaded = lake.load(request("a[1].csv", "t")).await.unwrap();
    assert_eq!(loaded.loaded_rows, 2);
    let table = lake.table("t").await;
    assert_eq!(lake.data("tables/").await, [table.files[0].key.clone()]);
    assert_eq!((table.rows, table.synthetic, table.source.as_str()), (2, false, "a[1].csv"));
    let at = column(&table, "at");
    assert_eq!((at.sql_type.as_str(), at.nulls), ("DATE", Some(0)));
    assert_eq!((at.min.as_deref(), at.max.as_deref()), (Some("2020-01-01"), Some("2020-01-03")));
    assert_eq!(column(&table, "name").nulls, Some(1));
    assert_eq!(lake.select(&table, "SELECT list(name ORDER BY id) FROM TABLE").await, "['x, y', NULL]");
}

#[tokio::test(flavor = "multi_thread")]
async fn integers_of_json_take_64_bits_where_they_fit() {
    let lake = Lake::new().await;
    lake.write("a.json", r#"[{"a": 1, "b": [1], "c": {"x": 1}}, {"a": -1, "b": [-2], "c": {"x": -1}}]"#);
    lake.write("b.json", r#"[{"a": 18446744073709551615}, {"a": -1}]"#);
    lake.load(request("a.json", "t")).await.unwrap();
    lake.load(request("b.json", "u")).await.unwrap();
    let (t, u) = (lake.table("t").await, lake.table("u").await);
    lake.write("mixed.json", r#"[{"a b": 1, "c": {"d": 1}}, {"a b": "x", "c": {"d": 2}}]"#);
    let mixed = lake.load(request("mixed.json", "m")).await.unwrap();
    let told = r#"column `a b` has values of no one type, and is JSON: "a b"->>'$' gives them as text"#;
    assert_eq!(mixed.notes, [told]);
    let types = ["a", "b", "c"].map(|name| column(&t, name).sql_type.clone());
    assert_eq!(types, ["BIGINT", "BIGINT[]", "STRUCT(x BIGINT)"]);
    assert_eq!(column(&u, "a").sql_type, "HUGEINT");
    assert_eq!(lake.select(&u, "SELECT max(a) FROM TABLE").await, "18446744073709551615");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_somebody_elses_bucket_everything_keeps_to_the_prefix() {
    let lake = Lake::of("[lake]\nbucket = \"theirs\"\nmanage = false\nprefix = \"team/q\"").await;
    let old = "tables/t/20200101T000000Z-0badcafe/theirs.parquet";
    let put = lake.target.bucket.s3.put_object().bucket(&lake.target.bucket.name).key(old).send();
    put.await.unwrap();
    lake.write("a.csv", "n,text\n1,x\n2,y\n");
    lake.load(request("a.csv", "t")).await.unwrap();
    lake.load(with(request("a.csv", "t"), Mode::Append)).await.unwrap();
    lake.load(with(partitioned(request("a.csv", "t"), &["n"]), Mode::Replace)).await.unwrap();
    let table = lake.table("t").await;
    assert!(table.files.iter().all(|file| file.key.starts_with("team/q/tables/t/")), "{:?}", table.files);
    let mut all = lake.keys("").await;
    assert!(table.keys().all(|key| all.iter().any(|known| known == key)));
    all.retain(|key| !key.starts_with("team/q/tables/t/"));
    assert_eq!(all, [old, "team/q/catalog.json"], "nothing of theirs is touched, nothing of ours lies elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_values_survive_their_folder_names() {
    let lake = Lake::new().await;
    lake.write("a.csv", "p,n\n\"a b/ü=%?#&+'\",1\n,2\n'quoted',3\n../..,4\n");
    lake.load(partitioned(request("a.csv", "t"), &["p", "even=n % 2 = 0"])).await.unwrap();
    let table = lake.table("t").await;
    assert_eq!(table.files.len(), 4);
    let mut keys: Vec<_> = table.files.iter().map(|file| file.key.clone()).collect();
    keys.sort();
    assert_eq!(lake.data("tables/").await, keys);
    let read = lake.select(&table, "SELECT list((p, n, even) ORDER BY n) FROM TABLE").await;
    assert!(read.contains("a b/ü=%?#&+") && read.contains("(NULL, 2, true)") && read.contains("../.."), "{read}");
    assert_eq!(column(&table, "p").nulls, Some(1));
    assert_eq!(column(&table, "even").max.as_deref(), Some("true"));
}

/// Of every type that a partition may have.
#[tokio::test(flavor = "multi_thread")]
async fn partition_values_of_every_type_are_read_back() {
    let lake = Lake::new().await;
    lake.write("a.csv", "n\n1\n2\n");
    for (expression, sql_type) in [
        ("CAST(n + 0.25 AS DECIMAL(9,2))", "DECIMAL(9,2)"),
        ("CAST(n AS HUGEINT) * 1000000000000000000", "HUGEINT"),
        ("CAST('2020-01-0' || n || ' 10:00:00.5+02' AS TIMESTAMPTZ)", "TIMESTAMP WITH TIME ZONE"),
        ("CAST('2020-01-0' || n || ' 10:00:00.5' AS TIMESTAMP)", "TIMESTAMP"),
        ("CAST('10:00:0' || n AS TIME)", "TIME"),
        ("CAST('00000000-0000-0000-0000-00000000000' || n AS UUID)", "UUID"),
        ("CAST(n AS UTINYINT)", "UTINYINT"),
        ("n * 1e300", "DOUBLE"),
        ("n = 1", "BOOLEAN"),
    ] {
        let by = format!("p={expression}");
        lake.load(with(partitioned(request("a.csv", "t"), &[&by]), Mode::Replace)).await.unwrap();
        let table = lake.table("t").await;
        let found = lake
            .select(&table, &format!("SELECT (bool_and(p = ({expression})), any_value(typeof(p))) FROM TABLE"))
            .await;
        assert!(found.starts_with("(true, ") && found.contains(sql_type), "{expression}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_is_whole_and_labelled() {
    let lake = Lake::new().await;
    let by = ["date=CAST(pickup_at AS DATE)"];
    lake.load(partitioned(sample("taxi", 50_000, "trips"), &by)).await.unwrap();
    let table = lake.table("trips").await;
    assert!(table.synthetic);
    assert_eq!(table.source, "sample taxi (synthetic)");
    assert_eq!((table.rows, table.files.len(), table.columns.len()), (50_000, 30, 19));
    assert_eq!(column(&table, "date").min.as_deref(), Some("2019-04-01"));
    let same = "SELECT bool_and(date = CAST(pickup_at AS DATE)) AND count(*) = 50000 FROM TABLE";
    assert_eq!(lake.select(&table, same).await, "true");
    // What is known of each file is true of it.
    let nulls: u64 = table.files.iter().filter_map(|file| file.columns["passenger_count"].nulls).sum();
    assert_eq!(column(&table, "passenger_count").nulls, Some(nulls));
    assert_eq!(lake.select(&table, "SELECT count(*) - count(passenger_count) FROM TABLE").await, nulls.to_string());
    let latest = lake.select(&table, "SELECT max(dropoff_at) FROM TABLE").await;
    assert_eq!(column(&table, "dropoff_at").max.as_deref(), Some(latest.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_go_up_in_parts() {
    let lake = Lake::new().await;
    lake.load(sample("taxi", 1_000_000, "trips")).await.unwrap();
    let table = lake.table("trips").await;
    assert!(table.bytes > 16 * 1024 * 1024, "{} bytes are not in parts", table.bytes);
    assert_eq!(lake.select(&table, "SELECT count(*) FROM TABLE").await, "1000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn append_adds_and_replace_replaces() {
    let lake = Lake::new().await;
    lake.write("a.csv", "n,when\n9,2020-01-05\n");
    lake.write("b.csv", "n,when\n10,2020-01-02\n,2020-01-03\n");
    lake.load(request("a.csv", "t")).await.unwrap();
    lake.load(with(request("b.csv", "t"), Mode::Append)).await.unwrap();
    let table = lake.table("t").await;
    assert_eq!((table.rows, table.files.len(), table.source.as_str()), (3, 2, "a.csv, b.csv"));
    let n = column(&table, "n");
    // As numbers: as texts, 9 would be the greater.
    assert_eq!((n.min.as_deref(), n.max.as_deref(), n.nulls), (Some("9"), Some("10"), Some(1)));
    assert_eq!(column(&table, "when").min.as_deref(), Some("2020-01-02"));

    lake.load(with(request("b.csv", "t"), Mode::Replace)).await.unwrap();
    let table = lake.table("t").await;
    assert_eq!((table.rows, table.source.as_str()), (2, "b.csv"));
    assert_eq!(lake.data("tables/").await.len(), 3, "what was replaced is the table's history");
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_at_once_do_not_lose_each_other() {
    let lake = Lake::new().await;
    lake.write("a.csv", "n\n1\n");
    let append = || lake.load(with(request("a.csv", "shared"), Mode::Append));
    let (a, b, c, d) = tokio::join!(append(), append(), append(), lake.load(request("a.csv", "own")));
    for loaded in [a, b, c, d] {
        loaded.unwrap();
    }
    assert_eq!(lake.table("shared").await.rows, 3);
    assert_eq!(lake.table("own").await.rows, 1);
    // Of two that want to be the first, one is told.
    let (a, b) = tokio::join!(lake.load(request("a.csv", "new")), lake.load(request("a.csv", "new")));
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
    assert_eq!(lake.data("tables/new/").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_json_and_their_statistics() {
    let lake = Lake::new().await;
    lake.write(
        "a.jsonl",
        "{\"l\": [1, 2], \"s\": {\"x\": 1}, \"b\": true, \"f\": 1.5, \"big\": 18446744073709551615}\n{\"l\": null, \"b\": false}\n",
    );
    lake.load(request("*.jsonl", "t")).await.unwrap();
    let table = lake.table("t").await;
    let l = column(&table, "l");
    assert_eq!((l.sql_type.as_str(), l.nulls, l.min.as_deref()), ("BIGINT[]", Some(1), None));
    assert_eq!(column(&table, "s").sql_type, "STRUCT(x BIGINT)");
    let b = column(&table, "b");
    assert_eq!((b.min.as_deref(), b.max.as_deref()), (Some("false"), Some("true")));
    assert_eq!(column(&table, "big").max.as_deref(), Some("18446744073709551615"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_surprise_in_a_text_widens_its_column() {
    let lake = Lake::new().await;
    lake.write("a.csv", format!("n\n{}oops\n", "1\n".repeat(50_000)));
    lake.load(request("a.csv", "t")).await.unwrap();
    let table = lake.table("t").await;
    assert_eq!((table.rows, column(&table, "n").sql_type.as_str()), (50_001, "VARCHAR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_partitions_stay_within_memory() {
    let lake = Lake::new().await;
    let by = ["slot=CAST(epoch(pickup_at) / 1700 AS INTEGER)"];
    lake.load(partitioned(sample("taxi", 200_000, "t"), &by)).await.unwrap();
    let table = lake.table("t").await;
    assert!(table.files.len() > 1500, "{}", table.files.len());
    assert_eq!(table.rows, 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_file_is_read_by_a_duckdb_that_reaches_no_other() {
    let lake = Lake::new().await;
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    lake.write("it's [a].csv", "n,text\n1,x\n2,y\n");
    lake.write("part 1.csv", "n,text\n1,x\n");
    lake.write("part 2.csv", "n,text\n2,y\n");
    lake.write("a.tsv", "n\ttext\n1\tx\n2\ty\n");
    lake.write("a.csv.gz", gzip("n,text\n1,x\n2,y\n"));
    lake.write("a.jsonl.gz", gzip("{\"n\": 1, \"text\": \"x\"}\n{\"n\": 2, \"text\": \"y\"}\n"));
    lake.write("a.json", "[{\"n\": 1, \"text\": \"x\"}, {\"n\": 2, \"text\": \"y\"}]");
    let made = Connection::open_in_memory().unwrap();
    for (file, options) in [("a.parquet", "FORMAT parquet"), ("a.csv.zst", "FORMAT csv, COMPRESSION zstd")] {
        let path = lake.dir.path().join(file).display().to_string();
        made.execute_batch(&format!("COPY (FROM (VALUES (1, 'x'), (2, 'y')) v(n, text)) TO '{path}' ({options})"))
            .unwrap();
    }
    for source in ["it's [a].csv", "part ?.csv", "a.tsv", "a.csv.gz", "a.jsonl.gz", "a.json", "a.parquet", "a.csv.zst"]
    {
        lake.load(with(request(source, "t"), Mode::Replace)).await.unwrap();
        let table = lake.table("t").await;
        assert_eq!(
            lake.select(&table, "SELECT list((n, text) ORDER BY n) FROM TABLE").await,
            "[(1, x), (2, y)]",
            "{source}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appended_rows_of_another_order_leave_the_columns_in_theirs() {
    let lake = Lake::new().await;
    lake.write("ab.csv", "a,b,p\nx,1,u\n");
    lake.write("ba.csv", "b,p,a\n2,u,y\n");
    lake.load(partitioned(request("ab.csv", "t"), &["p"])).await.unwrap();
    lake.load(with(partitioned(request("ba.csv", "t"), &["p"]), Mode::Append)).await.unwrap();
    let table = lake.table("t").await;
    let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "p"]);
    assert_eq!((column(&table, "a").max.as_deref(), column(&table, "b").max.as_deref()), (Some("y"), Some("2")));
    assert_eq!(lake.select(&table, "SELECT list((a, b) ORDER BY b) FROM TABLE").await, "[(x, 1), (y, 2)]");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_a_header_calls_alike_are_told() {
    let lake = Lake::new().await;
    lake.write("a.csv", "a;A;\n1;2;3\n");
    let loaded = lake.load(request("a.csv", "t")).await.unwrap();
    let text = loaded.to_string();
    let told = "note: column 2 is called `A` in the header, as another is: it is `A_1` in the table";
    assert!(text.contains(told) && loaded.notes.len() == 2, "{text}");
    lake.write("b.csv", "1;2\n3;4\n");
    assert_eq!(lake.load(request("b.csv", "u")).await.unwrap().notes, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_is_partitioned_by_is_kept_and_told() {
    let lake = Lake::new().await;
    lake.write("a.csv", "n,zone\n1,a\n2,b\n");
    let by = ["even=n % 2 = 0", "kind=coalesce(zone, 'none')"];
    let loaded = lake.load(partitioned(request("a.csv", "t"), &by)).await.unwrap();
    let told = format!("\npartitioned by {}\n", by.join(", "));
    assert!(loaded.to_string().contains(&told), "{loaded}");
    assert_eq!(serde_json::to_value(&loaded).unwrap()["partitions"]["by"], serde_json::json!(by));
    // It need not be said again; what is said otherwise is refused.
    lake.load(with(request("a.csv", "t"), Mode::Append)).await.unwrap();
    assert_eq!((lake.table("t").await.rows, lake.table("t").await.files.len()), (4, 4));
    let other = with(partitioned(request("a.csv", "t"), &["zone"]), Mode::Append);
    let error = lake.load(other).await.unwrap_err();
    let help = error::help(&error).unwrap();
    let quoted = r"--partition-by 'kind=coalesce(zone, '\''none'\'')'";
    assert_eq!(help, format!("give --partition-by 'even=n % 2 = 0' {quoted}"));
    lake.load(with(partitioned(request("a.csv", "t"), &by), Mode::Append)).await.unwrap();
    assert_eq!(lake.table("t").await.partition_by, by);
}
