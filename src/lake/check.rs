//! What a catalog may say. Whoever can write to the bucket can write the catalog, and quackctl acts on it with its caller's
//! rights: it reads and deletes the files that it names, and its own DuckDB is told the names and types in it. So nothing
//! of it is used before all of it has been looked at.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use quack_function::names;
use quack_function::view::View;

use super::iceberg::state::Pointer;
use super::table::{Catalog, DataFile, FileColumn, Table, is_elsewhere};
use crate::bucket::layout::Layout;
use crate::duck::types;
use crate::error::usage;

/// Most tables of a catalog, and as many views; columns and partition columns of a table, files of a table.
const TABLES: usize = 10_000;
const COLUMNS: usize = 10_000;
const PARTITIONS: usize = 64;
const FORMERLY: usize = 64;
pub(super) const FILES: usize = 2_000_000;
/// Most files of a table in a catalog of the first form, which has all in one object.
const FILES_IN_ONE: usize = 200_000;

/// Longest text on when a table was loaded, bytes.
const TIME_BYTES: usize = 1024;

/// Longest text of a bound or a partition's value: DuckDB writes no longer ones to Parquet's statistics.
const VALUE_BYTES: usize = 64 << 10;

/// Longest text on where a table came from: appending adds to it.
const SOURCE_BYTES: usize = 1 << 20;

/// Most rows and bytes of all tables together. What is added up of a catalog stays far below what a number can hold.
const MOST: u64 = 1 << 53;

/// What to do about a name that no table may have.
const NAMING: &str =
    "use letters, digits and `_`, not a digit first, at most 64; behind a schema's name and a dot, where it is in one";

/// Refuses what no table and no view may be called.
///
/// # Errors
/// That it is.
pub(crate) fn name(name: &str) -> anyhow::Result<()> {
    match names::is_table(name) {
        true => Ok(()),
        false => Err(usage(format!("`{name}` cannot be a table's name"), NAMING)),
    }
}

/// Refuses a catalog of a bucket that is laid out as `layout` says. Files may lie elsewhere only where the bucket's name is given.
///
/// # Errors
/// The first thing that no load could have written.
pub(super) fn check(catalog: &Catalog, layout: &Layout, bucket: Option<&str>) -> Result<(), String> {
    at_most("tables", catalog.tables.len(), TABLES)?;
    let mut names: BTreeSet<String> = catalog.others.keys().map(|name| name.to_ascii_lowercase()).collect();
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    let mut keys = HashSet::new();
    // Without a former name, no two tables have one folder.
    let may_share = catalog.tables.values().any(|table| !table.formerly.is_empty());
    for (name, table) in &catalog.tables {
        name_is_sound(name, &mut names)?;
        table_is_sound(name, table, layout, bucket).map_err(|what| format!("of table {name:?}, {what}"))?;
        let mut own = table.keys().filter(|key| !is_elsewhere(key));
        if may_share && let Some(key) = own.find(|key| !keys.insert(*key)) {
            return Err(format!("the file {} is of two tables", shown(key)));
        }
        (rows, bytes) = (rows.saturating_add(table.rows), bytes.saturating_add(table.bytes));
    }
    if rows > MOST || bytes > MOST {
        return Err(format!("its tables have {rows} rows and {bytes} bytes, more than there are"));
    }
    views_are_sound(&catalog.views, &mut names)?;
    schemas_are_sound(&catalog.schemas, catalog.names())
}

/// Refuses schemas that nobody here could have made, and names in others.
fn schemas_are_sound<'a>(schemas: &BTreeSet<String>, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    at_most("schemas", schemas.len(), TABLES)?;
    let mut known = HashSet::new();
    if let Some(name) = schemas.iter().find(|name| !names::is_schema(name) || !known.insert(name.to_ascii_lowercase()))
    {
        return Err(format!("a schema is called {}, or two are", shown(name)));
    }
    let is_known = |name: &str| names::parts(name).0.is_none_or(|schema| known.contains(&schema.to_ascii_lowercase()));
    let mut names = names;
    names.find(|name| !is_known(name)).map_or(Ok(()), |name| Err(format!("{} has no schema", shown(name))))
}

/// Refuses views that nobody here could have written, or that have one of the `names` in lower case.
fn views_are_sound(views: &BTreeMap<String, View>, names: &mut BTreeSet<String>) -> Result<(), String> {
    at_most("views", views.len(), TABLES)?;
    views.iter().try_for_each(|(name, view)| {
        name_is_sound(name, names)?;
        view.check().map_err(|what| format!("of view {name:?}, {what}"))
    })
}

/// Refuses a catalog of the first form, of a bucket that is laid out as `layout` says.
///
/// # Errors
/// The first thing that no load could have written.
pub(super) fn whole(catalog: &Catalog, layout: &Layout) -> Result<(), String> {
    for (name, table) in &catalog.tables {
        at_most("files", table.files.len(), FILES_IN_ONE).map_err(|what| format!("of table {name:?}, {what}"))?;
    }
    check(catalog, layout, None)
}

/// Refuses what a catalog says of where tables are, of a bucket that is laid out as `layout` says.
///
/// # Errors
/// The first thing that nobody here could have written.
pub(super) fn stored(
    tables: &BTreeMap<String, Pointer>,
    views: &BTreeMap<String, View>,
    schemas: &BTreeSet<String>,
    layout: &Layout,
) -> Result<(), String> {
    at_most("tables", tables.len(), TABLES)?;
    let mut names = BTreeSet::new();
    for (name, pointer) in tables {
        name_is_sound(name, &mut names)?;
        at_most("former names", pointer.formerly.len(), FORMERLY)?;
        let plain = pointer.formerly.iter().all(|folder| names::is_table(folder));
        if !plain || !pointer.is_sound(name, layout) {
            return Err(format!("the metadata of {name:?} is {}", shown(&pointer.metadata)));
        }
    }
    views_are_sound(views, &mut names)?;
    schemas_are_sound(schemas, tables.keys().chain(views.keys()).map(String::as_str))
}

fn name_is_sound(name: &str, names: &mut BTreeSet<String>) -> Result<(), String> {
    if !names::is_table(name) {
        return Err(format!("a table is called {}", shown(name)));
    }
    if !names.insert(name.to_ascii_lowercase()) {
        return Err(format!("two tables are called {name:?} but for upper and lower case"));
    }
    Ok(())
}

fn table_is_sound(name: &str, table: &Table, layout: &Layout, bucket: Option<&str>) -> Result<(), String> {
    at_most("columns", table.columns.len(), COLUMNS)?;
    at_most("partition columns", table.partitions.len(), PARTITIONS)?;
    at_most("files", table.files.len(), FILES)?;
    at_most("partition expressions", table.partition_by.len(), PARTITIONS)?;
    table.partition_by.iter().try_for_each(|by| is_short("a partition expression", by, SOURCE_BYTES))?;
    for (what, text, most) in
        [("the source", &table.source, SOURCE_BYTES), ("the time of loading", &table.loaded_at, TIME_BYTES)]
    {
        is_short(what, text, most)?;
    }
    if let Some(foreign) = &table.foreign {
        is_short("the address of its metadata", &foreign.metadata, SOURCE_BYTES)?;
    }
    columns_are_sound(table)?;
    table.comments.values().chain(&table.comment).try_for_each(|comment| names::check_comment(Some(comment)))?;
    let columns: HashSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let mut keys = HashSet::with_capacity(table.files.len());
    let (mut rows, mut bytes) = (table.unread.rows(), table.unread.bytes);
    at_most("former names", table.formerly.len(), FORMERLY)?;
    if let Some(folder) = table.formerly.iter().find(|folder| !names::is_table(folder)) {
        return Err(format!("it was called {}", shown(folder)));
    }
    let folders: Vec<String> = table.folders(name).map(|folder| layout.table(folder)).collect();
    for file in &table.files {
        match bucket.filter(|_| is_elsewhere(&file.key)) {
            Some(bucket) if layout.is_elsewhere(bucket, &file.key) => {}
            Some(_) => {
                return Err(format!(
                    "the file {} is neither in the lake's bucket, apart from what quackctl writes, nor in a folder that `read` \
                     names under [lake] in quack.toml: add its folder there, if you know it",
                    shown(&file.key)
                ));
            }
            None if folders.iter().any(|folder| names::is_plain_key(folder, &file.key)) => {}
            None => return Err(format!("the file {} is not in the folder {}", shown(&file.key), layout.table(name))),
        }
        if !keys.insert(file.key.as_str()) {
            return Err(format!("the file {} is named twice", shown(&file.key)));
        }
        file_is_sound(file, table, &columns).map_err(|what| format!("the file {}: {what}", shown(&file.key)))?;
        (rows, bytes) = (rows.saturating_add(file.rows), bytes.saturating_add(file.bytes));
    }
    if (rows, bytes) != (table.rows, table.bytes) {
        return Err(format!(
            "the files have {rows} rows and {bytes} bytes, and it claims {} and {}",
            table.rows, table.bytes
        ));
    }
    Ok(())
}

fn columns_are_sound(table: &Table) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for column in &table.columns {
        let name = &column.name;
        names::check_column(name)?;
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(format!("two columns are called {}", shown(name)));
        }
        types::parse(&column.sql_type).map_err(|error| format!("the column {}: {error}", shown(name)))?;
        if column.nulls.is_some_and(|nulls| nulls > table.rows) {
            return Err(format!("the column {} has more NULLs than rows", shown(name)));
        }
        for bound in [&column.min, &column.max].into_iter().flatten() {
            is_short("a bound", bound, VALUE_BYTES)?;
        }
    }
    let own = table.columns.len().checked_sub(table.partitions.len()).and_then(|own| table.columns.get(own..));
    let last = own.ok_or("there are more partition columns than columns")?;
    if !last.iter().zip(&table.partitions).all(|(a, b)| (&a.name, &a.sql_type) == (&b.name, &b.sql_type)) {
        return Err("the partition columns are not its last columns".to_owned());
    }
    match table.partitions.iter().find(|column| !names::is_name(&column.name)) {
        Some(column) => Err(format!("a partition column is called {}", shown(&column.name))),
        None => Ok(()),
    }
}

fn file_is_sound(file: &DataFile, table: &Table, columns: &HashSet<&str>) -> Result<(), String> {
    if file.partition.len() != table.partitions.len() {
        return Err(format!("{} partition values for {} columns", file.partition.len(), table.partitions.len()));
    }
    for value in file.partition.iter().flatten() {
        is_short("a partition value", value, VALUE_BYTES)?;
    }
    for (name, FileColumn { nulls, min, max, .. }) in &file.columns {
        if !columns.contains(name.as_str()) {
            return Err(format!("statistics of {}, which is no column", shown(name)));
        }
        if nulls.is_some_and(|nulls| nulls > file.rows) {
            return Err(format!("the column {} has more NULLs than rows", shown(name)));
        }
        for bound in [min, max].into_iter().flatten() {
            is_short("a bound", bound, VALUE_BYTES)?;
        }
    }
    Ok(())
}

fn is_short(what: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() <= most { Ok(()) } else { Err(format!("{what} is longer than {most} bytes")) }
}

fn at_most(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most { Ok(()) } else { Err(format!("there are {count} {what}, more than {most}")) }
}

/// What somebody else wrote, short and in quotes.
fn shown(text: &str) -> impl fmt::Display {
    let short: String = text.chars().take(80).collect();
    format!("{short:?}")
}
