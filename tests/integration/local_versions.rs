//! Versions in the local target's S3, through AWS's own client: what `quackctl recover` builds on.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, Delete,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    ObjectIdentifier, VersioningConfiguration,
};

use crate::support::{Daemon, Project};

const BUCKET: &str = "test-bucket";

async fn versioned(daemon: &Daemon) -> Client {
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(on).send().await.unwrap();
    s3
}

async fn put(s3: &Client, key: &str, text: &str) -> String {
    let put = s3.put_object().bucket(BUCKET).key(key).body(text.as_bytes().to_vec().into()).send().await.unwrap();
    put.version_id.unwrap()
}

async fn get(s3: &Client, key: &str, version: Option<&str>) -> Result<String, String> {
    let get = s3.get_object().bucket(BUCKET).key(key).set_version_id(version.map(str::to_owned)).send().await;
    let object = get.map_err(|error| error.code().unwrap_or_default().to_owned())?;
    Ok(String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap())
}

/// All versions and marks, page by page: key, id, whether it is the latest, whether it is a mark.
async fn list(s3: &Client, prefix: &str, page: i32) -> Vec<(String, String, bool, bool)> {
    let (mut all, mut key, mut version) = (Vec::new(), None, None);
    loop {
        let list = s3.list_object_versions().bucket(BUCKET).prefix(prefix).max_keys(page);
        let listed = list.set_key_marker(key).set_version_id_marker(version).send().await.unwrap();
        let of = |key: Option<&str>, id: Option<&str>, latest: Option<bool>, mark| {
            (key.unwrap().to_owned(), id.unwrap().to_owned(), latest.unwrap(), mark)
        };
        let before = all.len();
        all.extend(listed.versions().iter().map(|v| of(v.key(), v.version_id(), v.is_latest, false)));
        all.extend(listed.delete_markers().iter().map(|v| of(v.key(), v.version_id(), v.is_latest, true)));
        assert!(all.len() - before <= page as usize);
        if listed.is_truncated != Some(true) {
            all.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            return all;
        }
        (key, version) = (listed.next_key_marker, listed.next_version_id_marker);
    }
}

#[tokio::test]
async fn what_was_overwritten_or_deleted_is_listed_read_and_put_back() {
    let daemon = Daemon::start();
    let s3 = versioned(&daemon).await;
    let one = put(&s3, "catalog", "1").await;
    let two = put(&s3, "catalog", "2").await;
    let deleted = s3.delete_object().bucket(BUCKET).key("catalog").send().await.unwrap();
    assert_eq!(deleted.delete_marker, Some(true));
    let mark = deleted.version_id.unwrap();
    put(&s3, "tables/a", "a").await;
    put(&s3, "tables/b", "b").await;
    put(&s3, "tables/b", "b2").await;
    for page in 1..8 {
        let all = list(&s3, "", page).await;
        let catalog: Vec<_> = all.iter().filter(|version| version.0 == "catalog").cloned().collect();
        let expected = [(&mark, true, true), (&two, false, false), (&one, false, false)];
        let expected = expected.map(|(id, latest, mark)| ("catalog".to_owned(), id.clone(), latest, mark));
        assert_eq!((catalog.as_slice(), all.len()), (expected.as_slice(), 6), "{page}");
        assert_eq!(list(&s3, "tables/", page).await.len(), 3);
    }
    assert_eq!(get(&s3, "catalog", None).await, Err("NoSuchKey".to_owned()));
    assert_eq!(get(&s3, "catalog", Some(&one)).await, Ok("1".to_owned()));
    assert_eq!(get(&s3, "catalog", Some(&"0".repeat(16))).await, Err("NoSuchVersion".to_owned()));
    let head = s3.head_object().bucket(BUCKET).key("catalog").version_id(&two).send().await.unwrap();
    assert_eq!((head.content_length, head.version_id), (Some(1), Some(two.clone())));
    let daemon = daemon.kill_and_restart();
    let s3 = daemon.s3();
    // Recovery either way: a copy of what was, or the mark deleted.
    let copy = s3.copy_object().bucket(BUCKET).key("catalog").copy_source(format!("{BUCKET}/catalog?versionId={one}"));
    copy.send().await.unwrap();
    assert_eq!(get(&s3, "catalog", None).await, Ok("1".to_owned()));
    s3.delete_object().bucket(BUCKET).key("tables/a").send().await.unwrap();
    let mark = list(&s3, "tables/a", 10).await.remove(0);
    assert!(mark.2 && mark.3);
    let undo = ObjectIdentifier::builder().key("tables/a").version_id(mark.1).build().unwrap();
    let undo = Delete::builder().objects(undo).build().unwrap();
    s3.delete_objects().bucket(BUCKET).delete(undo).send().await.unwrap();
    assert_eq!(get(&s3, "tables/a", None).await, Ok("a".to_owned()));
    assert_eq!(s3.delete_bucket().bucket(BUCKET).send().await.unwrap_err().code(), Some("BucketNotEmpty"));
    for (key, id, _, _) in list(&s3, "", 1000).await {
        s3.delete_object().bucket(BUCKET).key(key).version_id(id).send().await.unwrap();
    }
    s3.delete_bucket().bucket(BUCKET).send().await.unwrap();
}

#[tokio::test]
async fn uploads_in_parts_and_conditional_writes_keep_versions_too() {
    let daemon = Daemon::start();
    let s3 = versioned(&daemon).await;
    put(&s3, "a", "1").await;
    let upload = s3.create_multipart_upload().bucket(BUCKET).key("a").send().await.unwrap().upload_id.unwrap();
    let part = s3.upload_part().bucket(BUCKET).key("a").upload_id(&upload).part_number(1).body(b"2".to_vec().into());
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.send().await.unwrap().e_tag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key("a").upload_id(upload).multipart_upload(parts);
    let done = complete.send().await.unwrap();
    assert!(done.version_id.is_some());
    let lost = s3.put_object().bucket(BUCKET).key("a").if_none_match("*").body(b"3".to_vec().into());
    assert_eq!(lost.send().await.unwrap_err().code(), Some("PreconditionFailed"));
    let won = s3.put_object().bucket(BUCKET).key("a").set_if_match(done.e_tag).body(b"4".to_vec().into());
    won.send().await.unwrap();
    let mut texts = Vec::new();
    for (key, id, _, _) in list(&s3, "a", 10).await {
        texts.push(get(&s3, &key, Some(&id)).await.unwrap());
    }
    assert_eq!(texts, ["4", "2", "1"]);
}

#[tokio::test]
async fn a_bucket_says_what_it_keeps_and_for_how_long() {
    let daemon = Daemon::start();
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(s3.get_bucket_versioning().bucket(BUCKET).send().await.unwrap().status, None);
    let none = s3.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(none.code(), Some("NoSuchLifecycleConfiguration"));
    let rule = || {
        let rule = LifecycleRule::builder().id("old").status(ExpirationStatus::Enabled);
        let days = NoncurrentVersionExpiration::builder().noncurrent_days(7).build();
        rule.filter(LifecycleRuleFilter::builder().prefix("tables/").build()).noncurrent_version_expiration(days)
    };
    let lifecycle = |rule: LifecycleRule| {
        let rules = BucketLifecycleConfiguration::builder().rules(rule).build().unwrap();
        s3.put_bucket_lifecycle_configuration().bucket(BUCKET).lifecycle_configuration(rules).send()
    };
    lifecycle(rule().build().unwrap()).await.unwrap();
    // A rule that would not be kept is not taken.
    let other = rule().expiration(LifecycleExpiration::builder().days(1).build()).build().unwrap();
    assert_eq!(lifecycle(other).await.unwrap_err().code(), Some("NotImplemented"));
    let daemon = daemon.kill_and_restart();
    let found = daemon.s3().get_bucket_lifecycle_configuration().bucket(BUCKET).send().await.unwrap();
    assert_eq!(found.rules()[0].noncurrent_version_expiration().unwrap().noncurrent_days, Some(7));
    assert_eq!(found.rules()[0].filter().unwrap().prefix(), Some("tables/"));
    let of_nobody = daemon.s3().get_bucket_versioning().bucket("nobody").send().await.unwrap_err();
    assert_eq!(of_nobody.code(), Some("NoSuchBucket"));
}

#[test]
fn up_has_the_lake_keep_what_was_and_down_leaves_nothing() {
    let project = Project::up("");
    let load = |rows: &str| {
        project
            .quackctl(["load", "--sample", "taxi", "--rows", rows, "--table", "trips", "--replace"])
            .assert()
            .success();
    };
    project.quackctl(["load", "--sample", "taxi", "--rows", "10", "--table", "trips"]).assert().success();
    load("20");
    project.rows("SELECT repeat('x', 1000) AS x FROM range(8000)");
    let versions: BTreeSet<String> = project
        .files()
        .into_iter()
        .filter_map(|file| Some(file.split_once("s3/versions/quack-lake-dev/")?.1.to_owned()))
        .collect();
    assert!(versions.iter().any(|file| file.starts_with("_quack/catalog.json/%v")), "{versions:?}");
    assert!(!versions.iter().any(|file| file.starts_with("_quack/results/")), "{versions:?}");
    // Again: nothing to change.
    project.quackctl(["plan"]).assert().code(0);
    project.quackctl(["down", "--yes"]).assert().success();
    assert_eq!(project.files(), ["quack.toml"]);
}
