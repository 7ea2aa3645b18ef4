//! The next metadata of a table: what it has now, put as what changed since it was stored.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use quack_function::iceberg::manifest::{Manifest, schema_id};
use quack_function::iceberg::metadata::{
    COLUMNS, COMMENT, DOC, Metadata, MetadataLog, PARTITIONS, Snapshot, SnapshotLog, Spec,
};
use quack_function::wire::Column;
use serde_json::{Map, Value as Json, json};

use super::manifest::{self, Common, Made};
use super::schema::{self, Numbered};
use super::state::{FOREIGN, State};
use crate::bucket::Bucket;
use crate::lake::table::{ColumnStats, DataFile, Table};

/// Properties that say what else is known of a table.
pub(super) const SOURCE: &str = "quack.source";
pub(super) const SYNTHETIC: &str = "quack.synthetic";
pub(super) const LOADED_AT: &str = "quack.loaded-at";
pub(super) const PARTITION_BY: &str = "quack.partition-by";
/// DuckDB's types of all columns that there ever were, by their numbers, JSON.
pub(super) const TYPES: &str = "quack.types";
/// What a snapshot says of the bytes of all files.
pub(super) const TOTAL_BYTES: &str = "total-files-size";
const NAME_MAPPING: &str = "schema.name-mapping.default";

/// Files that one manifest has at most: a query on one partition reads one manifest, not all.
pub(super) const MANIFEST_FILES: usize = 4_000;

/// Manifests from which on small ones are put together.
pub(super) const MANY: usize = 64;

/// Former places of the metadata that are remembered.
const LOG: usize = 100;

/// Metadata that is not stored yet.
pub(super) struct Draft {
    pub state: Arc<State>,
    /// What is to be stored, each with its key.
    pub objects: Vec<(String, Bytes)>,
}

/// What is needed to know what changed.
pub(super) struct Change<'a> {
    pub bucket: &'a Bucket,
    /// What the table is called now.
    pub name: &'a str,
    pub table: &'a Table,
    /// What was stored before, and its files.
    pub base: Option<(&'a State, &'a [DataFile])>,
    /// The manifests before, by their addresses, where files are gone.
    pub manifests: &'a HashMap<String, Bytes>,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

impl Change<'_> {
    /// Makes the next metadata.
    ///
    /// # Errors
    /// A type or a value that Iceberg cannot keep; manifests that are none.
    pub(super) fn draft(&self) -> Result<Draft> {
        let bucket = &self.bucket.name;
        let folder = format!("{}metadata/", self.bucket.layout.table(self.name));
        let version = self.base.map_or(0, |(base, _)| version(&base.key).saturating_add(1));
        let mut metadata = match self.base {
            Some((base, _)) => {
                let mut metadata = base.metadata.clone();
                let was = format!("s3://{bucket}/{}", base.key);
                metadata.metadata_log.push(MetadataLog { timestamp_ms: metadata.last_updated_ms, metadata_file: was });
                let old = metadata.metadata_log.len().saturating_sub(LOG);
                metadata.metadata_log.drain(..old);
                metadata
            }
            None => self.first(),
        };
        let is_kept = |id: i64| !self.table.forgotten.contains(&id);
        metadata.snapshots.retain(|snapshot| is_kept(snapshot.snapshot_id));
        metadata.snapshot_log.retain(|log| is_kept(log.snapshot_id));
        // Whoever looks at one clock sees times in their order.
        metadata.last_updated_ms = self.now_ms.max(metadata.last_updated_ms + 1);
        let numbered = self.put_schema(&mut metadata)?;
        self.put_properties(&mut metadata)?;
        let mut objects = Vec::new();
        let manifests = match self.files(&mut metadata, &numbered)? {
            None => self.base.map(|(base, _)| base.manifests.clone()).unwrap_or_default(),
            Some(Files { snapshot_id, sequence_number, made, kept, summary }) => {
                let parent = metadata.current_snapshot_id;
                let mut manifests = kept;
                for (number, Made { bytes, mut manifest }) in made.into_iter().enumerate() {
                    let key = format!("{folder}{}-m{number}.avro", uuid());
                    manifest.path = format!("s3://{bucket}/{key}");
                    manifests.push(manifest);
                    objects.push((key, bytes.into()));
                }
                let list = format!("{folder}snap-{snapshot_id}-1-{}.avro", uuid());
                let bytes = manifest::list(&manifests, snapshot_id, parent, sequence_number);
                metadata.snapshots.push(Snapshot {
                    snapshot_id,
                    parent_snapshot_id: parent,
                    sequence_number,
                    timestamp_ms: metadata.last_updated_ms,
                    manifest_list: format!("s3://{bucket}/{list}"),
                    summary,
                    schema_id: Some(metadata.current_schema_id),
                });
                objects.push((list, bytes.into()));
                metadata.last_sequence_number = sequence_number;
                metadata.current_snapshot_id = Some(snapshot_id);
                metadata.snapshot_log.push(SnapshotLog { timestamp_ms: metadata.last_updated_ms, snapshot_id });
                metadata.refs.insert("main".to_owned(), json!({ "snapshot-id": snapshot_id, "type": "branch" }));
                manifests
            }
        };
        let key = format!("{folder}{version:05}-{}.metadata.json", uuid());
        objects.push((key.clone(), serde_json::to_vec(&metadata)?.into()));
        Ok(Draft { state: Arc::new(State { key, metadata, manifests }), objects })
    }

    fn first(&self) -> Metadata {
        let ancestor = self.table.ancestor.0.as_ref().map(|state| &state.metadata);
        let location = format!("s3://{}/{}", self.bucket.name, self.bucket.layout.table(self.name));
        Metadata {
            format_version: 2,
            table_uuid: uuid(),
            location: location.trim_end_matches('/').to_owned(),
            last_sequence_number: 0,
            last_updated_ms: 0,
            last_column_id: ancestor.map_or(0, |old| old.last_column_id),
            schemas: ancestor.map(|old| old.schemas.clone()).unwrap_or_default(),
            current_schema_id: ancestor.map_or(-1, |old| old.current_schema_id),
            partition_specs: Vec::new(),
            default_spec_id: 0,
            last_partition_id: 999,
            sort_orders: vec![json!({ "order-id": 0, "fields": [] })],
            default_sort_order_id: 0,
            properties: ancestor.map(|old| old.properties.clone()).unwrap_or_default(),
            current_snapshot_id: None,
            snapshots: Vec::new(),
            snapshot_log: Vec::new(),
            metadata_log: Vec::new(),
            refs: Map::new(),
        }
    }

    /// Has the metadata have the table's columns and partitions. Gives the columns with their numbers.
    fn put_schema(&self, metadata: &mut Metadata) -> Result<Vec<Numbered>> {
        let columns: Vec<Column> = columns(&self.table.columns);
        let types: BTreeMap<i32, String> = property(metadata, TYPES).unwrap_or_default();
        let base = self.table.schema.unwrap_or(metadata.current_schema_id);
        let known = schema_of(metadata, base).map(fields).unwrap_or_default().iter().filter_map(|field| {
            let id = field["id"].as_i64().and_then(|id| i32::try_from(id).ok())?;
            let column = Column { name: field["name"].as_str()?.to_owned(), sql_type: types.get(&id)?.clone() };
            let field = schema::as_typed(field, &column);
            Some((column, field))
        });
        let before: Vec<(Column, Json)> = known.collect();
        let mut last = metadata.last_column_id;
        let mut fields = schema::fields(&columns, &before, &mut last).map_err(|error| anyhow!(error))?;
        for (column, field) in columns.iter().zip(&mut fields) {
            let Some(field) = field.as_object_mut() else { continue };
            match self.table.comments.get(&column.name) {
                Some(comment) => field.insert(DOC.to_owned(), json!(comment)),
                None => field.remove(DOC),
            };
        }
        metadata.last_column_id = last;
        let same = |schema: &&Json| self::fields(schema) == fields.as_slice();
        let id = match metadata.schemas.iter().find(same) {
            Some(known) => known["schema-id"].as_i64().and_then(|id| i32::try_from(id).ok()).unwrap_or_default(),
            None => {
                let id = i32::try_from(metadata.schemas.len())?;
                metadata.schemas.push(json!({ "type": "struct", "schema-id": id, "fields": fields }));
                id
            }
        };
        metadata.current_schema_id = id;
        // Files have columns that the table has no more; whoever reads by names wants all of them mapped.
        let mut mapped = fields.clone();
        for field in metadata.schemas.iter().rev().flat_map(self::fields) {
            if mapped.iter().all(|known| known["name"] != field["name"] && known["id"] != field["id"]) {
                mapped.push(field.clone());
            }
        }
        let mut mapping = schema::name_mapping(&mapped);
        // So are those that were called otherwise in files.
        for field in metadata.schemas.iter().flat_map(self::fields) {
            if mapped.iter().any(|known| known["name"] == field["name"]) {
                continue;
            }
            let mut entries = mapping.as_array_mut().into_iter().flatten();
            let names =
                entries.find(|known| known["field-id"] == field["id"]).and_then(|of| of["names"].as_array_mut());
            if let Some(names) = names.filter(|names| !names.contains(&field["name"])) {
                names.push(field["name"].clone());
            }
        }
        metadata.properties.insert(NAME_MAPPING.to_owned(), mapping.to_string());
        let numbered = schema::numbered(&fields, &columns);
        let mut types: BTreeMap<i32, String> = property(metadata, TYPES).unwrap_or_default();
        types.extend(numbered.iter().map(|column| (column.id, column.column.sql_type.clone())));
        metadata.properties.insert(TYPES.to_owned(), serde_json::to_string(&types)?);
        let partitions = &numbered[columns.len() - self.table.partitions.len()..];
        let spec = schema::spec(partitions, &metadata.partition_specs, &mut metadata.last_partition_id);
        metadata.default_spec_id = spec.spec_id;
        if metadata.spec(spec.spec_id).is_none() {
            metadata.partition_specs.push(spec);
        }
        Ok(numbered)
    }

    fn put_properties(&self, metadata: &mut Metadata) -> Result<()> {
        let Table { source, synthetic, loaded_at, partitions, columns, partition_by, comment, .. } = self.table;
        let names: Vec<&str> = partitions.iter().map(|column| column.name.as_str()).collect();
        let all = [
            (COLUMNS, serde_json::to_string(columns)?),
            (PARTITIONS, serde_json::to_string(&names)?),
            (PARTITION_BY, serde_json::to_string(partition_by)?),
            (SOURCE, source.clone()),
            (SYNTHETIC, synthetic.to_string()),
            (LOADED_AT, loaded_at.clone()),
        ];
        metadata.properties.extend(all.map(|(name, value)| (name.to_owned(), value)));
        match &self.table.foreign {
            Some(foreign) => metadata.properties.insert(FOREIGN.to_owned(), serde_json::to_string(foreign)?),
            None => metadata.properties.remove(FOREIGN),
        };
        match comment {
            Some(comment) => metadata.properties.insert(COMMENT.to_owned(), comment.clone()),
            None => metadata.properties.remove(COMMENT),
        };
        Ok(())
    }

    /// What a new snapshot has; nothing, if the files are as before.
    fn files(&self, metadata: &mut Metadata, numbered: &[Numbered]) -> Result<Option<Files>> {
        let old: &[DataFile] = self.base.map(|(_, files)| files).unwrap_or_default();
        let before: HashSet<&str> = old.iter().map(|file| file.key.as_str()).collect();
        let now: HashSet<&str> = self.table.keys().collect();
        let added: Vec<DataFile> =
            self.table.files.iter().filter(|file| !before.contains(file.key.as_str())).cloned().collect();
        let gone: Vec<&DataFile> = old.iter().filter(|file| !now.contains(file.key.as_str())).collect();
        if added.is_empty() && gone.is_empty() && metadata.current_snapshot_id.is_some() {
            return Ok(None);
        }
        let (snapshot_id, sequence_number) = (rand::random_range(1..i64::MAX), metadata.last_sequence_number + 1);
        let spec = metadata.spec(metadata.default_spec_id).cloned().unwrap_or(Spec { spec_id: 0, fields: Vec::new() });
        let schema = current_schema(metadata).cloned().unwrap_or_default();
        let common = Common {
            bucket: &self.bucket.name,
            columns: numbered,
            partitions: &numbered[numbered.len() - self.table.partitions.len()..],
            spec: &spec,
            schema: &schema,
            snapshot_id,
            sequence_number,
        };
        let (mut kept, mut made) = (Vec::new(), Vec::new());
        let addresses: HashSet<String> = gone.iter().map(|file| file.address(&self.bucket.name)).collect();
        let is_gone = |path: &str| addresses.contains(path);
        let mut live: Vec<&Manifest> = Vec::new();
        for manifest in self.base.map(|(base, _)| base.manifests.as_slice()).unwrap_or_default() {
            // One that only tells what was deleted tells it once.
            if manifest.live_files() > 0 {
                live.push(manifest);
            }
        }
        let merges = live.iter().filter(|manifest| is_small(manifest)).count() >= MANY;
        // By the schema that their files were written with.
        let mut small: BTreeMap<i32, Vec<(&Manifest, &[u8])>> = BTreeMap::new();
        for manifest in live {
            let merges = merges && is_small(manifest) && manifest.spec_id == spec.spec_id;
            if self.table.unread.has(&manifest.path) || !merges && gone.is_empty() {
                kept.push(manifest.clone());
                continue;
            }
            let whole = self.manifests.get(&manifest.path);
            let whole = whole.ok_or_else(|| anyhow!("the manifest {} is missing", manifest.path))?;
            match (merges, manifest::has(whole, is_gone)?) {
                (true, _) => small.entry(schema_id(whole)?).or_default().push((manifest, whole)),
                (false, true) => made.push(manifest::merged(&common, &[(manifest, whole)], is_gone)?),
                (false, false) => kept.push(manifest.clone()),
            }
        }
        for some in small.values().flat_map(|same| packed(same)) {
            made.push(manifest::merged(&common, some, is_gone)?);
        }
        // Files that come back have the columns that they had.
        for some in added.chunk_by(|a, b| a.schema == b.schema).flat_map(|same| same.chunks(MANIFEST_FILES)) {
            let own = some[0].schema.and_then(|id| schema_of(metadata, id));
            let common = Common { schema: own.unwrap_or(&schema), ..common };
            made.push(manifest::adding(&common, some).map_err(|error| anyhow!(error))?);
        }
        let summary = self.summary(&added, &gone);
        Ok(Some(Files { snapshot_id, sequence_number, made, kept, summary }))
    }

    fn summary(&self, added: &[DataFile], gone: &[&DataFile]) -> BTreeMap<String, String> {
        let operation = match (added.is_empty(), gone.is_empty()) {
            (false, true) => "append",
            (true, false) => "delete",
            _ => "overwrite",
        };
        let rows = |files: &mut dyn Iterator<Item = &DataFile>| files.map(|file| file.rows).sum::<u64>();
        let bytes = |files: &mut dyn Iterator<Item = &DataFile>| files.map(|file| file.bytes).sum::<u64>();
        let mut gone_files = gone.iter().copied();
        let numbers = [
            ("added-data-files", added.len() as u64),
            ("added-records", rows(&mut added.iter())),
            ("added-files-size", bytes(&mut added.iter())),
            ("deleted-data-files", gone.len() as u64),
            ("deleted-records", rows(&mut gone_files.clone())),
            ("removed-files-size", bytes(&mut gone_files)),
        ];
        let totals = [
            ("total-data-files", self.table.file_count()),
            ("total-records", self.table.rows),
            (TOTAL_BYTES, self.table.bytes),
            ("total-delete-files", 0),
            ("total-position-deletes", 0),
            ("total-equality-deletes", 0),
        ];
        let told = numbers.into_iter().filter(|(_, number)| *number > 0).chain(totals);
        let told = told.map(|(name, number)| (name.to_owned(), number.to_string()));
        let by = serde_json::to_string(&self.table.partition_by).unwrap_or_default();
        told.chain([("operation".to_owned(), operation.to_owned()), (PARTITION_BY.to_owned(), by)]).collect()
    }
}

/// Whether a manifest is put together with others, once there are many such.
pub(super) fn is_small(manifest: &Manifest) -> bool {
    manifest.live_files() < MANIFEST_FILES as i64 / 2
}

/// Small manifests in groups that each make one which is not too large.
fn packed<'a, 'b>(small: &'a [(&'b Manifest, &'b [u8])]) -> Vec<&'a [(&'b Manifest, &'b [u8])]> {
    let (mut groups, mut first, mut files) = (Vec::new(), 0, 0);
    for (at, (manifest, _)) in small.iter().enumerate() {
        let more = manifest.live_files();
        if files + more > MANIFEST_FILES as i64 && at > first {
            groups.push(&small[first..at]);
            (first, files) = (at, 0);
        }
        files += more;
    }
    groups.extend(small.get(first..).filter(|rest| !rest.is_empty()));
    groups
}

/// The files of a new snapshot.
struct Files {
    snapshot_id: i64,
    sequence_number: i64,
    made: Vec<Made>,
    kept: Vec<Manifest>,
    summary: BTreeMap<String, String>,
}

/// The columns that the table has by its metadata.
pub(crate) fn stored_columns(metadata: &Metadata) -> Vec<Column> {
    columns(&property::<Vec<ColumnStats>>(metadata, COLUMNS).unwrap_or_default())
}

/// The columns without what was learnt of them.
pub(super) fn columns(stats: &[ColumnStats]) -> Vec<Column> {
    stats.iter().map(|column| Column { name: column.name.clone(), sql_type: column.sql_type.clone() }).collect()
}

pub(super) fn current_schema(metadata: &Metadata) -> Option<&Json> {
    schema_of(metadata, metadata.current_schema_id)
}

pub(super) fn schema_of(metadata: &Metadata, id: i32) -> Option<&Json> {
    metadata.schemas.iter().find(|schema| schema["schema-id"].as_i64() == Some(id.into()))
}

/// The fields of a schema.
pub(crate) fn fields(schema: &Json) -> &[Json] {
    schema["fields"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A property that is JSON.
pub(super) fn property<T: for<'de> serde::Deserialize<'de>>(metadata: &Metadata, name: &str) -> Option<T> {
    serde_json::from_str(metadata.properties.get(name)?).ok()
}

/// The number that the name of metadata begins with.
fn version(key: &str) -> u64 {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.split('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// A random UUID.
fn uuid() -> String {
    let random = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 2 << 62;
    let digits = format!("{random:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
