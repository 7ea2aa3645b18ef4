//! `quackctl build`: the function's artifact, without anything being put up.

use anyhow::Result;

use crate::console::context::Context;
use crate::package;

/// Builds and assembles the artifact, or finds it in the cache, and prints its folder.
pub(crate) fn run(context: &Context) -> Result<()> {
    context.print(&package::assemble(context, context.config.function_arch()?)?)
}
