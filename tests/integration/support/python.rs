//! Python environments that tests run others' programs in, made once and kept in the cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::text;

/// The Python of the environment `name`, which has what the file `requirements` lists, each wheel by its digest.
pub(crate) fn python(name: &str, requirements: &Path) -> PathBuf {
    let wanted = fs::read(requirements).expect("a list of requirements");
    let folder = quack_pinned::cache::root().join("python-tests");
    let place = folder.join(name);
    // Made in place, as a virtual environment knows its own path; what it was made of says that it is done.
    let done = place.join("complete");
    let is_done = || fs::read(&done).is_ok_and(|made_of| made_of == wanted);
    if !is_done() {
        let _lock = quack_pinned::cache::lock(&folder).expect("a lock on the environment's folder");
        if !is_done() {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
            let mut pip = Command::new(place.join("bin/pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]);
            run(pip.args(["--require-hashes", "-r"]).arg(requirements));
            let mut mark = File::create(&done).expect("a mark in the environment's folder");
            std::io::Write::write_all(&mut mark, &wanted).expect("a mark in the environment's folder");
        }
    }
    place.join("bin/python")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", text(&output));
}
