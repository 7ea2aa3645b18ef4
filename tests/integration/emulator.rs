//! What the tests against AWS stand on: emulators keep to themselves, and the proxy does what it is told.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{DUMMY_KEY, Emulator, Moment, Proxy, s3, sdk};
use aws_config::SdkConfig;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

#[tokio::test]
async fn emulators_share_nothing() {
    let (one, other) = (Emulator::start(), Emulator::start());
    let empty = one.inventory().await;
    s3(&one.sdk()).create_bucket().bucket("only-here").send().await.unwrap();
    let with_bucket = one.inventory().await;
    assert_eq!(with_bucket.difference(&empty).collect::<Vec<_>>(), ["bucket only-here"]);
    assert_eq!(other.inventory().await, empty);
}

fn through(proxy: &Proxy) -> SdkConfig {
    sdk(&proxy.endpoint, DUMMY_KEY, DUMMY_KEY)
}

#[tokio::test]
async fn the_proxy_passes_on_and_takes_note() {
    let emulator = Emulator::start();
    let proxy = Proxy::start(&emulator.endpoint);
    let sdk = through(&proxy);
    let s3 = s3(&sdk);
    s3.create_bucket().bucket("lake").send().await.unwrap();
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    s3.put_object().bucket("lake").key("large").body(large.clone().into()).send().await.unwrap();
    let object = s3.get_object().bucket("lake").key("large").send().await.unwrap();
    assert!(object.body.collect().await.unwrap().into_bytes() == large);
    aws_sdk_cloudformation::Client::new(&sdk).list_stacks().send().await.unwrap();
    aws_sdk_cloudwatchlogs::Client::new(&sdk).describe_log_groups().send().await.unwrap();
    aws_sdk_lambda::Client::new(&sdk).list_functions().send().await.unwrap();
    assert_eq!(
        proxy.calls().iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "s3 PUT /lake/",
            "s3 PUT /lake/large",
            "s3 GET /lake/large",
            "cloudformation ListStacks",
            "logs DescribeLogGroups",
            "lambda GET /2015-03-31/functions"
        ]
    );
    assert_eq!(proxy.calls(), []);
}

#[tokio::test]
async fn a_call_is_held_before_or_after_it_is_done() {
    let emulator = Emulator::start();
    let proxy = Proxy::start(&emulator.endpoint);
    let direct = s3(&emulator.sdk());
    for (bucket, moment) in [("before", Moment::Before), ("after", Moment::After)] {
        let held = proxy.hold(1, moment);
        let client = s3(&through(&proxy));
        client.list_buckets().send().await.unwrap();
        assert_eq!(held.call(), None);
        let call = tokio::spawn(client.create_bucket().bucket(bucket).send());
        let told = tokio::task::spawn_blocking(move || held.wait()).await.unwrap();
        assert_eq!(told.to_string(), format!("s3 PUT /{bucket}/"));
        let is_there = direct.head_bucket().bucket(bucket).send().await.is_ok();
        assert_eq!(is_there, moment == Moment::After);
        assert!(!call.is_finished());
        call.abort();
    }
}

/// How calls of each service end when all go wrong, in order.
async fn outcomes(seed: u64) -> Vec<String> {
    let emulator = Emulator::start();
    let proxy = Proxy::start(&emulator.endpoint);
    proxy.fail(1.0, seed);
    let sdk = through(&proxy);
    let lambda = aws_sdk_lambda::Client::new(&sdk);
    let cloudformation = aws_sdk_cloudformation::Client::new(&sdk);
    let ecr = aws_sdk_ecr::Client::new(&sdk);
    let s3 = s3(&sdk);
    let mut found = Vec::new();
    for _ in 0..20 {
        found.push(outcome("lambda", lambda.list_functions().send().await));
        found.push(outcome("cloudformation", cloudformation.list_stacks().send().await));
        found.push(outcome("ecr", ecr.describe_repositories().send().await));
        found.push(outcome("s3", s3.list_buckets().send().await));
    }
    assert_eq!(proxy.heal(), 80);
    found
}

fn outcome<T, E>(service: &str, result: Result<T, aws_sdk_lambda::error::SdkError<E>>) -> String
where
    aws_sdk_lambda::error::SdkError<E>: ProvideErrorMetadata,
{
    use aws_sdk_lambda::error::SdkError;
    let code = result.as_ref().err().and_then(|error| error.code()).map(str::to_owned);
    let how = match (result, code) {
        (Ok(_), _) => "delayed".to_owned(),
        (Err(_), Some(code)) => code,
        (Err(SdkError::DispatchFailure(_)), _) => "cut".to_owned(),
        (Err(SdkError::ResponseError(_)), _) => "truncated".to_owned(),
        (Err(_), None) => "unknown".to_owned(),
    };
    format!("{service} {how}")
}

#[tokio::test]
async fn faults_are_those_of_the_services_and_the_same_for_a_seed() {
    let (found, again, others) = futures::join!(outcomes(7), outcomes(7), outcomes(8));
    assert_eq!(found, again);
    assert_ne!(found, others);
    let kinds: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let of = |service: &str| kinds.iter().filter_map(|kind| kind.strip_prefix(service)).collect::<Vec<_>>();
    assert_eq!(of("lambda "), ["ServiceException", "TooManyRequestsException", "cut", "delayed", "truncated"]);
    let named = ["InternalFailure", "ServiceUnavailable", "Throttling", "cut", "delayed", "truncated"];
    assert_eq!(of("cloudformation "), named);
    let named = ["InternalFailure", "ServiceUnavailable", "ThrottlingException", "cut", "delayed", "truncated"];
    assert_eq!(of("ecr "), named);
    assert_eq!(of("s3 "), ["InternalError", "SlowDown", "cut", "delayed", "truncated"]);
}

#[tokio::test]
async fn clients_that_try_again_come_through() {
    let emulator = Emulator::start();
    let proxy = Proxy::start(&emulator.endpoint);
    proxy.fail(0.3, 1);
    let retries = RetryConfig::standard().with_max_attempts(8).with_initial_backoff(Duration::from_millis(10));
    let s3 = s3(&through(&proxy).to_builder().retry_config(retries).build());
    s3.create_bucket().bucket("lake").send().await.unwrap();
    for n in 0..40 {
        s3.put_object().bucket("lake").key(n.to_string()).body(vec![0; 100].into()).send().await.unwrap();
    }
    assert!(proxy.heal() > 5);
    let listed = s3.list_objects_v2().bucket("lake").send().await.unwrap();
    assert_eq!(listed.contents().len(), 40);
}
