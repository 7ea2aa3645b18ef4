//! Hostile requests against the local target: all of `tests/attacks/http.txt`, and floods.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use aws_sdk_lambda::types::EnvironmentResponse;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use serde_json::{Value, json};

use crate::support::{Daemon, KEY_ID, SECRET, World, attacks, block_on, is_running};

/// What no answer to an attack may have in it.
const SECRET_TEXT: &str = "the secret is 42";

/// The most memory that the daemon may ever have taken, MB. It takes about 40 when nobody attacks.
const MEMORY_MAX_MB: u64 = 220;

fn lake() -> (Daemon, World) {
    let daemon = Daemon::start_granting(json!({
        "bucket": "the-lake",
        "write": ["_quack/results/", "exports/"],
        "delete": ["_quack/results/"],
    }));
    let runtime = block_on(async {
        let s3 = daemon.s3();
        for bucket in ["the-lake", "private"] {
            s3.create_bucket().bucket(bucket).send().await.unwrap();
            let put = s3.put_object().bucket(bucket).key("secret").body(SECRET_TEXT.as_bytes().to_vec().into());
            put.send().await.unwrap();
            s3.put_object().bucket(bucket).key("open").body(b"open".to_vec().into()).send().await.unwrap();
        }
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        s3.put_bucket_versioning().bucket("the-lake").versioning_configuration(on).send().await.unwrap();
        let lambda = daemon.create_function(256, 60, "").await;
        let env = invoke(&lambda, json!({ "do": "env" })).await["env"].clone();
        env["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap().to_owned()
    });
    let world = World {
        host: daemon.endpoint.trim_start_matches("http://").to_owned(),
        runtime,
        owner: (KEY_ID.to_owned(), SECRET.to_owned()),
        function: daemon.function_keys(),
    };
    (daemon, world)
}

async fn invoke(lambda: &aws_sdk_lambda::Client, event: Value) -> Value {
    let invoke = lambda.invoke().function_name("test").payload(event.to_string().into_bytes().into());
    serde_json::from_slice(invoke.send().await.unwrap().payload().unwrap().as_ref()).unwrap()
}

/// Everything that the daemon keeps, but what it says and what controls write.
fn kept(daemon: &Daemon) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut kept = BTreeMap::new();
    let mut folders = vec![daemon.dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let ignored = ["logs", "instances", "scratch", "control"];
            match path.is_dir() {
                true if ignored.iter().any(|name| path.ends_with(name)) => {}
                true => folders.push(path),
                false => drop(kept.insert(path.clone(), std::fs::read(path).unwrap())),
            }
        }
    }
    kept
}

fn pid(daemon: &Daemon) -> i32 {
    let endpoint = std::fs::read(daemon.dir.path().join("endpoint.json")).unwrap();
    serde_json::from_slice::<Value>(&endpoint).unwrap()["pid"].as_i64().unwrap() as i32
}

/// The most memory that the daemon ever had, MB.
fn memory_mb(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid(daemon))).unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(u64::MAX) >> 10
}

/// Fails unless the daemon does its work as if nothing had been, on the instance that there was, which nobody asked
/// in between.
fn assert_well(daemon: &Daemon, invocations: u64) {
    assert!(is_running(pid(daemon)));
    block_on(async {
        let secret = daemon.s3().get_object().bucket("the-lake").key("secret").send().await.unwrap();
        assert_eq!(secret.body.collect().await.unwrap().to_vec(), SECRET_TEXT.as_bytes());
        assert_eq!(invoke(&daemon.lambda(), json!({})).await["count"], invocations);
        let function = daemon.lambda().get_function_configuration().function_name("test").send().await.unwrap();
        let variables = function.environment().and_then(EnvironmentResponse::variables).unwrap();
        assert_eq!(variables.len(), 1);
    });
    let memory = memory_mb(daemon);
    assert!(memory < MEMORY_MAX_MB, "{memory} MB");
    eprintln!("the daemon had {memory} MB at most");
}

#[test]
fn attacks_over_http_are_refused_and_change_nothing() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks/http.txt")).unwrap();
    let attacks = attacks(&text);
    assert!(attacks.len() >= 120, "{}", attacks.len());
    let (daemon, world) = lake();
    let before = kept(&daemon);
    let mut failed = Vec::new();
    for attack in &attacks {
        let answer = attack.send(&world);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
        let control = attack.name.starts_with("control: ");
        let right = status.is_some_and(|status| attack.statuses.contains(&status)) && answer.contains(&attack.says);
        let answer: String = answer.chars().take(600).collect();
        if !right {
            failed.push(format!("{}: not {:?} {}: {answer}", attack.name, attack.statuses, attack.says));
        }
        if !control && (answer.contains(SECRET_TEXT) || answer.matches("HTTP/1.1 2").count() > 0) {
            failed.push(format!("{}: it got through: {answer}", attack.name));
        }
        if kept(&daemon) != before {
            failed.push(format!("{}: something has changed", attack.name));
            break;
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), attacks.len(), failed.join("\n"));
    assert_well(&daemon, 2);
}

#[test]
fn floods_fill_no_memory() {
    let (daemon, world) = lake();
    let now = chrono::Utc::now();
    let large = vec![b'x'; 6 << 20];
    std::thread::scope(|scope| {
        // Bodies for Lambda: of nobody; and of one who knows the key's name and not its secret.
        for authorization in [
            String::new(),
            format!(
                "x-amz-date: {}\r\nauthorization: AWS4-HMAC-SHA256 Credential={KEY_ID}/{}/us-east-1/lambda/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={}\r\n",
                now.format("%Y%m%dT%H%M%SZ"),
                now.format("%Y%m%d"),
                "0".repeat(64)
            ),
        ] {
            for (n, length) in [(40, 6 << 20), (40, 32 << 20)] {
                for _ in 0..n {
                    let (host, large, authorization) = (&world.host, &large, authorization.clone());
                    scope.spawn(move || {
                        let mut stream = TcpStream::connect(host).unwrap();
                        let head = format!(
                            "POST /2015-03-31/functions/test/invocations HTTP/1.1\r\nhost: {host}\r\n\
                             content-length: {length}\r\n{authorization}\r\n"
                        );
                        if stream.write_all(head.as_bytes()).is_err() {
                            return;
                        }
                        for _ in 0..length / large.len() {
                            if stream.write_all(large).is_err() {
                                return;
                            }
                        }
                        let mut answer = String::new();
                        let _ = stream.read_to_string(&mut answer);
                        assert!(!answer.contains(" 200 "), "{answer}");
                    });
                }
            }
        }
    });
    assert_well(&daemon, 2);
}
