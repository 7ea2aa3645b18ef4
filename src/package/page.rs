//! The page function's artifact: `bootstrap` alone, in a folder of the cache whose name is the digest of all that it is made of.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use quack_pinned::cache;

use super::source::{self, Program};
use super::{cargo_lambda, unwritable};
use crate::arch::Arch;
use crate::console::context::Context;
use crate::console::progress;
use crate::fetch::pinned::Web;

/// Builds the page function for `arch`, or finds it in the cache: its folder, and the digest of what it is made of.
///
/// # Errors
/// A Rust target that is not installed, a build that fails.
pub(crate) fn page(context: &Context, arch: Arch) -> Result<(PathBuf, String)> {
    let sources = source::files(Program::Page, None)?;
    let build = source::digest(&sources, &cargo_lambda::build_settings(arch));
    let dir = cache::root().join("pages").join(&build);
    let bar = |name: &str| progress::bytes(context, &format!("download {name}"), 0);
    let web = Web { mirror: context.config.mirror.as_deref(), bar: &bar };
    cache::folder(&dir, |draft| -> Result<()> {
        let work = draft.join("work");
        let built = cargo_lambda::build(context, Program::Page, &sources, &work, arch, &web)?;
        fs::rename(built, draft.join("bootstrap"))?;
        Ok(fs::remove_dir_all(work)?)
    })
    .map_err(unwritable)?;
    Ok((dir, build))
}
