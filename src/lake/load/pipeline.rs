//! Loads data into a table: stage, upload, commit. Until the commit, one conditional write of the catalog, nobody sees
//! any of it; when it fails, or Ctrl-C is pressed, before, the table is as it was.

use std::time::Instant;

use anyhow::Result;
use chrono::{SecondsFormat, Utc};
use quack_function::wire::Column;

use super::convert::convert;
use super::partition::Partition;
use super::source::{self, Origin};
use super::sweep::{self, STAMP};
use super::workdir::Staging;
use super::written::Staged;
use super::{stats, stop};
use crate::bucket::Bucket;
use crate::bucket::upload::{self, Item, Upload};
use crate::config::DataSet;
use crate::console::context::Context;
use crate::console::interrupt;
use crate::console::progress;
use crate::duck::words;
use crate::error::{failure, interrupted, usage};
use crate::lake::catalog::{self, Catalog, DataFile, Table};
use crate::lake::check;
use crate::lake::describe::Loaded;

/// What becomes of the rows that a table has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// There must be no such table.
    Create,
    Replace,
    Append,
}

/// One load.
#[derive(Debug, Clone)]
pub(crate) struct LoadRequest {
    pub table: String,
    pub origin: Origin,
    /// `NAME=EXPR` each, outermost folder first.
    pub partition_by: Vec<String>,
    pub mode: Mode,
}

impl From<DataSet> for LoadRequest {
    fn from(set: DataSet) -> Self {
        let origin = Origin::of(set.source, set.sample, set.rows, set.dataset);
        Self { table: set.table, origin, partition_by: set.partition_by, mode: Mode::Create }
    }
}

/// Loads data into a table of `target`'s lake.
///
/// # Errors
/// For whatever is wrong with the request, the data, the disk or the bucket; exit code 130 for Ctrl-C.
/// The table is then as it was, and what was uploaded is removed.
pub(crate) async fn load(context: &Context, bucket: &Bucket, request: LoadRequest) -> Result<Loaded> {
    let started = Instant::now();
    if !check::is_name(&request.table) {
        return Err(usage(
            format!("`{}` cannot be a table's name", request.table),
            "use letters, digits and `_`, not a digit first, at most 64",
        ));
    }
    let partitions = request.partition_by.iter().map(|text| Partition::parse(text)).collect::<Result<Vec<_>>>()?;
    // Before any work; and again at the commit, when others may have been quicker.
    admit(&catalog::read(bucket).await?, &request)?;

    let staged = stage_blocking(context, &bucket.name, &request, partitions).await?;
    let folder = format!("{}{}/", bucket.layout.table(&request.table), load_id());
    let data = staged.staging.data();
    let items: Vec<Item> = staged
        .files
        .iter()
        .map(|file| Item { path: data.join(&file.key), key: format!("{folder}{}", file.key), bytes: file.bytes })
        .collect();
    let bar = progress::bytes(context, "upload", items.iter().map(|item| item.bytes).sum());
    let mut upload = Upload::new(bucket, items);
    let uploaded = tokio::select! {
        uploaded = upload.run(&bar) => uploaded,
        () = interrupt::requested() => Err(interrupted("interrupted: nothing was loaded")),
    };
    bar.finish_and_clear();
    let committed = match uploaded {
        Ok(()) => catalog::update(bucket, |catalog| commit(catalog, &request, &staged, &folder)).await,
        Err(error) => Err(error),
    };
    match committed {
        Ok((table, replaced)) => {
            // Nothing but tables' files, whatever the catalog that named them said.
            let own = |key: &String| bucket.layout.is_of_tables(key);
            upload::delete(bucket, replaced.into_iter().filter(own)).await;
            sweep::sweep(bucket, &request.table).await;
            let loaded = Loaded::new(request.table, table, &staged.files, started.elapsed());
            let mut notes = staged.notes;
            if words::is_reserved(&loaded.table.summary.name) {
                notes.push(format!(
                    "`{0}` is a word of SQL: queries name the table in double quotes, \"{0}\"",
                    loaded.table.summary.name
                ));
            }
            Ok(Loaded { notes, ..loaded })
        }
        Err(error) => {
            upload.undo().await;
            Err(error)
        }
    }
}

/// Fetches and stages on a thread that may block.
async fn stage_blocking(
    context: &Context,
    bucket: &str,
    request: &LoadRequest,
    partitions: Vec<Partition>,
) -> Result<Staged> {
    let (context, bucket, origin) = (context.clone(), bucket.to_owned(), request.origin.clone());
    stop::run(move |stop| {
        let input = source::fetch(&context, &bucket, &origin, stop)?;
        let label = origin.label();
        let bar = progress::spinner(&context, &format!("read {label}"));
        let staged = Staging::new().and_then(|staging| convert(&input, &label, &partitions, staging, &bar, stop));
        bar.finish_and_clear();
        staged
    })
    .await
}

/// Whether the request fits the tables that there are.
fn admit(catalog: &Catalog, request: &LoadRequest) -> Result<()> {
    let name = &request.table;
    match catalog.find(name) {
        Some((known, _)) if known != name => Err(usage(
            format!("there is a table `{known}`: `{name}` differs only in upper and lower case"),
            format!("write `{known}`, or choose another name"),
        )),
        Some(_) if request.mode == Mode::Create => Err(failure(
            format!("there is a table `{name}` already"),
            "add --replace to put the new rows in place of the old, or --append to add them",
        )),
        _ => Ok(()),
    }
}

/// Puts the staged files into the catalog. Returns the table and the keys that nobody needs any more.
fn commit(catalog: &mut Catalog, request: &LoadRequest, staged: &Staged, folder: &str) -> Result<(Table, Vec<String>)> {
    if let Some(table) = catalog.tables.get(&request.table)
        && table.files.iter().any(|file| file.key.starts_with(folder))
    {
        // An earlier try was stored, and its answer lost on the way.
        return Ok((table.clone(), Vec::new()));
    }
    admit(catalog, request)?;
    let mut files: Vec<DataFile> =
        staged.files.iter().map(|file| DataFile { key: format!("{folder}{}", file.key), ..file.clone() }).collect();
    let mut source = request.origin.label();
    let mut synthetic = request.origin.synthetic();
    let mut columns = staged.columns.clone();
    let mut partition_by = request.partition_by.clone();
    let (mut replaced, mut formerly) = (Vec::new(), Vec::new());
    match (catalog.tables.remove(&request.table), request.mode) {
        (Some(old), Mode::Append) => {
            fits(&request.table, &old, staged)?;
            if old.source != source {
                source = format!("{}, {source}", old.source);
            }
            synthetic |= old.synthetic;
            files.splice(..0, old.files);
            formerly = old.formerly;
            // As a query has them: in the order of the first file.
            let place = |column: &Column| old.columns.iter().position(|known| known.name == column.name);
            columns.sort_by_key(place);
            partition_by = old.partition_by;
        }
        (Some(old), _) => replaced = old.files.into_iter().map(|file| file.key).collect(),
        (None, _) => {}
    }
    let table = Table {
        source,
        synthetic,
        loaded_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        partitions: staged.partitions.clone(),
        columns: stats::of_table(&columns, &staged.partitions, &files)?,
        files,
        formerly,
        partition_by,
    };
    catalog.tables.insert(request.table.clone(), table.clone());
    Ok((table, replaced))
}

/// Rows may only be added with the columns that the table has.
fn fits(name: &str, table: &Table, staged: &Staged) -> Result<()> {
    let described = |columns: &mut dyn Iterator<Item = (&String, &String)>| -> Vec<String> {
        columns.map(|(name, sql_type)| format!("{name} {sql_type}")).collect()
    };
    let own = table.columns.len().saturating_sub(table.partitions.len());
    let old = described(&mut table.columns[..own].iter().map(|column| (&column.name, &column.sql_type)));
    let new = described(&mut staged.columns.iter().map(|column| (&column.name, &column.sql_type)));
    let old_partitions = described(&mut table.partitions.iter().map(|column| (&column.name, &column.sql_type)));
    let new_partitions = described(&mut staged.partitions.iter().map(|column| (&column.name, &column.sql_type)));
    if old_partitions != new_partitions {
        let said = |partitions: &[String]| {
            if partitions.is_empty() {
                "not partitioned".to_owned()
            } else {
                format!("partitioned by {}", partitions.join(", "))
            }
        };
        return Err(failure(
            format!(
                "cannot append to `{name}`: it is {}, the new rows are {}",
                said(&old_partitions),
                said(&new_partitions)
            ),
            as_before(table),
        ));
    }
    let missing = old.iter().filter(|column| !new.contains(column)).map(|column| format!("  - {column}"));
    let added = new.iter().filter(|column| !old.contains(column)).map(|column| format!("  + {column}"));
    let differences: Vec<String> = missing.chain(added).collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(failure(
        format!("cannot append to `{name}`: the new rows have other columns\n{}", differences.join("\n")),
        "`-` is in the table, `+` in the new rows; load into another table, or use --replace",
    ))
}

/// How rows are to be split that go to those of `table`.
fn as_before(table: &Table) -> String {
    let known = |by: &String| format!("--partition-by '{}'", by.replace('\'', "'\\''"));
    match (table.partitions.as_slice(), table.partition_by.as_slice()) {
        ([], _) => "leave --partition-by away, or use --replace".to_owned(),
        (_, []) => "give the same --partition-by as the table was loaded with".to_owned(),
        (_, known_by) => format!("give {}", known_by.iter().map(known).collect::<Vec<_>>().join(" ")),
    }
}

/// A name for this load's folder: sorts by time, and is nobody else's.
fn load_id() -> String {
    format!("{}-{:08x}", Utc::now().format(STAMP), rand::random::<u32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_whose_answer_was_lost_is_not_made_twice() {
        for mode in [Mode::Create, Mode::Replace, Mode::Append] {
            let parent = tempfile::tempdir().unwrap();
            let file = DataFile {
                key: "data.parquet".to_owned(),
                rows: 3,
                bytes: 5,
                partition: Vec::new(),
                columns: Default::default(),
            };
            let staging = Staging::within(parent.path()).unwrap();
            let staged =
                Staged { staging, columns: Vec::new(), partitions: Vec::new(), files: vec![file], notes: Vec::new() };
            let origin = Origin::Source("x.csv".to_owned());
            let request = LoadRequest { table: "t".to_owned(), origin, partition_by: Vec::new(), mode };
            let mut catalog = Catalog::default();
            let once = commit(&mut catalog, &request, &staged, "tables/t/1/").unwrap();
            let twice = commit(&mut catalog, &request, &staged, "tables/t/1/").unwrap();
            assert_eq!(twice, once, "{mode:?}");
            assert_eq!(twice.1, [""; 0], "what was just uploaded is not what was replaced");
        }
    }
}
