//! SQL that changes the lake: `CREATE TABLE`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `ALTER TABLE ... RENAME`, `DROP TABLE`.
//!
//! The function runs the SELECT in a statement and writes its rows as Parquet among the results, as it may; the caller's own
//! rights copy them into the table's folder, inside the bucket, and change the catalog in one step. No row comes by here.

mod create;
mod done;
mod insert;
mod land;
mod parts;
mod reader;
mod rewrite;
mod statement;
mod write;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

pub(crate) use done::Changed;
pub(crate) use statement::{Change, parse};

use crate::lake::drop::drop_table;
use crate::lake::rename::rename_table;
use crate::query::{Coordinator, while_replaced};
use done::Deed;

/// Makes one change, or none of it; `sql` is its statement. When tables that it reads are replaced while it does, it begins
/// anew.
///
/// # Errors
/// What the statement asks for and is not there; what DuckDB says of it; what the bucket says; `cancel`.
pub(crate) async fn run(
    coordinator: &Coordinator<'_>,
    sql: &str,
    change: &Change,
    cancel: &CancellationToken,
) -> Result<Changed> {
    while_replaced(coordinator, sql, async |coordinator| once(coordinator, change, cancel).await).await
}

async fn once(coordinator: &Coordinator<'_>, change: &Change, cancel: &CancellationToken) -> Result<Changed> {
    let Coordinator { target, catalog, .. } = *coordinator;
    match change {
        Change::Create(create) => create::run(coordinator, create, cancel).await,
        Change::Insert(insert) => insert::run(coordinator, insert, cancel).await,
        Change::Rewrite(rewrite) => rewrite::run(coordinator, rewrite, cancel).await,
        Change::Drop { table, if_exists } => {
            if *if_exists && catalog.find(table).is_none() {
                return Ok(Changed::nothing(Deed::Drop, table));
            }
            let dropped = drop_table(&target.bucket, table).await?;
            Ok(Changed { rows: dropped.rows, ..Changed::nothing(Deed::Drop, &dropped.table) }.made())
        }
        Change::Rename { table, to } => {
            let renamed = rename_table(&target.bucket, table, to).await?;
            Ok(Changed::nothing(Deed::Rename, &renamed.to).made())
        }
    }
}
