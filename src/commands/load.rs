//! `quackctl load`

use anyhow::Result;

use crate::cli::LoadArgs;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake;

/// Loads data into a table and shows what is in it now.
pub async fn run(context: &Context, args: LoadArgs) -> Result<()> {
    let target = Target::open(context).await?;
    let loaded = lake::load::load(context, &target, args.into()).await?;
    context.print(&loaded)
}
