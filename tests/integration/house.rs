//! The rules of the house, read from its sources: imports point down and run in no circle, files stay small, nothing is
//! taken in by path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The floors, the ground first. A room may import rooms of floors below its own, never its neighbours.
const FLOORS: &[&[&str]] = &[
    &["arch", "digest", "private", "rows", "terminal"],
    &["error"],
    &["check", "config"],
    &["console", "fetch"],
    &["bucket", "duck", "output", "package"],
    &["cloud", "lake"],
    &["invoke", "planner"],
    &["history"],
    &["query"],
    &["bench", "change", "fuzz"],
    &["dash", "serve"],
    &["cli"],
    &["commands"],
    &["main", "lib"],
];

/// Longest that a file may be.
const MOST_LINES: usize = 450;

#[test]
fn imports_point_down() {
    let found = upward_imports(&root().join("src"));
    assert!(found.is_empty(), "imports that do not point down:\n{}", found.join("\n"));
}

/// Within a folder each file stands on others, none of them on itself, and none on the `mod.rs` that lists it.
#[test]
fn files_import_each_other_in_no_circle() {
    let mut found = Vec::new();
    circles(&root().join("src"), &mut found);
    circles(&root().join("function/src"), &mut found);
    circles(&root().join("function/page/src"), &mut found);
    assert!(found.is_empty(), "imports in circles:\n{}", found.join("\n"));
}

#[test]
fn files_are_small() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|path| (std::fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "files of more than {MOST_LINES} lines: {long:?}");
}

#[test]
fn modules_lie_where_their_names_say_and_nothing_dead_is_kept() {
    // Put together, so that this file does not find itself.
    let banned = [["#[pa", "th"].concat(), ["allow(dead", "_code"].concat()];
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        for banned in &banned {
            assert!(!text.contains(banned), "{} has `{banned}`", path.display());
        }
    }
}

/// Every DuckDB on this machine is locked: one place opens them, and one more, for Arrow, that locks its own the same way.
#[test]
fn a_duckdb_is_opened_in_one_place() {
    let src = root().join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    let mut found = Vec::new();
    for path in files.iter().filter(|path| !is_test(path)) {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        if ["open_in_memory", "duckdb_open", "Connection::open("].iter().any(|way| code.contains(way)) {
            found.push(path.strip_prefix(&src).unwrap().display().to_string());
        }
    }
    found.sort();
    assert_eq!(found, ["duck/raw.rs", "duck/sandbox.rs"]);
}

/// The gate builds the fuzz targets of what it has built already.
#[test]
fn fuzz_targets_stand_on_the_same_crates() {
    let packages = |lock: &str| -> BTreeSet<String> {
        let text = std::fs::read_to_string(root().join(lock)).unwrap();
        let packages = text.split("[[package]]").skip(1);
        packages.map(|package| package.lines().skip(1).take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    let (all, workspace) = (packages("tests/fuzz/Cargo.lock"), packages("Cargo.lock"));
    let own: Vec<_> = all.difference(&workspace).collect();
    let names = own.iter().map(|package| package.split('"').nth(1).unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["libfuzzer-sys", "quack-fuzz"], "copy Cargo.lock to tests/fuzz: {own:?}");
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("lake/catalog.rs");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let found = |text: &str| {
        std::fs::write(&file, text).unwrap();
        upward_imports(temporary.path())
    };
    assert_eq!(found("use crate::bucket::Bucket;\nuse crate::{duck, error::failure};\n"), [""; 0]);
    assert_eq!(found("use crate::lake::describe;\n#[cfg(test)]\nmod tests { use crate::cloud; }\n"), [""; 0]);
    for upward in [
        "use crate::cloud::Target;",
        "use crate::{error::{failure, usage}, query::answer};",
        "fn f() { crate::commands::up::run() }",
        "pub(in crate::cli) fn f() {}",
        "use crate::nowhere;",
    ] {
        assert_eq!(found(upward).len(), 1, "{upward}");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the workspace.
fn sources() -> Vec<PathBuf> {
    let mut all = vec![root().join("build.rs")];
    ["src", "function", "tests", "benches"].iter().for_each(|folder| collect(&root().join(folder), &mut all));
    all
}

/// The circles among the files and folders of `dir`, and of the folders in it.
fn circles(dir: &Path, found: &mut Vec<String>) {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if is_test(Path::new(&entry.file_name())) || matches!(name.as_str(), "mod" | "lib" | "main" | "pinned") {
            continue;
        }
        let mut files = Vec::new();
        if path.is_dir() {
            circles(&path, found);
            collect(&path, &mut files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
        for file in files.iter().filter(|file| !is_test(file.strip_prefix(dir).unwrap())) {
            // From a folder in it, a neighbour is one step further away.
            let depth = file.strip_prefix(dir).unwrap().components().count();
            let depth = if file.file_stem().is_some_and(|stem| stem == "mod") { depth - 1 } else { depth };
            imports.entry(name.clone()).or_default().extend(neighbours(&code_of(file), depth));
        }
    }
    let known: BTreeSet<String> = imports.keys().cloned().collect();
    for (name, imported) in &mut imports {
        imported.retain(|other| known.contains(other) && other != name);
    }
    // Whoever imports nobody that is left is taken out, until nobody is left or all of them are in circles.
    while let Some(name) = imports.iter().find(|(_, imported)| imported.is_empty()).map(|(name, _)| name.clone()) {
        imports.remove(&name);
        imports.values_mut().for_each(|imported| _ = imported.remove(&name));
    }
    if !imports.is_empty() {
        found.push(format!("{}: {imports:?}", dir.display()));
    }
}

/// What `code`, which lies `depth` folders below, imports of the folder's own.
fn neighbours(code: &str, depth: usize) -> BTreeSet<String> {
    let up = "super::".repeat(depth);
    let exactly = code.replace(&format!("super::{up}"), "");
    named_behind(&up, &exactly)
}

/// The code of a file without its tests.
fn code_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
}

fn collect(dir: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// Each import of a file below `src` that does not point down, as `file: room -> room`.
fn upward_imports(src: &Path) -> Vec<String> {
    let mut files = Vec::new();
    collect(src, &mut files);
    let mut found = Vec::new();
    for path in files {
        let relative = path.strip_prefix(src).unwrap();
        let room = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        if is_test(relative) || room == "pinned" {
            continue;
        }
        for imported in imports(&code_of(&path)) {
            let below = matches!((floor(&room), floor(&imported)), (Some(own), Some(other)) if other < own);
            if imported != room && !below {
                found.push(format!("{}: {room} -> {imported}", relative.display()));
            }
        }
    }
    found.sort();
    found
}

/// Tests may look at everything.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "testing.rs" || part == "testing")
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that `code` names.
fn imports(code: &str) -> BTreeSet<String> {
    named_behind("crate::", code)
}

/// The modules that `code` names behind `prefix`, alone or in braces.
fn named_behind(prefix: &str, code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for after in code.split(prefix).skip(1) {
        let Some(inside) = after.strip_prefix('{') else {
            rooms.insert(word(after));
            continue;
        };
        let mut depth = 0;
        let mut first = true;
        for (at, c) in inside.char_indices() {
            if depth == 0 && first && c.is_alphabetic() {
                rooms.insert(word(&inside[at..]));
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
            first = depth == 0 && (c == ',' || first && c.is_whitespace());
        }
    }
    rooms
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
