//! A stage whose files were removed while its daemon ran: what the commands then do, file by file.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{Project, is_running, text};

/// A stage with a table, and a folder or file of it that is removed. Gives the daemon's process id, too.
fn damaged(file: &str) -> (Project, i32) {
    let project = Project::up("");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    let pid = project.pid();
    remove(&project, file);
    (project, pid)
}

fn stage(project: &Project) -> PathBuf {
    project.dir().join(".quack/dev")
}

fn remove(project: &Project, file: &str) {
    let path = if file == "." { stage(project) } else { stage(project).join(file) };
    assert!(path.exists(), "{}", path.display());
    // Whoever is still at work there may put something into a folder just as it is removed.
    until("it can be removed", || {
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.is_ok() || !path.exists()
    });
}

fn bucket(project: &Project) -> String {
    let status = project.json(["status", "--json"]);
    status["bucket"].as_str().unwrap().to_owned()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn ends(pid: i32) {
    until("the daemon ends", || !is_running(pid));
}

fn table_is_there(project: &Project) {
    assert_eq!(project.rows("SELECT x FROM one"), serde_json::json!([{"x": 1}]));
}

/// `down` ends the daemon and leaves nothing.
fn is_taken_down(project: &Project, pid: i32) {
    project.quackctl(["down", "--yes"]).assert().success();
    ends(pid);
    assert!(!project.dir().join(".quack").exists());
}

#[test]
fn without_its_folder_the_daemon_ends_and_up_begins_anew() {
    let (project, pid) = damaged(".");
    project.quackctl(["query", "SELECT 1"]).assert().failure().stderr(contains("quackctl up"));
    ends(pid);
    project.quackctl(["up"]).assert().success();
    project.quackctl(["query", "FROM one"]).assert().failure().stderr(contains("no tables yet"));
    let new = project.pid();
    is_taken_down(&project, new);
}

#[test]
fn up_right_after_the_folder_went_takes_the_port_of_the_daemon_that_ends() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let project = Project::up(&format!("[local]\nport = {port}\n"));
    let pid = project.pid();
    remove(&project, ".");
    project.quackctl(["up"]).assert().success();
    ends(pid);
    let new = project.pid();
    project.quackctl(["query", "SELECT 1"]).assert().success();
    is_taken_down(&project, new);
}

#[test]
fn down_finds_nothing_where_the_folder_was_and_the_daemon_ends() {
    let (project, pid) = damaged(".");
    project.quackctl(["down", "--yes"]).assert().success().stdout(contains("nothing to remove"));
    ends(pid);
}

#[test]
fn without_its_lock_the_daemon_ends_and_the_next_command_starts_one() {
    let (project, pid) = damaged("daemon.lock");
    ends(pid);
    table_is_there(&project);
    let new = project.pid();
    assert_ne!(new, pid);
    is_taken_down(&project, new);
}

#[test]
fn what_the_daemon_knows_it_puts_back() {
    for file in ["endpoint.json", "credentials", "functions"] {
        for command in [&["query", "FROM one"][..], &["up"], &["down", "--yes"]] {
            let (project, pid) = damaged(file);
            let output = project.process([]).args(command).output().unwrap();
            assert!(output.status.success(), "{command:?} without {file}: {}", text(&output));
            if command[0] == "down" {
                ends(pid);
                assert!(!project.dir().join(".quack").exists(), "{file}");
            } else {
                until("it is put back", || stage(&project).join(file).exists());
                assert_eq!(project.pid(), pid, "{command:?} without {file}");
                table_is_there(&project);
                is_taken_down(&project, pid);
            }
        }
    }
}

#[test]
fn folders_that_hold_nothing_are_made_again() {
    for file in ["s3/scratch", "s3/uploads", "s3/settings", "s3/versions", "logs", "instances"] {
        let (project, pid) = damaged(file);
        table_is_there(&project);
        project.quackctl(["load", "one.csv", "--table", "two"]).assert().success();
        project.quackctl(["up"]).assert().success();
        project.quackctl(["drop", "two", "--yes"]).assert().success();
        is_taken_down(&project, pid);
    }
}

#[test]
fn buckets_that_are_lost_are_said_to_be() {
    for file in ["s3", "s3/buckets"] {
        let (project, pid) = damaged(file);
        project.quackctl(["query", "FROM one"]).assert().failure().stderr(contains("quackctl up"));
        let lost = contains("was gone").and(contains("what was loaded"));
        project.quackctl(["up"]).assert().success().stderr(lost);
        project.quackctl(["query", "FROM one"]).assert().failure().stderr(contains("no tables yet"));
        project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
        table_is_there(&project);
        project.quackctl(["up"]).assert().success().stderr(contains("was gone").not());
        is_taken_down(&project, pid);
    }
}

#[test]
fn a_catalog_or_data_that_are_lost_are_named() {
    let (project, pid) = damaged("logs");
    let of_bucket = format!("s3/buckets/{}", bucket(&project));
    let data = stage(&project).join(&of_bucket).join("tables");
    fs::rename(&data, project.dir().join("aside")).unwrap();
    let named =
        || contains("files of table `one` are gone").and(contains("quackctl recover")).and(contains("--replace"));
    project.quackctl(["query", "FROM one"]).assert().failure().stderr(named());
    project.quackctl(["up"]).assert().failure().stderr(named());
    fs::rename(project.dir().join("aside"), &data).unwrap();
    table_is_there(&project);
    remove(&project, &format!("{of_bucket}/_quack/catalog.json"));
    project.quackctl(["query", "FROM one"]).assert().failure().stderr(contains("no tables yet"));
    let lost = contains("the catalog that named them is gone");
    project.quackctl(["up"]).assert().success().stderr(lost.clone());
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    table_is_there(&project);
    project.quackctl(["up"]).assert().success().stderr(lost.not());
    is_taken_down(&project, pid);
}
