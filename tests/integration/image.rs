//! The function as an image: what lies in the registry runs by itself, in its own root.

use std::path::{Path, PathBuf};

use crate::support::{Emulator, Files, Project, block_on, layer, libraries, pull_back, push_image};
use serde_json::json;

#[test]
fn an_image_that_was_pulled_back_answers_a_query() {
    let emulator = Emulator::start();
    let project = Project::new("");
    let built = project.json(["build", "--json"]);
    let artifact = Path::new(built["dir"].as_str().unwrap());
    let own: Files = ["bootstrap", "lib/libduckdb.so", "extensions/httpfs.duckdb_extension"]
        .map(|name| (format!("var/task/{name}"), artifact.join(name)))
        .into();
    let needed = libraries(&own.iter().map(|(_, path)| path.clone()).collect::<Vec<PathBuf>>());
    let repository = format!("{}/function", emulator.endpoint.trim_start_matches("http://"));
    let unpacked = block_on(async {
        let ecr = aws_sdk_ecr::Client::new(&emulator.sdk());
        ecr.create_repository().repository_name("function").send().await.unwrap();
        let run = json!({ "Entrypoint": ["/var/task/bootstrap"], "WorkingDir": "/var/task" });
        let digest = push_image(&format!("{repository}:1"), vec![layer(&needed), layer(&own)], run).await;
        pull_back(&format!("{repository}@{digest}")).await
    });
    let variables = [
        ("QUACK_BUCKET", "lake"),
        ("AWS_ENDPOINT_URL_S3", &emulator.endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let Some(instance) = unpacked.run(&variables) else { return };
    assert_eq!(instance.rows("SELECT 40 + 2 AS answer"), json!([{ "answer": 42 }]));
}
