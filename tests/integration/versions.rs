//! A function that another version of quackctl put up: a real one, built of sources that are of another version, and that know
//! one word less of the wire protocol.

use std::fs;
use std::path::Path;

use crate::support::{Project, text};

const OLDER: &str = "0.0.9";

/// The function's crate as an earlier version might have had it: it knows no results that always go to the bucket.
fn older(place: &Path) {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("function"), place);
    let change = |file: &str, from: &str, to: &str| {
        let now = fs::read_to_string(place.join(file)).unwrap();
        assert_eq!(now.matches(from).count(), 1, "{from} in {file}");
        fs::write(place.join(file), now.replace(from, to)).unwrap();
    };
    change("Cargo.toml", "\nversion.workspace = true\n", &format!("\nversion = \"{OLDER}\"\n"));
    change("src/wire.rs", "    Always,\n", "    #[serde(rename = \"unheard-of\")]\n    Always,\n");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(from, to).unwrap()),
        }
    }
}

#[test]
fn an_older_function_does_what_it_knows_and_says_its_version() {
    let project = Project::new("[function]\nsource = \"older\"\n");
    older(&project.dir().join("older"));
    let run = |arguments: &[&str]| {
        let output = project.process([]).args(arguments).output().unwrap();
        (output.status.success(), text(&output))
    };
    let told = format!("the function is of quackctl {OLDER}, and this is {}: `quackctl up`", env!("CARGO_PKG_VERSION"));

    let (is_up, said) = run(&["up"]);
    assert!(is_up && said.contains(&told), "{said}");
    project.succeed(
        ["load", "--sample", "taxi", "--rows", "9000", "--table", "trips", "--partition-by", "v=vendor_id"],
        "older",
    );
    for workers in ["1", "4"] {
        let (is_answered, said) =
            run(&["query", "--workers", workers, "--format", "csv", "SELECT count(*) FROM trips"]);
        assert!(is_answered && said.contains("\n9000\n"), "{said}");
        assert_eq!(said.matches(&told).count(), 1, "{said}");
    }
    let status = project.json(["status", "--json"]);
    assert_eq!((&status["function_version"], &status["healthy"]), (&OLDER.into(), &true.into()));
    // What it never heard of, it refuses.
    let write = ["query", "-o", "answer.parquet", "SELECT 42"];
    let (is_written, said) = run(&write);
    assert!(!is_written && said.contains("does not know what this quackctl asks"), "{said}");
    assert!(said.contains("of another version than this quackctl") && said.contains("`quackctl up`"), "{said}");
    assert!(!project.dir().join("answer.parquet").exists());

    project.write("quack.toml", "");
    project.succeed(["up"], "its own function in the older one's place");
    let (is_written, said) = run(&write);
    assert!(is_written && !said.contains("note:"), "{said}");
    assert_eq!(project.json(["status", "--json"])["function_version"], env!("CARGO_PKG_VERSION"));
}
