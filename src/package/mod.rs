//! The function's artifact: `bootstrap` built by cargo-lambda, DuckDB's library and extensions beside it, in one folder of
//! the cache whose name is the digest of all that went into it.

mod cargo_lambda;
pub(crate) mod image;
mod source;
pub(crate) mod tools;
pub(crate) mod zip;

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::arch::Arch;
use crate::config::Config;
use crate::console::context::Context;
use crate::error::{nearest, usage};
use quack_pinned::{cache, duckdb};

/// An assembled artifact, ready to be run or packed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Artifact {
    /// Holds `bootstrap`, `lib/libduckdb.so` and `extensions/*.duckdb_extension`.
    pub dir: PathBuf,
    /// Changes with any input: sources, lock file, library, extensions, architecture.
    pub digest: String,
    /// The processor that it is for.
    #[serde(serialize_with = "as_text")]
    pub arch: Arch,
    /// Changes with whatever `bootstrap` is made of.
    pub bootstrap_digest: String,
    /// Changes with the library and the extensions.
    pub engine_digest: String,
    /// False when `bootstrap` was in the cache.
    pub built: bool,
}

fn as_text<S: serde::Serializer>(arch: &Arch, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(arch)
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.dir.display())
    }
}

/// Builds and assembles the artifact for `arch` with the extensions that the configuration asks for, or finds it in the
/// cache.
///
/// # Errors
/// An unknown extension (a usage error), a Rust target that is not installed, a build that fails, a file that cannot be
/// fetched.
pub(crate) fn assemble(context: &Context, arch: Arch) -> Result<Artifact> {
    let names = &context.config.extensions;
    check_names(names)?;

    let inputs = Inputs::of(&context.config, arch)?;
    let dir = inputs.dir();
    let Inputs { files, build, engine, digest } = inputs;
    let mut built = false;
    cache::folder(&dir, |draft| -> Result<()> {
        let bootstrap = cache::root().join("bootstraps").join(&build);
        cache::folder(&bootstrap, |draft| -> Result<()> {
            built = true;
            let work = draft.join("work");
            fs::rename(cargo_lambda::build(context, &files, &work, arch)?, draft.join("bootstrap"))?;
            Ok(fs::remove_dir_all(work)?)
        })?;
        place(&bootstrap.join("bootstrap"), &draft.join("bootstrap"))?;
        place(&duckdb::library(arch)?, &draft.join("lib/libduckdb.so"))?;
        for name in names {
            let extension = duckdb::extension(name, arch).context("an extension's name was not checked")??;
            place(&extension, &draft.join(format!("extensions/{name}.duckdb_extension")))?;
        }
        Ok(())
    })?;
    Ok(Artifact { dir, digest, arch, bootstrap_digest: build, engine_digest: engine, built })
}

/// Whether [`assemble`] would find the artifact in the cache.
fn is_built(config: &Config, arch: Arch) -> bool {
    Inputs::of(config, arch).is_ok_and(|inputs| inputs.dir().is_dir())
}

/// What an artifact is made of, as digests.
struct Inputs {
    files: Vec<(String, Vec<u8>)>,
    build: String,
    engine: String,
    digest: String,
}

impl Inputs {
    fn of(config: &Config, arch: Arch) -> Result<Self> {
        let files = source::files()?;
        // The build is the same whatever extensions lie beside it.
        let build = source::digest(&files, &[format!("{arch:?}")]);
        let mut settings =
            vec![format!("{arch:?}"), duckdb::VERSION.to_owned(), duckdb::library_digest(arch).to_owned()];
        settings.extend(config.extensions.iter().cloned());
        let engine = source::digest(&[], &settings);
        let digest = source::digest(&[], &[build.clone(), engine.clone()]);
        Ok(Self { files, build, engine, digest })
    }

    /// Where the artifact is, or is to be.
    fn dir(&self) -> PathBuf {
        cache::root().join("functions").join(&self.digest)
    }
}

fn check_names(names: &[String]) -> Result<()> {
    for name in names {
        if !duckdb::extension_names().any(|known| known == name) {
            let help = match nearest(name, duckdb::extension_names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are: {}", duckdb::extension_names().collect::<Vec<_>>().join(", ")),
            };
            return Err(usage(format!("unknown DuckDB extension `{name}` in function.extensions"), help));
        }
    }
    Ok(())
}

/// Puts `from` at `to` as a hard link: the files are large, and one copy in the cache serves every artifact.
fn place(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))?;
    Ok(())
}
