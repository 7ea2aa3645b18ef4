//! `quackctl drop`

use anyhow::Result;

use crate::cloud::Target;
use crate::cloud::confirm;
use crate::console::context::Context;
use crate::lake::catalog;
use crate::lake::drop::drop_table;
use crate::rows::counted;

/// Drops a table; asks first unless `yes`.
pub(crate) async fn run(context: &Context, name: &str, yes: bool) -> Result<()> {
    let target = Target::open(context).await?;
    if !yes {
        let catalog = catalog::read(&target.bucket).await?;
        let (name, table) = catalog.table(name)?;
        let what = format!("`{name}` with its {} would be deleted", counted(table.rows));
        confirm::ask(&format!("Drop `{name}` with its {}?", counted(table.rows)), &what, "add --yes")?;
    }
    context.print(&drop_table(&target.bucket, name).await?)
}
