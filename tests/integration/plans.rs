//! Plans that are saved: made exactly, or refused with what has changed since.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::support::{Moment, Place, Project, Refusal, text};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

crate::on_every_target! {
    a_saved_plan_is_made_exactly_and_once,
    a_saved_plan_is_refused_when_what_it_rests_on_has_changed,
    a_saved_plan_tells_no_secret_and_a_file_that_is_none_is_refused,
}

fn memory(project: &Project, mb: u32) {
    project.write("quack.toml", format!("[function]\nmemory_mb = {mb}\n"));
}

fn a_saved_plan_is_made_exactly_and_once(place: Place) {
    let project = Project::at(place, "[[data]]\ntable = \"trips\"\nsample = \"taxi\"\nrows = 1000\n");
    let saved = project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2);
    saved.stdout(contains("[[data]]")).stderr(contains("`quackctl up lake.plan`"));
    project.quackctl(["up", "lake.plan"]).assert().success().stdout(contains("trips"));
    assert_eq!(project.rows("SELECT count(*)::INT AS n FROM trips"), json!([{ "n": 1000 }]));
    let again = project.quackctl(["up", "lake.plan"]).assert().code(1);
    again.stderr(contains("no longer to do: add Table ([[data]]) trips").and(contains("quackctl plan -o lake.plan")));

    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(0).stdout(contains("no changes"));
    project.quackctl(["up", "lake.plan"]).assert().success().stdout(contains("nothing to change"));
    project.succeed(["drop", "trips", "--yes"], "what the plan found there");
    project.quackctl(["up", "lake.plan"]).assert().code(1).stderr(contains("to do by now: add Table"));
    assert_eq!(project.json(["tables", "--json"])["tables"], json!([]));
}

fn a_saved_plan_is_refused_when_what_it_rests_on_has_changed(place: Place) {
    let mut project = Project::up_at(place, "");
    memory(&project, 640);
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2).stdout(contains("2048 -> 640"));
    let refused = |project: &Project, told: &str| {
        let refused = project.quackctl(["up", "lake.plan"]).assert().code(1);
        refused.stderr(contains("is not what `up` would do now").and(contains(told)));
    };
    memory(&project, 700);
    refused(&project, "the setting `function.memory_mb` has changed");
    // Somebody else does something, and then the settings are the plan's again.
    project.succeed(["up"], "with other settings");
    memory(&project, 640);
    let state = if place == Place::Aws { "the stack quack-lake-dev was" } else { "2048 -> 640" };
    refused(&project, state);
    project.quackctl(["up", "lake.plan", "--stage", "test"]).assert().code(2).stderr(contains("is for lake (dev) on"));
    if place == Place::Aws {
        project.set("AWS_REGION", "eu-west-1");
        refused(&project, "the region was us-east-1 and is eu-west-1");
        project.set("AWS_REGION", "us-east-1");
    }
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2).stdout(contains("700 -> 640"));
    project.quackctl(["up", "lake.plan"]).assert().success().stdout(contains("700 -> 640"));
    project.quackctl(["plan"]).assert().code(0);
}

fn a_saved_plan_tells_no_secret_and_a_file_that_is_none_is_refused(place: Place) {
    let signed = "https://example.org/trips.csv?X-Amz-Signature=abcdef0123456789";
    let project = Project::at(place, &format!("[[data]]\ntable = \"trips\"\nsource = \"{signed}\"\n"));
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2);
    let path = project.dir().join("lake.plan");
    let saved = fs::read_to_string(&path).unwrap();
    assert!(saved.contains("\"trips\"") && !saved.contains("abcdef0123456789"), "{saved}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // Whatever is written into it, it is only compared.
    let mut made: Value = serde_json::from_str(&saved).unwrap();
    made["plan"]["changes"][0]["name"] = json!("\u{1b}[2Jevil");
    project.write("evil.plan", made.to_string());
    let refused = project.quackctl(["up", "evil.plan"]).assert().code(1);
    refused.stderr(contains("no longer to do").and(contains("evil")).and(contains("\u{1b}").not()));
    project.write("newer.plan", r#"{"quackctl_plan": 9, "all": "else"}"#);
    project.quackctl(["up", "newer.plan"]).assert().code(2).stderr(contains("is a plan of format 9"));
    project.quackctl(["up", "quack.toml"]).assert().code(2).stderr(contains("`quack.toml` is no plan"));
    project.quackctl(["up", "missing"]).assert().code(2).stderr(contains("`missing` is no plan: No such file"));
    project.quackctl(["plan", "-o", "."]).assert().code(2).stderr(contains("cannot write the plan `.`: it is no file"));
    assert_eq!(project.quackctl(["status"]).output().unwrap().status.code(), Some(4), "something was put up");
}

#[test]
fn whoever_changes_the_stage_between_the_look_and_the_deed_is_not_overwritten() {
    let project = Project::up_at(Place::Aws, "");
    memory(&project, 640);
    let account = project.account();
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2);
    // `up` begins with a look of its own, which ends with a change set's removal; then comes the call that is held.
    let held = account.proxy.hold_after(1, |call| call.action == "DeleteChangeSet", Moment::Before);
    let mut command = project.process(["up", "lake.plan"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    held.wait();
    memory(&project, 700);
    let mut other = project.process(["up", "--no-check"]);
    let other = other.env("AWS_ENDPOINT_URL", &account.emulator.endpoint).output().unwrap();
    assert!(other.status.success(), "{}", text(&other));
    account.proxy.heal();
    let output = child.wait_with_output().unwrap();

    assert!(output.status.code() == Some(1), "{}", text(&output));
    assert!(text(&output).contains("somebody changed the stage at this moment"), "{}", text(&output));
    assert_eq!(account.memory_mb("quack-lake-dev"), Some(700));
}

#[test]
fn a_cloudformation_that_has_nothing_to_do_may_say_so_at_once() {
    let project = Project::up_at(Place::Aws, "");
    memory(&project, 640);
    let proxy = &project.account().proxy;
    // As AWS's own UpdateStack does.
    proxy.refuse("CreateChangeSet", Refusal::NoUpdates);
    project.quackctl(["plan"]).assert().code(0).stdout(contains("no changes"));
    assert!(proxy.heal() > 0, "CloudFormation was not asked");
    proxy.refuse("CreateChangeSet", Refusal::NoUpdates);
    project.quackctl(["up", "--no-check"]).assert().success();
    assert!(proxy.heal() > 0, "CloudFormation was not asked");
    project.quackctl(["plan"]).assert().code(2).stdout(contains("-> 640"));
}

#[test]
fn a_saved_plan_replaces_without_asking_what_it_showed() {
    let project = Project::up_at(Place::Aws, "");
    project.write("quack.toml", "[lake]\nbucket = \"another-lake\"\n");
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2).stdout(contains("REPLACED"));
    project.quackctl(["up", "lake.plan"]).assert().success();
    assert!(project.account().left().contains(&"bucket another-lake".to_owned()));
}

#[test]
fn a_saved_plan_of_an_image_is_made_in_its_steps() {
    let mut project = Project::at(Place::Aws, "");
    project.use_image();
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2);
    project.quackctl(["up", "--no-check", "lake.plan"]).assert().success();
    project.quackctl(["plan"]).assert().code(0);
    project.set("QUACK_PACKAGE", "zip");
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2).stdout(contains("REMOVED"));
    project.quackctl(["up", "lake.plan"]).assert().success();
    project.quackctl(["plan"]).assert().code(0);
}

#[test]
fn data_whose_files_are_not_there_is_told_before_anything_is_made() {
    let project = Project::at(Place::Local, "[[data]]\ntable = \"trips\"\nsource = \"tripz.csv\"\n");
    project.write("trips.csv", "id\n1\n");
    let told = || contains("table `trips` of [[data]]").and(contains("`tripz.csv`")).and(contains("`trips.csv`?"));
    for command in ["plan", "up"] {
        project.quackctl([command]).assert().code(1).stderr(told());
    }
    project.quackctl(["status"]).assert().code(4);
    // A table that was loaded needs its file no more.
    std::fs::rename(project.dir().join("trips.csv"), project.dir().join("tripz.csv")).unwrap();
    project.succeed(["up"], "with the file");
    std::fs::remove_file(project.dir().join("tripz.csv")).unwrap();
    project.succeed(["up"], "again");
    project.quackctl(["plan"]).assert().code(0);
}

#[test]
fn a_saved_plan_is_of_the_pages_as_they_were() {
    let project = Project::at(Place::Local, "[dash]\npublic = true\n");
    fs::create_dir(project.dir().join("dashboards")).unwrap();
    let page = |n: u32| project.write("dashboards/x.md", format!("# X\n\n```sql q value y=n\nSELECT {n} AS n\n```\n"));
    page(1);
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(2);
    page(2);
    let refused = || {
        let refused = project.quackctl(["up", "lake.plan"]).assert().code(1);
        refused.stderr(contains("the pages of dashboards/, or who may look at them, are other than the plan's"));
    };
    refused();
    page(1);
    project.succeed(["up", "lake.plan"], "as it was planned");
    project.quackctl(["plan", "-o", "lake.plan"]).assert().code(0);
    page(2);
    refused();
}
