//! The lake's tables, from its catalog: for SQL that names or lists tables which the event does not define. Whoever can
//! write to the bucket can write the catalog, so all of it is looked at before any of it is used.

use super::Failure;
use super::raw::Database;
use super::settings::Settings;
use crate::names;
use crate::sql::{identifier, literal};
use crate::sql_type::SqlType;
use crate::wire::{Column, TableDef};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

/// The version of the catalog's form that this function reads.
const VERSION: u32 = 1;

/// Most bytes of a catalog: the function's memory is for queries.
const MOST_BYTES: i64 = 64 << 20;

/// Most tables of a catalog, columns and partition columns of a table, files of a table.
const TABLES: usize = 10_000;
const COLUMNS: usize = 10_000;
const PARTITIONS: usize = 64;
const FORMERLY: usize = 64;
const FILES: usize = 200_000;

/// The catalog, as far as the function needs it.
#[derive(Debug, Deserialize)]
pub(super) struct Catalog {
    version: u32,
    tables: BTreeMap<String, Table>,
}

#[derive(Debug, Deserialize)]
struct Table {
    #[serde(default)]
    partitions: Vec<Column>,
    columns: Vec<Column>,
    files: Vec<File>,
    /// What it was called before: files may be in the folders of these names, too.
    #[serde(default)]
    formerly: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct File {
    key: String,
}

/// Where the catalog is, and what it said last.
pub(super) struct Lake {
    bucket: String,
    /// Whether DuckDB has what reads a bucket at all; without it, there is no lake.
    reachable: bool,
    /// Key of the catalog.
    catalog: String,
    /// Key prefix of the tables' folders.
    tables: String,
    last: RefCell<Option<(String, Rc<Catalog>)>>,
}

impl Lake {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { bucket, catalog, tables, .. } = settings.clone();
        let reachable = settings.extensions.iter().any(|name| name == "httpfs");
        Self { bucket, reachable, catalog, tables, last: RefCell::default() }
    }

    /// The catalog as it is now; DuckDB keeps the object for as long as it is the same. One that is not there has no
    /// tables.
    ///
    /// # Errors
    /// `Quack.CatalogError`: it cannot be read, is too large, or says what no load writes.
    pub(super) fn read(&self, database: &Database) -> Result<Rc<Catalog>, Failure> {
        let place = format!("s3://{}/{}", self.bucket, self.catalog);
        let cannot = |what: &str| {
            Failure::new(
                "Quack.CatalogError",
                format!(
                    "the lake's catalog {place} cannot be used: {what}\nName files by their s3:// addresses, or send the tables' definitions."
                ),
            )
        };
        let nothing = || Ok(Rc::new(Catalog { version: VERSION, tables: BTreeMap::new() }));
        if !self.reachable {
            return nothing();
        }
        let connection = database.connect()?;
        let first =
            |column: &str| connection.first_row(&format!("SELECT {column} FROM read_text({})", literal(&place)));
        let size = match first("size") {
            Ok(row) => row.column(0).as_primitive_opt::<Int64Type>().map_or(i64::MAX, |size| size.value(0)),
            Err(failure) if failure.message.contains("404") => 0,
            Err(failure) => return Err(cannot(&failure.message)),
        };
        if size == 0 {
            return nothing();
        }
        if size > MOST_BYTES {
            return Err(cannot(&format!("it has {size} bytes, and the function reads {MOST_BYTES}")));
        }
        let row = first("content").map_err(|failure| cannot(&failure.message))?;
        let text = row.column(0).as_string_opt::<i32>().map(|text| text.value(0));
        let text = text.ok_or_else(|| cannot("it is no text"))?;
        if let Some((last, catalog)) = &*self.last.borrow()
            && last == text
        {
            return Ok(Rc::clone(catalog));
        }
        let catalog: Catalog = serde_json::from_str(text).map_err(|error| cannot(&error.to_string()))?;
        self.check(&catalog).map_err(|what| cannot(&what))?;
        let catalog = Rc::new(catalog);
        self.last.replace(Some((text.to_owned(), Rc::clone(&catalog))));
        Ok(catalog)
    }

    /// The definition of the table called `name`, in lower case, if there is one.
    pub(super) fn definition(&self, catalog: &Catalog, name: &str) -> Option<TableDef> {
        let (name, table) = catalog.find(name)?;
        let files = table.files.iter().map(|file| format!("s3://{}/{}", self.bucket, file.key)).collect();
        Some(TableDef { name: name.clone(), files, partitions: table.partitions.clone() })
    }

    fn check(&self, catalog: &Catalog) -> Result<(), String> {
        if catalog.version != VERSION {
            return Err(format!("it is of version {}, and the function knows {VERSION}", catalog.version));
        }
        at_most("tables", catalog.tables.len(), TABLES)?;
        let mut seen = HashSet::new();
        for (name, table) in &catalog.tables {
            if !names::is_table(name) || !seen.insert(name.to_ascii_lowercase()) {
                let shown: String = name.chars().take(80).collect();
                return Err(format!("a table is called {shown:?}, or two are"));
            }
            table.check(&self.tables, name).map_err(|what| format!("of table {name:?}, {what}"))?;
        }
        Ok(())
    }
}

impl Catalog {
    /// Whether there is a table called `name`, in any case.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<(&String, &Table)> {
        self.tables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// For each table whose name is not among `named`, in lower case, the statement that makes an empty one with its columns:
    /// what lists tables finds it, and nothing of the lake is read for that.
    pub(super) fn stand_ins(&self, named: impl Fn(&str) -> bool) -> Result<Vec<String>, Failure> {
        let tables = self.tables.iter().filter(|(name, _)| !named(&name.to_ascii_lowercase()));
        let bad = |error| {
            Failure::new("Quack.CatalogError", format!("the lake's catalog names a type that is none: {error}"))
        };
        tables
            .map(|(name, table)| {
                let columns = table.columns.iter().map(|column| {
                    let sql_type = SqlType::parse(&column.sql_type).map_err(bad)?;
                    Ok(format!("{} {sql_type}", identifier(&column.name)))
                });
                let columns = columns.collect::<Result<Vec<_>, Failure>>()?;
                Ok(format!("CREATE TABLE memory.main.{} ({})", identifier(name), columns.join(", ")))
            })
            .collect()
    }
}

impl Table {
    fn check(&self, tables: &str, name: &str) -> Result<(), String> {
        at_most("columns", self.columns.len(), COLUMNS)?;
        at_most("partition columns", self.partitions.len(), PARTITIONS)?;
        at_most("files", self.files.len(), FILES)?;
        if self.columns.is_empty() {
            return Err("there are no columns".to_owned());
        }
        let mut seen = HashSet::new();
        for column in &self.columns {
            names::check_column(&column.name)?;
            SqlType::parse(&column.sql_type).map_err(|error| format!("the column {:?}: {error}", column.name))?;
            if !seen.insert(column.name.to_lowercase()) {
                return Err(format!("two columns are called {:?}", column.name));
            }
        }
        if !self.columns.ends_with(&self.partitions)
            || !self.partitions.iter().all(|column| names::is_table(&column.name))
        {
            return Err("the partition columns are not its last columns".to_owned());
        }
        at_most("former names", self.formerly.len(), FORMERLY)?;
        let folders = std::iter::once(name).chain(self.formerly.iter().map(String::as_str));
        let folders: Vec<_> =
            folders.filter(|name| names::is_table(name)).map(|name| format!("{tables}{name}/")).collect();
        let is_own = |key: &str| folders.iter().any(|folder| names::is_plain_key(folder, key));
        match self.files.iter().find(|file| !is_own(&file.key)) {
            Some(file) => {
                let shown: String = file.key.chars().take(80).collect();
                Err(format!("the file {shown:?} is not in the folder {tables}{name}/"))
            }
            None => Ok(()),
        }
    }
}

fn at_most(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most { Ok(()) } else { Err(format!("there are {count} {what}, more than {most}")) }
}
