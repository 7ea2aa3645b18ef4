//! `quackctl rollback`

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::versions::roll_back;

/// Has a table be as it was.
pub(crate) async fn run(context: &Context, table: &str, to: i64) -> Result<()> {
    let target = Target::open(context).await?;
    context.print(&roll_back(&target.bucket, table, to).await?)
}
