//! The local target's Lambda API, through AWS's own client, with a bootstrap that does what each event asks for.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Daemon, KEY_ID, SECRET};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::types::{InvocationType, LogType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

async fn invoke(lambda: &Client, event: Value) -> InvokeOutput {
    let invoke = lambda.invoke().function_name("test").log_type(LogType::Tail);
    invoke.payload(event.to_string().into_bytes().into()).send().await.unwrap()
}

fn payload(output: &InvokeOutput) -> Value {
    serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap()
}

fn log(output: &InvokeOutput) -> String {
    String::from_utf8(STANDARD.decode(output.log_result().unwrap()).unwrap()).unwrap()
}

/// What failed, as `(errorType, errorMessage)`.
fn failure(output: &InvokeOutput) -> (String, String) {
    assert_eq!(output.function_error(), Some("Unhandled"));
    let error = payload(output);
    let field = |name: &str| error[name].as_str().unwrap().to_owned();
    (field("errorType"), field("errorMessage"))
}

fn is_alive(pid: &Value) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Waits for `done`; panics if it does not come about.
fn eventually(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "it did not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn an_invocation_may_take_longer_than_connections_may_idle_elsewhere() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(256, 60, "").await;
    // HTTP servers like to close what was silent for half a minute.
    let slow = invoke(&lambda, json!({ "do": "sleep", "seconds": 32 })).await;
    assert_eq!((slow.function_error(), payload(&slow)["count"].as_u64()), (None, Some(1)));
}

#[tokio::test]
async fn an_instance_starts_cold_and_serves_again_warm() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(256, 10, "").await;
    let cold = invoke(&lambda, json!({ "do": "print", "text": "hello" })).await;
    assert_eq!((payload(&cold)["count"].as_u64(), cold.executed_version()), (Some(1), Some("$LATEST")));
    let lines = log(&cold);
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].starts_with("START RequestId: ") && lines[0].ends_with(" Version: $LATEST"), "{lines:?}");
    assert_eq!(lines[1], "hello");
    assert!(lines[2].starts_with("END RequestId: "), "{lines:?}");
    let report: Vec<&str> = lines[3].split('\t').collect();
    assert!(report[0].starts_with("REPORT RequestId: ") && report[1].starts_with("Duration: "), "{report:?}");
    assert!(report[2].starts_with("Billed Duration: ") && report[3] == "Memory Size: 256 MB", "{report:?}");
    assert!(report[4].starts_with("Max Memory Used: ") && report[5].starts_with("Init Duration: "), "{report:?}");
    let warm = invoke(&lambda, json!({})).await;
    assert_eq!(payload(&warm)["pid"], payload(&cold)["pid"]);
    assert_eq!(payload(&warm)["count"], 2);
    assert!(!log(&warm).contains("Init Duration") && !log(&warm).contains("hello"));
}

#[tokio::test]
async fn the_environment_is_lambdas_and_nothing_of_the_callers() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(256, 10, "").await;
    let answer = payload(&invoke(&lambda, json!({ "do": "env" })).await);
    let env = &answer["env"];
    assert_eq!(env["AWS_LAMBDA_FUNCTION_NAME"], "test");
    assert_eq!(env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    assert_eq!(env["AWS_ENDPOINT_URL_S3"], daemon.endpoint);
    let key_id = env["AWS_ACCESS_KEY_ID"].as_str().unwrap();
    assert!(key_id != KEY_ID && key_id.starts_with("QUAK"), "{key_id}");
    let token = env["AWS_SESSION_TOKEN"].as_str().unwrap().to_owned();
    assert_eq!((&env["TZ"], &env["INIT"]), (&json!(":UTC"), &json!("")));
    assert!(env.get("HOME").is_none() && env.get("CARGO_MANIFEST_DIR").is_none(), "{env}");
    let temporary = env["TMPDIR"].as_str().unwrap().to_owned();
    assert!(Path::new(&temporary).is_dir());
    invoke(&lambda, json!({ "do": "kill" })).await;
    eventually(|| !Path::new(&temporary).exists());
    let next = payload(&invoke(&lambda, json!({ "do": "env" })).await);
    assert_ne!(next["env"]["AWS_SESSION_TOKEN"], token, "two instances of one token");
}

#[tokio::test]
async fn instances_that_fail_give_lambdas_errors_and_serve_no_more() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(128, 1, "").await;
    let first = payload(&invoke(&lambda, json!({})).await)["pid"].clone();
    let (kind, message) = failure(&invoke(&lambda, json!({ "do": "exit", "status": 3 })).await);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.ends_with(" Error: Runtime exited with error: exit status 3"), "{message}");
    let (kind, message) = failure(&invoke(&lambda, json!({ "do": "kill" })).await);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.ends_with("signal: killed"), "{message}");
    let slow = invoke(&lambda, json!({ "do": "sleep", "seconds": 60 })).await;
    let (kind, message) = failure(&slow);
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(message.ends_with("Task timed out after 1.00 seconds"), "{message}");
    assert!(log(&slow).contains("Status: timeout"));
    let (kind, message) = failure(&invoke(&lambda, json!({ "do": "memory", "mb": 300, "seconds": 60 })).await);
    assert_eq!(kind, "Runtime.OutOfMemory", "{message}");
    assert!(message.ends_with("signal: killed"), "{message}");
    // An error that the function itself reports leaves the instance well.
    let before = payload(&invoke(&lambda, json!({})).await);
    assert_eq!(failure(&invoke(&lambda, json!({ "do": "error" })).await), ("Test.Error".into(), "as asked".into()));
    let after = payload(&invoke(&lambda, json!({})).await);
    assert_eq!((&after["pid"], after["count"].as_u64()), (&before["pid"], Some(3)));
    assert!(!is_alive(&first));
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(128, 5, "exit").await;
    let (kind, message) = failure(&invoke(&lambda, json!({})).await);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.ends_with("exit status 7"), "{message}");
    lambda.delete_function().function_name("test").send().await.unwrap();
    let lambda = daemon.create_function(128, 5, "error").await;
    assert_eq!(failure(&invoke(&lambda, json!({})).await), ("Test.Init".into(), "cannot".into()));
}

#[tokio::test]
async fn a_start_that_takes_longer_than_ten_seconds_is_no_failure_yet() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(128, 30, "slow").await;
    let slow = invoke(&lambda, json!({})).await;
    assert_eq!((slow.function_error(), payload(&slow)["count"].as_u64()), (None, Some(1)));
}

#[tokio::test]
async fn payloads_have_lambdas_limits() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(512, 10, "").await;
    let most = 6_291_556 - 2;
    let fits = invoke(&lambda, json!({ "do": "large", "bytes": most })).await;
    assert_eq!(fits.payload().unwrap().as_ref().len(), most + 2);
    let (kind, _) = failure(&invoke(&lambda, json!({ "do": "large", "bytes": most + 1 })).await);
    assert_eq!(kind, "Function.ResponseSizeTooLarge");
    let send = |bytes: Vec<u8>| lambda.invoke().function_name("test").payload(bytes.into()).send();
    let large = send(format!("\"{}\"", "x".repeat(6_291_456)).into_bytes()).await.unwrap_err();
    assert_eq!(large.raw_response().unwrap().status().as_u16(), 413);
    assert!(large.into_service_error().is_request_too_large_exception());
    let bad = send(b"{not json".to_vec()).await.unwrap_err();
    assert!(bad.into_service_error().is_invalid_request_content_exception());
}

#[tokio::test]
async fn each_instance_serves_one_at_a_time_and_no_more_than_allowed() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(256, 20, "").await;
    let limit = lambda.put_function_concurrency().function_name("test").reserved_concurrent_executions(3);
    limit.send().await.unwrap();
    let gate = daemon.dir.path().join("gate");
    let event = json!({ "do": "wait", "path": gate }).to_string().into_bytes();
    let mut requests: FuturesUnordered<_> =
        (0..8).map(|_| lambda.invoke().function_name("test").payload(event.clone().into()).send()).collect();
    for _ in 0..5 {
        // Those that are served wait at the gate, so that the refused come first.
        let refused = requests.next().await.unwrap().unwrap_err();
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 429);
        assert!(refused.into_service_error().is_too_many_requests_exception());
    }
    std::fs::write(gate, "").unwrap();
    let mut pids = Vec::new();
    while let Some(served) = requests.next().await {
        let answer = payload(&served.unwrap());
        assert_eq!(answer["count"], 1);
        pids.push(answer["pid"].to_string());
    }
    pids.sort();
    pids.dedup();
    assert_eq!(pids.len(), 3);
}

#[tokio::test]
async fn the_api_is_lambdas() {
    let daemon = Daemon::start();
    let missing = daemon.lambda().get_function().function_name("test").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    let lambda = daemon.create_function(256, 10, "").await;
    let twice = lambda.create_function().function_name("test").role("r");
    let code = aws_sdk_lambda::types::FunctionCode::builder().image_uri("dir:/nowhere").build();
    let twice = twice.package_type("Image".into()).code(code).send().await.unwrap_err();
    assert!(twice.into_service_error().is_invalid_parameter_value_exception());
    let first = payload(&invoke(&lambda, json!({})).await)["pid"].clone();
    let update = lambda.update_function_configuration().function_name("test").memory_size(300).send().await.unwrap();
    assert_eq!((update.memory_size(), update.timeout()), (Some(300), Some(10)));
    let second = payload(&invoke(&lambda, json!({})).await)["pid"].clone();
    assert_ne!(first, second);
    eventually(|| !is_alive(&first));
    let later = lambda.invoke().function_name("test").invocation_type(InvocationType::Event);
    assert_eq!(later.payload(b"{}".to_vec().into()).send().await.unwrap().status_code(), 202);
    let dry = lambda.invoke().function_name("test").invocation_type(InvocationType::DryRun).send().await.unwrap();
    assert_eq!(dry.status_code(), 204);
    assert_eq!(lambda.list_functions().send().await.unwrap().functions().len(), 1);
    lambda.delete_function().function_name("test").send().await.unwrap();
    assert!(lambda.get_function().function_name("test").send().await.is_err());
}

#[tokio::test]
async fn without_the_right_keys_nothing_is_invoked() {
    let daemon = Daemon::start();
    daemon.create_function(256, 10, "").await;
    for (key_id, secret, code) in
        [(KEY_ID, "wrong", "InvalidSignatureException"), ("stranger", SECRET, "UnrecognizedClientException")]
    {
        let refused = daemon.lambda_as(key_id, secret).invoke().function_name("test").send().await.unwrap_err();
        assert_eq!(refused.code(), Some(code));
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
    }
    let url = format!("{}/2015-03-31/functions/test/invocations", daemon.endpoint);
    assert!(matches!(ureq::post(&url).send("{}"), Err(ureq::Error::StatusCode(403))));
}

#[tokio::test]
async fn instances_die_with_a_daemon_that_is_killed_and_functions_do_not() {
    let mut daemon = Daemon::start();
    let lambda = daemon.create_function(256, 10, "").await;
    let pid = payload(&invoke(&lambda, json!({})).await)["pid"].clone();
    daemon.kill();
    eventually(|| !is_alive(&pid));
    let dir = std::mem::replace(&mut daemon.dir, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(dir, 300);
    assert_eq!(payload(&invoke(&daemon.lambda(), json!({})).await)["count"], 1);
}

#[tokio::test]
async fn instances_without_work_end() {
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), 1);
    let lambda = daemon.create_function(256, 10, "").await;
    let pid = payload(&invoke(&lambda, json!({})).await)["pid"].clone();
    eventually(|| !is_alive(&pid));
    assert_eq!(payload(&invoke(&lambda, json!({})).await)["count"], 1);
}
