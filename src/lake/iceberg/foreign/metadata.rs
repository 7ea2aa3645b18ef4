//! The metadata of a table, of any writer: of form 1 or 2, with whatever its writer left out.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value as Json;

use super::fields::{self, Field};
use super::found::MOST_BYTES;
use crate::lake::iceberg::state::Foreign;

/// What gzip's files begin with.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What is read of the forms.
const FORMS: std::ops::RangeInclusive<u8> = 1..=2;

/// Another program's table.
#[derive(Debug)]
pub(crate) struct Theirs {
    pub foreign: Foreign,
    pub columns: Vec<Field>,
    /// The greatest number of a column that there is or was.
    pub last_id: i32,
    /// For files that have no numbers for their columns: the numbers by names.
    pub names: Option<HashMap<String, i32>>,
    /// Address of the list of its manifests.
    pub manifests: String,
    /// By the number of a partition spec and of its field, the number of the column whose value the field has as it is.
    pub identities: BTreeMap<i32, BTreeMap<i32, i32>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Raw {
    #[serde(default)]
    last_column_id: i32,
    #[serde(default)]
    schemas: Vec<Json>,
    schema: Option<Json>,
    current_schema_id: Option<i32>,
    #[serde(default)]
    partition_specs: Vec<RawSpec>,
    #[serde(default)]
    partition_spec: Vec<RawField>,
    #[serde(default)]
    properties: BTreeMap<String, String>,
    current_snapshot_id: Option<i64>,
    #[serde(default)]
    snapshots: Vec<RawSnapshot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawSpec {
    spec_id: i32,
    fields: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawField {
    source_id: i32,
    field_id: Option<i32>,
    transform: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawSnapshot {
    snapshot_id: i64,
    #[serde(default)]
    timestamp_ms: i64,
    manifest_list: Option<String>,
}

/// Reads metadata that has this `address`.
///
/// # Errors
/// What is wrong with it, in words that follow its name.
pub(crate) fn read(address: &str, bytes: &[u8]) -> Result<Theirs, String> {
    let unpacked;
    let mut json = bytes;
    if bytes.starts_with(GZIP) {
        unpacked = unpack(bytes)?;
        json = &unpacked;
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Form {
        format_version: u8,
    }
    // First of all: other forms have other fields.
    let Form { format_version } =
        serde_json::from_slice(json).map_err(|error| format!("it is no metadata: {error}"))?;
    if !FORMS.contains(&format_version) {
        return Err(format!("it is of form {format_version} of Iceberg's, and forms 1 and 2 are read"));
    }
    let raw: Raw = serde_json::from_slice(json).map_err(|error| format!("it is no metadata: {error}"))?;
    let is_current = |schema: &&Json| schema["schema-id"].as_i64() == raw.current_schema_id.map(i64::from);
    let schema = raw.schemas.iter().find(is_current).or(raw.schema.as_ref()).ok_or("it has no schema")?;
    let (columns, last) = fields::of(schema)?;
    let snapshot = match raw.current_snapshot_id.filter(|id| *id != -1) {
        None => return Err("the table has no rows yet".to_owned()),
        Some(id) => raw.snapshots.into_iter().find(|snapshot| snapshot.snapshot_id == id),
    };
    let snapshot = snapshot.ok_or("it does not tell of its current snapshot")?;
    let manifests = snapshot.manifest_list.ok_or("its current snapshot has no list of manifests")?;
    let mut identities: BTreeMap<i32, BTreeMap<i32, i32>> = BTreeMap::new();
    let specs = raw.partition_specs.iter().map(|spec| (spec.spec_id, &spec.fields));
    let older = raw.partition_specs.is_empty().then_some((0, &raw.partition_spec));
    for (id, fields) in specs.chain(older) {
        let known = identities.entry(id).or_default();
        for (field, place) in fields.iter().zip(1000..) {
            if field.transform == "identity" {
                known.insert(field.field_id.unwrap_or(place), field.source_id);
            }
        }
    }
    let mapping = raw.properties.get("schema.name-mapping.default");
    Ok(Theirs {
        foreign: Foreign {
            metadata: address.to_owned(),
            snapshot: snapshot.snapshot_id,
            made_ms: snapshot.timestamp_ms.max(0),
        },
        columns,
        last_id: last.max(raw.last_column_id.min(quack_function::iceberg::metadata::MOST_IDS)),
        names: mapping.map(|text| names(text)).transpose()?,
        manifests,
        identities,
    })
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(MOST_BYTES as u64 + 1).read_to_end(&mut unpacked);
    read.map_err(|error| format!("it cannot be unpacked: {error}"))?;
    match unpacked.len() > MOST_BYTES {
        true => Err(format!("it has more than {} MB", MOST_BYTES >> 20)),
        false => Ok(unpacked),
    }
}

/// The numbers of columns by their names, of those that are not within others.
fn names(text: &str) -> Result<HashMap<String, i32>, String> {
    #[derive(Deserialize)]
    struct Mapped {
        #[serde(rename = "field-id")]
        id: Option<i32>,
        #[serde(default)]
        names: Vec<String>,
    }
    let mapped: Vec<Mapped> =
        serde_json::from_str(text).map_err(|error| format!("its mapping of names is none: {error}"))?;
    let pairs = mapped.into_iter().filter_map(|Mapped { id, names }| Some((id?, names)));
    let mut known = HashMap::new();
    for (name, id) in pairs.flat_map(|(id, names)| names.into_iter().map(move |name| (name, id))) {
        if known.insert(name.clone(), id).is_some_and(|other| other != id) {
            let shown: String = name.chars().take(80).collect();
            return Err(format!("its mapping of names has {shown:?} twice"));
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> Json {
        json!({
            "format-version": 2, "current-schema-id": 1, "last-column-id": 9, "current-snapshot-id": 5,
            "schemas": [
                {"schema-id": 0, "fields": [{"id": 1, "name": "old", "type": "int"}]},
                {"schema-id": 1, "fields": [{"id": 1, "name": "a", "type": "long"}]}],
            "partition-specs": [{"spec-id": 3, "fields": [
                {"source-id": 1, "field-id": 1000, "name": "a", "transform": "identity"},
                {"source-id": 1, "field-id": 1001, "name": "b", "transform": "bucket[4]"}]}],
            "snapshots": [{"snapshot-id": 5, "timestamp-ms": 7, "manifest-list": "s3://b/l.avro"}],
            "properties": {"schema.name-mapping.default": "[{\"field-id\": 1, \"names\": [\"old\", \"a\"]}]"}
        })
    }

    fn told(of: &Json) -> Result<Theirs, String> {
        read("s3://b/m", of.to_string().as_bytes())
    }

    #[test]
    fn metadata_of_any_writer_is_read() {
        let theirs = told(&whole()).unwrap();
        assert_eq!(theirs.foreign, Foreign { metadata: "s3://b/m".to_owned(), snapshot: 5, made_ms: 7 });
        assert_eq!((theirs.columns[0].name.as_str(), theirs.last_id), ("a", 9));
        assert_eq!(theirs.names.unwrap()["old"], 1);
        assert_eq!(theirs.identities, BTreeMap::from([(3, BTreeMap::from([(1000, 1)]))]));
        // Of form 1, which has one schema and one spec, and its fields without numbers.
        let first = json!({
            "format-version": 1, "current-snapshot-id": 5, "schema": {"fields": [{"id": 4, "name": "a", "type": "int"}]},
            "partition-spec": [{"source-id": 4, "name": "a", "transform": "identity"}],
            "snapshots": [{"snapshot-id": 5, "manifest-list": "s3://b/l.avro"}]
        });
        let theirs = told(&first).unwrap();
        assert_eq!(theirs.identities, BTreeMap::from([(0, BTreeMap::from([(1000, 4)]))]));
        let mut packed = Vec::new();
        let mut gzip = flate2::read::GzEncoder::new(&b"{\"format-version\": 3}"[..], flate2::Compression::fast());
        gzip.read_to_end(&mut packed).unwrap();
        assert!(read("x", &packed).unwrap_err().contains("of form 3"));
        assert!(read("x", &packed[..12]).unwrap_err().contains("cannot be unpacked"));
    }

    #[test]
    fn forged_metadata_is_refused_with_words() {
        let text = whole().to_string();
        for cut in 0..text.len() {
            assert!(read("x", &text.as_bytes()[..cut]).is_err(), "{cut}");
        }
        for (place, value, said) in [
            ("/format-version", json!(3), "of form 3"),
            ("/format-version", json!("2"), "no metadata"),
            ("/current-schema-id", json!(7), "no schema"),
            ("/current-snapshot-id", json!(-1), "no rows yet"),
            ("/current-snapshot-id", json!(6), "its current snapshot"),
            ("/snapshots/0/manifest-list", Json::Null, "no list of manifests"),
            ("/properties/schema.name-mapping.default", json!("{"), "mapping of names"),
            (
                "/properties/schema.name-mapping.default",
                json!("[{\"field-id\":1,\"names\":[\"a\"]},{\"field-id\":2,\"names\":[\"a\"]}]"),
                "\"a\" twice",
            ),
            ("/schemas/1/fields", json!([]), "no columns"),
            ("/last-column-id", json!(i64::MAX), "no metadata"),
        ] {
            let mut forged = whole();
            *forged.pointer_mut(place).unwrap() = value;
            let error = told(&forged).unwrap_err();
            assert!(error.contains(said), "{place}: {error}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read("x", deep.as_bytes()).is_err());
    }
}
