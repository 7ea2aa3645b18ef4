//! `quackctl build`: the function's artifact, without anything being put up.

use anyhow::Result;

use crate::console::context::Context;
use crate::package;

/// Builds and assembles the artifact, or finds it in the cache, and prints its folder; of the page function if `pages`.
pub(crate) fn run(context: &Context, pages: bool) -> Result<()> {
    let arch = context.config.function_arch()?;
    match pages {
        true => context.print(&package::page(context, arch)?),
        false => context.print(&package::assemble(context, arch)?),
    }
}
