//! What is found among versions, without any bucket.

use chrono::{DateTime, TimeDelta, Utc};

use super::files::{Look, Lost, Way, look};
use super::history::{Past, entries, pick};
use super::restore::has_other;
use super::versions::{Content, Version};
use crate::bucket::copy::{Source, copy, copy_within};
use crate::cloud::local::testing::Lake;
use crate::error::{Kind, kind};
use crate::lake::catalog::{Catalog, DataFile, Table};

fn at(minute: i64) -> DateTime<Utc> {
    "2026-03-01T09:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

/// The version written in this minute; a mark where `bytes` is nothing.
fn version(minute: i64, bytes: Option<u64>, is_latest: bool) -> Version {
    let content = bytes.map(|bytes| Content { bytes, e_tag: format!("tag{minute}") });
    Version { id: format!("v{minute}"), at: at(minute), is_latest, content }
}

fn file(key: &str) -> DataFile {
    DataFile { bytes: 5, ..DataFile::named(key.to_owned()) }
}

fn lost(version: &str, how: Way) -> Look {
    Look::Lost(Lost { key: "k".to_owned(), bytes: 5, version: version.to_owned(), how })
}

#[test]
fn a_file_is_there_or_comes_back_from_the_version_that_its_table_had() {
    let look = |versions: &[Version]| look(&file("k"), versions, at(10));
    assert_eq!(look(&[version(1, Some(5), true)]), Look::There);
    let deleted = [version(20, None, true), version(1, Some(5), false)];
    assert_eq!(look(&deleted), lost("v1", Way::Uncover(vec!["v20".to_owned()])));
    let twice = [version(21, None, true), version(20, None, false), version(1, Some(5), false)];
    assert_eq!(look(&twice), lost("v1", Way::Uncover(vec!["v20".to_owned(), "v21".to_owned()])));
    let overwritten = [version(20, Some(7), true), version(1, Some(5), false)];
    assert_eq!(look(&overwritten), lost("v1", Way::Copy));
    // As long, but not what the table had.
    assert_eq!(look(&[version(20, Some(5), true), version(1, Some(5), false)]), lost("v1", Way::Copy));
    // A copy of it is as good.
    let mut copy = version(20, Some(5), true);
    copy.content.as_mut().unwrap().e_tag = "tag1".to_owned();
    assert_eq!(look(&[copy, version(1, Some(5), false)]), Look::There);
    assert_eq!(look(&[version(20, None, true), version(1, Some(7), false)]), Look::Gone);
    assert_eq!(look(&[]), Look::Gone);
    // Written and deleted within one second, and told in the wrong order.
    let mut mark = version(1, None, false);
    mark.id = "mark".to_owned();
    assert_eq!(look(&[version(1, Some(5), false), mark]), lost("v1", Way::Uncover(vec!["mark".to_owned()])));
}

fn catalog(tables: &[(&str, &str)]) -> Catalog {
    let table = |(name, key): &(&str, &str)| ((*name).to_owned(), Table::of(vec![file(key)]));
    Catalog { tables: tables.iter().map(table).collect(), ..Catalog::default() }
}

/// Of the newest catalog `trips` was dropped and `zones` replaced; the one before it is no catalog.
fn history() -> Vec<Past> {
    let past = |minute, is_latest, catalog| Past { version: version(minute, Some(1), is_latest), catalog };
    vec![
        past(9, true, Ok(catalog(&[("zones", "z2")]))),
        past(7, false, Err("cannot be read".to_owned())),
        past(5, false, Ok(catalog(&[("Trips", "t1"), ("zones", "z1")]))),
        past(1, false, Ok(catalog(&[("zones", "z1")]))),
    ]
}

#[test]
fn each_catalog_is_listed_with_what_the_current_one_lacks() {
    let entries = entries(&history());
    let lacks: Vec<_> = entries.iter().map(|entry| (entry.gone.join(","), entry.changed.join(","))).collect();
    let expected = [("", ""), ("", ""), ("Trips", "zones"), ("", "zones")];
    assert_eq!(lacks, expected.map(|(gone, changed)| (gone.to_owned(), changed.to_owned())));
    assert!(entries[0].current && entries[1].error.is_some());
}

#[test]
fn a_catalog_is_picked_by_version_or_by_a_time_at_which_it_was_the_current_one() {
    let versions: Vec<Version> = history().into_iter().map(|past| past.version).collect();
    let id = |at: &str| pick(&versions, at).map(|version| version.id.as_str());
    assert_eq!(id("v5").unwrap(), "v5");
    for time in ["2026-03-01T09:06:00Z", "2026-03-01 09:06", "2026-03-01 09:06:59", "2026-03-01T10:06:00+01:00"] {
        assert_eq!(id(time).unwrap(), "v5", "{time}");
    }
    assert_eq!(id("2027-01-01 00:00").unwrap(), "v9");
    let early = id("2026-03-01 08:00").unwrap_err();
    assert_eq!(kind(&early), Kind::Missing);
    assert!(early.to_string().contains("the oldest that is kept is of 2026-03-01T09:01:00Z"), "{early}");
    assert_eq!(kind(&id("v99").unwrap_err()), Kind::Usage);
}

#[test]
fn a_table_comes_from_a_catalog_in_which_it_is_other_than_now() {
    let history = history();
    let now = history[0].catalog.as_ref().unwrap();
    let has = |past: usize, name: &str| has_other(&history[past], name, now.find(name).map(|(_, table)| table));
    assert!(has(2, "TRIPS") && has(2, "zones") && has(3, "ZONES"));
    assert!(!has(0, "zones") && !has(1, "trips") && !has(3, "trips") && !has(2, "nothing"));
}

/// S3 copies 5 GiB in one request, and what is larger in parts.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_for_one_request_is_copied_in_parts() {
    let lake = Lake::new().await;
    let bucket = &lake.target.bucket;
    let body: Vec<u8> = (0..17_u32 << 18).flat_map(u32::to_le_bytes).collect();
    lake.put("tables/t/a b", body.clone()).await;
    let (part, bytes) = (5 << 20, body.len() as u64);
    let source = Source { key: "tables/t/a b", version: None, bytes };
    copy_within(bucket, source, "tables/t/copy", part, part).await.unwrap();
    assert!(lake.get("tables/t/copy").await == body, "the copy is another");

    // The version that was there before another was written in its place, over that.
    let found = bucket.s3.head_object().bucket(&bucket.name).key(source.key).send().await.unwrap();
    lake.put(source.key, b"other".to_vec()).await;
    let version = found.version_id.unwrap();
    copy_within(bucket, Source { version: Some(&version), ..source }, source.key, part, part).await.unwrap();
    assert!(lake.get(source.key).await == body, "the copy is another");

    // Parts that are not there, as the object has become smaller: nothing is left, and nothing is begun.
    copy_within(bucket, Source { bytes: bytes + part, ..source }, "tables/t/no", part, part).await.unwrap_err();
    let open = bucket.s3.list_multipart_uploads().bucket(&bucket.name).send().await.unwrap();
    assert!(open.uploads().is_empty() && !lake.keys("").await.contains(&"tables/t/no".to_owned()));

    // A hole of 5 GiB, told as one that is small.
    let place = lake.dir.path().join("storage/buckets").join(&bucket.name).join("tables/t/large");
    std::fs::File::create(place).unwrap().set_len((5 << 30) + 1).unwrap();
    let large = Source { key: "tables/t/large", version: None, bytes: 1 };
    let error = format!("{:#}", copy(bucket, large, "tables/t/no").await.unwrap_err());
    assert!(error.starts_with("cannot copy tables/t/large to tables/t/no"), "{error}");
}
