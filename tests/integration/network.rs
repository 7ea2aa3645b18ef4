//! `[local.network]`: S3 as far away, as narrow and as strict as it is told to be.

use std::time::{Duration, Instant};

use crate::support::{Daemon, KEY_ID, Project, SECRET};
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use predicates::str::contains;
use serde_json::json;

const BUCKET: &str = "test-bucket";

async fn put(s3: &Client, key: &str, bytes: Vec<u8>) {
    s3.put_object().bucket(BUCKET).key(key).body(bytes.into()).send().await.unwrap();
}

async fn get(s3: &Client, key: &str) -> Vec<u8> {
    let object = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn too_many_requests_to_one_folder_are_slowed_down() {
    let daemon = Daemon::start_behind(json!({ "requests_per_s": 1 }));
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    put(&s3, "a/1", b"one".to_vec()).await;
    let hour = PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap();
    let url = s3.get_object().bucket(BUCKET).key("a/1").presigned(hour).await.unwrap().uri().to_owned();
    // One a second would be let through: twenty at once are too many on any machine.
    let many =
        (0..20).map(|n| s3.put_object().bucket(BUCKET).key(format!("a/{n}")).body(vec![0; 100_000].into()).send());
    let refused: Vec<_> = futures::future::join_all(many).await.into_iter().filter_map(Result::err).collect();
    assert!(!refused.is_empty());
    for error in &refused {
        assert_eq!(error.code(), Some("SlowDown"), "{error:?}");
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
    }
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let answers = (0..20).map(|_| agent.get(&url).call().unwrap().body_mut().read_to_string().unwrap());
    let refusal = answers.into_iter().find(|answer| answer != "one").unwrap();
    assert!(refusal.contains("<Error><Code>SlowDown</Code>"), "{refusal}");
    put(&s3, "b/1", b"another folder".to_vec()).await;
}

#[tokio::test]
async fn bodies_take_their_time_and_arrive_whole() {
    let daemon = Daemon::start_behind(json!({ "first_byte_ms": 50, "instance_mb_s": 10 }));
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let data: Vec<u8> = (0..2_000_000_u32).map(|n| (n * 31 + n / 251) as u8).collect();
    // Never faster than the link; how much slower is the machine's affair.
    let least = Duration::from_millis(50 + 200 - 20);
    let begun = Instant::now();
    put(&s3, "data", data.clone()).await;
    assert!(begun.elapsed() >= least, "sent in {:?}", begun.elapsed());
    // An instance's own keys, with its token.
    let keys = Credentials::new(KEY_ID, SECRET, Some("an instance's".to_owned()), None, "test");
    let instance = Client::from_conf(s3.config().to_builder().credentials_provider(keys).build());
    for s3 in [&s3, &instance] {
        let begun = Instant::now();
        assert_eq!(get(s3, "data").await, data);
        assert!(begun.elapsed() >= least, "received in {:?}", begun.elapsed());
    }
    let listed = instance.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.contents()[0].key(), Some("data"));
}

#[tokio::test]
async fn a_burst_ends_and_what_it_carries_arrives_whole() {
    let network = json!({ "instance_mb_s": 10, "burst_mb": 2, "burst_mb_s": 100 });
    let daemon = Daemon::start_behind(network);
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let data: Vec<u8> = (0..4_000_000_u32).map(|n| (n * 31 + n / 251) as u8).collect();
    put(&s3, "data", data.clone()).await;
    let keys = Credentials::new(KEY_ID, SECRET, Some("an instance's".to_owned()), None, "test");
    let instance = Client::from_conf(s3.config().to_builder().credentials_provider(keys).build());
    // 2.2 MB in 22 ms at the most, and the rest at 10 MB/s; then at the most the half that came back, 1.1 MB.
    for least in [180, 290] {
        let begun = Instant::now();
        assert_eq!(get(&instance, "data").await, data);
        assert!(begun.elapsed() >= Duration::from_millis(least - 20), "received in {:?}", begun.elapsed());
    }
}

#[test]
fn a_project_behind_awss_network_answers_right_and_comes_nearer_again() {
    let project = Project::up("[local.network]\nprofile = \"aws\"\n");
    project.write("trips.csv", "id,city\n1,Berlin\n2,Paris\n3,Paris\n");
    project.quackctl(["load", "trips.csv", "--table", "trips", "--partition-by", "city"]).assert().success();
    let sql = "SELECT city, count(*)::INT AS n FROM trips GROUP BY ALL ORDER BY ALL";
    let expected = json!([{"city": "Berlin", "n": 1}, {"city": "Paris", "n": 2}]);
    assert_eq!(project.rows(sql), expected);
    assert_eq!(project.json(["up", "--json"])["changes"], json!([]));
    project.write("quack.toml", "[local.network]\nprofile = \"aws\"\nfirst_byte_ms = 0\n");
    project.quackctl(["up"]).assert().success().stdout(contains("local target on"));
    assert_eq!(project.rows(sql), expected);
}
