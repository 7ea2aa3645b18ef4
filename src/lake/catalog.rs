//! The catalog: one object in the bucket, `_quack/catalog.json`, that names every table's files and statistics.

use std::collections::BTreeMap;

use quack_function::wire::{Column, TableDef};
use serde::{Deserialize, Serialize};

/// Where the catalog is in the bucket.
pub const KEY: &str = "_quack/catalog.json";

/// All tables, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub tables: BTreeMap<String, Table>,
}

/// One table: its Parquet files and what was learnt of them when they were loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
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
}

/// A column with its statistics over the whole table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnStats {
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
pub struct DataFile {
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
pub struct FileColumn {
    pub nulls: Option<u64>,
    pub min: Option<String>,
    pub max: Option<String>,
}

impl Table {
    /// The definition that travels with a query.
    pub fn definition(&self, name: &str, bucket: &str) -> TableDef {
        TableDef {
            name: name.to_owned(),
            files: self.files.iter().map(|file| format!("s3://{bucket}/{}", file.key)).collect(),
            partitions: self.partitions.clone(),
        }
    }
}
