//! `quackctl drop`

use anyhow::Result;

use crate::cloud::Target;
use crate::cloud::confirm;
use crate::console::context::Context;
use crate::lake::catalog;
use crate::lake::views::drop_named;
use crate::rows::counted;

/// Drops a table or a view; asks first unless `yes`.
pub(crate) async fn run(context: &Context, name: &str, yes: bool) -> Result<()> {
    let target = Target::open(context).await?;
    if !yes {
        let catalog = catalog::read(&target.bucket).await?;
        let what = match catalog.view(name) {
            Some((view, _)) => format!("the view `{view}`"),
            None => {
                let (name, table) = catalog.table(name)?;
                format!("`{name}` with its {}", counted(table.rows))
            }
        };
        confirm::ask(&format!("Drop {what}?"), &format!("{what} would be deleted"), "add --yes")?;
    }
    context.print(&drop_named(&target.bucket, name).await?)
}
