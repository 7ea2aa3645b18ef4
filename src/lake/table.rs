//! What the catalog says of tables: their files, their columns, what was learnt of them when they were loaded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::marker::PhantomData;

use anyhow::Result;
use quack_function::file_part::FilePart;
use quack_function::iceberg::metadata::Differs;
use quack_function::table;
use quack_function::view::View;
use quack_function::wire::{Column, Group, Shapes, TableDef};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::fork::Trail;
use super::iceberg::state::{Foreign, Origin, Pointer, Unread};
use crate::bucket::layout::Layout;
use crate::error::{failure, nearest, usage};

/// The version of the catalog's first form, which has everything in one object: it is read, and converted at the first change.
pub(crate) const VERSION: u32 = 1;

/// All tables, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Catalog {
    pub version: u32,
    #[serde(deserialize_with = "unique")]
    pub tables: BTreeMap<String, Table>,
    /// SELECTs by their names; no table has the name of one.
    #[serde(skip)]
    pub views: BTreeMap<String, View>,
    /// Schemas beside `main`: what stands before a dot in names of tables and views.
    #[serde(skip)]
    pub schemas: BTreeSet<String>,
    /// Tables that were not read, as nobody asked for them.
    #[serde(skip)]
    pub others: BTreeMap<String, Pointer>,
    /// What it says of branches.
    #[serde(skip)]
    pub trail: Trail,
}

/// One table: its Parquet files and what was learnt of them when they were loaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// What was loaded, as the user named it.
    pub source: String,
    /// True for generated data: said wherever the table is shown.
    #[serde(default)]
    pub synthetic: bool,
    /// When it was last loaded, RFC 3339.
    pub loaded_at: String,
    pub rows: u64,
    pub bytes: u64,
    /// Hive partition columns, in folder order.
    #[serde(default)]
    pub partitions: Vec<Column>,
    pub columns: Vec<ColumnStats>,
    pub files: Vec<DataFile>,
    /// What the partition columns are made of, `NAME=EXPR` each, as the user gave it; nothing for tables of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_by: Vec<String>,
    /// What the table was called before, as far as files of it are still in the folder of that name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<String>,
    /// What people wrote about it, and about its columns, by their names.
    #[serde(skip)]
    pub comment: Option<String>,
    #[serde(skip)]
    pub comments: BTreeMap<String, String>,
    /// Where it was read from.
    #[serde(skip)]
    pub origin: Origin,
    /// By the number of the schema that files were written with: how their columns differ from these.
    #[serde(skip)]
    pub differs: BTreeMap<i32, Differs>,
    /// Number of the schema that its columns are those of, where that is not the newest.
    #[serde(skip)]
    pub schema: Option<i32>,
    /// Where its files' schemas are known, if it is brought back without its history.
    #[serde(skip)]
    pub ancestor: Origin,
    /// What of it was not read.
    #[serde(skip)]
    pub unread: Unread,
    /// Numbers of snapshots that it forgets when it is stored next.
    #[serde(skip)]
    pub forgotten: BTreeSet<i64>,
    /// Of which other program's table it shows a snapshot; its rows are that one's to change.
    #[serde(skip)]
    pub foreign: Option<Foreign>,
}

/// A column with its statistics over the whole table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnStats {
    pub name: String,
    #[serde(rename = "type")]
    pub sql_type: String,
    pub nulls: Option<u64>,
    /// Smallest and largest value as DuckDB writes them; absent for types without an order.
    pub min: Option<String>,
    pub max: Option<String>,
}

/// One Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataFile {
    /// Key in the bucket, in a folder of the table's; of a file that is registered and lies elsewhere its whole address, so that
    /// nobody takes it for the key of something that is the table's to delete.
    pub key: String,
    pub rows: u64,
    pub bytes: u64,
    /// Values of the table's partition columns in this file, in their order.
    #[serde(default)]
    pub partition: Vec<Option<String>>,
    /// Statistics of this file's own columns, by name: what lets a query skip it.
    #[serde(default)]
    pub columns: BTreeMap<String, FileColumn>,
    /// Number of the schema that it was written with, if its columns are others than the table's, or of other types.
    #[serde(skip)]
    pub schema: Option<i32>,
}

/// What one file says of one column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileColumn {
    pub nulls: Option<u64>,
    pub min: Option<String>,
    pub max: Option<String>,
    /// What it takes in the file, compressed, bytes, with all that is within it: what a query that reads it fetches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            version: VERSION,
            tables: BTreeMap::new(),
            views: BTreeMap::new(),
            schemas: BTreeSet::new(),
            others: BTreeMap::new(),
            trail: Trail::default(),
        }
    }
}

impl Catalog {
    /// The table `name`, however its case is written.
    ///
    /// # Errors
    /// When there is none: the error names the nearest.
    pub(crate) fn table(&self, name: &str) -> Result<(&str, &Table)> {
        if let Some((name, table)) = self.find(name) {
            return Ok((name, table));
        }
        if let Some((view, _)) = self.view(name) {
            return Err(usage(
                format!("`{view}` is a view, not a table"),
                format!("`quackctl tables {view}` shows its SQL: what is meant may be a table that it reads"),
            ));
        }
        let help = match nearest(name, self.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.names().next().is_none() => "load one: quackctl load --sample taxi --table trips".to_owned(),
            None => format!("tables: {}", self.names().collect::<Vec<_>>().join(", ")),
        };
        Err(failure(format!("there is no table `{name}`"), help))
    }

    /// The names of all tables and views.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().chain(self.others.keys()).chain(self.views.keys()).map(String::as_str)
    }

    /// The view `name`, if there is one, however its case is written.
    pub(crate) fn view(&self, name: &str) -> Option<(&str, &View)> {
        let found = self.views.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(known, view)| (known.as_str(), view))
    }

    /// The table `name`, if there is one; SQL does not tell upper case from lower, so neither does this.
    pub(crate) fn find(&self, name: &str) -> Option<(&str, &Table)> {
        let found = self.tables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(known, table)| (known.as_str(), table))
    }

    /// What the table or the view `name` is really called, if there is one, read or not.
    pub(crate) fn called(&self, name: &str) -> Option<&str> {
        self.names().find(|known| known.eq_ignore_ascii_case(name))
    }
}

/// A map in which no key comes twice: whoever wrote it twice would have it shown once and used as the other.
pub(super) fn unique<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    struct Unique<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Unique<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("tables by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut tables = BTreeMap::new();
            while let Some((name, table)) = map.next_entry::<String, T>()? {
                if tables.insert(name, table).is_some() {
                    return Err(A::Error::custom("two tables have one name"));
                }
            }
            Ok(tables)
        }
    }
    deserializer.deserialize_map(Unique(PhantomData))
}

impl Table {
    /// The columns in its files: all but those that it is partitioned by.
    pub(crate) fn own_columns(&self) -> Vec<Column> {
        let own = self.columns.len().saturating_sub(self.partitions.len());
        let column = |column: &ColumnStats| Column { name: column.name.clone(), sql_type: column.sql_type.clone() };
        self.columns.iter().take(own).map(column).collect()
    }

    /// How many files it has.
    pub(crate) fn file_count(&self) -> u64 {
        self.unread.files().saturating_add(self.files.len() as u64)
    }

    /// The keys of its files, as far as they were read.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.key.as_str())
    }

    /// Whether it is a session's own, whose files are among the results; of a bucket that is laid out as `layout` says.
    pub(crate) fn is_temporary(&self, layout: &Layout) -> bool {
        self.keys().next().is_some_and(|key| layout.is_result(key))
    }

    /// The names of the folders that its files may be in, when it is called `name`.
    pub(crate) fn folders<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::once(name).chain(self.formerly.iter().map(String::as_str))
    }

    /// The definition that travels with a query. One without files, which the function refuses, if some of them were not read:
    /// what does not ask for them first is not to have an answer of a part of the table.
    pub(crate) fn definition(&self, name: &str, bucket: &str) -> TableDef {
        let files = self.files.iter().filter(|_| self.unread.is_empty());
        if self.is_shaped() {
            return self.shaped(name, self.shapes(files, bucket));
        }
        self.definition_over(files.map(|file| file.key.as_str().into()), name, bucket)
    }

    /// The definition of a part of it: these files by their keys, or what they say of them.
    pub(crate) fn definition_over(&self, parts: impl Iterator<Item = FilePart>, name: &str, bucket: &str) -> TableDef {
        if !self.is_shaped() {
            let (name, partitions) = (name.to_owned(), self.partitions.clone());
            let files = parts.map(|part| part.called(|key| address(bucket, key))).collect();
            return TableDef { name, files, partitions, shapes: None };
        }
        let mut wanted: HashMap<String, Vec<FilePart>> = HashMap::new();
        parts.for_each(|part| wanted.entry(part.file().to_owned()).or_default().push(part));
        let own = self.files.iter().filter_map(|file| Some((file, wanted.get(&file.key)?)));
        let shapes =
            self.shapes_of(own.flat_map(|(file, parts)| parts.iter().map(move |part| (file, part.clone()))), bucket);
        self.shaped(name, shapes)
    }

    fn shaped(&self, name: &str, shapes: Shapes) -> TableDef {
        let (name, partitions) = (name.to_owned(), self.partitions.clone());
        TableDef { name, files: Vec::new(), partitions, shapes: Some(shapes) }
    }

    /// Whether some of its files have other columns than it has.
    pub(crate) fn is_mixed(&self) -> bool {
        self.files.iter().any(|file| file.schema.is_some())
    }

    /// Whether its files have to be read by their shapes: some have other columns than it has, or all have some of them as another
    /// type.
    pub(crate) fn is_shaped(&self) -> bool {
        self.is_mixed() || table::are_cast(&self.own_columns())
    }

    /// Some of its files by the columns that they have.
    pub(crate) fn shapes<'a>(&self, files: impl Iterator<Item = &'a DataFile>, bucket: &str) -> Shapes {
        self.shapes_of(files.map(|file| (file, FilePart::from(file.key.as_str()))), bucket)
    }

    fn shapes_of<'a>(&self, files: impl Iterator<Item = (&'a DataFile, FilePart)>, bucket: &str) -> Shapes {
        let mut groups: BTreeMap<i32, (Vec<FilePart>, Option<i32>)> = BTreeMap::new();
        for (file, part) in files {
            let (files, _) = groups.entry(place(file)).or_insert_with(|| (Vec::new(), file.schema));
            files.push(part.called(|key| address(bucket, key)));
        }
        let differs = |schema: Option<i32>| schema.and_then(|id| self.differs.get(&id)).cloned().unwrap_or_default();
        let groups = groups.into_values().map(|(files, schema)| Group::new(files, differs(schema)));
        Shapes { columns: self.own_columns(), groups: groups.collect() }
    }

    /// Refuses to change the rows or columns of one that is called `name` here and is another program's.
    ///
    /// # Errors
    /// It is.
    pub(crate) fn check_is_own(&self, name: &str) -> Result<()> {
        let Some(foreign) = &self.foreign else { return Ok(()) };
        Err(failure(
            format!("`{name}` is another's table, {}: it is read-only here", foreign.metadata),
            format!(
                "change it in the program that writes it, and `quackctl register --iceberg ... --table {name} --replace` sees that; \
                 or have rows of your own: CREATE TABLE other AS FROM {name}"
            ),
        ))
    }

    /// Has the files in the order in which they are read.
    pub(crate) fn sort_files(&mut self) {
        if self.is_mixed() {
            self.files.sort_by_key(place);
        }
    }
}

/// What the address of every file begins with.
const SCHEME: &str = "s3://";

/// The address of a file of a table, by its key, in the lake's `bucket`.
fn address(bucket: &str, key: &str) -> String {
    if is_elsewhere(key) { key.to_owned() } else { format!("{SCHEME}{bucket}/{key}") }
}

/// Whether what stands for the key of a file is the address of one that is not in the table's folder.
pub(crate) fn is_elsewhere(key: &str) -> bool {
    key.starts_with(SCHEME)
}

impl DataFile {
    /// Its address; `bucket` is the lake's.
    pub(crate) fn address(&self, bucket: &str) -> String {
        address(bucket, &self.key)
    }
}

/// Files of older schemas come first, those that have the table's columns last.
fn place(file: &DataFile) -> i32 {
    file.schema.unwrap_or(i32::MAX)
}

#[cfg(test)]
impl DataFile {
    /// A file that nothing but its key is known of.
    pub(crate) fn named(key: String) -> Self {
        Self { key, rows: 0, bytes: 0, partition: Vec::new(), columns: BTreeMap::new(), schema: None }
    }
}

#[cfg(test)]
impl Table {
    /// A table that nothing but its files is known of.
    pub(crate) fn of(files: Vec<DataFile>) -> Self {
        Self {
            source: String::new(),
            synthetic: false,
            loaded_at: String::new(),
            rows: 0,
            bytes: 0,
            partitions: Vec::new(),
            columns: Vec::new(),
            files,
            partition_by: Vec::new(),
            formerly: Vec::new(),
            comment: None,
            comments: BTreeMap::new(),
            origin: Origin::default(),
            differs: BTreeMap::new(),
            schema: None,
            ancestor: Origin::default(),
            unread: Unread::default(),
            forgotten: BTreeSet::new(),
            foreign: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_files_have_otherwise_is_read_by_shapes() {
        let column = |sql_type: &str| ColumnStats {
            name: "a".to_owned(),
            sql_type: sql_type.to_owned(),
            nulls: None,
            min: None,
            max: None,
        };
        let of = |sql_type: &str| {
            let table = Table { columns: vec![column(sql_type)], ..Table::of(vec![DataFile::named("x".to_owned())]) };
            table.definition("t", "b").view_sql().unwrap()
        };
        let plain =
            "CREATE VIEW memory.main.\"t\" AS SELECT * FROM read_parquet(['s3://b/x'], hive_partitioning = false)";
        for sql_type in ["BIGINT", "VARCHAR", "DECIMAL(9,2)", "STRUCT(a INTEGER[])"] {
            assert_eq!(of(sql_type), plain, "{sql_type}");
        }
        assert!(of("HUGEINT").contains("(SELECT CAST(\"a\" AS HUGEINT) AS \"a\" FROM read_parquet(['s3://b/x']"));
    }

    #[test]
    fn tables_are_found_in_any_case_and_the_nearest_is_named() {
        let table = r#"{"source":"s","loaded_at":"t","rows":0,"bytes":0,"columns":[],"files":[]}"#;
        let catalog = format!(r#"{{"version":1,"tables":{{"Trips":{table}}}}}"#);
        let catalog: Catalog = serde_json::from_str(&catalog).unwrap();
        assert_eq!(catalog.table("TRIPS").unwrap().0, "Trips");
        let error = catalog.table("tripz").unwrap_err();
        assert_eq!(error.to_string(), "there is no table `tripz`");
    }
}
