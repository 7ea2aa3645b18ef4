//! The rules of the house, read from its sources: imports point down.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The floors, the ground first. A room may import rooms of floors below its own, never its neighbours.
const FLOORS: &[&[&str]] = &[
    &["arch", "private", "rows", "terminal"],
    &["error"],
    &["check", "config"],
    &["console"],
    &["bucket", "duck", "output", "package"],
    &["cloud", "lake"],
    &["invoke", "planner"],
    &["query"],
    &["bench"],
    &["cli"],
    &["commands"],
    &["main", "lib"],
];

#[test]
fn imports_point_down() {
    let found = upward_imports(&root().join("src"));
    assert!(found.is_empty(), "imports that do not point down:\n{}", found.join("\n"));
}

/// Within the planner each file stands on others, none of them on itself.
#[test]
fn the_planners_files_import_each_other_in_no_circle() {
    let planner = root().join("src/planner");
    let mut files = Vec::new();
    collect(&planner, &mut files);
    files.retain(|path| path.parent() == Some(&planner) && path.file_stem().is_some_and(|stem| stem != "mod"));
    let mut imports: Vec<(String, BTreeSet<String>)> = Vec::new();
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        imports.push((name, named_behind("super::", code)));
    }
    let known: BTreeSet<String> = imports.iter().map(|(name, _)| name.clone()).collect();
    for (name, imported) in &imports {
        assert!(imported.is_subset(&known), "{name} imports what is no file of the planner: {imported:?}");
    }
    // Whoever imports nobody that is left is taken out, until nobody is left or all of them are in circles.
    while let Some(at) = imports.iter().position(|(_, imported)| imported.is_empty()) {
        let (name, _) = imports.swap_remove(at);
        for (_, imported) in &mut imports {
            imported.remove(&name);
        }
    }
    assert!(imports.is_empty(), "imports in circles: {imports:?}");
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
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for imported in imports(code) {
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
