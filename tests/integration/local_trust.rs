//! The local target between parties that do not trust each other: the owner, the function, other processes of this
//! machine.

#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};

use crate::support::{Daemon, Project};

const BUCKET: &str = "the-lake";

async fn invoke(lambda: &aws_sdk_lambda::Client, event: Value) -> InvokeOutput {
    lambda.invoke().function_name("test").payload(event.to_string().into_bytes().into()).send().await.unwrap()
}

fn payload(output: &InvokeOutput) -> Value {
    serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap()
}

/// Sends `request` and returns all that comes back.
fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A connection that is broken off after the answer is an answer too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_instance_asks_its_runtime_api() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(256, 60, "").await;
    let env = payload(&invoke(&lambda, json!({ "do": "env" })).await)["env"].clone();
    let api = env["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap().to_owned();
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {api}\r\n\r\n");
    // While it waits for work: another process would get the query.
    assert!(raw(&api, &next).starts_with("HTTP/1.1 403"), "this process is not the instance");
    // While it works: another process would forge the answer.
    let gate = daemon.dir.path().join("gate");
    let event = json!({ "do": "wait", "path": gate }).to_string().into_bytes();
    let waiting = tokio::spawn(lambda.invoke().function_name("test").payload(event.into()).send());
    let log = daemon.dir.path().join("logs/test.log");
    let id = loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let ids: Vec<&str> = text.lines().filter_map(|line| line.split("START RequestId: ").nth(1)).collect();
        if let [_, second] = ids.as_slice() {
            break second.split(' ').next().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    for end in ["response", "error"] {
        let forged = format!(
            "POST /2018-06-01/runtime/invocation/{id}/{end} HTTP/1.1\r\nhost: {api}\r\ncontent-length: 8\r\n\r\n\"forged\""
        );
        assert!(raw(&api, &forged).starts_with("HTTP/1.1 403"));
    }
    // Another instance of the same function, a child of the same daemon, is another process still.
    let url = format!("{api}/2018-06-01/runtime/invocation/{id}/response");
    let other = payload(&invoke(&lambda, json!({ "do": "fetch", "url": url, "method": "POST", "body": "1" })).await);
    assert_eq!(other["fetched"], 403);
    std::fs::write(&gate, "").unwrap();
    let answer = payload(&waiting.await.unwrap().unwrap());
    assert_eq!((answer["count"].as_u64(), &answer["event"]["do"]), (Some(2), &json!("wait")));
}

#[tokio::test]
async fn the_functions_keys_are_good_for_its_own_folders_only() {
    let daemon = Daemon::start_granting(json!({
        "bucket": BUCKET,
        "write": ["_quack/results/", "exports/"],
        "delete": ["_quack/results/"],
        "read": [{ "bucket": "another", "prefix": "open/" }],
    }));
    let owner = daemon.s3();
    let (key_id, secret) = daemon.function_keys();
    let function = daemon.s3_as(&key_id, &secret);
    for bucket in [BUCKET, "another", "closed"] {
        owner.create_bucket().bucket(bucket).send().await.unwrap();
        for key in ["open/1", "tables/t/a.parquet", "_quack/catalog.json"] {
            owner.put_object().bucket(bucket).key(key).body(ByteStream::from_static(b"1")).send().await.unwrap();
        }
    }
    let body = || ByteStream::from_static(b"2");
    let denied = |code: Option<&str>| assert_eq!(code, Some("AccessDenied"));
    function.get_object().bucket(BUCKET).key("tables/t/a.parquet").send().await.unwrap();
    function.head_object().bucket(BUCKET).key("_quack/catalog.json").send().await.unwrap();
    function.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    function.get_object().bucket("another").key("open/1").send().await.unwrap();
    function.list_objects_v2().bucket("another").prefix("open/").send().await.unwrap();
    for (bucket, key) in [("another", "tables/t/a.parquet"), ("closed", "open/1"), ("another", "open")] {
        denied(function.get_object().bucket(bucket).key(key).send().await.unwrap_err().code());
    }
    denied(function.list_objects_v2().bucket("another").send().await.unwrap_err().code());
    denied(function.list_buckets().send().await.unwrap_err().code());
    for key in ["_quack/catalog.json", "tables/t/a.parquet", "_quack/functions/f.zip", "new", "exports", "../exports/x"]
    {
        denied(function.put_object().bucket(BUCKET).key(key).body(body()).send().await.unwrap_err().code());
        denied(function.create_multipart_upload().bucket(BUCKET).key(key).send().await.unwrap_err().code());
        denied(function.delete_object().bucket(BUCKET).key(key).send().await.unwrap_err().code());
    }
    denied(function.put_object().bucket("another").key("open/2").body(body()).send().await.unwrap_err().code());
    for key in ["_quack/results/1.parquet", "exports/a/b.csv"] {
        function.put_object().bucket(BUCKET).key(key).body(body()).send().await.unwrap();
    }
    let copy = function.copy_object().bucket(BUCKET).key("exports/c").copy_source("closed/open/1");
    denied(copy.send().await.unwrap_err().code());
    function.delete_object().bucket(BUCKET).key("_quack/results/1.parquet").send().await.unwrap();
    denied(function.delete_object().bucket(BUCKET).key("exports/a/b.csv").send().await.unwrap_err().code());
    denied(function.delete_bucket().bucket("closed").send().await.unwrap_err().code());
    let lambda = daemon.lambda_as(&key_id, &secret);
    let refused = lambda.list_functions().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("UnrecognizedClientException"));
    let unchanged = owner.get_object().bucket(BUCKET).key("_quack/catalog.json").send().await.unwrap();
    assert_eq!(unchanged.body.collect().await.unwrap().to_vec(), b"1");
}

#[test]
fn sql_writes_its_exports_and_nothing_else() {
    let project = Project::up("");
    project.quackctl(["load", "--sample", "taxi", "--rows", "100", "--table", "trips"]).assert().success();
    let before = project.files();
    for key in ["_quack/catalog.json", "tables/trips/x.parquet", "_quack/functions/f.zip", "x.csv"] {
        let sql = format!("COPY (SELECT 1 AS a) TO 's3://quack-lake-dev/{key}'");
        project.quackctl(["query", &sql]).assert().failure();
    }
    project.quackctl(["query", "COPY (SELECT 1 AS a) TO 's3://quack-lake-dev/exports/x.csv'"]).assert().success();
    let after: Vec<String> = project.files().into_iter().filter(|file| !before.contains(file)).collect();
    assert!(after.iter().any(|file| file.ends_with("quack-lake-dev/exports/x.csv")), "{after:?}");
    assert!(after.iter().all(|file| file.contains("/exports/") || !file.contains("/buckets/")), "{after:?}");
    assert_eq!(project.rows("SELECT count(*) AS n FROM trips")[0]["n"], 100);
    // The second wall: a function that judges nothing itself finds S3 closed.
    crate::support::block_on(unguarded(&project));
    for key in ["_quack/catalog.json", "tables/trips/x.parquet"] {
        let sql = format!("COPY (SELECT 1 AS a) TO 's3://quack-lake-dev/{key}'");
        project.quackctl(["query", &sql]).assert().failure().stderr(predicates::str::contains("403"));
    }
    assert_eq!(project.rows("SELECT count(*) AS n FROM trips")[0]["n"], 100);
    // A result that is too large for a response still finds its way.
    let large = project.rows("SELECT repeat('x', 1000) AS x FROM range(8000)");
    assert_eq!(large.as_array().unwrap().len(), 8000);
}

/// Tells the function that it may write to the whole bucket.
async fn unguarded(project: &Project) {
    let status = project.json(["status", "--json"]);
    let lambda = aws_sdk_lambda::Client::new(&project.sdk(&status));
    let function = lambda.get_function_configuration().function_name("quack-lake-dev").send().await.unwrap();
    let mut variables = function.environment.unwrap().variables.unwrap();
    variables.insert("QUACK_WRITE".to_owned(), "s3://quack-lake-dev/".to_owned());
    let environment = aws_sdk_lambda::types::Environment::builder().set_variables(Some(variables)).build();
    let update = lambda.update_function_configuration().function_name("quack-lake-dev").environment(environment);
    update.send().await.unwrap();
}

#[tokio::test]
async fn an_instance_that_takes_more_disk_than_it_has_ends() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(256, 60, "").await;
    let fits = payload(&invoke(&lambda, json!({ "do": "disk", "mb": 100, "seconds": 0.3 })).await);
    assert_eq!(fits["count"], 1);
    let full = invoke(&lambda, json!({ "do": "disk", "mb": 500, "seconds": 60 })).await;
    assert_eq!(full.function_error(), Some("Unhandled"));
    let error = payload(&full);
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("no space left on device: /tmp holds 512 MB (EphemeralStorage)"), "{message}");
    assert_eq!(payload(&invoke(&lambda, json!({})).await)["count"], 1, "a new instance, with an empty disk");
}

#[tokio::test]
async fn functions_and_their_environments_are_bounded() {
    let daemon = Daemon::start();
    let lambda = daemon.create_function(256, 60, "").await;
    let code = |function: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/support/artifact");
        let code = aws_sdk_lambda::types::FunctionCode::builder().image_uri(format!("dir:{}", folder.display()));
        lambda.create_function().function_name(function).role("r").package_type("Image".into()).code(code.build())
    };
    for n in 1..100 {
        code(&format!("f{n}")).send().await.unwrap();
    }
    assert_eq!(code("more").send().await.unwrap_err().code(), Some("CodeStorageExceededException"));
    let variables = aws_sdk_lambda::types::Environment::builder().variables("A", "x".repeat(4096)).build();
    let large = lambda.update_function_configuration().function_name("test").environment(variables).send().await;
    assert!(large.unwrap_err().into_service_error().is_invalid_parameter_value_exception());
}

#[test]
fn everything_is_for_the_owner_alone() {
    let project = Project::up("");
    project.quackctl(["load", "--sample", "taxi", "--rows", "100", "--table", "trips"]).assert().success();
    project.rows("SELECT repeat('x', 1000) AS x FROM range(8000)");
    let mut folders = vec![project.dir().join(".quack")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).chain([folder.clone()]) {
            let metadata = path.symlink_metadata().unwrap();
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
            seen += 1;
            if metadata.is_dir() && path != folder {
                folders.push(path);
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn clients_that_stay_silent_are_let_go() {
    let daemon = Daemon::start();
    let address = daemon.endpoint.trim_start_matches("http://").to_owned();
    // More than may be there without a right signature: the oldest are closed at once.
    let mut idle: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&address).unwrap()).collect();
    idle[0].set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(idle[0].read(&mut [0]).unwrap_or(0), 0);
    // Half a head, half a body, and nothing: each is closed in time.
    let half = [
        "GET /the-lake HTTP/1.1\r\nhost: ".to_owned(),
        String::new(),
        format!(
            "POST /2015-03-31/functions HTTP/1.1\r\nhost: {address}\r\ncontent-length: 99\r\nx-amz-date: {now}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={key}/{day}/us-east-1/lambda/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={zeros}\r\n\r\n{{",
            key = crate::support::KEY_ID,
            now = chrono::Utc::now().format("%Y%m%dT%H%M%SZ"),
            day = chrono::Utc::now().format("%Y%m%d"),
            zeros = "0".repeat(64),
        ),
    ];
    let started = Instant::now();
    let mut slow: Vec<TcpStream> = half
        .iter()
        .map(|text| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(45))).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            stream
        })
        .collect();
    for stream in &mut slow {
        let _ = stream.read_to_end(&mut Vec::new()).unwrap_or(0);
    }
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    assert!(started.elapsed() > Duration::from_secs(20), "a client may think for a while");
}
