//! Tables out of the bucket, and into it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use chrono::Utc;
use futures::{StreamExt, TryStreamExt, stream};
use quack_function::iceberg::Bad;
use quack_function::iceberg::manifest::{self, Manifest};
use quack_function::iceberg::metadata::{COLUMNS, COMMENT, Differs, Metadata, PARTITIONS, Snapshot};
use quack_function::wire::Column;

use super::kept;
use super::manifest::read;
use super::schema::{self, Numbered};
use super::snapshot::{
    Change, LOADED_AT, MANIFEST_FILES, MANY, PARTITION_BY, SOURCE, SYNTHETIC, TOTAL_BYTES, TYPES, columns,
    current_schema, fields, is_small, property, schema_of,
};
use super::state::{Foreign, Origin, Pointer, State, Unread};
use crate::bucket::{Bucket, object};
use crate::error::failure;
use crate::lake::table::{Catalog, ColumnStats, DataFile, Table};

/// Requests under way at once.
const WINDOW: usize = 16;

/// Files of a table up to which all are read, whatever is wanted.
const OPEN_FILES: i64 = 2 * MANIFEST_FILES as i64;

/// Most manifests of a table.
const MANIFESTS: usize = 100_000;

/// The whole object with this `key`: from this machine, if it was read before.
///
/// # Errors
/// What S3 says.
pub(super) async fn get(bucket: &Bucket, key: &str) -> Result<Bytes> {
    if let Some(bytes) = kept::get(bucket, key) {
        return Ok(bytes);
    }
    let request = bucket.s3.get_object().bucket(&bucket.name).key(key);
    let (bytes, _) = match object::whole(request).await {
        Ok(found) => found,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
            deleted(bucket, key).await.with_context(|| cannot(bucket, key))?
        }
        Err(error) => return Err(error).with_context(|| cannot(bucket, key)),
    };
    kept::put(bucket, key, &bytes);
    Ok(bytes)
}

fn cannot(bucket: &Bucket, key: &str) -> String {
    format!("cannot read s3://{}/{key}", bucket.name)
}

/// An object that is not there any more, from the versions that the bucket keeps; there is but one, as none is ever changed.
async fn deleted(bucket: &Bucket, key: &str) -> Result<(Bytes, Option<String>)> {
    let request = bucket.s3.list_object_versions().bucket(&bucket.name).prefix(key).send().await;
    let mut versions = request.ok().and_then(|page| page.versions).unwrap_or_default().into_iter();
    let found = versions.find(|version| version.key.as_deref() == Some(key)).and_then(|version| version.version_id);
    let gone = || failure("it is not there any more", "`quackctl recover` lists what can be brought back");
    let request = bucket.s3.get_object().bucket(&bucket.name).key(key).version_id(found.ok_or_else(gone)?);
    Ok(object::whole(request).await?)
}

/// Reads the table that is called `name`: all of it if it is wanted `whole`, else without the full manifests of one that has
/// very many files.
///
/// # Errors
/// What S3 says; what no metadata of ours says.
pub(crate) async fn table(bucket: &Bucket, name: &str, pointer: &Pointer, whole: bool) -> Result<Table> {
    let untrusted = |what: String| {
        failure(format!("the metadata of `{name}`, {}, is not to be trusted: {what}", pointer.metadata), MEND)
    };
    let bytes = get(bucket, &pointer.metadata).await?;
    let metadata = Metadata::parse(&bytes).map_err(|error| untrusted(error.to_string()))?;
    let manifests = match metadata.current() {
        Some(snapshot) => list(bucket, &snapshot.manifest_list).await?,
        None => Vec::new(),
    };
    let state = State { key: pointer.metadata.clone(), metadata, manifests };
    let shape = shape(&state.metadata).map_err(untrusted)?;
    let all: i64 = state.manifests.iter().map(Manifest::live_files).fold(0, i64::saturating_add);
    let live = state.manifests.iter().filter(|manifest| manifest.live_files() > 0);
    let (read, left): (Vec<_>, Vec<_>) = live.partition(|of: &&Manifest| whole || all <= OPEN_FILES || is_small(of));
    let Read { files, differs } = files(bucket, &state.metadata, &shape, &read).await?;
    let bytes = files.iter().map(|file| file.bytes).sum();
    // Only the snapshot says how many bytes there are where it is not read.
    let told = state.metadata.current().and_then(|snapshot| snapshot.summary.get(TOTAL_BYTES)?.parse().ok());
    let unread = Unread {
        bytes: told.filter(|_| !left.is_empty()).map_or(0, |told: u64| told.saturating_sub(bytes)),
        manifests: left.into_iter().cloned().collect(),
    };
    let text = |name: &str| state.metadata.properties.get(name).cloned().unwrap_or_default();
    let mut table = Table {
        foreign: Foreign::of(&state.metadata).map_err(untrusted)?,
        source: text(SOURCE),
        synthetic: text(SYNTHETIC) == "true",
        loaded_at: text(LOADED_AT),
        rows: files.iter().map(|file| file.rows).fold(unread.rows(), u64::saturating_add),
        bytes: bytes.saturating_add(unread.bytes),
        partitions: shape.partitions().iter().map(|column| column.column.clone()).collect(),
        columns: property(&state.metadata, COLUMNS).unwrap_or_default(),
        files,
        partition_by: property(&state.metadata, PARTITION_BY).unwrap_or_default(),
        formerly: pointer.formerly.clone(),
        comment: state.metadata.properties.get(COMMENT).cloned(),
        comments: state.metadata.column_comments(),
        origin: Origin(Some(Arc::new(state))),
        differs,
        schema: None,
        ancestor: Origin::default(),
        unread,
        forgotten: BTreeSet::new(),
    };
    table.sort_files();
    Ok(table)
}

/// The table with the files of those of its unread manifests that have these places: all that whoever asks needs of it.
///
/// # Errors
/// As for [`table`].
pub(crate) async fn narrowed(bucket: &Bucket, table: &Table, needed: &[usize]) -> Result<Table> {
    let Some(state) = &table.origin.0 else { return Ok(table.clone()) };
    let shape = shape(&state.metadata).map_err(anyhow::Error::msg)?;
    let manifests: Vec<&Manifest> = needed.iter().filter_map(|at| table.unread.manifests.get(*at)).collect();
    let read = files(bucket, &state.metadata, &shape, &manifests).await?;
    let mut table = Table { unread: Unread::default(), ..table.clone() };
    table.files.extend(read.files);
    table.differs.extend(read.differs);
    table.rows = table.files.iter().map(|file| file.rows).sum();
    table.bytes = table.files.iter().map(|file| file.bytes).sum();
    table.sort_files();
    Ok(table)
}

/// For each unread manifest of a table one file that stands for all that are in it: what their partitions' values lie between.
pub(crate) fn outlines(table: &Table) -> Vec<DataFile> {
    let Some(state) = &table.origin.0 else { return Vec::new() };
    let Ok(shape) = shape(&state.metadata) else { return Vec::new() };
    let partitions = shape.partitions();
    let known = |manifest: &Manifest| if manifest.spec_id == state.metadata.default_spec_id { partitions } else { &[] };
    table.unread.manifests.iter().map(|manifest| super::manifest::outline(manifest, known(manifest))).collect()
}

const MEND: &str = "`quackctl recover` brings an earlier state of the tables back; if others may write to the bucket, find out who did";

/// The columns that files are read with.
struct Shape {
    /// Number of the schema that they are those of.
    schema: i32,
    columns: Vec<Numbered>,
    /// How many of them, the last, are partitions.
    partitions: usize,
    /// Whether files of just these columns are told apart, as the columns' types may not be theirs.
    is_old: bool,
}

impl Shape {
    fn partitions(&self) -> &[Numbered] {
        &self.columns[self.columns.len() - self.partitions..]
    }
}

/// The table's columns as they are now.
fn shape(metadata: &Metadata) -> Result<Shape, String> {
    let known: Vec<ColumnStats> =
        property(metadata, COLUMNS).ok_or_else(|| format!("it has no property {COLUMNS:?}"))?;
    let partitions: Vec<String> = match metadata.properties.get(PARTITIONS) {
        Some(text) => serde_json::from_str(text).map_err(|error| format!("its property {PARTITIONS:?}: {error}"))?,
        None => Vec::new(),
    };
    let schema = current_schema(metadata).ok_or("it has no schema")?;
    let columns: Vec<Column> = columns(&known);
    let names = columns.iter().rev().map(|column| &column.name);
    if partitions.len() > columns.len() || !partitions.iter().rev().zip(names).all(|(a, b)| a == b) {
        return Err("the partition columns are not its last columns".to_owned());
    }
    let numbered = schema::numbered(fields(schema), &columns);
    match numbered.iter().find(|column| column.id < 0) {
        Some(column) => Err(format!("its schema lacks the column {:?}", column.column.name)),
        None => Ok(Shape {
            schema: metadata.current_schema_id,
            columns: numbered,
            partitions: partitions.len(),
            is_old: false,
        }),
    }
}

/// The table as it was at one of its snapshots.
///
/// # Errors
/// As for [`table`].
pub(crate) async fn at(bucket: &Bucket, name: &str, table: &Table, snapshot: &Snapshot) -> Result<Table> {
    let Some(state) = &table.origin.0 else { return Ok(table.clone()) };
    let untrusted =
        |what: &str| failure(format!("the metadata of `{name}`, {}, is not to be trusted: {what}", state.key), MEND);
    let metadata = &state.metadata;
    let manifests = list(bucket, &snapshot.manifest_list).await?;
    let types: BTreeMap<i32, String> = property(metadata, TYPES).unwrap_or_default();
    let id = snapshot.schema_id.ok_or_else(|| untrusted("a schema is missing"))?;
    let schema = schema_of(metadata, id).ok_or_else(|| untrusted("a schema is missing"))?;
    let live = manifests.iter().find(|manifest| manifest.live_files() > 0);
    let spec = live.map_or(metadata.default_spec_id, |manifest| manifest.spec_id);
    let spec = metadata.spec(spec).ok_or_else(|| untrusted("a partition spec is missing"))?;
    let columns = fields(schema).iter().map(|field| {
        let id = field["id"].as_i64().and_then(|id| i32::try_from(id).ok())?;
        Some(Column { name: field["name"].as_str()?.to_owned(), sql_type: types.get(&id)?.clone() })
    });
    let columns: Vec<Column> = columns.collect::<Option<_>>().ok_or_else(|| untrusted("a column has no type"))?;
    let numbered = schema::numbered(fields(schema), &columns);
    let partitions = spec.fields.len();
    if partitions > numbered.len() {
        return Err(untrusted("there are more partitions than columns"));
    }
    // The types of columns are those that they have by now.
    let is_old = id != metadata.current_schema_id;
    let shape = Shape { schema: id, columns: numbered, partitions, is_old };
    let live: Vec<&Manifest> = manifests.iter().filter(|manifest| manifest.live_files() > 0).collect();
    let Read { files, differs } = files(bucket, metadata, &shape, &live).await?;
    let unknown = |Column { name, sql_type }: &Column| ColumnStats {
        name: name.clone(),
        sql_type: sql_type.clone(),
        nulls: None,
        min: None,
        max: None,
    };
    let mut then = Table {
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        partitions: shape.partitions().iter().map(|column| column.column.clone()).collect(),
        columns: columns.iter().map(unknown).collect(),
        files,
        differs,
        schema: is_old.then_some(id),
        unread: Unread::default(),
        partition_by: snapshot
            .summary
            .get(PARTITION_BY)
            .and_then(|by| serde_json::from_str(by).ok())
            .unwrap_or_else(|| table.partition_by.clone()),
        ..table.clone()
    };
    then.sort_files();
    Ok(then)
}

/// The manifests that a manifest list names.
///
/// # Errors
/// What S3 says; it is none, or names what is not in the tables' folders.
pub(super) async fn list(bucket: &Bucket, address: &str) -> Result<Vec<Manifest>> {
    let bytes = get(bucket, key(bucket, address)?).await?;
    let manifests =
        manifest::list(&bytes).map_err(|error| failure(format!("{address} cannot be read: {error}"), MEND))?;
    if manifests.len() > MANIFESTS {
        return Err(failure(format!("{address} names {} manifests, more than {MANIFESTS}", manifests.len()), MEND));
    }
    if let Some(deletes) = manifests.iter().find(|manifest| manifest.deletes) {
        let what = format!("{} deletes rows of other files, which nobody here reads", deletes.path);
        return Err(failure(what, "have whoever wrote it compact the table"));
    }
    Ok(manifests)
}

/// The key of an address, which has to be in the tables' folders: what is named there is read, and may be deleted.
///
/// # Errors
/// It is elsewhere.
pub(super) fn key<'a>(bucket: &Bucket, address: &'a str) -> Result<&'a str> {
    let key = address.strip_prefix("s3://").and_then(|rest| rest.strip_prefix(bucket.name.as_str())?.strip_prefix('/'));
    key.filter(|key| bucket.layout.is_of_tables(key)).ok_or_else(|| {
        let shown: String = address.chars().take(200).collect();
        failure(format!("the metadata of a table names {shown:?}, which is none of its files"), MEND)
    })
}

/// Files as they were read.
struct Read {
    files: Vec<DataFile>,
    /// By the number of a schema, how the columns of files differ that were written with it.
    differs: BTreeMap<i32, Differs>,
}

async fn files(bucket: &Bucket, metadata: &Metadata, shape: &Shape, manifests: &[&Manifest]) -> Result<Read> {
    let mut bytes = stream::iter(manifests)
        .map(|manifest| async move { anyhow::Ok((&manifest.path, get(bucket, key(bucket, &manifest.path)?).await?)) })
        .buffered(WINDOW);
    let names: Vec<String> = shape.partitions().iter().map(|column| column.column.name.clone()).collect();
    let (mut files, mut differs) = (Vec::new(), BTreeMap::new());
    while let Some((path, bytes)) = bytes.try_next().await? {
        let mut add = || {
            let id = manifest::schema_id(&bytes)?;
            let own = metadata.differs(id, shape.schema, &names)?.or_else(|| shape.is_old.then(Differs::default));
            let differing = own.as_ref().map(|own| (id, own));
            read(&bytes, bucket, &shape.columns, shape.partitions(), differing, &mut files)?;
            differs.extend(own.map(|own| (id, own)));
            Ok(())
        };
        add().map_err(|error: Bad| failure(format!("{path} cannot be read: {error}"), MEND))?;
    }
    Ok(Read { files, differs })
}

/// What is to be stored of a catalog's tables.
pub(crate) struct Draft {
    pub pointers: BTreeMap<String, Pointer>,
    /// What has to be in the bucket before the catalog names it, by key.
    pub objects: Vec<(String, Bytes)>,
    /// By folder of a table's metadata, the name of the newest there.
    pub hints: Vec<(String, String)>,
}

impl Draft {
    /// The keys of new metadata.
    pub(crate) fn metadata(&self) -> impl Iterator<Item = &str> {
        let pointers = self.pointers.values().map(|pointer| pointer.metadata.as_str());
        pointers.filter(|key| self.objects.iter().any(|(new, _)| new == key))
    }
}

/// Makes what is to be stored when `after` takes the place of `before`: of each table that is another than it was, new metadata.
///
/// # Errors
/// What S3 says of what was there; what Iceberg cannot keep.
pub(crate) async fn draft(bucket: &Bucket, before: &Catalog, after: &Catalog) -> Result<Draft> {
    let mut draft = Draft { pointers: after.others.clone(), objects: Vec::new(), hints: Vec::new() };
    let now_ms = Utc::now().timestamp_millis();
    for (name, table) in &after.tables {
        let whence = whence(name, table, before, after);
        let mut state = whence.and_then(|(_, old)| old.origin.0.clone());
        let mut stored = None;
        if let (Some((old_name, old)), None) = (whence, &state) {
            // Of a catalog of the first form: what the table was comes first, so that its history begins with that.
            let nothing = HashMap::new();
            let change = Change { bucket, name: old_name, table: old, base: None, manifests: &nothing, now_ms };
            let first = change.draft().with_context(|| format!("cannot convert `{old_name}`"))?;
            let written: HashMap<String, Bytes> = first
                .objects
                .iter()
                .map(|(key, bytes)| (format!("s3://{}/{key}", bucket.name), bytes.clone()))
                .collect();
            state = Some(first.state);
            draft.objects.extend(first.objects);
            stored = Some(written);
        }
        let same = whence.is_some_and(|(_, old)| {
            let as_named = Table { formerly: old.formerly.clone(), ..table.clone() };
            as_named == *old
        });
        let state = match (state, same) {
            (Some(state), true) => state,
            (state, _) => {
                let old_files = whence.map_or(&[] as &[DataFile], |(_, old)| &old.files);
                let manifests = match (&state, stored) {
                    (Some(_), Some(written)) => written,
                    (Some(state), None) => needed(bucket, state, old_files, table).await?,
                    (None, _) => HashMap::new(),
                };
                let base = state.as_deref().map(|state| (state, old_files));
                let change = Change { bucket, name, table, base, manifests: &manifests, now_ms };
                let next = change.draft().with_context(|| format!("cannot store `{name}`"))?;
                draft.objects.extend(next.objects);
                next.state
            }
        };
        if let Some((folder, file)) = state.key.rsplit_once('/')
            && let Some(hint) = file.strip_suffix(".metadata.json")
            && draft.objects.iter().any(|(key, _)| *key == state.key)
        {
            draft.hints.push((folder.to_owned(), hint.to_owned()));
        }
        let pointer = Pointer { metadata: state.key.clone(), formerly: table.formerly.clone() };
        draft.pointers.insert(name.clone(), pointer);
    }
    Ok(draft)
}

/// The table that this one was before, with its name: the one that it was read from, or the one in whose place it comes.
fn whence<'a>(name: &str, table: &Table, before: &'a Catalog, after: &Catalog) -> Option<(&'a String, &'a Table)> {
    // What its files' schemas are, another table's history does not tell.
    if table.ancestor.0.is_some() {
        return None;
    }
    if table.origin.0.is_some() {
        return before.tables.iter().find(|(_, old)| old.origin.is(&table.origin));
    }
    let (old_name, old) = before.tables.get_key_value(name)?;
    // It may be there under another name.
    let moved = after.tables.iter().any(|(other, now)| other != name && now.origin.is(&old.origin));
    (!moved).then_some((old_name, old))
}

/// The tables of `before` that none of `after` goes on from.
pub(crate) fn left_behind<'a>(before: &'a Catalog, after: &Catalog) -> Vec<&'a Table> {
    let taken: BTreeSet<&String> =
        after.tables.iter().filter_map(|(name, table)| Some(whence(name, table, before, after)?.0)).collect();
    before.tables.iter().filter(|(name, _)| !taken.contains(name)).map(|(_, table)| table).collect()
}

/// The manifests that have to be looked into to go on from `state`.
async fn needed(bucket: &Bucket, state: &State, old: &[DataFile], table: &Table) -> Result<HashMap<String, Bytes>> {
    let now: HashSet<&str> = table.keys().collect();
    let all_there = old.iter().all(|file| now.contains(file.key.as_str()));
    let merges = state.manifests.iter().filter(|manifest| is_small(manifest)).count() >= MANY;
    let needed = state.manifests.iter().filter(|manifest| {
        manifest.live_files() > 0 && !table.unread.has(&manifest.path) && (!all_there || merges && is_small(manifest))
    });
    stream::iter(needed)
        .map(|manifest| async move {
            anyhow::Ok((manifest.path.clone(), get(bucket, key(bucket, &manifest.path)?).await?))
        })
        .buffer_unordered(WINDOW)
        .try_collect()
        .await
}

/// Stores objects side by side.
///
/// # Errors
/// What S3 says.
pub(crate) async fn put(bucket: &Bucket, objects: &[(String, Bytes)]) -> Result<()> {
    stream::iter(objects)
        .map(|(key, bytes)| async move {
            let put = bucket.s3.put_object().bucket(&bucket.name).key(key).body(ByteStream::from(bytes.clone()));
            put.send().await.with_context(|| format!("cannot store s3://{}/{key}", bucket.name))?;
            kept::put(bucket, key, bytes);
            anyhow::Ok(())
        })
        .buffer_unordered(WINDOW)
        .try_collect()
        .await
}

/// Tells readers that know only a table's folder which metadata is the newest. As far as the bucket lets it: the next change
/// tells it again.
pub(crate) async fn hint(bucket: &Bucket, hints: &[(String, String)]) {
    let put = |(folder, name): &(String, String)| {
        let put = bucket.s3.put_object().bucket(&bucket.name).key(format!("{folder}/version-hint.text"));
        put.content_type("text/plain").body(ByteStream::from(name.clone().into_bytes())).send()
    };
    stream::iter(hints).map(put).buffer_unordered(WINDOW).for_each(|_| async {}).await;
}
