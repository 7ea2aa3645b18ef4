//! A lake that an earlier release made, whose catalog is one object: converted by the first change, all of it or nothing.
//!
//! `earlier_lake/` is what the last quackctl before Iceberg left in a bucket: loads with partitions and `--append`, `CREATE TABLE AS`,
//! `UPDATE`, `ALTER TABLE RENAME`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Moment, Place, Project, block_on, rounds, s3};

const CATALOG: &str = "_quack/catalog.json";

/// Keys and bytes of the lake's objects.
fn objects() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/earlier_lake");
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (dirs, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| path.is_dir());
        folders.extend(dirs);
        let key = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        found.extend(files.iter().map(|path| (key(path), fs::read(path).unwrap())));
    }
    found
}

#[test]
fn a_lake_of_an_earlier_release_is_converted_whole_or_not_at_all() {
    let project = Project::up_at(Place::Aws, "");
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let client = s3(&project.sdk(&json!({})));
    let put = |key: &str, bytes: &[u8]| {
        block_on(client.put_object().bucket(&bucket).key(key).body(bytes.to_vec().into()).send()).unwrap();
    };
    let get = |key: &str| {
        let got = client.get_object().bucket(&bucket).key(key).send();
        block_on(async { got.await.unwrap().body.collect().await.unwrap().into_bytes().to_vec() })
    };
    let version = || serde_json::from_slice::<Value>(&get(CATALOG)).unwrap()["version"].clone();
    let made = objects();
    made.iter().for_each(|(key, bytes)| put(key, bytes));
    let first = &made.iter().find(|(key, _)| key == CATALOG).unwrap().1;

    let trips = || project.rows("SELECT id, zone, price::VARCHAR AS price, day::VARCHAR AS day FROM trips ORDER BY id");
    let row = |id: u8, zone: Option<&str>, price: Option<&str>, day: &str| json!({"id": id, "zone": zone, "price": price, "day": day});
    let wanted = json!([
        row(1, Some("a"), Some("1.5"), "2026-03-01"),
        row(2, Some("b"), Some("7.0"), "2026-03-01"),
        row(3, None, None, "2026-03-02"),
        row(4, Some("d"), Some("9.99"), "2026-03-03"),
        row(5, Some("e"), Some("3.0"), "2026-03-03"),
    ]);
    let plain = || {
        project
            .rows("SELECT count(*)::INT AS n, sum(n)::INT AS s, max(ts)::VARCHAR AS t, max(l[1])::INT AS l FROM plain")
    };
    let plain_wanted = json!([{"n": 50, "s": 1225, "t": "2020-02-19 00:00:00", "l": 49}]);
    let areas = || project.rows("SELECT count(*)::INT AS c, sum(n)::INT AS s FROM areas")[0].clone();
    let (before, after) = (json!({"c": 5, "s": 5}), json!({"c": 6, "s": 14}));
    assert_eq!(
        (trips(), plain(), areas(), version()),
        (wanted.clone(), plain_wanted.clone(), before.clone(), json!(1))
    );

    let change = ["query", "INSERT INTO areas VALUES ('new', 9)"];
    // A thorough run kills after each call, too.
    let moments = if rounds().is_some() { &[Moment::Before, Moment::After][..] } else { &[Moment::Before] };
    for moment in moments.iter().copied() {
        let mut skip = 0;
        while let Some(call) = project.kill_at_call(change, skip, moment) {
            let what = format!("killed at call {skip}, {moment:?} {call}");
            let now = (areas(), version());
            assert!(now == (before.clone(), json!(1)) || now == (after.clone(), json!(2)), "{what}: {now:?}");
            assert_eq!((trips(), plain()), (wanted.clone(), plain_wanted.clone()), "{what}");
            put(CATALOG, first);
            skip += 1;
        }
        assert!(skip > 5, "{skip} calls");
        assert_eq!((areas(), version()), (after.clone(), json!(2)));
        if moment == Moment::Before && moments.len() > 1 {
            put(CATALOG, first);
        }
    }
    assert_eq!((trips(), plain()), (wanted, plain_wanted));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM areas AT (VERSION => 1)"), json!([{"n": 5}]));
    let history = |table: &str| project.json(["tables", table, "--history", "--json"])["versions"].take();
    let rows = |table: &str| -> Vec<Value> {
        history(table).as_array().unwrap().iter().map(|one| one["rows"].clone()).collect()
    };
    assert_eq!(
        (rows("areas"), rows("trips")),
        (vec![json!(6), json!(5)], vec![json!(5)]),
        "what was is the first version"
    );
    for (key, bytes) in made.iter().filter(|(key, _)| key != CATALOG) {
        assert!(get(key) == *bytes, "{key} is as it was");
    }
}
