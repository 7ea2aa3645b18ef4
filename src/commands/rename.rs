//! `quackctl rename`

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::rename::rename_table;

/// Gives a table another name.
pub(crate) async fn run(context: &Context, old: &str, new: &str) -> Result<()> {
    let target = Target::open(context).await?;
    context.print(&rename_table(&target.bucket, old, new).await?)
}
