//! A table's metadata: its schemas, how it is partitioned, its snapshots.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashMap};

use super::{Bad, check_counts};

/// Property that has the table's columns as DuckDB has them, JSON: Iceberg lacks some of its types.
pub const COLUMNS: &str = "quack.columns";

/// Property that has the names of partition columns, outermost folder first, JSON.
pub const PARTITIONS: &str = "quack.partitions";

/// Property that says what a table is, as people wrote it; of a column, its field's `doc` does.
pub const COMMENT: &str = "comment";
pub const DOC: &str = "doc";

/// The greatest number of a column, a partition field or a spec.
pub const MOST_IDS: i32 = 1 << 30;

/// How the columns of files that were written with another schema differ from a table's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differs {
    /// Names of the table's columns that these files have not.
    pub lacks: Vec<String>,
    /// By the name of a column of the table, what it is called in these files, where that is another name.
    pub named: BTreeMap<String, String>,
}

/// A table's metadata, of form 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Metadata {
    pub format_version: u8,
    pub table_uuid: String,
    pub location: String,
    pub last_sequence_number: i64,
    pub last_updated_ms: i64,
    pub last_column_id: i32,
    pub schemas: Vec<Json>,
    pub current_schema_id: i32,
    pub partition_specs: Vec<Spec>,
    pub default_spec_id: i32,
    pub last_partition_id: i32,
    pub sort_orders: Vec<Json>,
    pub default_sort_order_id: i32,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_snapshot_id: Option<i64>,
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    #[serde(default)]
    pub snapshot_log: Vec<SnapshotLog>,
    #[serde(default)]
    pub metadata_log: Vec<MetadataLog>,
    #[serde(default)]
    pub refs: Map<String, Json>,
}

/// How files are partitioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spec {
    pub spec_id: i32,
    pub fields: Vec<SpecField>,
}

/// A partition field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SpecField {
    /// The column's number.
    pub source_id: i32,
    pub field_id: i32,
    pub name: String,
    pub transform: String,
}

/// The table at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    pub snapshot_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_snapshot_id: Option<i64>,
    pub sequence_number: i64,
    pub timestamp_ms: i64,
    /// Address.
    pub manifest_list: String,
    /// `operation`, and totals as text.
    pub summary: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_id: Option<i32>,
}

/// When a snapshot became the current one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotLog {
    pub timestamp_ms: i64,
    pub snapshot_id: i64,
}

/// Where the metadata was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MetadataLog {
    pub timestamp_ms: i64,
    pub metadata_file: String,
}

impl Metadata {
    /// Reads metadata.
    ///
    /// # Errors
    /// It is none, or of another form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Bad> {
        let metadata: Self = serde_json::from_slice(bytes).map_err(|error| Bad::new(error.to_string()))?;
        if metadata.format_version != 2 {
            return Err(Bad::new(format!("it is of form {}, and form 2 is read", metadata.format_version)));
        }
        let Self { last_sequence_number, last_updated_ms, last_column_id, last_partition_id, .. } = metadata;
        check_counts(&[last_sequence_number, last_updated_ms])?;
        let specs = metadata.partition_specs.iter();
        let ids = specs.flat_map(|spec| spec.fields.iter().map(|field| field.field_id).chain([spec.spec_id]));
        for id in ids.chain([last_column_id, last_partition_id]) {
            if !(0..=MOST_IDS).contains(&id) {
                return Err(Bad::new(format!("{id} is no number of a column, a field or a spec")));
            }
        }
        Ok(metadata)
    }

    /// What people wrote about the table's columns, by name.
    pub fn column_comments(&self) -> BTreeMap<String, String> {
        let current = |schema: &&Json| schema["schema-id"].as_i64() == Some(self.current_schema_id.into());
        let fields = self.schemas.iter().find(current).and_then(|schema| schema["fields"].as_array());
        let comment = |field: &Json| Some((field["name"].as_str()?.to_owned(), field.get(DOC)?.as_str()?.to_owned()));
        fields.into_iter().flatten().filter_map(comment).collect()
    }

    /// The snapshot that the table is at.
    pub fn current(&self) -> Option<&Snapshot> {
        self.current_snapshot_id.and_then(|id| self.snapshot(id))
    }

    /// The snapshot with this id.
    pub fn snapshot(&self, id: i64) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.snapshot_id == id)
    }

    /// How files that were written with the schema `written` differ from the columns that the schema `now` has, `partitions`
    /// aside. Nothing, if they have just these columns, of these types.
    ///
    /// # Errors
    /// There is no such schema, or two of its columns have one number.
    pub fn differs(&self, written: i32, now: i32, partitions: &[String]) -> Result<Option<Differs>, Bad> {
        if written == now {
            return Ok(None);
        }
        let fields = |id: i32| {
            let schema = self.schemas.iter().find(|schema| schema["schema-id"].as_i64() == Some(id.into()));
            let fields = schema.and_then(|schema| schema["fields"].as_array());
            let fields = fields.ok_or_else(|| Bad::new(format!("there is no schema {id}")))?;
            let is_own = |field: &&Json| !partitions.iter().any(|name| field["name"].as_str() == Some(name));
            Ok(fields.iter().filter(is_own).collect::<Vec<_>>())
        };
        let (written, now) = (fields(written)?, fields(now)?);
        let essence = |fields: &[&Json]| -> Vec<_> {
            fields.iter().map(|field| (field["id"].clone(), field["name"].clone(), field["type"].clone())).collect()
        };
        if essence(&written) == essence(&now) {
            return Ok(None);
        }
        // Columns are known by their numbers: one that was called otherwise is the same.
        let known: HashMap<i64, &str> =
            written.iter().filter_map(|field| Some((field["id"].as_i64()?, field["name"].as_str()?))).collect();
        if known.len() != written.len() {
            return Err(Bad::new("a schema has columns without a number of their own"));
        }
        let mut differs = Differs::default();
        for (name, id) in now.iter().filter_map(|field| Some((field["name"].as_str()?, field["id"].as_i64()))) {
            match id.and_then(|id| known.get(&id)) {
                None => differs.lacks.push(name.to_owned()),
                Some(own) if *own != name => {
                    differs.named.insert(name.to_owned(), (*own).to_owned());
                }
                Some(_) => {}
            }
        }
        Ok(Some(differs))
    }

    /// The partition spec with this id.
    pub fn spec(&self, id: i32) -> Option<&Spec> {
        self.partition_specs.iter().find(|spec| spec.spec_id == id)
    }
}
