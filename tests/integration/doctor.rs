//! What `doctor` finds, and that its policy is enough for everything and has nothing in it that nothing uses.

use std::collections::BTreeSet;

use crate::support::{Project, block_on, layer, push_image, s3, text};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use serde_json::json;

/// The policy that a deployer needs, as text and read.
fn policy(project: &Project) -> (String, Value) {
    let output = project.quackctl(["doctor", "--policy"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let policy = String::from_utf8(output.stdout).unwrap();
    let read = serde_json::from_str(&policy).unwrap();
    (policy, read)
}

/// The actions of all statements whose name `of` takes.
fn actions(policy: &Value, of: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let statements = statements.filter(|statement| of(statement["Sid"].as_str().unwrap()));
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// From now on, the project works as a user who may do what `policy` says. Returns the access key.
fn become_user(project: &mut Project, policy: &str) -> String {
    let (key, secret) = project.account().user("deployer", policy);
    project.set("AWS_ACCESS_KEY_ID", &key);
    project.set("AWS_SECRET_ACCESS_KEY", &secret);
    key
}

/// What the emulator's IAM is not asked about. CloudFormation's own calls there are nobody's; neither is what goes over
/// the registry's own protocol. Those rest on documentation, which the table of permissions cites.
fn is_by_documentation(sid: &str) -> bool {
    sid.starts_with("CloudFormation") || sid.starts_with("Push")
}

/// Everything that a stage goes through, with what the emulator can run.
fn live(project: &Project) {
    project.succeed(["up"], "from nothing");
    project.write("points.csv", "x,y\n1,a\n2,b\n3,a\n");
    project.succeed(["load", "points.csv", "--table", "points"], "a new table");
    project.succeed(["load", "points.csv", "--table", "points", "--replace"], "in place of the old");
    let sum = project.rows("SELECT sum(x)::INT AS s FROM points");
    assert_eq!(sum, serde_json::json!([{"s": 6}]));
    project.succeed(["recover", "points"], "as it was before it was replaced");
    project.succeed(["query", "UPDATE points SET x = x + 1 WHERE y = 'b'"], "a table that SQL changes");
    // Larger than a response.
    let many = project.rows("SELECT range AS x, repeat('quack', 20) AS y FROM range(100000)");
    assert_eq!(many.as_array().unwrap().len(), 100_000);
    project.succeed(["logs"], "of these queries");
    project.succeed(["status"], "while up");
    project.succeed(["plan"], "without changes");
    project.write("quack.toml", "[function]\nmemory_mb = 640\n");
    project.succeed(["up"], "with a change");
    project.succeed(["up"], "with nothing to change");
    project.succeed(["down", "--yes", "--keep-data"], "but for the bucket");
    project.succeed(["up"], "around the kept bucket");
    leave_an_upload(project);
    project.succeed(["down", "--yes", "--keep-data"], "but for the bucket, again");
    project.succeed(["down", "--yes"], "with the bucket, which is in no stack");
}

/// A `load` that is killed leaves an upload without end.
fn leave_an_upload(project: &Project) {
    let s3 = s3(&project.account().emulator.sdk());
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    block_on(s3.create_multipart_upload().bucket(&bucket).key("tables/points/part").send()).unwrap();
}

#[test]
fn the_policy_is_enough_for_everything_and_every_action_of_it_is_used() {
    let mut project = Project::strict("");
    let (text, policy) = policy(&project);
    let key = become_user(&mut project, &text);
    live(&project);

    let emulator = &project.account().emulator;
    assert_eq!(emulator.asked(&key, false), BTreeSet::new(), "denied, though nothing failed");
    let mut used = emulator.asked(&key, true);
    // Everybody may.
    used.remove("sts:GetCallerIdentity");
    // Only where the function wrote to its log after the stack was gone; CloudFormation needs it in any case.
    used.remove("logs:DeleteLogGroup");
    assert_eq!(actions(&policy, |sid| !is_by_documentation(sid)), used);
}

#[test]
fn the_policy_is_enough_for_pages_behind_cloudfront() {
    let mut project = Project::strict("[dash]\npublic = true\ncloudfront = true\n");
    std::fs::create_dir(project.dir().join("dashboards")).unwrap();
    project.write("dashboards/ones.md", "# Ones\n\n```sql q table\nSELECT 1 AS one\n```\n");
    let (text, policy) = policy(&project);
    let key = become_user(&mut project, &text);
    project.succeed(["up"], "from nothing");
    project.succeed(["plan"], "without changes");
    project.succeed(["outputs", "dashboards"], "while up");
    project.succeed(["dash", "invite", "bob"], "with a key to sign it");
    project.succeed(["logs", "--pages"], "of nobody's visit");
    project.succeed(["down", "--yes"], "with everything");

    let emulator = &project.account().emulator;
    assert_eq!(emulator.asked(&key, false), BTreeSet::new(), "denied, though nothing failed");
    let mut used = emulator.asked(&key, true);
    used.remove("sts:GetCallerIdentity");
    assert!(used.contains("logs:FilterLogEvents"), "{used:?}");
    assert!(used.is_subset(&actions(&policy, |sid| !is_by_documentation(sid))), "{used:?}");
}

#[test]
fn the_policy_is_enough_for_a_function_from_an_image() {
    let mut project = Project::strict("");
    project.set("QUACK_PACKAGE", "image");
    let registry = project.account().emulator.endpoint.trim_start_matches("http://").to_owned();
    let base = format!("{registry}/base:1");
    block_on(async {
        let ecr = aws_sdk_ecr::Client::new(&project.account().emulator.sdk());
        ecr.create_repository().repository_name("base").send().await.unwrap();
        push_image(&base, vec![layer(&Vec::new())], json!({})).await;
    });
    project.set("QUACK_BASE_IMAGE", &base);
    let (text, policy) = policy(&project);
    let key = become_user(&mut project, &text);
    // The emulator does not run images.
    project.succeed(["up", "--no-check"], "from nothing");
    project.succeed(["plan"], "without changes");
    project.succeed(["down", "--yes"], "with everything");

    let emulator = &project.account().emulator;
    assert_eq!(emulator.asked(&key, false), BTreeSet::new(), "denied, though nothing failed");
    let mut used = emulator.asked(&key, true);
    used.remove("sts:GetCallerIdentity");
    assert!(used.contains("ecr:GetAuthorizationToken") && used.contains("cloudformation:CreateChangeSet"), "{used:?}");
    assert!(used.is_subset(&actions(&policy, |sid| !is_by_documentation(sid))), "{used:?}");
}

#[test]
fn doctor_names_what_is_missing_and_for_which_command() {
    let mut project = Project::strict("");
    let (whole, _) = policy(&project);
    // The root user may do everything.
    project.quackctl(["doctor"]).assert().success().stdout(contains("root user"));

    let simulate = json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*" },
    });
    let mut policy: Value = serde_json::from_str(&whole).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(simulate["Statement"].clone());
    // The emulator's simulator knows no context.
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement.as_object_mut().unwrap().remove("Condition");
    }
    let (key, secret) = project.account().user("whole", &policy.to_string());
    project.set("AWS_ACCESS_KEY_ID", &key);
    project.set("AWS_SECRET_ACCESS_KEY", &secret);
    let report = project.json(["doctor", "--json"]);
    assert_eq!(report["healthy"], true, "{report}");
    let may = |report: &Value, sid: &str| {
        let name = format!("may {sid}");
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name.as_str()).unwrap_or_else(|| panic!("{report}")).clone()
    };
    assert_eq!(may(&report, "CloudFormationBucket")["state"], "ok");
    let without =
        policy.to_string().replace("\"s3:CreateBucket\",", "").replace("\"cloudformation:CreateChangeSet\",", "");
    let (key, secret) = project.account().user("less", &without);
    project.set("AWS_ACCESS_KEY_ID", &key);
    project.set("AWS_SECRET_ACCESS_KEY", &secret);
    project
        .quackctl(["doctor"])
        .assert()
        .code(1)
        .stdout(
            contains("s3:CreateBucket (for up, down)")
                .and(contains("cloudformation:CreateChangeSet (for up, plan, status, down)"))
                .and(contains("s3:PutBucketPolicy").not()),
        )
        .stderr(contains("2 checks failed"));
    // And so it is.
    project
        .quackctl(["up"])
        .assert()
        .code(1)
        .stderr(contains("`cloudformation:CreateChangeSet`").and(contains("quackctl doctor --policy")));
}

#[test]
fn without_credentials_or_region_doctor_says_what_to_give() {
    let mut project = Project::strict("");
    project.set("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN");
    project.quackctl(["doctor"]).assert().code(1).stdout(contains("does not know these credentials"));
    project.set("AWS_ACCESS_KEY_ID", "");
    project.set("AWS_SECRET_ACCESS_KEY", "");
    project
        .quackctl(["doctor"])
        .assert()
        .code(1)
        .stdout(contains("no AWS credentials were found").and(contains("aws configure")).and(contains("clock")));
    project.quackctl(["doctor", "--profile", "nope"]).assert().code(1).stdout(contains("with profile `nope`"));
    project.set("AWS_REGION", "");
    project.quackctl(["doctor"]).assert().code(1).stdout(contains("no AWS region is set"));
}

#[test]
fn the_local_target_needs_less() {
    let project = Project::new("");
    let output = project.quackctl(["doctor"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("port") && said.contains("cargo") && !said.contains("credentials"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    project.write("quack.toml", format!("[local]\nport = {port}\n"));
    project.quackctl(["doctor"]).assert().code(1).stdout(contains(format!("cannot listen on {port}")));
}

#[test]
fn a_tool_that_is_missing_is_named_with_what_needs_it_and_a_built_function_needs_none() {
    let project = Project::new("");
    // So that it is built.
    project.succeed(["build"], "with all tools");
    let (nothing, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let doctor = || {
        let mut doctor = project.quackctl(["doctor"]);
        doctor.env("PATH", nothing.path());
        doctor
    };
    let built = doctor().assert().success();
    built.stdout(contains("not needed now: the function is built").and(contains("FAIL").not()));
    let unbuilt = doctor().env("QUACK_CACHE_DIR", cache.path()).assert().code(1);
    unbuilt.stdout(contains("FAIL").and(contains("`load`, `query` and the rest do not")));
    let mut build = project.quackctl(["build"]);
    build.env("PATH", nothing.path()).env("QUACK_CACHE_DIR", cache.path());
    let told = contains("`cargo` was not found").and(contains("also missing: `python3`"));
    build.assert().code(1).stderr(told);
}
