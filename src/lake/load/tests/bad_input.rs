//! Everything that can be wrong with what a user gives.

use std::path::Path;
use std::process::Command;

use indicatif::ProgressBar;

use super::{partitioned, request, sample};
use crate::cloud::local::testing::Lake;
use crate::error;
use crate::lake::load::convert::convert;
use crate::lake::load::partition::Partition;
use crate::lake::load::sample as samples;
use crate::lake::load::source::Input;
use crate::lake::load::source::Origin;
use crate::lake::load::stop::Stop;
use crate::lake::load::workdir::Staging;
use crate::lake::load::{Mode, load};

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_there() {
    let lake = Lake::new().await;
    lake.write("trips.csv", "a\n1\n");
    std::fs::create_dir(lake.dir.path().join("folder")).unwrap();
    assert_eq!(lake.refused(request("trip.csv", "t")).await, "there is no file `trip.csv`");
    assert_eq!(lake.refused(request("*.json", "t")).await, "no file matches `*.json`");
    assert_eq!(lake.refused(request("folder", "t")).await, "`folder` is a folder");
    assert!(lake.refused(request("[", "t")).await.contains("`[`"));
    for source in ["ftp://b.org/x.csv", "file:///etc/passwd"] {
        assert!(lake.refused(request(source, "t")).await.starts_with(&format!("`{source}` is an address of f")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_in_latin_1_is_told_with_what_reads_it() {
    let lake = Lake::new().await;
    std::fs::write(lake.dir.path().join("old.csv"), b"name,n\nM\xfcller,1\nGr\xf6\xdfe,2\n").unwrap();
    let error = load(&lake.context, &lake.target.bucket, request("old.csv", "t")).await.unwrap_err();
    let help = error::help(&error).unwrap_or_default();
    assert!(help.contains("--encoding latin-1"), "{error:#}: {help}");
    let mut request = request("old.csv", "t");
    request.form.encoding = Some("latin-1".to_owned());
    assert_eq!(lake.load(request).await.unwrap().loaded_rows, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let lake = Lake::new().await;
    lake.write("secret.csv", "a\n1\n");
    let path = lake.dir.path().join("secret.csv");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    assert!(lake.refused(request("secret.csv", "t")).await.contains("cannot read `secret.csv`: Permission denied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_that_is_none() {
    let lake = Lake::new().await;
    lake.load(sample("taxi", 5_000, "trips")).await.unwrap();
    let whole = lake.get(&lake.keys("tables/trips/").await[0]).await;
    lake.write("truncated.parquet", &whole[..whole.len() / 2]);
    lake.write("empty.parquet", "");
    lake.write("text.parquet", "not parquet at all, but long enough");
    assert!(lake.refused(request("truncated.parquet", "t")).await.contains("cannot load `truncated.parquet`"));
    assert_eq!(lake.refused(request("empty.parquet", "t")).await, "`empty.parquet` is empty");
    assert!(lake.refused(request("text.parquet", "t")).await.starts_with("`text.parquet` is not Parquet"));
    lake.write("trips.csv", &whole);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &whole).unwrap();
    lake.write("packed.csv.gz", packed.finish().unwrap());
    for name in ["trips.csv", "packed.csv.gz"] {
        assert_eq!(lake.refused(request(name, "t")).await, format!("`{name}` is Parquet, whatever its name says"));
    }
    // A page's header that makes no sense is found while the rows are read. (Its values have no checksum.)
    let mut damaged = whole;
    damaged[4..40].fill(0xff);
    lake.write("damaged.parquet", damaged);
    assert!(lake.refused(request("damaged.parquet", "t")).await.contains("`damaged.parquet`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ragged_csv_is_quoted_with_its_line() {
    let lake = Lake::new().await;
    for (row, found) in [("4,5", 2), ("4,5,6,7", 4)] {
        // Few rows, where DuckDB's detection takes the file for one of a single column; and too many for it to look at.
        for rows in [1, 50_000] {
            lake.write("ragged.csv", format!("a,b,c\n{}{row}\n", "1,x,3\n".repeat(rows)));
            let error = lake.refused(request("ragged.csv", "t")).await;
            assert!(error.contains("cannot load `ragged.csv`"), "{error}");
            assert!(error.contains(&format!("Line: {}\nOriginal Line: {row}", rows + 2)), "{error}");
            assert!(error.contains(&format!("Expected Number of Columns: 3 Found: {found}")), "{error}");
            assert!(!error.contains("null_padding"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_without_rows_or_sense() {
    let lake = Lake::new().await;
    lake.write("empty.csv", "");
    lake.write("broken.json", "{\"a\": 1}\n{\"a\":");
    lake.write("packed.gz", b"\x1f\x8b\x08\x00");
    lake.write("escape.csv", "a,\u{1b}[31mred\n1,2\n");
    let error = lake.refused(request("escape.csv", "t")).await;
    assert_eq!(error, r#"cannot load `escape.csv`: the column name "\u{1b}[31mred" holds a control character"#);
    lake.write("mixed.csv", "a\n1\n");
    lake.write("mixed.jsonl", "{\"a\": 1}\n");
    assert_eq!(lake.refused(request("empty.csv", "t")).await, "`empty.csv` is empty");
    lake.write("none.json", "[]");
    assert_eq!(lake.refused(request("none.json", "t")).await, "`none.json` has no rows");
    assert!(lake.refused(request("broken.json", "t")).await.contains("Malformed JSON in file \"broken.json\""));
    assert!(lake.refused(request("packed.gz", "t")).await.contains("cannot tell what is in `packed.gz`"));
    assert!(lake.refused(request("mixed.*", "t")).await.contains("is of another kind than `mixed.csv`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_fail() {
    let lake = Lake::new().await;
    lake.write("a.csv", "zone,n\nupper,1\nlower,2\n");
    let by = |expression: &str| partitioned(request("a.csv", "t"), &[expression]);
    let error = lake.refused(by("day=CAST(zone AS DATE)")).await;
    assert!(error.contains("cannot partition by `day=CAST(zone AS DATE)`"), "{error}");
    assert!(error.contains("upper"), "{error}");
    assert!(lake.refused(by("day=CAST(zon AS DATE)")).await.contains("zon"));
    assert!(lake.refused(by("day=")).await.contains("cannot partition by `day=`"));
    for text in ["NULL", "null", "Null", "nULL", "__HIVE_DEFAULT_PARTITION__"] {
        lake.write("null.csv", format!("zone,n\nupper,1\n{text},2\n"));
        let error = lake.refused(partitioned(request("null.csv", "t"), &["zone"])).await;
        assert!(error.contains(&format!("the text `{text}`")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_expressions_reach_nothing_but_the_rows() {
    let lake = Lake::new().await;
    lake.write("a.csv", "zone,n\nupper,1\nlower,2\n");
    lake.write("secret.csv", "password\nhunter2\n");
    let dir = lake.dir.path().display().to_string();
    for expression in [
        format!("(SELECT password FROM '{dir}/secret.csv')"),
        format!("(SELECT content FROM read_text('{dir}/secret.csv'))"),
        format!("(SELECT count(*) FROM glob('{dir}/*'))"),
        "(SELECT content FROM read_text('/proc/self/environ'))".to_owned(),
        "(SELECT count(*) FROM read_csv('http://127.0.0.1:9/x.csv'))".to_owned(),
        format!("1) AS a FROM shape; COPY (SELECT 1) TO '{dir}/written.csv'; SELECT (1"),
        format!("1) AS a FROM shape; SET lock_configuration = false; ATTACH '{dir}/written.db'; SELECT (1"),
    ] {
        let error = lake.refused(partitioned(request("a.csv", "t"), &[&format!("x={expression}")])).await;
        assert!(!error.contains("hunter2"), "{expression}: {error}");
    }
    for written in ["written.csv", "written.db"] {
        assert!(!lake.dir.path().join(written).exists(), "{written}");
    }
    lake.load(partitioned(request("a.csv", "t"), &["x=upper(zone)"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_partitions() {
    let lake = Lake::new().await;
    let error = lake.refused(partitioned(sample("taxi", 60_000, "t"), &["second=pickup_at"])).await;
    assert!(error.contains("make too many partitions"), "{error}");
    lake.write("numbers.csv", format!("n,m\n{}", (0..11_000).map(|n| format!("{n},1\n")).collect::<String>()));
    let error = lake.refused(partitioned(request("numbers.csv", "t"), &["n"])).await;
    assert!(error.contains("partitions"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_numbers_that_make_no_sense() {
    let lake = Lake::new().await;
    assert_eq!(lake.refused(sample("taxy", 10, "t")).await, "there is no sample `taxy`");
    assert_eq!(lake.refused(sample("taxi", 0, "t")).await, "cannot generate 0 rows");
    let dataset = crate::lake::load::LoadRequest { origin: Origin::Dataset("taxis".to_owned()), ..request("", "t") };
    assert_eq!(lake.refused(dataset).await, "there is no data set `taxis`");
    for name in ["", "1st", "a-b", "a/b", "tä", &"x".repeat(65)] {
        assert_eq!(lake.refused(sample("taxi", 10, name)).await, format!("`{name}` cannot be a table's name"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_there_already() {
    let lake = Lake::new().await;
    lake.write("a.csv", "a,b\n1,x\n");
    lake.write("b.csv", "a,c\n1.5,x\n");
    lake.load(request("a.csv", "Trips")).await.unwrap();
    assert_eq!(lake.refused(request("a.csv", "Trips")).await, "there is a table `Trips` already");
    assert!(lake.refused(request("a.csv", "trips")).await.contains("differs only in upper and lower case"));
    let append = |request| crate::lake::load::LoadRequest { mode: Mode::Append, ..request };
    let error = lake.refused(append(request("b.csv", "Trips"))).await;
    assert!(error.ends_with("the new rows have other columns\n  - a BIGINT\n  + a DOUBLE"), "{error}");
    let error = lake.refused(append(partitioned(request("a.csv", "Trips"), &["b"]))).await;
    assert!(error.contains("it is not partitioned, the new rows are partitioned by b VARCHAR"), "{error}");
}

/// A disk of a few megabytes, unmounted when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// `None` where this user may not mount.
    fn mount(path: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(path).output().ok()?;
        mounted.status.success().then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(dir.path()) else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    let input = Input::Generated { query: samples::query("taxi", 1_000_000).unwrap() };
    let by = [Partition::parse("date=CAST(pickup_at AS DATE)").unwrap()];
    for partitions in [&by[..], &[]] {
        let staging = Staging::within(disk.0).unwrap();
        let staged =
            convert(&input, "sample taxi", partitions, None, staging, &ProgressBar::hidden(), &Stop::default());
        let error = staged.err().expect("a full disk goes unnoticed").to_string();
        assert!(error.starts_with("no room left for the Parquet files of this load in "), "{error}");
        assert!(!error.contains("quackctl-load-"), "{error}");
        assert_eq!(std::fs::read_dir(disk.0).unwrap().count(), 0, "the staging folder is left");
    }
}
