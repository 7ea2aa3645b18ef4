//! `quackctl rename`

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::views::rename_named;

/// Gives a table or a view another name.
pub(crate) async fn run(context: &Context, old: &str, new: &str) -> Result<()> {
    let target = Target::open(context).await?;
    context.print(&rename_named(&target.bucket, old, new).await?)
}
