//! `quackctl recover`: what was replaced or deleted, listed or brought back.

use anyhow::Result;

use crate::cloud::Target;
use crate::cloud::confirm;
use crate::console::context::Context;
use crate::lake::recover::{history, restore};

/// Lists the catalogs that are kept; brings one back, or one table of it. Asks before tables go, unless `yes`.
pub(crate) async fn run(context: &Context, table: Option<String>, at: Option<String>, yes: bool) -> Result<()> {
    let bucket = Target::open(context).await?.bucket;
    match (table, at) {
        (None, None) => context.print(&history::list(&bucket).await?),
        (None, Some(at)) => {
            let recovered = restore::catalog(&bucket, &at, |changes| {
                let changes = changes.lines(false).join("\n");
                if yes {
                    Ok(())
                } else {
                    confirm::ask(
                        &format!("{changes}\nPut that catalog back?"),
                        &format!("tables would go\n{changes}"),
                        "add --yes",
                    )
                }
            });
            context.print(&recovered.await?)
        }
        (Some(table), at) => context.print(&restore::table(&bucket, &table, at.as_deref()).await?),
    }
}
