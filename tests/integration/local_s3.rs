//! The local target's S3, through AWS's own client.

use crate::support::{Daemon, KEY_ID, SECRET};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

const BUCKET: &str = "test-bucket";

async fn bucket(daemon: &Daemon) -> Client {
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    s3
}

async fn put(s3: &Client, key: &str, bytes: &[u8]) -> String {
    let put = s3.put_object().bucket(BUCKET).key(key).body(bytes.to_vec().into()).send().await.unwrap();
    put.e_tag.unwrap()
}

async fn get(s3: &Client, key: &str) -> Vec<u8> {
    let object = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

/// Bytes that differ from place to place.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 + n / 251) as u8).collect()
}

#[tokio::test]
async fn objects_come_back_whole_and_in_part() {
    let daemon = Daemon::start();
    let s3 = bucket(&daemon).await;
    let data = bytes(5_000_000);
    let e_tag = put(&s3, "a/b=1/ü %.bin", &data).await;
    assert_eq!(get(&s3, "a/b=1/ü %.bin").await, data);
    for (range, expected) in [
        ("bytes=0-0", &data[..1]),
        ("bytes=1048570-3145800", &data[1_048_570..=3_145_800]),
        ("bytes=4999990-9999999", &data[4_999_990..]),
        ("bytes=-7", &data[4_999_993..]),
    ] {
        let part = s3.get_object().bucket(BUCKET).key("a/b=1/ü %.bin").range(range).send().await.unwrap();
        assert_eq!(part.body.collect().await.unwrap().to_vec(), expected, "{range}");
    }
    let head = s3.head_object().bucket(BUCKET).key("a/b=1/ü %.bin").send().await.unwrap();
    assert_eq!((head.content_length, head.e_tag), (Some(5_000_000), Some(e_tag)));
    let beyond = s3.get_object().bucket(BUCKET).key("a/b=1/ü %.bin").range("bytes=5000000-").send().await;
    assert_eq!(beyond.unwrap_err().code(), Some("InvalidRange"));
    assert_eq!(s3.get_object().bucket(BUCKET).key("no").send().await.unwrap_err().code(), Some("NoSuchKey"));
    assert_eq!(s3.get_object().bucket("nobody").key("no").send().await.unwrap_err().code(), Some("NoSuchBucket"));
}

#[tokio::test]
async fn conditional_writes_let_one_writer_through() {
    let daemon = Daemon::start();
    let s3 = bucket(&daemon).await;
    let create = |body: &'static str| {
        s3.put_object().bucket(BUCKET).key("catalog").if_none_match("*").body(ByteStream::from_static(body.as_bytes()))
    };
    let first = create("one").send().await.unwrap().e_tag.unwrap();
    assert_eq!(create("two").send().await.unwrap_err().code(), Some("PreconditionFailed"));
    let writers = (0..8).map(|n| {
        let body = format!("writer {n}").into_bytes().into();
        s3.put_object().bucket(BUCKET).key("catalog").if_match(&first).body(body).send()
    });
    let results = futures::future::join_all(writers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for lost in results.into_iter().filter_map(Result::err) {
        assert_eq!(lost.code(), Some("PreconditionFailed"));
    }
    assert!(get(&s3, "catalog").await.starts_with(b"writer"));
    let unchanged = s3.get_object().bucket(BUCKET).key("catalog").if_match(first).send().await;
    assert_eq!(unchanged.unwrap_err().code(), Some("PreconditionFailed"));
}

#[tokio::test]
async fn a_body_that_is_not_what_was_meant_replaces_nothing() {
    let daemon = Daemon::start();
    let s3 = bucket(&daemon).await;
    put(&s3, "kept", b"old").await;
    let bad = s3.put_object().bucket(BUCKET).key("kept").body(ByteStream::from_static(b"new"));
    let bad = bad.checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").send().await;
    assert!(bad.is_err());
    assert_eq!(get(&s3, "kept").await, b"old");
}

#[tokio::test]
async fn thousands_of_keys_are_listed_page_by_page_and_deleted_at_once() {
    let daemon = Daemon::start();
    let s3 = bucket(&daemon).await;
    put(&s3, "first", b"").await;
    let folder = daemon.dir.path().join("s3/buckets").join(BUCKET).join("part");
    std::fs::create_dir(&folder).unwrap();
    for n in 0..2500 {
        std::fs::write(folder.join(format!("{n:05}")), b"x").unwrap();
    }
    let pages = s3.list_objects_v2().bucket(BUCKET).prefix("part/").into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    let keys: Vec<String> = pages.iter().flat_map(|page| page.contents()).filter_map(|o| o.key.clone()).collect();
    assert_eq!(pages.len(), 3);
    assert_eq!(keys, (0..2500).map(|n| format!("part/{n:05}")).collect::<Vec<_>>());
    let top = s3.list_objects_v2().bucket(BUCKET).delimiter("/").send().await.unwrap();
    assert_eq!(top.contents()[0].key(), Some("first"));
    assert_eq!(top.common_prefixes()[0].prefix(), Some("part/"));
    for keys in keys.chunks(1000) {
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build().unwrap()).collect();
        let delete = Delete::builder().set_objects(Some(objects)).build().unwrap();
        s3.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    }
    assert_eq!(s3.list_objects_v2().bucket(BUCKET).send().await.unwrap().key_count, Some(1));
    assert_eq!(s3.delete_bucket().bucket(BUCKET).send().await.unwrap_err().code(), Some("BucketNotEmpty"));
}

#[tokio::test]
async fn headers_and_metadata_travel_with_a_copy() {
    let daemon = Daemon::start();
    let s3 = bucket(&daemon).await;
    let put = s3.put_object().bucket(BUCKET).key("a").content_type("text/csv").metadata("who", "me");
    put.body(ByteStream::from_static(b"1,2")).send().await.unwrap();
    s3.copy_object().bucket(BUCKET).key("b/c").copy_source(format!("{BUCKET}/a")).send().await.unwrap();
    let head = s3.head_object().bucket(BUCKET).key("b/c").send().await.unwrap();
    assert_eq!(head.content_type(), Some("text/csv"));
    assert_eq!(head.metadata().unwrap()["who"], "me");
    assert_eq!(get(&s3, "b/c").await, b"1,2");
}

#[tokio::test]
async fn without_the_right_keys_nothing_is_answered() {
    let daemon = Daemon::start();
    bucket(&daemon).await;
    for (key_id, secret, code) in
        [(KEY_ID, "wrong", "SignatureDoesNotMatch"), ("stranger", SECRET, "InvalidAccessKeyId")]
    {
        let refused = daemon.s3_as(key_id, secret).list_objects_v2().bucket(BUCKET).send().await.unwrap_err();
        assert_eq!(refused.code(), Some(code));
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
    }
    let url = format!("{}/{BUCKET}?list-type=2", daemon.endpoint);
    assert!(matches!(ureq::get(&url).call(), Err(ureq::Error::StatusCode(403))));
}

#[tokio::test]
async fn presigned_urls_open_one_object() {
    let daemon = Daemon::start();
    let s3 = bucket(&daemon).await;
    put(&s3, "a", b"presigned").await;
    let hour = PresigningConfig::expires_in(std::time::Duration::from_secs(3600)).unwrap();
    let url = s3.get_object().bucket(BUCKET).key("a").presigned(hour).await.unwrap().uri().to_owned();
    assert_eq!(ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap(), "presigned");
    assert!(ureq::get(url.replace("/a?", "/b?")).call().is_err());
}

#[tokio::test]
async fn data_and_e_tags_survive_a_daemon_that_is_killed() {
    let daemon = Daemon::start();
    let s3 = bucket(&daemon).await;
    let e_tag = put(&s3, "a", b"kept").await;
    let endpoint = daemon.endpoint.clone();
    let daemon = daemon.kill_and_restart();
    assert_eq!(daemon.endpoint, endpoint);
    let s3 = daemon.s3();
    assert_eq!(get(&s3, "a").await, b"kept");
    let replace = s3.put_object().bucket(BUCKET).key("a").if_match(e_tag).body(ByteStream::from_static(b"new"));
    replace.send().await.unwrap();
}
