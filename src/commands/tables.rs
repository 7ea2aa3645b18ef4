//! `quackctl tables`

use anyhow::Result;

use crate::cloud::Target;
use crate::console::context::Context;
use crate::error::usage;
use crate::lake::catalog;
use crate::lake::describe::{TableDetail, TableList};
use crate::lake::described_view::ViewDetail;
use crate::lake::versions;

/// Lists the tables and views, or describes the one that is named, or a table's `history`.
pub(crate) async fn run(context: &Context, name: Option<String>, history: bool) -> Result<()> {
    let target = Target::open(context).await?;
    let catalog = catalog::read(&target.bucket).await?;
    match name {
        Some(name) => {
            if let Some((name, view)) = catalog.view(&name) {
                if history {
                    return Err(usage(
                        format!("`{name}` is a view, which has no versions"),
                        "ask for those of a table",
                    ));
                }
                return context.print(&ViewDetail::new(name, view));
            }
            let (name, table) = catalog.table(&name)?;
            if history {
                return context.print(&versions::list(name, table));
            }
            context.print(&TableDetail::new(name, table))
        }
        None => context.print(&TableList::new(&catalog)),
    }
}
