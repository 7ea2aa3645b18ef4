//! What cannot be a table where it lies, and what a catalog may not say of files that lie elsewhere.

use std::process::Stdio;
use std::time::Duration;

use predicates::str::contains;
use serde_json::json;

use crate::support::{Lake, Project, block_on, text};

#[test]
fn what_cannot_be_registered_is_told() {
    let lake = Lake::of(Project::up("[lake]\nread = [\"s3://others/open/\"]\n"));
    block_on(lake.client.create_bucket().bucket("others").send()).unwrap();
    let whole = lake.parquet("SELECT i FROM range(1000) r(i)");
    lake.put("in/good.parquet", whole.clone());
    let bad = |key: &str, bytes: &[u8], told: &str| {
        lake.put(key, bytes.to_vec());
        lake.refused(&lake.address("in/*"), told);
        lake.refused(&lake.address("in/*"), &lake.address(key));
        block_on(lake.client.delete_object().bucket(&lake.bucket).key(key).send()).unwrap();
    };
    bad("in/empty.parquet", b"", "has 0 bytes: it is no Parquet file");
    bad("in/a.csv", b"a,b\n1,2\n3,4\n5,6\n", "No magic bytes");
    bad("in/cut.parquet", &whole[..whole.len() - 20], "");
    bad("in/half.parquet", &whole[..whole.len() / 2], "");
    bad("in/with blank.parquet", &whole, "is not plain");
    bad("in/ü.parquet", &whole, "is not plain");
    lake.put("twice//x.parquet", whole.clone());
    lake.refused(&lake.address("twice//*"), "is not plain");
    let mut forged = whole.clone();
    let at = forged.len() - 8;
    forged[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    bad("in/length.parquet", &forged, "");

    lake.refused(&lake.address("in/*.json"), "no object matches `s3://");
    lake.refused(&lake.address("in/nothing.parquet"), "there is no object `s3://");
    lake.refused(&lake.address("in/"), "is a folder");
    lake.refused("in/good.parquet", "`in/good.parquet` is no address of S3");
    lake.refused("s3://*/x", "names no bucket");
    // Where quackctl or the function writes.
    lake.sql("CREATE TABLE own AS SELECT 1 AS a");
    lake.sql(&format!("COPY (SELECT 1 AS a) TO '{}'", lake.address("exports/x.parquet")));
    for key in ["tables/own/*/*.parquet", "exports/*.parquet"] {
        lake.refused(&lake.address(key), "lies where quackctl or the function writes");
    }
    // Where the function may not read.
    lake.put_in("others", "shut/x.parquet", whole.clone());
    lake.refused("s3://others/shut/x.parquet", "the function may not read `s3://others/shut/x.parquet`");
    // No column, and none that a table has.
    lake.write("odd/x.parquet", "SELECT 1 AS \"a\u{202e}b\"");
    lake.refused(&lake.address("odd/x.parquet"), "holds a control character");
    for name in ["1x", "a b", "ta/ble"] {
        let refused = lake.project.quackctl(["register", &lake.address("in/*"), "--table", name]).assert().code(2);
        refused.stderr(contains("cannot be a table's name"));
    }
    lake.sql("CREATE VIEW w AS SELECT 1 AS a");
    let view = lake.project.quackctl(["register", &lake.address("in/*"), "--table", "w", "--replace"]).assert().code(2);
    view.stderr(contains("there is a view `w`"));
}

#[test]
fn files_lie_elsewhere_only_where_the_settings_say() {
    let settings = "[lake]\nread = [\"s3://others/open/\"]\n";
    let lake = Lake::of(Project::up(settings));
    let project = &lake.project;
    block_on(lake.client.create_bucket().bucket("others").send()).unwrap();
    lake.put_in("others", "open/x.parquet", lake.parquet("SELECT 42 AS a"));
    project.succeed(["register", "s3://others/open/*.parquet", "--table", "t"], "of another bucket");
    assert_eq!(lake.bare("FROM t")["data"]["records"], json!([{"a": 42}]));
    // A catalog that names a file of a bucket which nobody allowed is not to be trusted, whoever wrote it.
    project.write("quack.toml", "");
    for arguments in [["query", "FROM t"], ["tables", "t"], ["compact", "t"]] {
        let refused = project.quackctl(arguments).assert().failure();
        refused.stderr(contains("the file \"s3://others/open/x.parquet\" is neither in the lake's bucket"));
    }
    // Nor does the function, which has read none of it before.
    let catalog = "_quack/catalog.json";
    let stored = block_on(lake.client.get_object().bucket(&lake.bucket).key(catalog).send()).unwrap();
    let stored = block_on(stored.body.collect()).unwrap().into_bytes();
    block_on(lake.client.delete_object().bucket(&lake.bucket).key(catalog).send()).unwrap();
    project.succeed(["up"], "without the folder");
    lake.put(catalog, stored.to_vec());
    let answer = lake.bare("FROM t");
    assert_eq!(answer["errorType"], "Quack.CatalogError", "{answer}");
    assert!(answer["errorMessage"].as_str().unwrap().contains("where files may lie elsewhere"), "{answer}");
    project.write("quack.toml", settings);
    project.succeed(["up"], "with the folder again");
    assert_eq!(project.rows("FROM t"), json!([{"a": 42}]));
    project.succeed(["drop", "t", "--yes"], "the table alone");
    assert_eq!(lake.objects("others", "").len(), 1);
}

#[test]
fn what_is_interrupted_leaves_nothing() {
    let lake = Lake::of(Project::up(""));
    let file = lake.parquet("SELECT 1 AS a");
    for at in 0..20 {
        lake.put(&format!("in/{at}.parquet"), file.clone());
    }
    lake.project.write("quack.toml", "[local.network]\nfirst_byte_ms = 1000\n");
    lake.project.succeed(["up", "--no-check"], "with a slow network");
    let mut command = lake.project.process(["register", &lake.address("in/*"), "--table", "t"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Well before all footers can be read.
    std::thread::sleep(Duration::from_secs(2));
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "{}", text(&output));
    lake.project.write("quack.toml", "");
    lake.project.succeed(["up", "--no-check"], "as it was");
    let known = lake.project.json(["tables", "--json"]);
    assert_eq!(known["tables"], json!([]), "{known}");
    assert_eq!(lake.objects(&lake.bucket, "tables/"), [""; 0]);
    assert_eq!(lake.objects(&lake.bucket, "_quack/results/"), [""; 0]);
    assert_eq!(lake.objects(&lake.bucket, "in/").len(), 20);
}
