//! The page function's artifact: `bootstrap` alone, in a folder of the cache whose name is the digest of all that it is made of.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use super::source::{self, Program};
use super::{cargo_lambda, compiled, unwritable};
use crate::arch::Arch;
use crate::console::context::Context;
use crate::console::progress;
use crate::fetch::pinned::Web;

/// The page function, ready to be run or packed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PageFunction {
    /// Holds `bootstrap`.
    pub dir: PathBuf,
    /// Changes with whatever it is made of.
    pub bootstrap_digest: String,
}

impl fmt::Display for PageFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.dir.display())
    }
}

/// Builds the page function for `arch`, or finds it in the cache or beside the program.
///
/// # Errors
/// A Rust target that is not installed, a build that fails.
pub(crate) fn page(context: &Context, arch: Arch) -> Result<PageFunction> {
    let sources = source::files(Program::Page, None)?;
    let build = source::digest(&sources, &cargo_lambda::build_settings(arch));
    let bar = |name: &str| progress::bytes(context, &format!("download {name}"), 0);
    let web = Web { mirror: context.config.mirror.as_deref(), bar: &bar };
    let (dir, _) = compiled(context, Program::Page, &sources, &build, arch, &web).map_err(unwritable)?;
    Ok(PageFunction { dir, bootstrap_digest: build })
}
