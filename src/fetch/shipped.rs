//! What lies beside an installed program, in `../lib/quackctl`: DuckDB's library for the program itself, and what the
//! functions are made of, so that putting them up takes neither a compiler nor the web.
//!
//! | file | what it is |
//! | --- | --- |
//! | `libduckdb.so` | DuckDB's library for this machine |
//! | `shipped.json` | which programs there are, from which sources, and what they hash to |
//! | `function/<arch>/bootstrap` | the function |
//! | `function/<arch>/page` | the function that shows pages |
//! | `function/<arch>/libduckdb.so` | DuckDB's library, for another processor than this machine's |
//! | `function/<arch>/httpfs.duckdb_extension` | the extension that every function has |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use quack_pinned::duckdb::{Arch, Pinned, sha256};
use serde::{Deserialize, Serialize};

use crate::error::failure;

/// The list's name.
const LIST: &str = "shipped.json";

/// What was shipped.
#[derive(Debug, Serialize, Deserialize)]
struct Shipped {
    /// By processor, as `quack.toml` names it, then by the name of its file.
    programs: BTreeMap<String, BTreeMap<String, Program>>,
}

/// A function that was built already.
#[derive(Debug, Serialize, Deserialize)]
struct Program {
    /// Digest of the sources and whatever else decides what comes out of a build.
    build: String,
    /// What it hashes to, in hexadecimal.
    sha256: String,
}

/// The folder, where the program was installed with one.
fn folder() -> Option<PathBuf> {
    let program = env::current_exe().ok()?.canonicalize().ok()?;
    Some(program.parent()?.parent()?.join("lib/quackctl")).filter(|folder| folder.is_dir())
}

/// One of DuckDB's files for `arch`. It may have been changed since.
pub(super) fn file(pinned: &Pinned, arch: Arch) -> Option<PathBuf> {
    let folder = folder()?;
    let own = Arch::parse(env::consts::ARCH).filter(|own| *own == arch).map(|_| folder.join(&pinned.file));
    let places = [folder.join(format!("function/{arch}")).join(&pinned.file)];
    places.into_iter().chain(own).find(|place| place.is_file())
}

/// The program `name` for `arch` that was made of what `build` is the digest of; `None` when none was shipped.
///
/// # Errors
/// It is not what it was.
pub(crate) fn program(name: &str, arch: Arch, build: &str) -> Result<Option<PathBuf>> {
    folder().map_or(Ok(None), |folder| program_in(&folder, name, arch, build))
}

fn program_in(folder: &Path, name: &str, arch: Arch, build: &str) -> Result<Option<PathBuf>> {
    let list = folder.join(LIST);
    let Ok(text) = fs::read(&list) else { return Ok(None) };
    let shipped: Shipped = serde_json::from_slice(&text).with_context(|| format!("{} is broken", list.display()))?;
    let found = shipped.programs.get(&arch.to_string()).and_then(|programs| programs.get(name));
    let Some(program) = found.filter(|found| found.build == build) else { return Ok(None) };
    let path = folder.join(format!("function/{arch}/{name}"));
    match sha256(&path) {
        Ok(found) if found == program.sha256 => Ok(Some(path)),
        found => {
            let what = found.map_or_else(|error| error.to_string(), |_| "it is not what it was".to_owned());
            Err(failure(
                format!("the function that came with quackctl cannot be used: {}: {what}", path.display()),
                "install quackctl again",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_taken_if_it_is_of_the_same_sources_and_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name, arch, build| program_in(folder.path(), name, arch, build);
        assert_eq!(of("page", Arch::Arm64, "b").unwrap(), None, "nothing was shipped");
        let place = folder.path().join("function/arm64");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("page"), "a program").unwrap();
        let sha256 = sha256(&place.join("page")).unwrap();
        let list = serde_json::json!({ "programs": { "arm64": { "page": { "build": "b", "sha256": sha256 } } } });
        fs::write(folder.path().join(LIST), list.to_string()).unwrap();
        assert_eq!(of("page", Arch::Arm64, "b").unwrap(), Some(place.join("page")));
        for (name, arch, build) in
            [("bootstrap", Arch::Arm64, "b"), ("page", Arch::X86_64, "b"), ("page", Arch::Arm64, "c")]
        {
            assert_eq!(of(name, arch, build).unwrap(), None, "{name} {arch} {build}");
        }
        fs::write(place.join("page"), "another").unwrap();
        let error = of("page", Arch::Arm64, "b").unwrap_err().to_string();
        assert!(error.ends_with("page: it is not what it was"), "{error}");
    }
}
