//! Parquet files that an address of S3 names, as a table.

use std::collections::BTreeMap;

use anyhow::Result;
use quack_function::wire::Column;

use super::columns::{self, Columns};
use super::footers::{self, Footer, Read};
use super::{Found, Registration, folders, places};
use crate::change::write::Session;
use crate::error::{failure, interrupted};
use crate::lake::catalog::{DataFile, FileColumn};
use crate::lake::iceberg::folder_value;
use crate::lake::iceberg::shapes::Numbers;
use crate::lake::load::objects::{self, Object};
use crate::lake::registered::Arrival;
use crate::query::Coordinator;

/// Looks at the files.
///
/// # Errors
/// Files that are none of Parquet, that do not fit together, or that lie where none of a table may; what S3 and the function say.
pub(super) async fn find(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    asked: &Registration<'_>,
) -> Result<Found> {
    let target = coordinator.target;
    let (of, objects) = tokio::select! {
        listed = objects::list(&target.bucket.s3, asked.source) => listed?,
        () = session.cancel.cancelled() => return Err(interrupted("interrupted: nothing was changed")),
    };
    let addresses: Vec<String> = objects.iter().map(|object| format!("s3://{of}/{}", object.key)).collect();
    for (address, object) in addresses.iter().zip(&objects) {
        places::check(&target.bucket, address, object.bytes)?;
    }
    let partitions = folders::columns(&addresses)?;
    let Read { footers, shapes, invocations, cost_usd, .. } =
        footers::read(coordinator, session, &addresses, false).await?;
    let mut notes = Vec::new();
    // What has no rows says nothing, unless nothing has any.
    let all = footers.len();
    let has_rows = footers.iter().any(|footer| footer.rows > 0);
    let kept: Vec<(Footer, &Object)> = footers
        .into_iter()
        .zip(&objects)
        .filter(|(footer, _)| !has_rows || footer.rows > 0)
        .take(if has_rows { usize::MAX } else { 1 })
        .collect();
    if kept.len() < all {
        notes.push(format!("files without rows, left out: {}", all - kept.len()));
    }
    let footers: Vec<Footer> = kept.iter().map(|(footer, _)| footer.clone()).collect();
    let columns = columns::of(&footers, &shapes)?;
    let partitions = apart(&columns, partitions, &mut notes)?;
    let numbers = columns::numbers(&footers).unwrap_or_else(|| {
        notes.push(
            "the files number their columns (field ids) in different ways: readers that go by numbers, as pyiceberg does, may \
             take one for another; quackctl goes by names"
                .to_owned(),
        );
        BTreeMap::new()
    });
    if columns.own.is_empty() {
        let help = "a table has columns besides those of its folders";
        return Err(failure(format!("the files at `{}` have no columns", asked.source), help));
    }
    let files = kept.into_iter().map(|(footer, object)| file(footer, object.bytes, &columns, &partitions));
    let files = files.collect::<Result<_>>()?;
    let arrival = Arrival {
        table: asked.table.to_owned(),
        mode: asked.mode(),
        source: asked.source.to_owned(),
        columns: columns.own,
        partitions,
        shapes: columns.shapes,
        numbers: Numbers::Known(numbers),
        foreign: None,
        files,
    };
    Ok(Found { arrival, notes, invocations, cost_usd })
}

/// The columns of folders that the files lack: if they have all of these themselves, none.
fn apart(columns: &Columns, partitions: Vec<Column>, notes: &mut Vec<String>) -> Result<Vec<Column>> {
    let is = |column: &Column, name: &str| column.name.eq_ignore_ascii_case(name);
    let has = |name: &str| columns.own.iter().any(|column| is(column, name));
    let inside: Vec<&str> = partitions.iter().map(|column| column.name.as_str()).filter(|name| has(name)).collect();
    if inside.is_empty() {
        return Ok(partitions);
    }
    let all_have = |name: &&str| columns.shapes.iter().all(|shape| shape.iter().any(|held| is(&held.column, name)));
    if inside.len() == partitions.len() && inside.iter().all(all_have) {
        notes.push(format!(
            "the files have {} themselves: what their folders are called is not read",
            inside.join(", ")
        ));
        return Ok(Vec::new());
    }
    Err(failure(
        format!("`{}` is in the names of folders, and in some files as well", inside[0]),
        "register files that have all columns of their folders, or none; `quackctl load` copies the others",
    ))
}

/// A file of the table, by its footer.
fn file(footer: Footer, bytes: u64, columns: &Columns, partitions: &[Column]) -> Result<DataFile> {
    let rows = u64::try_from(footer.rows).map_err(|_| {
        failure(format!("`{}` says that it has {} rows", footer.file, footer.rows), "it is damaged: get it anew")
    })?;
    let schema = columns.places.get(&footer.shape).copied().flatten();
    let shape = schema.and_then(|place| columns.shapes.get(usize::try_from(place).ok()?));
    let nothing = FileColumn { nulls: Some(rows), bytes: Some(0), ..FileColumn::default() };
    let stats = columns.own.iter().filter_map(|column| {
        let is_lacking = shape.is_some_and(|shape| shape.iter().all(|held| held.column.name != column.name));
        let told = footer.columns.iter().find(|told| told.name == column.name).map(|told| told.stats(rows));
        Some((column.name.clone(), if is_lacking { nothing.clone() } else { told? }))
    });
    Ok(DataFile {
        rows,
        bytes,
        partition: partitions.iter().map(|column| folder_value(&footer.file, column)).collect(),
        columns: stats.collect(),
        schema,
        key: footer.file,
    })
}
