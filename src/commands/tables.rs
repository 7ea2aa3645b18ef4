//! `quackctl tables`

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::catalog;
use crate::lake::describe::{TableDetail, TableList};
use crate::lake::versions;

/// Lists the tables, or describes the one that is named, or its `history`.
pub(crate) async fn run(context: &Context, name: Option<String>, history: bool) -> Result<()> {
    let target = Target::open(context).await?;
    let catalog = catalog::read(&target.bucket).await?;
    match name {
        Some(name) => {
            let (name, table) = catalog.table(&name)?;
            if history {
                return context.print(&versions::list(name, table));
            }
            context.print(&TableDetail::new(name, table))
        }
        None => context.print(&TableList::new(&catalog)),
    }
}
