//! A stage is its project's, whatever the project is called and wherever it lies, and nobody else's.

use std::path::Path;

use crate::support::{Place, Project, block_on, s3, text};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::json;

crate::on_every_target! {
    a_renamed_project_is_told_where_its_lake_is_and_loses_nothing,
    a_folder_without_a_project_file_may_move,
    down_says_what_it_deletes,
    a_project_is_found_from_its_subfolders,
    what_makes_no_sense_in_the_settings_does_not_keep_down_from_working,
}

/// A project that is up, with a table.
fn with_points(place: Place) -> Project {
    let project = Project::up_at(place, "");
    load_points(&project);
    project
}

fn load_points(project: &Project) {
    project.write("points.csv", "x\n1\n2\n");
    project.succeed(["load", "points.csv", "--table", "points"], "first");
}

fn assert_points(project: &Project) {
    assert_eq!(project.rows("SELECT sum(x)::INT AS s FROM points"), json!([{ "s": 3 }]));
}

fn a_renamed_project_is_told_where_its_lake_is_and_loses_nothing(place: Place) {
    let project = with_points(place);
    project.write("quack.toml", "project = \"other\"\n");
    let told = || {
        let now = "as project `lake`, and it is called `other` now (quack.toml)";
        contains(now).and(contains("project = \"lake\""))
    };
    for command in [
        ["query", "SELECT 1"],
        ["tables", "--quiet"],
        ["up", "--yes"],
        ["plan", "--quiet"],
        ["status", "--quiet"],
        ["down", "--yes"],
    ] {
        project.quackctl(command).assert().code(2).stderr(told());
    }
    project.write("quack.toml", "project = \"lake\"\n");
    assert_points(&project);
    // Once it is down, the name is free.
    project.succeed(["down", "--yes"], "as `lake`");
    project.write("quack.toml", "project = \"other\"\n");
    project.quackctl(["down", "--yes"]).assert().success().stdout(contains("other (dev) was not up"));
}

fn a_folder_without_a_project_file_may_move(place: Place) {
    let project = Project::at(place, "");
    std::fs::remove_file(project.dir().join("quack.toml")).unwrap();
    project.succeed(["up"], "without a project file");
    load_points(&project);
    let moved = project.dir().with_file_name("moved");
    std::fs::rename(project.dir(), &moved).unwrap();
    std::fs::create_dir(project.dir()).unwrap();
    let tables = project.json(["-C", "../moved", "tables", "--json"]);
    assert_eq!(tables["tables"][0]["name"], "points");
    let rows =
        project.json(["-C", "../moved", "query", "--all", "--format", "json", "SELECT sum(x)::INT AS s FROM points"]);
    assert_eq!(rows, json!([{ "s": 3 }]));
    assert_eq!(project.json(["-C", "../moved", "up", "--json"])["project"], "lake");
    let down = project.quackctl(["-C", "../moved", "down", "--yes"]).assert().success();
    down.stdout(contains("lake (dev) is gone").and(contains("points")));
    assert!(!moved.join(".quack").exists());
    project.assert_gone(&[]);
}

fn down_says_what_it_deletes(place: Place) {
    let project = with_points(place);
    let bucket = project.json(["status", "--json"])["bucket"].as_str().unwrap().to_owned();
    let what = format!("bucket {bucket} with table points");
    project.quackctl(["down"]).assert().code(1).stderr(contains(format!("{what} would be deleted")));
    assert_points(&project);
    let down = project.json(["down", "--yes", "--json"]);
    assert_eq!(down["deleted"], json!([{ "bucket": bucket, "prefix": "", "tables": ["points"] }]));
}

fn a_project_is_found_from_its_subfolders(place: Place) {
    let project = with_points(place);
    std::fs::create_dir_all(project.dir().join("reports/2026")).unwrap();
    project.write("reports/2026/more.csv", "y\n7\n");
    project.write("reports/2026/q.sql", "SELECT y FROM more");
    project.succeed(["-C", "reports/2026", "load", "more.csv", "--table", "more"], "from a subfolder");
    let rows = project.json(["-C", "reports/2026", "query", "--format", "json", "-f", "q.sql"]);
    assert_eq!(rows, json!([{ "y": 7 }]));
    assert!(!project.dir().join("reports/2026/.quack").exists());
    project.write("quack.toml", "[[data]]\ntable = \"again\"\nsource = \"points.csv\"\n");
    let up = project.json(["-C", "reports/2026", "up", "--json"]);
    assert_eq!(up["loaded"][0]["name"], "again", "{up}");
    project.succeed(["-C", "reports/2026", "init"], "a project of its own");
    project.quackctl(["-C", "reports/2026", "status"]).assert().code(4).stdout(contains("not up"));
}

fn what_makes_no_sense_in_the_settings_does_not_keep_down_from_working(place: Place) {
    for settings in [
        "memory_mb = 1\n",
        "[function]\nmemroy_mb = 1\n[[data]]\ntabel = 1\n",
        "project = \"lake\"\nid = 1\nlimit = \"x\"\n",
    ] {
        let project = with_points(place);
        project.write("quack.toml", settings);
        project.quackctl(["tables"]).assert().code(2);
        if settings.contains("id = 1") {
            // Which project is meant is not to be guessed.
            project.quackctl(["down", "--yes"]).assert().code(2).stderr(contains("`id` cannot be 1"));
            project.write("quack.toml", "");
            continue;
        }
        project.quackctl(["down", "--yes"]).assert().success().stdout(contains("points")).stderr(contains("note: "));
        project.assert_gone(&["points.csv", "quack.toml"]);
    }
    let project = with_points(place);
    project.write("quack.toml", "project = [\n");
    project
        .quackctl(["down", "--yes"])
        .assert()
        .code(2)
        .stderr(contains("not valid TOML").and(contains("--target and --stage")));
    let target = if place == Place::Aws { "aws" } else { "local" };
    project.succeed(["--target", target, "--stage", "dev", "down", "--yes"], "as flags tell which stage");
    project.assert_gone(&["points.csv", "quack.toml"]);
}

#[test]
fn a_copied_folder_has_a_lake_of_its_own() {
    let project = with_points(Place::Local);
    let copy = project.dir().with_file_name("copy");
    copy_folder(&project.dir(), &copy);
    project.succeed(["-C", "../copy", "drop", "points", "--yes"], "in the copy");
    assert_points(&project);
    project.succeed(["-C", "../copy", "down", "--yes"], "the copy");
    assert_points(&project);
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &place),
            false => drop(std::fs::copy(entry.path(), place).unwrap()),
        }
    }
}

#[test]
fn another_project_of_the_same_name_takes_nothing_over() {
    let project = with_points(Place::Aws);
    let other = project.dir().with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("quack.toml"), "project = \"lake\"\n").unwrap();
    for command in [["up", "--yes"], ["plan", "--quiet"], ["down", "--yes"]] {
        let refused = project.quackctl(["-C", "../other", command[0], command[1]]).assert().code(1);
        refused.stderr(contains("the stack quack-lake-dev is of another project, also called `lake`"));
        assert!(!other.join(".quack").exists());
    }
    assert_points(&project);
    // A bucket that was kept is the project's as well.
    project.succeed(["down", "--keep-data"], "the first project");
    project.quackctl(["-C", "../other", "up", "--yes"]).assert().code(1).stderr(contains("it is not of lake (dev)"));
    project.quackctl(["-C", "../other", "down", "--yes"]).assert().success().stdout(contains("was not up"));
    project.succeed(["up"], "the first project again");
    assert_points(&project);
    // Another folder of the same project, a colleague's: the id says so.
    let record = std::fs::read_to_string(project.dir().join(".quack/dev.aws.json")).unwrap();
    let id = serde_json::from_str::<serde_json::Value>(&record).unwrap()["id"].as_str().unwrap().to_owned();
    std::fs::write(other.join("quack.toml"), format!("project = \"lake\"\nid = \"{id}\"\n")).unwrap();
    let up = project.json(["-C", "../other", "up", "--json"]);
    assert_eq!(up["changes"], json!([]), "{up}");
    project.quackctl(["-C", "../other", "down", "--yes"]).assert().success().stdout(contains("points"));
}

#[test]
fn tables_in_a_shared_folder_outlive_whoever_came_later() {
    let project = Project::at(Place::Aws, "[lake]\nbucket = \"theirs\"\nmanage = false\n");
    let client = s3(&project.account().emulator.sdk());
    block_on(client.create_bucket().bucket("theirs").send()).unwrap();
    project.succeed(["up"], "the first");
    load_points(&project);
    let up = project.quackctl(["up", "--stage", "late"]).output().unwrap();
    assert!(up.status.success() && text(&up).contains("was lake (dev)'s before"), "{}", text(&up));
    project.quackctl(["down", "--yes", "--stage", "late"]).assert().success().stdout(contains("points").not());
    assert_points(&project);
    project.quackctl(["down", "--yes"]).assert().success().stdout(contains("s3://theirs/_quack/ with table points"));
    let left = block_on(client.list_objects_v2().bucket("theirs").send()).unwrap();
    assert_eq!(left.key_count(), Some(0));
}

#[test]
fn a_project_file_that_comes_after_its_stage_is_the_stages() {
    let project = Project::at(Place::Local, "");
    std::fs::remove_file(project.dir().join("quack.toml")).unwrap();
    project.succeed(["up"], "without a project file");
    load_points(&project);
    project.succeed(["init"], "after that");
    assert_points(&project);
    project.succeed(["up"], "with it");
    project.succeed(["down", "--yes"], "with it");
}

#[test]
fn down_of_a_stage_that_is_not_up_names_those_that_are() {
    let project = Project::up("");
    project.quackctl(["down", "--yes", "--stage", "dve"]).assert().success().stdout(contains("up are: dev"));
    project.succeed(["down", "--yes"], "itself");
    project.quackctl(["down", "--yes"]).assert().success().stdout(contains("up are").not());
}
