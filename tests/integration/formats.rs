//! What is exported, as others read it: DuckDB, pyarrow, pandas, polars.

use std::path::Path;
use std::process::Command;

use crate::support::{Project, python, text};

#[test]
fn every_type_is_in_every_format_what_others_make_of_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let python = python("formats", &folder.join("requirements.txt"));
    let project = Project::up("");
    let mut readers = Command::new(python);
    readers.current_dir(project.dir()).arg(folder.join("formats.py"));
    let output = readers.args(["types", env!("CARGO_BIN_EXE_quackctl")]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}
