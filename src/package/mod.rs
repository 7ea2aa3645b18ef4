//! The function's artifact: `bootstrap` built by cargo-lambda, DuckDB's library and extensions beside it, in one folder of
//! the cache whose name is the digest of all that went into it.

mod cargo_lambda;
pub(crate) mod image;
mod page;
mod source;
pub(crate) mod tools;
pub(crate) mod zip;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use anyhow::Result;
use serde::Serialize;

pub(crate) use self::page::page;
use self::source::Program;
use crate::arch::Arch;
use crate::config::Config;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::{failure, nearest, usage};
use crate::fetch::pinned::{self, Web, link_or_copy};
use crate::fetch::shipped;
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
    let Inputs { sources, build, engine, digest } = inputs;
    let bar = |name: &str| progress::bytes(context, &format!("download {name}"), 0);
    let web = Web { mirror: context.config.mirror.as_deref(), bar: &bar };
    let mut built = false;
    cache::folder(&dir, |draft| -> Result<()> {
        let bootstrap;
        (bootstrap, built) = compiled(context, Program::Engine, &sources, &build, arch, &web)?;
        place(&bootstrap.join("bootstrap"), &draft.join("bootstrap"))?;
        place(&pinned::library(arch, &web)?, &draft.join("lib/libduckdb.so"))?;
        for name in names {
            let extension = pinned::extension(name, arch, &web)?;
            place(&extension, &draft.join(format!("extensions/{name}.duckdb_extension")))?;
        }
        Ok(())
    })
    .map_err(unwritable)?;
    Ok(Artifact { dir, digest, arch, bootstrap_digest: build, engine_digest: engine, built })
}

/// The folder of the cache with `bootstrap`, which is `program` of `sources`, of digest `build`: it was there, was shipped, or is
/// built now, which the second value tells.
fn compiled(
    context: &Context,
    program: Program,
    sources: &[(String, Vec<u8>)],
    build: &str,
    arch: Arch,
    web: &Web<'_>,
) -> Result<(PathBuf, bool)> {
    let folder = cache::root().join("bootstraps").join(build);
    let mut built = false;
    cache::folder(&folder, |draft| -> Result<()> {
        let bootstrap = draft.join("bootstrap");
        if let Some(shipped) = shipped::program(program.bin(), arch, build)? {
            // A copy: what unpacked it may not have made it executable.
            fs::copy(shipped, &bootstrap)?;
            return Ok(fs::set_permissions(bootstrap, fs::Permissions::from_mode(0o755))?);
        }
        built = true;
        let work = draft.join("work");
        fs::rename(cargo_lambda::build(context, program, sources, &work, arch, web)?, bootstrap)?;
        Ok(fs::remove_dir_all(work)?)
    })?;
    Ok((folder, built))
}

/// What to do about a cache that cannot be written to.
fn unwritable(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(cause) if cause.is::<cache::Unwritable>() => {
            failure(cause.to_string(), "set QUACK_CACHE_DIR to a folder that you may write to")
        }
        _ => error,
    }
}

/// Whether [`assemble`] finds a function that was built already: in the cache, or beside the program.
fn is_built(config: &Config, arch: Arch) -> bool {
    let has = |inputs: Inputs| {
        let shipped = || shipped::program(Program::Engine.bin(), arch, &inputs.build);
        inputs.dir().is_dir() || shipped().is_ok_and(|found| found.is_some())
    };
    Inputs::of(config, arch).is_ok_and(has)
}

/// What an artifact is made of, as digests.
struct Inputs {
    sources: Vec<(String, Vec<u8>)>,
    build: String,
    engine: String,
    digest: String,
}

impl Inputs {
    fn of(config: &Config, arch: Arch) -> Result<Self> {
        let sources = source::files(Program::Engine, config.source.as_deref())?;
        // The build is the same whatever extensions lie beside it.
        let build = source::digest(&sources, &cargo_lambda::build_settings(arch));
        let library = duckdb::library(arch).sha256.to_owned();
        let mut settings = vec![format!("{arch:?}"), duckdb::VERSION.to_owned(), library];
        settings.extend(config.extensions.iter().cloned());
        let engine = source::digest(&[], &settings);
        let digest = source::digest(&[], &[build.clone(), engine.clone()]);
        Ok(Self { sources, build, engine, digest })
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

/// Puts `from` at `to`, in a folder that need not be there yet.
fn place(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(link_or_copy(from, to)?)
}
