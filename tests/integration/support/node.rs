//! Packages of Node's that tests run others' programs with, installed once and kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{skip, text};

/// A folder that has the packages which `package-lock.json` in the folder `of` lists, each by its digest; nothing where there is no Node.
pub(crate) fn node(name: &str, of: &Path) -> Option<PathBuf> {
    if !["node", "npm"].iter().all(|program| Command::new(program).arg("--version").output().is_ok()) {
        skip("node", "it is not installed");
        return None;
    }
    let lists = ["package.json", "package-lock.json"];
    let read = |folder: &Path| lists.map(|list| fs::read(folder.join(list)).unwrap_or_default());
    let folder = quack_pinned::cache::root().join("node-tests");
    let (place, done) = (folder.join(name), folder.join(name).join("complete"));
    let is_done = || done.is_file() && read(&place) == read(of);
    if !is_done() {
        let _lock = quack_pinned::cache::lock(&folder).expect("a lock on the packages' folder");
        if !is_done() {
            let _ = fs::remove_dir_all(&place);
            fs::create_dir_all(&place).expect("a folder for the packages");
            for list in lists {
                fs::copy(of.join(list), place.join(list)).expect("a list of packages");
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&place);
            let output = npm.output().expect("npm runs");
            assert!(output.status.success(), "{npm:?}: {}", text(&output));
            fs::write(&done, "").expect("a mark in the packages' folder");
        }
    }
    Some(place)
}
