//! Files that lie in S3 already become a table as they are: found with the caller's rights, looked at by functions, copied by
//! nobody.

mod columns;
mod folders;
mod footers;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use quack_function::names;
use quack_function::wire::Column;

use self::columns::Columns;
use self::footers::{Footer, Read};
use super::write::Session;
use crate::bucket::Bucket;
use crate::duck::words;
use crate::error::{failure, interrupted, usage};
use crate::lake::catalog::{Catalog, DataFile, FileColumn, Scope};
use crate::lake::describe::TableDetail;
use crate::lake::iceberg::folder_value;
use crate::lake::load::Mode;
use crate::lake::load::commit::admit;
use crate::lake::load::objects::{self, Object};
use crate::lake::registered::{self, Arrival, Registered};
use crate::lake::views::check_name;
use crate::query::Coordinator;

/// The fewest bytes that a Parquet file has: `PAR1` twice, and the length of what is between.
const FEWEST_BYTES: u64 = 12;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Registration<'a> {
    /// An address of S3, whose key may be a glob.
    pub source: &'a str,
    pub table: &'a str,
    /// What there is by that name goes.
    pub replaces: bool,
}

impl Registration<'_> {
    fn mode(&self) -> Mode {
        if self.replaces { Mode::Replace } else { Mode::Create }
    }
}

/// Makes a table of files where they lie.
///
/// # Errors
/// Files that are none of Parquet, that do not fit together, or that lie where none of a table may; what S3 and the function say.
/// Then nothing was changed.
pub(crate) async fn register(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    asked: &Registration<'_>,
) -> Result<Registered> {
    let started = Instant::now();
    let Coordinator { target, catalog, .. } = *coordinator;
    check_name(asked.table)?;
    if let (Some(known), false) = (catalog.find(asked.table).map(|(known, _)| known), asked.replaces) {
        return Err(failure(
            format!("there is a table `{known}` already"),
            "add --replace to have the files in its place, or choose another name",
        ));
    }
    admit(catalog, asked.table, asked.mode())?;
    let (of, objects) = tokio::select! {
        listed = objects::list(&target.bucket.s3, asked.source) => listed?,
        () = session.cancel.cancelled() => return Err(interrupted("interrupted: nothing was changed")),
    };
    let addresses: Vec<String> = objects.iter().map(|object| format!("s3://{of}/{}", object.key)).collect();
    check_places(&target.bucket, &of, &objects, &addresses)?;
    let partitions = folders::columns(&addresses)?;
    let Read { footers, shapes, invocations, cost_usd } = footers::read(coordinator, session, &addresses).await?;
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
    let read = Read { footers: kept.iter().map(|(footer, _)| footer.clone()).collect(), shapes, invocations, cost_usd };
    let columns = columns::of(&read)?;
    let partitions = apart(&columns, partitions, &mut notes)?;
    let numbers = columns::numbers(&read.footers).unwrap_or_else(|| {
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
        numbers,
        files,
    };
    if session.cancel.is_cancelled() {
        return Err(interrupted("interrupted: nothing was changed"));
    }
    let change = |catalog: &mut Catalog| registered::put(catalog, &arrival);
    let put = session.transaction.update(&target.bucket, Scope::Whole(asked.table), change).await?;
    if put.forgets {
        notes.push(
            "its history begins anew, as files of it have changed where they lie, or have other columns".to_owned(),
        );
    }
    if words::is_reserved(asked.table) {
        notes.push(format!("`{0}` is a word of SQL: queries name the table in double quotes, \"{0}\"", asked.table));
    }
    Ok(Registered {
        files_came: put.came,
        files_went: put.went,
        time_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        invocations: read.invocations,
        cost_usd: read.cost_usd,
        notes,
        table: TableDetail::new(asked.table, &put.table),
    })
}

/// Refuses objects that cannot be a table's, as far as their names and sizes tell.
fn check_places(bucket: &Bucket, of: &str, objects: &[Object], addresses: &[String]) -> Result<()> {
    for (address, object) in addresses.iter().zip(objects) {
        if object.bytes < FEWEST_BYTES {
            return Err(failure(
                format!("`{address}` has {} bytes: it is no Parquet file", object.bytes),
                "remove it, or give a glob that does not match it",
            ));
        }
        if bucket.layout.is_elsewhere(&bucket.name, address) {
            continue;
        }
        let is_plain = names::is_plain_key("", &object.key);
        let is_readable =
            of == bucket.name || bucket.layout.read.iter().any(|folder| address.starts_with(&folder.to_string()));
        return Err(match (is_plain, is_readable, of == bucket.name) {
            (_, false, _) => usage(
                format!("the function may not read `{address}`: no folder of `read` has it"),
                format!(
                    "add \"s3://{of}/...\" to `read` under [lake] in quack.toml, and run `quackctl up`; or `quackctl load` copies it"
                ),
            ),
            (false, ..) => failure(
                format!("the key of `{address}` is not plain"),
                "a file of a table has a key of letters, digits and `_-.~=%/` alone; copy it to such a one, or `quackctl load` it",
            ),
            (true, ..) => failure(
                format!("`{address}` lies where quackctl or the function writes"),
                format!(
                    "register files that lie elsewhere; these prefixes are kept: {}",
                    bucket
                        .layout
                        .owned()
                        .iter()
                        .map(String::as_str)
                        .chain(bucket.layout.writable())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ),
        });
    }
    Ok(())
}

/// The columns of folders that the files lack: if they have all of these themselves, none.
fn apart(columns: &Columns, partitions: Vec<Column>, notes: &mut Vec<String>) -> Result<Vec<Column>> {
    let has = |columns: &[Column], name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let inside: Vec<&str> =
        partitions.iter().map(|column| column.name.as_str()).filter(|name| has(&columns.own, name)).collect();
    if inside.is_empty() {
        return Ok(partitions);
    }
    let all_have = |name: &&str| columns.shapes.iter().all(|shape| has(shape, name));
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
    let nothing = FileColumn { nulls: Some(rows), min: None, max: None };
    let stats = columns.own.iter().filter_map(|column| {
        let is_lacking = shape.is_some_and(|shape| shape.iter().all(|own| own.name != column.name));
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
