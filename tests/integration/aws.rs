//! What only AWS has: a plan from a change set, replacements, versions of objects, images.

use crate::support::{DUMMY_KEY, Place, Project, block_on, pull_back, s3, text};
use aws_sdk_lambda::types::PackageType;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

/// What `plan` finds, and its exit code.
fn plan(project: &Project) -> (Value, i32) {
    let output = project.quackctl(["plan", "--json"]).output().unwrap();
    let code = output.status.code().unwrap();
    assert!(code == 0 || code == 2, "{}", text(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), code)
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
    assert_eq!(project.account().memory_mb("quack-lake-dev"), Some(2048));

    project.quackctl(["up"]).assert().success();
    assert_eq!(project.account().memory_mb("quack-lake-dev"), Some(640));
    assert_eq!(plan(&project).1, 0);
    project.quackctl(["logs"]).assert().success().stdout(contains("REPORT RequestId:"));
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["quack.toml"]);
}

#[test]
fn tags_of_ones_own_come_change_and_go_and_outputs_say_where_it_is() {
    let project = Project::up_at(Place::Aws, "[aws]\ntags = [\"team=data\"]\n");
    let stacks = aws_sdk_cloudformation::Client::new(&project.account().emulator.sdk());
    let team = || {
        let found = block_on(stacks.describe_stacks().stack_name("quack-lake-dev").send()).unwrap();
        let tags = found.stacks()[0].tags().to_vec();
        tags.iter().find(|tag| tag.key() == Some("team")).and_then(|tag| tag.value.clone())
    };
    assert_eq!(team().as_deref(), Some("data"));
    for (settings, wanted) in [("[aws]\ntags = [\"team=other\"]\n", Some("other")), ("", None)] {
        project.write("quack.toml", settings);
        assert_eq!(plan(&project).1, 2, "{settings}");
        project.quackctl(["up"]).assert().success();
        assert_eq!((team().as_deref(), plan(&project).1), (wanted, 0), "{settings}");
    }
    project.write("quack.toml", "[aws]\ntags = [\"aws:team=data\"]\n");
    project.quackctl(["plan"]).assert().code(2).stderr(contains("aws:team=data").and(contains("aws.tags")));
    project.write("quack.toml", "");

    let bucket = "quack-lake-dev-000000000000-us-east-1";
    let outputs = project.json(["outputs", "--json"]);
    assert_eq!((&outputs["bucket"], &outputs["function"]), (&json!(bucket), &json!("quack-lake-dev")), "{outputs}");
    project.quackctl(["outputs", "bucket"]).assert().success().stdout(format!("{bucket}\n"));
    project.quackctl(["outputs", "buckt"]).assert().code(2).stderr(contains("did you mean `bucket`?"));
    project.quackctl(["down", "--yes"]).assert().success();
    project.quackctl(["outputs"]).assert().code(1).stderr(contains("run `quackctl up`"));
}

#[test]
fn a_second_up_writes_nothing() {
    let project = Project::at(Place::Aws, "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 1000\n");
    project.quackctl(["plan"]).assert().code(2).stdout(contains("Table ([[data]]) trips: added"));
    project.quackctl(["up"]).assert().success();
    project.quackctl(["plan"]).assert().code(0).stdout(contains("no changes"));
    assert!(!project.account().writes().is_empty());
    project.quackctl(["up"]).assert().success().stdout(contains("nothing to change"));
    assert_eq!(project.account().writes(), [""; 0]);
}

#[test]
fn an_image_is_pushed_once_and_pinned_and_answers_a_query() {
    let mut project = Project::at(Place::Aws, "");
    project.use_image();
    let account = project.account();
    project.quackctl(["up", "--no-check"]).assert().success();
    assert!(account.writes().iter().any(|call| call.starts_with("registry P")));
    let function = account.function("quack-lake-dev");
    assert_eq!(function.configuration().unwrap().package_type(), Some(&PackageType::Image));
    let uri = function.code().unwrap().image_uri().unwrap();
    let (_, digest) = uri.split_once("/quack-lake-dev@").unwrap_or_else(|| panic!("{uri} names no digest"));

    project.quackctl(["up", "--no-check"]).assert().success().stdout(contains("nothing to change"));
    assert_eq!(account.writes(), [""; 0]);
    assert_eq!(plan(&project).1, 0);

    let host = account.emulator.endpoint.trim_start_matches("http://");
    let unpacked = block_on(pull_back(&format!("{host}/quack-lake-dev@{digest}")));
    let variables = [
        ("QUACK_BUCKET", "quack-lake-dev-000000000000-us-east-1"),
        ("AWS_ENDPOINT_URL_S3", &account.emulator.endpoint),
        ("AWS_ACCESS_KEY_ID", DUMMY_KEY),
        ("AWS_SECRET_ACCESS_KEY", DUMMY_KEY),
    ];
    if let Some(instance) = unpacked.run(&variables) {
        assert_eq!(instance.rows("SELECT 40 + 2 AS answer"), json!([{ "answer": 42 }]));
    }

    project.quackctl(["down", "--yes"]).assert().success();
    assert_eq!(account.left(), ["repository base"]);
}

#[test]
fn a_repository_that_somebody_deleted_comes_back_with_its_image() {
    let mut project = Project::at(Place::Aws, "");
    project.use_image();
    project.quackctl(["up", "--no-check"]).assert().success();
    let sdk = project.account().emulator.sdk();
    let (ecr, stacks) = (aws_sdk_ecr::Client::new(&sdk), aws_sdk_cloudformation::Client::new(&sdk));
    let images = || block_on(ecr.list_images().repository_name("quack-lake-dev").send()).ok()?.image_ids;
    let before = images();
    assert!(before.as_ref().is_some_and(|images| !images.is_empty()));
    block_on(stacks.delete_stack().stack_name("quack-lake-dev-registry").send()).unwrap();
    while images().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    project.quackctl(["up", "--no-check"]).assert().success();
    assert_eq!(images(), before);
}

#[test]
fn a_function_goes_from_image_to_zip_and_back() {
    let mut project = Project::at(Place::Aws, "");
    project.use_image();
    let package = |project: &Project| {
        let function = project.account().function("quack-lake-dev");
        function.configuration.and_then(|found| found.package_type)
    };
    project.quackctl(["up", "--no-check"]).assert().success();
    project.set("QUACK_PACKAGE", "zip");
    project.quackctl(["up"]).assert().code(1).stderr(contains("--yes"));
    assert_eq!(package(&project), Some(PackageType::Image));
    project.quackctl(["up", "--yes"]).assert().success();
    assert_eq!(package(&project), Some(PackageType::Zip));
    assert!(!project.account().left().contains(&"repository quack-lake-dev".to_owned()));
    project.set("QUACK_PACKAGE", "image");
    project.quackctl(["up", "--yes", "--no-check"]).assert().success();
    assert_eq!(package(&project), Some(PackageType::Image));
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
        let versioning = client.get_bucket_versioning().bucket(&bucket).send().await.unwrap();
        assert_eq!(versioning.status, Some(aws_sdk_s3::types::BucketVersioningStatus::Enabled));
        for _ in 0..2 {
            client.put_object().bucket(&bucket).key("note").body(b"text".to_vec().into()).send().await.unwrap();
        }
        client.delete_object().bucket(&bucket).key("note").send().await.unwrap();
        client.create_multipart_upload().bucket(&bucket).key("unfinished").send().await.unwrap();
    });
    project.quackctl(["down", "--yes"]).assert().success();
    project.assert_gone(&["quack.toml"]);
}
