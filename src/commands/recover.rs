//! `quackctl recover`: what was replaced or deleted, listed or brought back.

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::recover::{history, restore};

/// Lists the catalogs that are kept; brings one back, or one table of it.
pub(crate) async fn run(context: &Context, table: Option<String>, at: Option<String>) -> Result<()> {
    let bucket = Target::open(context).await?.bucket;
    match (table, at) {
        (None, None) => context.print(&history::list(&bucket).await?),
        (None, Some(at)) => context.print(&restore::catalog(&bucket, &at).await?),
        (Some(table), at) => context.print(&restore::table(&bucket, &table, at.as_deref()).await?),
    }
}
