//! A table of another program's, by its Iceberg metadata, as it is at its newest snapshot.
//!
//! Which files there are, and which columns, the metadata says; what is in each file its footer says, as of other files that lie
//! elsewhere: bounds that another program has cut, or has of what is no number, are not relied on.

use std::collections::BTreeMap;

use anyhow::Result;
use quack_function::wire::Column;

use super::columns::place;
use super::fit::{self, Wanted};
use super::footers::{self, Footer};
use super::{Found, Registration, places};
use crate::change::write::Session;
use crate::duck::types;
use crate::error::{failure, interrupted};
use crate::lake::catalog::{DataFile, FileColumn};
use crate::lake::iceberg::foreign::{self, Field, File, Theirs};
use crate::lake::iceberg::shapes::{Held, Numbers};
use crate::lake::registered::Arrival;
use crate::query::Coordinator;

/// What to do about a file that is not read as its program reads it.
const REWRITE: &str = "have the program that writes the table write its files anew (Spark: CALL system.rewrite_data_files(table => '...', \
                       options => map('rewrite-all', 'true')); Trino: OPTIMIZE), and register what comes of that";

/// Looks at the table.
///
/// # Errors
/// No metadata; what is not read right here; files where the function may not read; what S3 and the function say.
pub(super) async fn find(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    asked: &Registration<'_>,
) -> Result<Found> {
    let bucket = &coordinator.target.bucket;
    let told = async {
        let (address, bytes) = foreign::find(bucket, asked.source).await?;
        places::admit(bucket, &address)?;
        let theirs = foreign::read(&address, &bytes).map_err(|what| {
            let help =
                "give the metadata of a table that has rows, of form 1 or 2, as the program that writes it has made it";
            failure(format!("`{address}` cannot be a table here: {what}"), help)
        })?;
        let files = foreign::files(bucket, &theirs, &|address| places::admit(bucket, address)).await?;
        anyhow::Ok((theirs, files))
    };
    let (theirs, files) = tokio::select! {
        told = told => told?,
        () = session.cancel.cancelled() => return Err(interrupted("interrupted: nothing was changed")),
    };
    let files: Vec<File> = files.into_iter().filter(|file| file.rows > 0).collect();
    if files.is_empty() {
        let help = "register it when it has some: no file tells what its columns are like";
        return Err(failure(format!("the table at `{}` has no rows", asked.source), help));
    }
    for file in &files {
        places::check(bucket, &file.address, file.bytes)?;
    }
    let addresses: Vec<String> = files.iter().map(|file| file.address.clone()).collect();
    let read = footers::read(coordinator, session, &addresses, true).await?;
    let columns = fit::columns(&theirs.columns, read.shapes.values().flatten());
    for column in &columns {
        types::parse(&column.sql_type).map_err(|what| {
            failure(format!("no table can have the column `{}`: {what}", column.name), "leave it away there")
        })?;
    }
    let wanted = Wanted { fields: &theirs.columns, columns: &columns, names: theirs.names.as_ref() };
    let mut shapes: Vec<Vec<Held>> = Vec::new();
    let mut known: BTreeMap<&str, (Vec<Held>, Option<i32>)> = BTreeMap::new();
    let mut made = Vec::with_capacity(files.len());
    for (file, footer) in files.iter().zip(&read.footers) {
        let bad = |what: String| failure(format!("`{}`: {what}", file.address), REWRITE);
        if !known.contains_key(footer.shape.as_str()) {
            let (nodes, described) = (read.nodes.get(&footer.shape), read.shapes.get(&footer.shape));
            let held = fit::held(
                &wanted,
                nodes.map(Vec::as_slice).unwrap_or_default(),
                described.map(Vec::as_slice).unwrap_or_default(),
            );
            let held = held.map_err(bad)?;
            let is_plain = held.iter().map(|held| &held.column).eq(&columns);
            let place = if is_plain { None } else { Some(place(&mut shapes, held.clone())?) };
            known.insert(&footer.shape, (held, place));
        }
        if let Some((held, place)) = known.get(footer.shape.as_str()) {
            has_values(&theirs.columns, file, held).map_err(bad)?;
            made.push(data_file(file, footer, &columns, held, *place).map_err(bad)?);
        }
    }
    let Theirs { foreign, columns: fields, last_id, .. } = theirs;
    let mut notes = vec![foreign.to_string()];
    if !shapes.is_empty() {
        notes.push(format!(
            "its files have columns in {} other ways than the table: they are read as its own",
            shapes.len()
        ));
    }
    let arrival = Arrival {
        table: asked.table.to_owned(),
        mode: asked.mode(),
        source: asked.source.to_owned(),
        columns,
        partitions: Vec::new(),
        shapes,
        numbers: Numbers::Theirs(fields.iter().map(Field::json).collect(), last_id),
        foreign: Some(foreign),
        files: made,
    };
    Ok(Found { arrival, notes, invocations: read.invocations, cost_usd: read.cost_usd })
}

/// Refuses a file of a partition whose value is not in it.
fn has_values(fields: &[Field], file: &File, held: &[Held]) -> Result<(), String> {
    let has = |name: &str| held.iter().any(|held| held.of.as_deref() == Some(name));
    let lacking = file.fixed.iter().filter_map(|id| fields.iter().find(|field| field.id == *id));
    match lacking.map(|field| &field.name).find(|name| !has(name)) {
        None => Ok(()),
        Some(name) => Err(format!("it lacks the column {name:?}, whose value its partition alone has")),
    }
}

/// A file as the table has it.
fn data_file(
    file: &File,
    footer: &Footer,
    columns: &[Column],
    held: &[Held],
    schema: Option<i32>,
) -> Result<DataFile, String> {
    if u64::try_from(footer.rows) != Ok(file.rows) {
        return Err(format!("it has {} rows, and the table's metadata says {}", footer.rows, file.rows));
    }
    let stats = columns.iter().filter_map(|column| {
        let told = match held.iter().find(|held| held.of.as_ref() == Some(&column.name)) {
            None => FileColumn { nulls: Some(file.rows), bytes: Some(0), ..FileColumn::default() },
            Some(held) => footer.columns.iter().find(|told| told.name == held.column.name)?.stats(file.rows),
        };
        Some((column.name.clone(), told))
    });
    Ok(DataFile {
        key: file.address.clone(),
        rows: file.rows,
        bytes: file.bytes,
        partition: Vec::new(),
        columns: stats.collect(),
        schema,
    })
}
