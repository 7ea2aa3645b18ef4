//! `quackctl expire`

use std::time::Duration;

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::expire::expire;

/// Forgets old versions of a table, or tells which those would be.
pub(crate) async fn run(context: &Context, table: &str, older_than: Duration, yes: bool, force: bool) -> Result<()> {
    let target = Target::open(context).await?;
    context.print(&expire(&target.bucket, table, older_than, yes, force).await?)
}
