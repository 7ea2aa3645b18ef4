//! Metadata written and read again, over a real S3.

use std::collections::BTreeMap;

use quack_function::iceberg::avro::{File, Value};
use quack_function::wire::Column;

use super::avro::{Out, Records};
use crate::cloud::local::testing::Lake;
use crate::config::S3Folder;
use crate::lake::catalog::{self, ColumnStats, DataFile, FileColumn, Scope, Table};

const TYPES: [(&str, Option<&str>, Option<&str>); 8] = [
    ("BIGINT", Some("-3"), Some("70000000000")),
    ("DOUBLE", Some("0.5"), Some("nan")),
    ("DECIMAL(12,3)", Some("-1.250"), Some("99.000")),
    ("VARCHAR", Some(""), Some("z\u{e4}")),
    ("TIMESTAMP", Some("2019-04-01 12:30:00.5"), Some("infinity")),
    ("UUID", Some("00000000-0000-0000-0000-000000000001"), Some("ffffffff-ffff-ffff-ffff-ffffffffffff")),
    ("BOOLEAN", Some("false"), Some("true")),
    ("INTEGER[]", None, None),
];

fn file(number: u64) -> DataFile {
    let told = |(index, (_, min, max)): (usize, &(&str, Option<&str>, Option<&str>))| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        (
            format!("c{index}"),
            FileColumn { nulls: Some(number), min: text(*min), max: text(*max), bytes: Some(number * 7) },
        )
    };
    DataFile {
        key: format!("tables/t/20260301T000000Z-{number:08x}/day=2026-03-01/k=a%20b%2F{number}/data.parquet"),
        rows: 1000,
        bytes: 1000 + number,
        partition: vec![Some("2026-03-01".to_owned()), Some(format!("a b/{number}"))],
        columns: TYPES.iter().enumerate().map(told).collect(),
        schema: None,
    }
}

fn table(files: Vec<DataFile>) -> Table {
    let partition = |name: &str, sql_type: &str| Column { name: name.to_owned(), sql_type: sql_type.to_owned() };
    let partitions = vec![partition("day", "DATE"), partition("k", "VARCHAR")];
    let own = TYPES.iter().enumerate().map(|(index, (sql_type, ..))| partition(&format!("c{index}"), sql_type));
    let stats = |Column { name, sql_type }| ColumnStats { name, sql_type, nulls: None, min: None, max: None };
    Table {
        columns: own.chain(partitions.clone()).map(stats).collect(),
        partitions,
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        ..Table::of(files)
    }
}

async fn store(lake: &Lake, files: Vec<DataFile>) {
    let bucket = &lake.target.bucket;
    catalog::update(bucket, Scope::All, |catalog| {
        let origin = catalog.find("t").map(|(_, table)| table.origin.clone()).unwrap_or_default();
        catalog.tables.insert("t".to_owned(), Table { origin, ..table(files.clone()) });
        Ok(())
    })
    .await
    .unwrap();
}

async fn read(lake: &Lake) -> Table {
    catalog::read(&lake.target.bucket).await.unwrap().table("t").unwrap().1.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_back_with_all_that_is_known_of_them() {
    let lake = Lake::new().await;
    let nothing = DataFile { columns: BTreeMap::new(), ..file(3) };
    let null = DataFile {
        partition: vec![None, None],
        key: "tables/t/1/day=__HIVE_DEFAULT_PARTITION__/k=__HIVE_DEFAULT_PARTITION__/x.parquet".to_owned(),
        ..file(4)
    };
    let files = vec![file(1), file(2), nothing, null];
    store(&lake, files.clone()).await;
    assert_eq!(read(&lake).await.files, files);
    assert_eq!(read(&lake).await, table(files));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_manifests_are_put_together() {
    let lake = Lake::new().await;
    // Texts that are as long as dates.
    let file = |number: u64| DataFile {
        key: format!("tables/t/20260301T000000Z-{number:08x}/day=2026-03-01/k={number:04}/data.parquet"),
        partition: vec![Some("2026-03-01".to_owned()), Some(format!("{number:04}"))],
        ..file(number)
    };
    let mut files = Vec::new();
    for number in 0..140 {
        files.push(file(number));
        store(&lake, files.clone()).await;
    }
    let state = read(&lake).await.origin.0.unwrap();
    assert!(state.manifests.len() < 70, "{}", state.manifests.len());
    // Others leave manifests out by what their partition values lie between; each has files of consecutive numbers.
    let number = |of: &Option<Vec<u8>>| String::from_utf8(of.clone().unwrap()).unwrap().parse::<i64>().unwrap();
    assert!(state.manifests.iter().any(|manifest| manifest.files[1] > 1), "some were put together");
    for manifest in &state.manifests {
        let [day, k] = manifest.partitions.as_slice() else { panic!("{manifest:?}") };
        assert_eq!(number(&k.upper) - number(&k.lower) + 1, manifest.live_files(), "{manifest:?}");
        assert_eq!((day.lower.as_ref().map(Vec::len), &day.lower), (Some(4), &day.upper));
    }
    let same = |mut read: Vec<DataFile>, mut wanted: Vec<DataFile>| {
        read.sort_by(|a, b| a.key.cmp(&b.key));
        wanted.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(read, wanted);
    };
    same(read(&lake).await.files, files.clone());
    // Of each manifest some files go, and all of some.
    files.retain(|file| file.bytes % 3 == 0 || file.bytes > 1100);
    store(&lake, files.clone()).await;
    same(read(&lake).await.files, files.clone());
    store(&lake, vec![file(500)]).await;
    let now = read(&lake).await;
    assert_eq!(now.files, [file(500)]);
    let metadata = &now.origin.0.as_ref().unwrap().metadata;
    assert_eq!((metadata.snapshots.len(), metadata.last_sequence_number), (142, 142));
    let summary = &metadata.current().unwrap().summary;
    assert_eq!((summary["total-data-files"].as_str(), summary["operation"].as_str()), ("1", "overwrite"));
    // An older version still has what it had.
    let older = crate::lake::versions::At::Version(140).of(&lake.target.bucket, "t", &now).await.unwrap();
    assert_eq!(older.files.len(), 140);
}

/// A manifest of one new file as programs before wrote it, which did not tell what columns take.
fn as_before(bytes: &[u8]) -> Vec<u8> {
    let mut sizes = Vec::new();
    let told = File::open(bytes, &[108]).unwrap().read(|slots| {
        let [Value::Pairs(pairs)] = slots else { panic!("{slots:?}") };
        sizes.extend(pairs.iter().map(|(id, size)| (*id, if let Value::Long(size) = size { *size } else { 0 })));
        Ok(())
    });
    told.unwrap();
    let file = File::open(bytes, &[-2]).unwrap();
    let text = |key: &str| String::from_utf8(file.metadata[key].to_vec()).unwrap();
    let mut schema: serde_json::Value = serde_json::from_str(&text("avro.schema")).unwrap();
    let fields = schema.pointer_mut("/fields/4/type/fields").unwrap().as_array_mut().unwrap();
    assert_eq!(fields.pop().unwrap()["name"], "column_sizes");
    let names = ["schema", "schema-id", "partition-spec", "partition-spec-id", "format-version", "content"];
    let said: Vec<(&str, String)> = names.iter().map(|name| (*name, text(name))).collect();
    let mut records = Records::default();
    file.read(|slots| {
        let [Value::Raw(raw)] = slots else { panic!("{slots:?}") };
        let mut behind = Out::default();
        behind.long(1);
        behind.array(&sizes, |out, (id, size)| [*id, *size].into_iter().for_each(|number| out.long(number)));
        let own = raw.strip_suffix(behind.as_bytes()).unwrap();
        records.add(|out| {
            [1, 0, 0, 0].into_iter().for_each(|number| out.long(number));
            out.raw(own);
        });
        Ok(())
    })
    .unwrap();
    let said: Vec<(&str, &str)> = said.iter().map(|(name, text)| (*name, text.as_str())).collect();
    records.file(&schema.to_string(), &said)
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_of_earlier_programs_are_put_together_with_those_that_tell_what_columns_take() {
    let lake = Lake::new().await;
    let root = format!("s3://{}/", lake.target.bucket.name);
    let (mut files, mut wanted) = (Vec::new(), Vec::new());
    for number in 0..72 {
        files.push(file(number));
        store(&lake, files.clone()).await;
        let mut file = file(number);
        if number % 3 == 0 {
            let state = read(&lake).await.origin.0.unwrap();
            let newest = state.manifests.iter().max_by_key(|manifest| manifest.sequence_number).unwrap();
            let key = newest.path.strip_prefix(&root).unwrap();
            let old = as_before(&lake.get(key).await);
            lake.put(key, old).await;
            super::kept::forget(&lake.target.bucket.name);
            file.columns.values_mut().for_each(|column| column.bytes = None);
        }
        wanted.push(file);
    }
    let table = read(&lake).await;
    let state = table.origin.0.as_ref().unwrap();
    assert!(state.manifests.iter().any(|manifest| manifest.files[1] > 1), "some were put together");
    let mut now = table.files;
    now.sort_by(|a, b| a.key.cmp(&b.key));
    wanted.sort_by(|a, b| a.key.cmp(&b.key));
    assert!(now == wanted, "{:?}", now.iter().zip(&wanted).find(|(now, wanted)| now != wanted));
}

/// Whoever can write to the bucket can write metadata, too.
#[tokio::test(flavor = "multi_thread")]
async fn forged_metadata_is_refused_each_for_its_reason() {
    let lake = Lake::new().await;
    store(&lake, vec![file(1), file(2)]).await;
    let good = read(&lake).await.origin.0.unwrap();
    let bucket = lake.target.bucket.name.clone();
    let list = good.metadata.current().unwrap().manifest_list.clone();
    let whole: serde_json::Value = serde_json::to_value(&good.metadata).unwrap();
    // A type is cast to, so it must be one.
    let typed = |sql_type: &str| {
        let columns = whole["properties"]["quack.columns"].as_str().unwrap();
        let hostile = columns.replacen("\"BOOLEAN\"", &serde_json::json!(sql_type).to_string(), 1);
        assert_ne!(columns, hostile);
        serde_json::Value::from(hostile)
    };
    let forged: Vec<(&str, serde_json::Value, &str)> = vec![
        ("/properties/quack.columns", typed("ENUM('a')) AS c0 FROM read_text('/etc/passwd') --"), "is no type"),
        ("/properties/quack.columns", typed("ENUM('a', 'a')"), "is no type"),
        ("/properties/quack.columns", typed("enum('a')"), "is not how DuckDB spells that type"),
        ("/properties/quack.columns", typed("FLOAT[1000][1000]"), "more than 100000"),
        ("/snapshots/0/manifest-list", "s3://other/tables/t/metadata/x.avro".into(), "none of its files"),
        ("/snapshots/0/manifest-list", format!("s3://{bucket}/_quack/catalog.json").into(), "none of its files"),
        ("/snapshots/0/manifest-list", format!("s3://{bucket}/tables/t/../../x").into(), "none of its files"),
        ("/snapshots/0/manifest-list", good.manifests[0].path.clone().into(), "cannot be read"),
        ("/snapshots/0/manifest-list", format!("s3://{bucket}/{}", good.key).into(), "it is no Avro file"),
        ("/last-sequence-number", i64::MAX.into(), "is no number of anything"),
        ("/last-column-id", i32::MAX.into(), "is no number of a column"),
        ("/last-updated-ms", (-1).into(), "is no number of anything"),
        ("/format-version", 3.into(), "it is of form 3"),
        ("/current-schema-id", 7.into(), "it has no schema"),
        ("/properties/quack.columns", "[]".into(), "not its last columns"),
        ("/properties/quack.columns", "{".into(), "has no property"),
        ("/properties/quack.partitions", r#"["c0", "k"]"#.into(), "not its last columns"),
        ("/properties/quack.partitions", "[".repeat(100_000).into(), "its property \"quack.partitions\""),
        ("/schemas/0/fields/2/name", "c9".into(), "lacks the column \"c2\""),
        ("/schemas", serde_json::json!([]), "it has no schema"),
    ];
    for (number, (place, value, reason)) in forged.into_iter().enumerate() {
        let mut metadata = whole.clone();
        *metadata.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
        let key = format!("tables/t/metadata/{number:05}-forged.metadata.json");
        lake.put(&key, metadata.to_string().into_bytes()).await;
        let catalog = serde_json::json!({"version": 2, "tables": {"t": {"metadata": key}}});
        lake.put("_quack/catalog.json", catalog.to_string().into_bytes()).await;
        let error = catalog::read(&lake.target.bucket).await.expect_err(place);
        let told = format!("{error:#}");
        assert!(told.contains(reason) && (told.contains("`t`") || told.contains("\"t\"")), "{place}: {told}");
    }
    // A manifest of another table's files, or of files elsewhere.
    assert!(list.contains("/tables/t/metadata/"));
    let other = serde_json::json!({"version": 2, "tables": {"u": {"metadata": good.key, "formerly": ["t"]}}});
    lake.put("_quack/catalog.json", other.to_string().into_bytes()).await;
    assert_eq!(catalog::read(&lake.target.bucket).await.unwrap().table("u").unwrap().1.files.len(), 2);
    let other = serde_json::json!({"version": 2, "tables": {"t": {"metadata": good.key}, "u": {"metadata": good.key, "formerly": ["t"]}}});
    lake.put("_quack/catalog.json", other.to_string().into_bytes()).await;
    let told = format!("{:#}", catalog::read(&lake.target.bucket).await.unwrap_err());
    assert!(told.contains("is of two tables"), "{told}");
}

/// Files may lie elsewhere only where that is allowed, whatever a manifest says.
#[tokio::test(flavor = "multi_thread")]
async fn forged_places_of_files_are_refused() {
    let mut lake = Lake::new().await;
    let open = S3Folder { bucket: "others".to_owned(), prefix: "open/".to_owned() };
    lake.target.bucket.layout.read = vec![open];
    let bucket = lake.target.bucket.clone();
    let own = format!("s3://{}/", bucket.name);
    let good = format!("{own}data/day=2026-03-01/k=1/{}.parquet", "x".repeat(80));
    store(&lake, vec![DataFile { key: good.clone(), ..file(1) }]).await;
    assert_eq!(read(&lake).await.files[0].key, good);
    let path = read(&lake).await.origin.0.unwrap().manifests[0].path.clone();
    let manifest = lake.get(path.strip_prefix(&own).unwrap()).await;
    let elsewhere =
        "is neither in the lake's bucket, apart from what quackctl writes, nor in a folder that `read` names";
    for (place, told) in [
        ("s3://others/open/".to_owned(), ""),
        (format!("{own}datab/day=1/"), ""),
        ("s3://others/shut/".to_owned(), elsewhere),
        ("s3://others/openly/".to_owned(), elsewhere),
        ("s3://others/open/../shut/".to_owned(), elsewhere),
        ("s3://another/open/".to_owned(), elsewhere),
        (format!("{own}_quack/results/"), elsewhere),
        (format!("{own}_quack/functions/"), elsewhere),
        (format!("{own}_quack/catalog.json"), elsewhere),
        (format!("{own}_quack/stage.json"), elsewhere),
        (format!("{own}exports/"), elsewhere),
        (format!("{own}tables/u/1/"), "is not in the folder tables/t/"),
        (format!("{own}tables/"), "is not in the folder tables/t/"),
        (format!("{own}data/*/"), elsewhere),
        (format!("{own}data/../tables/t/1/"), elsewhere),
        (format!("{own}data//"), elsewhere),
        (format!("{own}data/x?s3_endpoint=evil/"), elsewhere),
        (format!("{own}data/a b/"), elsewhere),
        (format!("{own}/tables/t/1/"), elsewhere),
        ("S3://others/open/".to_owned(), "has no address"),
        ("file:///etc/".to_owned(), "has no address"),
        ("/etc/".to_owned(), "has no address"),
        ("https://others/open/".to_owned(), "has no address"),
    ] {
        let forged = format!("{place}{}", "y".repeat(good.len() - place.len()));
        let at = manifest.windows(good.len()).position(|window| window == good.as_bytes()).unwrap();
        let mut bytes = manifest.clone();
        bytes[at..at + good.len()].copy_from_slice(forged.as_bytes());
        lake.put(path.strip_prefix(&own).unwrap(), bytes).await;
        super::kept::forget(&bucket.name);
        let read = catalog::read(&bucket).await;
        if told.is_empty() {
            assert_eq!(read.unwrap().table("t").unwrap().1.files[0].key, forged);
            continue;
        }
        let error = format!("{:#}", read.expect_err(&place));
        assert!(error.contains(told) && error.len() < 1000, "{place}: {error}");
    }
}
