//! The functions' sources, which travel in this program, and the small workspace they are built in.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::error::usage;

static FUNCTION: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/function");
const WORKSPACE: &str = include_str!("../../Cargo.toml");
const LOCK: &str = include_str!("../../Cargo.lock");

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// The function that queries are run by.
    Engine,
    /// The one that shows pages, a crate in the folder of the other's.
    Page,
}

/// The folder of the page function's crate, in that of the engine's.
const PAGE: &str = "page";

impl Program {
    pub(super) fn package(self) -> &'static str {
        match self {
            Self::Engine => "quack-function",
            Self::Page => "quack-page",
        }
    }

    pub(super) fn bin(self) -> &'static str {
        match self {
            Self::Engine => "bootstrap",
            Self::Page => "page",
        }
    }

    /// The crates of the workspace that it is built in.
    fn members(self) -> &'static [&'static str] {
        match self {
            Self::Engine => &["function"],
            Self::Page => &["function", "function/page"],
        }
    }

    /// Whether a build needs none of what lies at `path`, in the folder of the engine's crate.
    fn leaves_out(self, path: &Path) -> bool {
        // The engine stays what it is whatever becomes of pages.
        match self {
            Self::Engine => [PAGE, "tests"].iter().any(|other| path.starts_with(other)),
            Self::Page => ["tests", "page/tests"].iter().any(|tests| path.starts_with(tests)),
        }
    }
}

/// Every file of the workspace, by path, in order: what the digest of `program` is made of. The engine is the crate in the
/// folder `own` where one is given.
///
/// # Errors
/// `own` is no such crate, or cannot be read.
pub(super) fn files(program: Program, own: Option<&Path>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = vec![
        ("Cargo.toml".to_owned(), workspace_manifest(program)?.into_bytes()),
        ("Cargo.lock".to_owned(), LOCK.as_bytes().to_vec()),
    ];
    match own {
        None => collect(program, &FUNCTION, &mut files),
        Some(own) if own.join("Cargo.toml").is_file() => read(own, own, &mut files)?,
        Some(own) => {
            return Err(usage(
                format!("`function.source` is {}, and no Cargo.toml is there", own.display()),
                "name the folder of the function's crate: `function` of a checkout of quackctl, changed as you like",
            ));
        }
    }
    files.sort();
    Ok(files)
}

/// A digest of `files` and of whatever else decides what comes out of a build.
pub(super) fn digest(files: &[(String, Vec<u8>)], settings: &[String]) -> String {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for (path, content) in files {
        add(path.as_bytes());
        add(content);
    }
    settings.iter().for_each(|setting| add(setting.as_bytes()));
    hex(&hasher.finalize()[..16])
}

/// Writes `files` below `place`.
pub(super) fn write(files: &[(String, Vec<u8>)], place: &Path) -> Result<()> {
    for (path, content) in files {
        let path = place.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// This workspace's manifest, cut down to what the function needs of it: shared versions and the release profile.
fn workspace_manifest(program: Program) -> Result<String> {
    let mut manifest: toml::Table = WORKSPACE.parse().context("the embedded Cargo.toml is broken")?;
    manifest.retain(|section, _| section == "workspace" || section == "profile");
    if let Some(workspace) = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut) {
        workspace.insert("members".to_owned(), program.members().to_vec().into());
    }
    if let Some(profiles) = manifest.get_mut("profile").and_then(toml::Value::as_table_mut) {
        profiles.retain(|profile, _| profile == "release");
    }
    Ok(manifest.to_string())
}

/// Adds what a build needs of the crate in `root`, from its folder `dir` on: neither tests nor what was built.
fn read(root: &Path, dir: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let unreadable = |path: &Path| format!("cannot read {}, of `function.source`", path.display());
    for entry in fs::read_dir(dir).with_context(|| unreadable(dir))? {
        let path = entry.with_context(|| unreadable(dir))?.path();
        let name = path.strip_prefix(root).unwrap_or(&path);
        let is_left_out = Program::Engine.leaves_out(name)
            || name.iter().next().is_some_and(|first| first == OsStr::new("target"))
            || name.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_left_out {
            continue;
        }
        match path.is_dir() {
            true => read(root, &path, files)?,
            false => files
                .push((format!("function/{}", name.display()), fs::read(&path).with_context(|| unreadable(&path))?)),
        }
    }
    Ok(())
}

/// Adds what a build needs of `dir`: not the tests.
fn collect(program: Program, dir: &Dir<'_>, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(inner) if program.leaves_out(inner.path()) => {}
            DirEntry::Dir(inner) => collect(program, inner, files),
            DirEntry::File(file) => {
                files.push((format!("function/{}", file.path().display()), file.contents().to_vec()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_has_what_a_build_needs_and_no_tests() {
        let files = files(Program::Engine, None).unwrap();
        let has = |path: &str| files.iter().any(|(name, _)| name == path);
        assert!(has("Cargo.toml") && has("Cargo.lock") && has("function/Cargo.toml") && has("function/src/main.rs"));
        assert!(!files.iter().any(|(name, _)| name.starts_with("function/tests")));
        assert!(!files.iter().any(|(name, _)| name.starts_with("function/page")), "pages leave the engine as it is");
        let manifest: toml::Table = workspace_manifest(Program::Engine).unwrap().parse().unwrap();
        assert!(manifest["workspace"]["dependencies"].get("duckdb").is_some());
        assert!(manifest.get("dependencies").is_none());
        assert!(manifest["profile"].get("release").is_some() && manifest["profile"].get("dev").is_none());
    }

    #[test]
    fn a_function_of_ones_own_is_read_as_the_one_that_is_brought() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("function");
        assert!(files(Program::Engine, Some(&checkout)).unwrap() == files(Program::Engine, None).unwrap());
        let error = files(Program::Engine, Some(Path::new("/no such"))).unwrap_err().to_string();
        assert_eq!(error, "`function.source` is /no such, and no Cargo.toml is there");
    }

    #[test]
    fn the_page_function_has_the_engines_crate_and_no_tests() {
        let files = files(Program::Page, None).unwrap();
        let has = |path: &str| files.iter().any(|(name, _)| name == path);
        assert!(has("function/src/lib.rs") && has("function/page/Cargo.toml") && has("function/page/src/main.rs"));
        assert!(!files.iter().any(|(name, _)| name.contains("/tests/")));
    }

    #[test]
    fn the_digest_follows_contents_paths_and_settings() {
        let one = [("a".to_owned(), b"bc".to_vec())];
        let moved = [("ab".to_owned(), b"c".to_vec())];
        let digests = [digest(&one, &[]), digest(&moved, &[]), digest(&one, &["x".to_owned()])];
        assert_eq!(digests[0], digest(&one, &[]));
        assert!(digests[0] != digests[1] && digests[0] != digests[2]);
    }
}
