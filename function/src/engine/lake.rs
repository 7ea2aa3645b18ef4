//! The lake's tables, from its catalog: for SQL that names or lists tables which the event does not define. Whoever can
//! write to the bucket can write the catalog, so all of it is looked at before any of it is used.

use super::Failure;
use super::access::Access;
use super::metadata::{self, FORMERLY, Table, at_most, folders};
use super::raw::Database;
use super::settings::Settings;
use crate::names;
use crate::sql::literal;
use crate::view::View;
use crate::wire::TableDef;
use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// The catalog's forms that this function reads: the first has everything in it, the second says where each table's metadata is,
/// the third has views, too, the fourth schemas.
const WHOLE: u32 = 1;
const STORED: u32 = 2;
const VIEWS: u32 = 3;
const SCHEMAS: u32 = 4;

/// Tables whose metadata is kept.
const KEPT: usize = 1_000;

/// Most bytes of a catalog: the function's memory is for queries.
const MOST_BYTES: i64 = 64 << 20;

/// Most tables of a catalog, and most views.
const TABLES: usize = 10_000;

/// The catalog, as far as the function needs it.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    tables: BTreeMap<String, Entry>,
    pub(super) views: BTreeMap<String, View>,
    /// Those beside `main`, whether anything is in them or not.
    pub(super) schemas: BTreeSet<String>,
}

#[derive(Debug)]
enum Entry {
    Whole(Rc<Table>),
    At(Pointer),
}

/// Where a table's metadata is.
#[derive(Debug, Deserialize)]
struct Pointer {
    /// Key.
    metadata: String,
    #[serde(default)]
    formerly: Vec<String>,
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
    /// Where SQL may read and write.
    access: Access,
    last: RefCell<Option<(String, Rc<Catalog>)>>,
    /// Tables by the keys of their metadata, which never changes.
    known: RefCell<HashMap<String, Rc<Table>>>,
}

impl Lake {
    pub(super) fn new(settings: &Settings) -> Self {
        let (Settings { bucket, catalog, tables, .. }, access) = (settings.clone(), settings.access());
        let reachable = settings.extensions.iter().any(|name| name == "httpfs");
        Self { bucket, reachable, catalog, tables, access, last: RefCell::default(), known: RefCell::default() }
    }

    /// The catalog as it is now; DuckDB keeps the object for as long as it is the same. One that is not there has no
    /// tables.
    ///
    /// # Errors
    /// `Quack.CatalogError`: it cannot be read, is too large, or says what no load writes.
    pub(super) fn read(&self, database: &Database) -> Result<Rc<Catalog>, Failure> {
        let cannot = |what: &str| self.cannot(what);
        let place = self.place();
        let nothing = || Ok(Rc::new(Catalog::default()));
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
        let catalog = Catalog::parse(text).map_err(|what| cannot(&what))?;
        self.check(&catalog).map_err(|what| cannot(&what))?;
        let catalog = Rc::new(catalog);
        self.last.replace(Some((text.to_owned(), Rc::clone(&catalog))));
        Ok(catalog)
    }

    /// The definition of the table called `name`, in lower case, if there is one.
    ///
    /// # Errors
    /// `Quack.CatalogError`: its metadata cannot be read.
    pub(super) fn definition(
        &self,
        database: &Database,
        catalog: &Catalog,
        name: &str,
    ) -> Result<Option<TableDef>, Failure> {
        let Some((name, entry)) = catalog.find(name) else { return Ok(None) };
        let table = self.table(database, name, entry, true)?;
        Ok(Some(table.definition(name, &self.bucket)))
    }

    /// For each table whose name is not among `named`, in lower case, the statements that make an empty one with its columns:
    /// what lists tables finds it, and no file of the table is read for that.
    ///
    /// # Errors
    /// `Quack.CatalogError`: metadata of a table cannot be read.
    pub(super) fn stand_ins(
        &self,
        database: &Database,
        catalog: &Catalog,
        named: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, Failure> {
        let tables = catalog.tables.iter().filter(|(name, _)| !named(&name.to_ascii_lowercase()));
        let made = tables.map(|(name, entry)| self.table(database, name, entry, false)?.stand_in(name));
        Ok(made.collect::<Result<Vec<_>, Failure>>()?.concat())
    }

    /// What is known of a table; its files only if they are `wanted`.
    fn table(&self, database: &Database, name: &str, entry: &Entry, wanted: bool) -> Result<Rc<Table>, Failure> {
        let Pointer { metadata, formerly } = match entry {
            Entry::Whole(table) => return Ok(Rc::clone(table)),
            Entry::At(pointer) => pointer,
        };
        // Metadata without files would be taken for a table that has none.
        let kept = if wanted { metadata.clone() } else { format!("{metadata}#") };
        if let Some(table) = self.known.borrow().get(&kept) {
            return Ok(Rc::clone(table));
        }
        let connection = database.connect()?;
        let read = |key: &str| -> Result<Vec<u8>, String> {
            let sql = format!(
                "SELECT content FROM read_blob({}) WHERE size <= {MOST_BYTES}",
                literal(&format!("s3://{}/{key}", self.bucket))
            );
            let row = connection.first_row(&sql).map_err(|failure| failure.message)?;
            let bytes = row.column(0).as_binary_opt::<i32>().filter(|rows| rows.len() == 1);
            bytes.map(|bytes| bytes.value(0).to_vec()).ok_or_else(|| format!("{key} is no file, or too large"))
        };
        let lake = metadata::Lake { bucket: &self.bucket, tables: &self.tables };
        let table = lake.table(metadata, formerly, wanted, &read).and_then(|table| {
            table.check(&self.tables, name, |address| self.is_elsewhere(address))?;
            Ok(table)
        });
        let table = Rc::new(table.map_err(|what| self.cannot(&format!("of table {name:?}, {what}")))?);
        let mut known = self.known.borrow_mut();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(kept, Rc::clone(&table));
        Ok(table)
    }

    /// Whether a table's file may lie at this address, which is not in its folder: where SQL may read, and nobody but people
    /// writes.
    fn is_elsewhere(&self, address: &str) -> bool {
        let own = format!("s3://{}/", self.bucket);
        let is_kept = [&self.tables, &self.catalog].iter().any(|kept| address.starts_with(&format!("{own}{kept}")));
        !is_kept && self.access.may_read_file(address)
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.catalog)
    }

    /// What is told of a catalog that is not to be used.
    pub(super) fn cannot(&self, what: &str) -> Failure {
        Failure::new(
            "Quack.CatalogError",
            format!(
                "the lake's catalog {} cannot be used: {what}\nName files by their s3:// addresses, or send the tables' definitions.",
                self.place()
            ),
        )
    }

    fn check(&self, catalog: &Catalog) -> Result<(), String> {
        at_most("tables", catalog.tables.len(), TABLES)?;
        at_most("views", catalog.views.len(), TABLES)?;
        at_most("schemas", catalog.schemas.len(), TABLES)?;
        let mut schemas = HashSet::new();
        if let Some(name) =
            catalog.schemas.iter().find(|name| !names::is_schema(name) || !schemas.insert(name.to_ascii_lowercase()))
        {
            let shown: String = name.chars().take(80).collect();
            return Err(format!("a schema is called {shown:?}, or two are"));
        }
        let mut seen = HashSet::new();
        for name in catalog.tables.keys().chain(catalog.views.keys()) {
            if !names::is_table(name) || !seen.insert(name.to_ascii_lowercase()) {
                let shown: String = name.chars().take(80).collect();
                return Err(format!("a table is called {shown:?}, or two are"));
            }
        }
        for (name, view) in &catalog.views {
            view.check().map_err(|what| format!("of view {name:?}, {what}"))?;
        }
        for (name, entry) in &catalog.tables {
            let sound = match entry {
                Entry::Whole(table) => table.check(&self.tables, name, |_| false),
                Entry::At(pointer) => pointer.check(&self.tables, name),
            };
            sound.map_err(|what| format!("of table {name:?}, {what}"))?;
        }
        Ok(())
    }
}

impl Catalog {
    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        #[derive(Deserialize)]
        struct Form<T> {
            tables: BTreeMap<String, T>,
            #[serde(default)]
            views: BTreeMap<String, View>,
            #[serde(default)]
            schemas: BTreeSet<String>,
        }
        fn form<T: for<'de> Deserialize<'de>>(text: &str) -> Result<Form<T>, String> {
            serde_json::from_str(text).map_err(|error| error.to_string())
        }
        let head: Head = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match head.version {
            WHOLE => {
                let tables = form(text)?.tables.into_iter();
                let tables = tables.map(|(name, table)| (name, Entry::Whole(Rc::new(table)))).collect();
                Ok(Self { tables, ..Self::default() })
            }
            STORED | VIEWS | SCHEMAS => {
                let Form { tables, views, schemas } = form(text)?;
                let tables = tables.into_iter().map(|(name, pointer)| (name, Entry::At(pointer))).collect();
                Ok(Self { tables, views, schemas })
            }
            other => Err(format!("it is of version {other}, and the function knows {SCHEMAS}")),
        }
    }

    /// The view called `name`, in any case.
    pub(super) fn view(&self, name: &str) -> Option<(&String, &View)> {
        self.views.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Whether there is a table or a view called `name`, in any case.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some() || self.view(name).is_some()
    }

    fn find(&self, name: &str) -> Option<(&String, &Entry)> {
        self.tables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

impl Pointer {
    fn check(&self, tables: &str, name: &str) -> Result<(), String> {
        at_most("former names", self.formerly.len(), FORMERLY)?;
        match folders(tables, name, &self.formerly).any(|folder| names::is_plain_key(&folder, &self.metadata)) {
            true => Ok(()),
            false => {
                let shown: String = self.metadata.chars().take(80).collect();
                Err(format!("the metadata {shown:?} is not in the folder {tables}{name}/"))
            }
        }
    }
}
