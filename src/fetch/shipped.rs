//! What lies beside an installed program, in `../lib/quackctl`: DuckDB's library for the program itself, and what the
//! function is made of, so that putting one up takes neither a compiler nor the web.
//!
//! | file | what it is |
//! | --- | --- |
//! | `libduckdb.so` | DuckDB's library for this machine |
//! | `shipped.json` | which `bootstrap`s there are, from which sources, and what they hash to |
//! | `function/<arch>/bootstrap` | the function |
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
    /// By processor, as `quack.toml` names it.
    bootstraps: BTreeMap<String, Bootstrap>,
}

/// A function that was built already.
#[derive(Debug, Serialize, Deserialize)]
struct Bootstrap {
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

/// The `bootstrap` for `arch` that was made of what `build` is the digest of; `None` when none was shipped.
///
/// # Errors
/// It is not what it was.
pub(crate) fn bootstrap(arch: Arch, build: &str) -> Result<Option<PathBuf>> {
    folder().map_or(Ok(None), |folder| bootstrap_in(&folder, arch, build))
}

fn bootstrap_in(folder: &Path, arch: Arch, build: &str) -> Result<Option<PathBuf>> {
    let list = folder.join(LIST);
    let Ok(text) = fs::read(&list) else { return Ok(None) };
    let shipped: Shipped = serde_json::from_slice(&text).with_context(|| format!("{} is broken", list.display()))?;
    let Some(bootstrap) = shipped.bootstraps.get(&arch.to_string()).filter(|found| found.build == build) else {
        return Ok(None);
    };
    let path = folder.join(format!("function/{arch}/bootstrap"));
    match sha256(&path) {
        Ok(found) if found == bootstrap.sha256 => Ok(Some(path)),
        found => {
            let what = found.map_or_else(|error| error.to_string(), |_| "it is not what it was".to_owned());
            Err(failure(
                format!("the function that came with quackctl cannot be used: {}: {what}", path.display()),
                "install quackctl again",
            ))
        }
    }
}
