//! What the catalog says of tables: their files, their columns, what was learnt of them when they were loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use anyhow::Result;
use quack_function::wire::{Column, TableDef};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::iceberg::state::Origin;
use crate::error::{failure, nearest};

/// The version of the catalog's first form, which has everything in one object: it is read, and converted at the first change.
pub(crate) const VERSION: u32 = 1;

/// All tables, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Catalog {
    pub version: u32,
    #[serde(deserialize_with = "unique")]
    pub tables: BTreeMap<String, Table>,
    /// The names of tables that were not read, as nobody asked for them.
    #[serde(skip)]
    pub others: BTreeSet<String>,
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
    /// Where it was read from.
    #[serde(skip)]
    pub origin: Origin,
    /// Numbers of snapshots that it forgets when it is stored next.
    #[serde(skip)]
    pub forgotten: BTreeSet<i64>,
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
    /// Key in the bucket.
    pub key: String,
    pub rows: u64,
    pub bytes: u64,
    /// Values of the table's partition columns in this file, in their order.
    #[serde(default)]
    pub partition: Vec<Option<String>>,
    /// Statistics of this file's own columns, by name: what lets a query skip it.
    #[serde(default)]
    pub columns: BTreeMap<String, FileColumn>,
}

/// What one file says of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileColumn {
    pub nulls: Option<u64>,
    pub min: Option<String>,
    pub max: Option<String>,
}

impl Default for Catalog {
    fn default() -> Self {
        Self { version: VERSION, tables: BTreeMap::new(), others: BTreeSet::new() }
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
        let help = match nearest(name, self.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.names().next().is_none() => "load one: quackctl load --sample taxi --table trips".to_owned(),
            None => format!("tables: {}", self.names().collect::<Vec<_>>().join(", ")),
        };
        Err(failure(format!("there is no table `{name}`"), help))
    }

    /// The names of all tables.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().chain(&self.others).map(String::as_str)
    }

    /// The table `name`, if there is one; SQL does not tell upper case from lower, so neither does this.
    pub(crate) fn find(&self, name: &str) -> Option<(&str, &Table)> {
        let found = self.tables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(known, table)| (known.as_str(), table))
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

    /// The keys of its files.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.key.as_str())
    }

    /// The names of the folders that its files may be in, when it is called `name`.
    pub(crate) fn folders<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::once(name).chain(self.formerly.iter().map(String::as_str))
    }

    /// The definition that travels with a query.
    pub(crate) fn definition(&self, name: &str, bucket: &str) -> TableDef {
        self.definition_over(self.keys(), name, bucket)
    }

    /// The definition of a part of it: the files with these `keys`.
    pub(crate) fn definition_over<'a>(
        &self,
        keys: impl Iterator<Item = &'a str>,
        name: &str,
        bucket: &str,
    ) -> TableDef {
        let files = keys.map(|key| format!("s3://{bucket}/{key}")).collect();
        TableDef { name: name.to_owned(), files, partitions: self.partitions.clone() }
    }
}

#[cfg(test)]
impl DataFile {
    /// A file that nothing but its key is known of.
    pub(crate) fn named(key: String) -> Self {
        Self { key, rows: 0, bytes: 0, partition: Vec::new(), columns: BTreeMap::new() }
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
            origin: Origin::default(),
            forgotten: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
