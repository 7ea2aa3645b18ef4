//! The catalog: one object in the bucket that names every table's files and statistics.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use quack_function::wire::{Column, TableDef};
use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::bucket::object;
use crate::error::{failure, nearest};

/// The version of the catalog's form that this program reads and writes.
pub(crate) const VERSION: u32 = 1;

/// Times that an update begins anew because somebody else's came first.
const ATTEMPTS: u32 = 20;

/// All tables, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Catalog {
    pub version: u32,
    pub tables: BTreeMap<String, Table>,
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
        Self { version: VERSION, tables: BTreeMap::new() }
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
        let help = match nearest(name, self.tables.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.tables.is_empty() => "load one: quackctl load --sample taxi --table trips".to_owned(),
            None => format!("tables: {}", self.tables.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        Err(failure(format!("there is no table `{name}`"), help))
    }

    /// The table `name`, if there is one; SQL does not tell upper case from lower, so neither does this.
    pub(crate) fn find(&self, name: &str) -> Option<(&str, &Table)> {
        let found = self.tables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(known, table)| (known.as_str(), table))
    }

    fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let corrupt = |error: serde_json::Error| {
            failure(
                format!("the catalog {place} cannot be read: {error}"),
                "restore it from a copy; or delete it, and load the tables again",
            )
        };
        let head: Head = serde_json::from_slice(bytes).map_err(corrupt)?;
        if head.version > VERSION {
            return Err(failure(
                format!("the catalog {place} is of version {}, this program knows {VERSION}", head.version),
                "use the newer quackctl that wrote it",
            ));
        }
        serde_json::from_slice(bytes).map_err(corrupt)
    }
}

/// Reads the catalog; an empty one when nothing has been loaded yet.
///
/// # Errors
/// When the bucket cannot be reached, or the catalog is damaged or newer than this program.
pub(crate) async fn read(bucket: &Bucket) -> Result<Catalog> {
    Ok(fetch(bucket).await?.0)
}

/// Changes the catalog as one step: either `change` is applied to the newest catalog and stored, or nothing happens.
/// `change` runs again when somebody else's change came first.
///
/// # Errors
/// Those of [`read`] and of `change`.
pub(crate) async fn update<T>(bucket: &Bucket, mut change: impl FnMut(&mut Catalog) -> Result<T>) -> Result<T> {
    for _ in 0..ATTEMPTS {
        let (mut catalog, tag) = fetch(bucket).await?;
        let result = change(&mut catalog)?;
        let body = ByteStream::from(serde_json::to_vec(&catalog)?);
        let put = bucket.s3.put_object().bucket(&bucket.name).key(&bucket.layout.catalog);
        let put = put.content_type("application/json").body(body);
        let put = match tag {
            Some(tag) => put.if_match(tag),
            None => put.if_none_match("*"),
        };
        match put.send().await {
            Ok(_) => return Ok(result),
            Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                Some(409 | 412) => {}
                _ => return Err(error).with_context(|| format!("cannot store the catalog {}", place(bucket))),
            },
        }
    }
    Err(failure(format!("others keep changing the catalog {}", place(bucket)), "try again when they are done"))
}

/// The catalog and the tag of the version that was read.
async fn fetch(bucket: &Bucket) -> Result<(Catalog, Option<String>)> {
    let place = place(bucket);
    let request = bucket.s3.get_object().bucket(&bucket.name).key(&bucket.layout.catalog);
    let (bytes, tag) = match object::whole(request).await {
        Ok(found) => found,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
            return Ok((Catalog::default(), None));
        }
        Err(error) if error.code() == Some("NoSuchBucket") => {
            return Err(failure(format!("nothing is up: there is no bucket {}", bucket.name), "run `quackctl up`"));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read the catalog {place}")),
    };
    Ok((Catalog::parse(&bytes, &place)?, tag))
}

fn place(bucket: &Bucket) -> String {
    format!("s3://{}/{}", bucket.name, bucket.layout.catalog)
}

impl Table {
    /// The definition that travels with a query.
    pub(crate) fn definition(&self, name: &str, bucket: &str) -> TableDef {
        TableDef {
            name: name.to_owned(),
            files: self.files.iter().map(|file| format!("s3://{bucket}/{}", file.key)).collect(),
            partitions: self.partitions.clone(),
        }
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Catalog> {
        Catalog::parse(text.as_bytes(), "s3://b/k")
    }

    #[test]
    fn a_damaged_or_newer_catalog_is_told_apart() {
        assert_eq!(parse(r#"{"version":1,"tables":{}}"#).unwrap(), Catalog::default());
        assert!(parse("{").unwrap_err().to_string().contains("s3://b/k cannot be read"));
        assert!(parse(r#"{"version":1,"tables":[]}"#).unwrap_err().to_string().contains("cannot be read"));
        assert!(parse(r#"{"version":2,"tables":[]}"#).unwrap_err().to_string().contains("is of version 2"));
    }

    #[test]
    fn tables_are_found_in_any_case_and_the_nearest_is_named() {
        let table = r#"{"source":"s","loaded_at":"t","rows":1,"bytes":1,"columns":[],"files":[]}"#;
        let catalog = parse(&format!(r#"{{"version":1,"tables":{{"Trips":{table}}}}}"#)).unwrap();
        assert_eq!(catalog.table("TRIPS").unwrap().0, "Trips");
        let error = catalog.table("tripz").unwrap_err();
        assert_eq!(error.to_string(), "there is no table `tripz`");
    }
}
