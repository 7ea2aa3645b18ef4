//! What only AWS has: a plan from a change set, replacements, versions of objects, images.

mod support;

use predicates::str::contains;
use serde_json::{Value, json};
use support::{Account, Place, Project, block_on, s3, text};

/// What `plan` finds, and its exit code.
fn plan(project: &Project) -> (Value, i32) {
    let output = project.quackctl(["plan", "--json"]).output().unwrap();
    let code = output.status.code().unwrap();
    assert!(code == 0 || code == 2, "{}", text(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), code)
}

/// Calls to AWS, as text, which change something there.
fn writes(account: &Account) -> Vec<String> {
    let calls = account.proxy.calls().into_iter();
    calls.filter(|call| call.writes()).map(|call| call.to_string()).collect()
}

#[test]
fn plan_shows_what_changed_and_nothing_else() {
    let project = Project::at(Place::Aws, "");
    let (all, code) = plan(&project);
    assert_eq!(code, 2);
    assert!(all["changes"].as_array().unwrap().iter().all(|change| change["action"] == "add"), "{all}");
    assert_eq!(project.account().left(), [""; 0], "plan leaves something behind");

    project.quackctl(["up"]).assert().success();
    let (none, code) = plan(&project);
    assert_eq!((&none["changes"], code), (&json!([]), 0));
    project.quackctl(["plan"]).assert().code(0).stdout(contains("no changes"));

    project.write("quack.toml", "[function]\nmemory_mb = 640\n");
    let before = project.account().left();
    let (one, code) = plan(&project);
    assert_eq!(code, 2);
    let changes = one["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{one}");
    assert_eq!((&changes[0]["action"], &changes[0]["resource"]), (&json!("modify"), &json!("Function")));
    let memory = json!([{"name": "MemorySize", "before": "2048", "after": "640", "replaces": false}]);
    assert_eq!(changes[0]["properties"], memory);
    assert_eq!(project.account().left(), before, "plan leaves something behind");
    assert_eq!(project.account().function("quack-lake-dev").memory_size(), Some(2048));

    project.quackctl(["up"]).assert().success();
    assert_eq!(project.account().function("quack-lake-dev").memory_size(), Some(640));
    assert_eq!(plan(&project).1, 0);
    project.quackctl(["logs"]).assert().success().stdout(contains("REPORT RequestId:"));
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["quack.toml"]);
}

#[test]
fn a_second_up_writes_nothing() {
    let project = Project::up_at(Place::Aws, "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 1000\n");
    assert!(!writes(project.account()).is_empty());
    project.quackctl(["up"]).assert().success().stdout(contains("nothing to change"));
    assert_eq!(writes(project.account()), [""; 0]);
}

#[test]
fn another_bucket_is_a_replacement_and_needs_a_yes() {
    let project = Project::up_at(Place::Aws, "");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    project.write("quack.toml", "[lake]\nbucket = \"another-lake\"\n");
    let (planned, code) = plan(&project);
    assert_eq!(code, 2);
    let changes = planned["changes"].as_array().unwrap();
    let bucket = changes.iter().find(|change| change["resource"] == "Bucket").unwrap();
    assert_eq!(bucket["action"], "replace");
    project.quackctl(["up"]).assert().code(1).stderr(contains("--yes"));
    assert!(!project.account().left().contains(&"bucket another-lake".to_owned()));
    project.write("quack.toml", "");
    assert_eq!(project.rows("SELECT x FROM one"), json!([{"x": 1}]));
}

#[test]
fn down_deletes_every_version() {
    let project = Project::up_at(Place::Aws, "");
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let client = s3(&project.account().emulator.sdk());
    block_on(async {
        let versioning = aws_sdk_s3::types::VersioningConfiguration::builder()
            .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
            .build();
        client.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioning).send().await.unwrap();
        for _ in 0..2 {
            client.put_object().bucket(&bucket).key("note").body(b"text".to_vec().into()).send().await.unwrap();
        }
        client.delete_object().bucket(&bucket).key("note").send().await.unwrap();
        client.create_multipart_upload().bucket(&bucket).key("unfinished").send().await.unwrap();
    });
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["quack.toml"]);
}
