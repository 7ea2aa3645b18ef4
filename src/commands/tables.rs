//! `quackctl tables`

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::lake::catalog;
use crate::lake::describe::{TableDetail, TableList};

/// Lists the tables, or describes the one that is named.
pub(crate) async fn run(context: &Context, name: Option<String>) -> Result<()> {
    let target = Target::open(context).await?;
    let catalog = catalog::read(&target.bucket).await?;
    match name {
        Some(name) => {
            let (name, table) = catalog.table(&name)?;
            context.print(&TableDetail::new(name, table))
        }
        None => context.print(&TableList::new(&catalog)),
    }
}
