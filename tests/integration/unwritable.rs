//! Places that cannot be written to: each error names the place, and says what to do. They are below a plain file, as root
//! writes wherever there is a folder.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::Project;

/// Runs the command, which has to end with these words in its error.
fn refused<const N: usize>(project: &Project, variable: (&str, &str), arguments: [&str; N], words: [&str; 2]) {
    let mut command = project.quackctl(arguments);
    let assert = command.env(variable.0, variable.1).assert().failure();
    let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(words.iter().all(|word| error.contains(word)) && error.contains("\nhelp: "), "{arguments:?}: {error}");
}

#[test]
fn the_cache_and_the_stages_folder() {
    let project = Project::new("");
    let file = project.write("file", "").display().to_string();
    let cache = format!("{file}/cache");
    for command in ["build", "up", "plan"] {
        let words = [&*format!("cannot write to the cache, {cache}"), "set QUACK_CACHE_DIR to a folder"];
        refused(&project, ("QUACK_CACHE_DIR", &cache), [command], words);
    }
    let none = ("LANG", "C");
    project.write(".quack", "");
    refused(&project, none, ["up"], ["/.quack/dev/stage.json: Not a directory", "a folder that you may write to"]);
    fs::remove_file(project.dir().join(".quack")).unwrap();
    fs::create_dir_all(project.dir().join(".quack/dev/daemon.log")).unwrap();
    refused(&project, none, ["up"], ["/.quack/dev/daemon.log: Is a directory", "has to be yours to write to"]);
    fs::remove_dir_all(project.dir().join(".quack")).unwrap();
    refused(&project, none, ["plan", "-o", "file/lake.plan"], ["`file/lake.plan`", "a file that you may write"]);
    refused(
        &project,
        none,
        ["man", "file/pages"],
        ["into file/pages: Not a directory", "a folder that you may write to"],
    );
    if cfg!(target_os = "linux") {
        refused(&project, none, ["-C", "/proc", "init"], ["cannot write /proc/quack.toml: ", "give -C a folder"]);
    }
}

#[test]
fn temporary_files_and_what_is_written_for_the_user() {
    let project = Project::up("");
    let file = project.write("file", "").display().to_string();
    let temporary = format!("{file}/temporary");
    project.write("one.csv", "x\n1\n");
    project.quackctl(["load", "one.csv", "--table", "one"]).assert().success();
    let words = [&*format!("cannot write to {temporary} (TMPDIR): Not a directory"), "set TMPDIR to a folder"];
    let place = ("TMPDIR", &*temporary);
    refused(&project, place, ["load", "one.csv", "--table", "two"], words);
    let large = "SELECT md5(CAST(range AS VARCHAR)) AS x FROM range(400_000)";
    refused(&project, place, ["query", "--all", "--format", "csv", large], words);
    let none = ("LANG", "C");
    refused(&project, none, ["query", "FROM one", "-o", "file/x.csv"], ["/file` is no folder", "give -o a file"]);
    project.quackctl(["tables"]).assert().success().stdout(contains("one").and(contains("two").not()));
}
