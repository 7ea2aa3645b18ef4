//! Files that the function wrote become a table's: copied into its folder, named by the catalog, in this order.

use anyhow::Result;

use super::staged::Staged;
use super::write::Work;
use crate::bucket::upload;
use crate::error::failure;
use crate::lake::catalog::{Catalog, Table};
use crate::lake::load::commit::{self, Arrival, Mode};
use crate::lake::load::sweep;

/// Where the rows are from that SQL has made.
const SOURCE: &str = "SQL";

/// An arrival of rows that SQL has made; its files come as they land.
pub(super) fn arrival(table: &str, mode: Mode, staged: &Staged<'_>) -> Arrival {
    Arrival {
        table: table.to_owned(),
        mode,
        source: SOURCE.to_owned(),
        synthetic: false,
        partition_by: Vec::new(),
        columns: staged.columns.clone(),
        partitions: Vec::new(),
        files: Vec::new(),
        renamed: None,
    }
}

/// Somebody else was quicker.
pub(super) fn overtaken(table: &str) -> anyhow::Error {
    failure(
        format!("somebody else has changed `{table}` meanwhile: nothing was changed (SQLSTATE 40001)"),
        "run it again",
    )
}

/// Has `staged` be the files of `arrival`, in a new `folder`: only if the table is still as `of` has it, where that is given. Gives the number of
/// their rows; nothing, when the table that they are for has come to be partitioned otherwise: then nothing was changed.
///
/// # Errors
/// What the bucket says; a table that is not as it was. Nothing is left behind then, and nothing was changed.
pub(super) async fn land(
    work: &Work<'_>,
    staged: Staged<'_>,
    arrival: Arrival,
    of: Option<&Table>,
    folder: &str,
) -> Result<Option<u64>> {
    let bucket = &work.coordinator.target.bucket;
    let kept = staged.keep(folder, work.session.cancel).await;
    staged.discard().await;
    let arrival = Arrival { files: kept?, ..arrival };
    let name = &arrival.table;
    let is_temporary = bucket.layout.is_result(folder.trim_end_matches('/'));
    let change = |catalog: &mut Catalog| {
        if arrival.mode == Mode::Append {
            // A table that was dropped meanwhile does not come back with these rows alone.
            let now = catalog.table(&arrival.table)?.1;
            if now.partitions != arrival.partitions {
                return Ok(None);
            }
        }
        if let Some(of) = of {
            let now = catalog.table(name)?.1;
            let is_stored = now.keys().any(|key| arrival.files.iter().any(|file| file.key == key));
            let is_same = now.keys().eq(of.keys()) && now.own_columns() == of.own_columns();
            if !is_stored && !is_same {
                return Err(overtaken(name));
            }
        }
        commit::commit(catalog, &arrival).map(Some)
    };
    let (transaction, scope) = (work.session.transaction, arrival.mode.scope(name));
    match transaction.update_as(bucket, scope, is_temporary, change).await {
        Ok(Some(table)) => {
            work.session.transaction.made(arrival.files.iter().map(|file| file.key.clone()));
            if !is_temporary {
                sweep::sweep(bucket, &arrival.table, &table).await;
            }
            Ok(Some(arrival.files.iter().map(|file| file.rows).sum()))
        }
        other => {
            upload::delete(bucket, arrival.files.into_iter().map(|file| file.key)).await;
            other.map(|_| None)
        }
    }
}
