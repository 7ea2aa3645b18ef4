//! Rows into the catalog: files that lie in the bucket become a table's, in one conditional write.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::Result;
use chrono::{SecondsFormat, Utc};
use quack_function::wire::Column;

use super::stats;
use super::sweep::STAMP;
use crate::bucket::Bucket;
use crate::error::{failure, usage};
use crate::lake::catalog::{Catalog, DataFile, Scope, Table};
use crate::lake::iceberg::state::{Origin, Unread};
use crate::lake::{reshape, schemas};

/// What becomes of the rows that a table has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// There must be no such table.
    Create,
    Replace,
    Append,
}

impl Mode {
    /// What of the catalog has to be known for rows that come to the table `name` so.
    pub(crate) fn scope(self, name: &str) -> Scope<'_> {
        if self == Self::Append { Scope::Open(name) } else { Scope::Whole(name) }
    }
}

/// Rows that are to be a table's, in files that lie where they will stay.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub table: String,
    pub mode: Mode,
    /// Where the rows are from, for people.
    pub source: String,
    /// True for generated data.
    pub synthetic: bool,
    /// `NAME=EXPR` each, outermost folder first.
    pub partition_by: Vec<String>,
    /// The columns in the files.
    pub columns: Vec<Column>,
    /// The columns in the folder names.
    pub partitions: Vec<Column>,
    pub files: Vec<DataFile>,
    /// A column that is called otherwise from now on: what it was called, and how it is.
    pub renamed: Option<(String, String)>,
}

/// A new folder for files of `table`: it sorts by time, and is nobody else's.
pub(crate) fn folder(bucket: &Bucket, table: &str) -> String {
    let id = format!("{}-{:08x}", Utc::now().format(STAMP), rand::random::<u32>());
    format!("{}{id}/", bucket.layout.table(table))
}

/// The same files, with their keys in `folder`.
pub(crate) fn in_folder(files: &[DataFile], folder: &str) -> Vec<DataFile> {
    files.iter().map(|file| DataFile { key: format!("{folder}{}", file.key), ..file.clone() }).collect()
}

/// Whether there may be rows for a table `name`, by the tables that there are.
///
/// # Errors
/// A table of that name, where there may be none, or another's, which is not to be added to; a view; a schema that is not there.
pub(crate) fn admit(catalog: &Catalog, name: &str, mode: Mode) -> Result<()> {
    schemas::check(catalog, name)?;
    if let Some((view, _)) = catalog.view(name) {
        return Err(usage(
            format!("there is a view `{view}`: a table cannot have its name"),
            format!("choose another name, or `quackctl drop {view}` first"),
        ));
    }
    match catalog.called(name) {
        Some(known) if known != name => Err(usage(
            format!("there is a table `{known}`: `{name}` differs only in upper and lower case"),
            format!("write `{known}`, or choose another name"),
        )),
        Some(_) if mode == Mode::Create => Err(failure(
            format!("there is a table `{name}` already"),
            "add --replace to put the new rows in place of the old, or --append to add them",
        )),
        Some(_) if mode == Mode::Append => catalog.tables.get(name).map_or(Ok(()), |table| table.check_is_own(name)),
        _ => Ok(()),
    }
}

/// Puts the files into the catalog. Returns the table.
///
/// # Errors
/// Those of [`admit`]; rows that do not fit the table that they are for.
pub(crate) fn commit(catalog: &mut Catalog, arrival: &Arrival) -> Result<Table> {
    let Arrival { table: name, mode, .. } = arrival;
    let is_new = |file: &DataFile| arrival.files.iter().any(|new| new.key == file.key);
    if let Some(table) = catalog.tables.get(name)
        && table.files.iter().any(is_new)
    {
        // An earlier try was stored, and its answer lost on the way.
        return Ok(table.clone());
    }
    admit(catalog, name, *mode)?;
    let Arrival { mut source, mut synthetic, mut columns, mut partition_by, mut files, .. } = arrival.clone();
    let (mut formerly, mut origin, mut unread) = (Vec::new(), Origin::default(), Unread::default());
    let mut before = None;
    let new = files.clone();
    let mut differs = BTreeMap::new();
    let old = catalog.tables.remove(name);
    // What was written about it is about its new rows, too.
    let (comment, mut comments) =
        old.as_ref().map(|old| (old.comment.clone(), old.comments.clone())).unwrap_or_default();
    if let Some((column, to)) = &arrival.renamed
        && let Some(comment) = comments.remove(column)
    {
        comments.insert(to.clone(), comment);
    }
    if let (Some(mut old), Mode::Append) = (old, mode) {
        fit(&mut old, arrival)?;
        columns = old.own_columns();
        if old.source != source && !old.source.ends_with(&format!(", {source}")) {
            source = format!("{}, {source}", old.source);
        } else {
            source = old.source;
        }
        synthetic |= old.synthetic;
        // What stands for a table without rows is not needed any more.
        files.splice(..0, old.files.into_iter().filter(|file| file.rows > 0));
        formerly = old.formerly;
        differs = old.differs;
        (origin, unread, before) = (old.origin, old.unread, Some((old.rows, old.columns)));
        partition_by = old.partition_by;
    }
    let is_column =
        |name: &str| columns.iter().chain(&arrival.partitions).any(|column| column.name.eq_ignore_ascii_case(name));
    partition_by.retain(|by| is_column(by.split_once('=').map_or(by.as_str(), |(name, _)| name).trim()));
    let table = Table {
        source,
        synthetic,
        loaded_at: now(),
        rows: files.iter().map(|file| file.rows).fold(unread.rows(), u64::saturating_add),
        bytes: files.iter().map(|file| file.bytes).fold(unread.bytes, u64::saturating_add),
        partitions: arrival.partitions.clone(),
        columns: stats::of_table(
            &columns,
            &arrival.partitions,
            before.as_ref().map(|(rows, told)| (*rows, &told[..])),
            &new,
        )?,
        files,
        formerly,
        comment,
        comments,
        partition_by,
        origin,
        differs,
        schema: None,
        ancestor: Origin::default(),
        unread,
        forgotten: BTreeSet::new(),
        foreign: None,
    };
    catalog.tables.insert(name.clone(), table.clone());
    Ok(table)
}

/// Puts `files`, made of the table `name` as `of` has it, in place of those of its that have the keys `gone`.
///
/// Returns `false`, and changes nothing, when one of these is not the table's any more, or its columns are others: somebody else
/// was quicker.
///
/// # Errors
/// There is no such table any more.
pub(crate) fn rewrite(
    catalog: &mut Catalog,
    name: &str,
    of: &Table,
    gone: &[String],
    files: &[DataFile],
) -> Result<bool> {
    put(catalog, name, of, gone, files, of.partitions.clone())
}

/// As [`rewrite`], of all files, and what the table was partitioned by are columns like others in the new ones.
///
/// # Errors
/// As for [`rewrite`].
pub(crate) fn flatten(
    catalog: &mut Catalog,
    name: &str,
    of: &Table,
    gone: &[String],
    files: &[DataFile],
) -> Result<bool> {
    put(catalog, name, of, gone, files, Vec::new())
}

fn put(
    catalog: &mut Catalog,
    name: &str,
    of: &Table,
    gone: &[String],
    files: &[DataFile],
    partitions: Vec<Column>,
) -> Result<bool> {
    let old = catalog.table(name)?.1;
    old.check_is_own(name)?;
    let has = |key: &str| old.files.iter().any(|file| file.key == key);
    if files.first().is_some_and(|file| has(&file.key)) {
        // An earlier try was stored, and its answer lost on the way.
        return Ok(true);
    }
    if old.own_columns() != of.own_columns() || old.partitions != of.partitions {
        return Ok(false);
    }
    let gone: HashSet<&str> = gone.iter().map(String::as_str).collect();
    let mut table = old.clone();
    table.files.retain(|file| !gone.contains(file.key.as_str()));
    // Files that are split otherwise are no table's together.
    let is_whole = |file: &DataFile| file.partition.len() == partitions.len();
    if table.files.len() + gone.len() != old.files.len() || !table.files.iter().chain(files).all(is_whole) {
        return Ok(false);
    }
    table.files.extend_from_slice(files);
    table.partitions = partitions;
    table.columns = stats::of_table(&table.own_columns(), &table.partitions, None, &table.files)?;
    table.rows = table.files.iter().map(|file| file.rows).sum();
    table.bytes = table.files.iter().map(|file| file.bytes).sum();
    table.loaded_at = now();
    catalog.tables.insert(name.to_owned(), table);
    Ok(true)
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Has the table have the columns of rows that are added: its own, wider ones, and new ones.
///
/// # Errors
/// It cannot have them while its files stay as they are.
fn fit(table: &mut Table, arrival: &Arrival) -> Result<()> {
    let name = &arrival.table;
    let described = |columns: &mut dyn Iterator<Item = (&String, &String)>| -> Vec<String> {
        columns.map(|(name, sql_type)| format!("{name} {sql_type}")).collect()
    };
    let own = table.columns.len().saturating_sub(table.partitions.len());
    let old = described(&mut table.columns[..own].iter().map(|column| (&column.name, &column.sql_type)));
    let new = described(&mut arrival.columns.iter().map(|column| (&column.name, &column.sql_type)));
    let old_partitions = described(&mut table.partitions.iter().map(|column| (&column.name, &column.sql_type)));
    let new_partitions = described(&mut arrival.partitions.iter().map(|column| (&column.name, &column.sql_type)));
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
    let arrives = |name: &str| arrival.columns.iter().find(|column| column.name == name);
    let own = table.own_columns();
    if own.iter().all(|column| arrives(&column.name).is_some()) {
        let new = arrival.columns.iter().filter(|column| own.iter().all(|own| own.name != column.name));
        let wanted: Vec<Column> = own.iter().filter_map(|column| arrives(&column.name)).chain(new).cloned().collect();
        if reshape::reshape(table, &wanted) {
            return Ok(());
        }
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
        ([], []) => "leave --partition-by away, or use --replace".to_owned(),
        ([], _) => "it was, before it was compacted: run it again, without --partition-by".to_owned(),
        (_, []) => "give the same --partition-by as the table was loaded with".to_owned(),
        (_, known_by) => format!("give {}", known_by.iter().map(known).collect::<Vec<_>>().join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_whose_answer_was_lost_is_not_made_twice() {
        for mode in [Mode::Create, Mode::Replace, Mode::Append] {
            let file = DataFile { rows: 3, bytes: 5, ..DataFile::named("tables/t/1/data.parquet".to_owned()) };
            let arrival = Arrival {
                table: "t".to_owned(),
                mode,
                source: "x.csv".to_owned(),
                synthetic: false,
                partition_by: Vec::new(),
                columns: Vec::new(),
                partitions: Vec::new(),
                files: vec![file],
                renamed: None,
            };
            let mut catalog = Catalog::default();
            let once = commit(&mut catalog, &arrival).unwrap();
            let twice = commit(&mut catalog, &arrival).unwrap();
            assert_eq!(twice, once, "{mode:?}");
        }
    }
}
