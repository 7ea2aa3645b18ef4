//! The Avro schemas of manifests and manifest lists, each field with Iceberg's number.

use quack_function::iceberg::metadata::Spec;
use serde_json::{Value as Json, json};

use super::schema::{self, Numbered};

/// Iceberg's number of the sizes of columns in a file, which manifests of earlier programs do not have.
pub(super) const COLUMN_SIZES: i32 = 108;

fn field(name: &str, of: &str, id: i32) -> Json {
    json!({ "name": name, "type": of, "field-id": id })
}

fn optional(name: &str, of: Json, id: i32) -> Json {
    json!({ "name": name, "type": ["null", of], "default": null, "field-id": id })
}

/// The Avro schema of a manifest's entries.
pub(super) fn entry_schema(partitions: &[Numbered], spec: &Spec) -> String {
    let map = |name: &str, value: &str, id: i32, key_id: i32, value_id: i32| {
        let pair = json!({
            "type": "record", "name": format!("k{key_id}_v{value_id}"), "fields": [
                { "name": "key", "type": "int", "field-id": key_id },
                { "name": "value", "type": value, "field-id": value_id }
            ]
        });
        optional(name, json!({ "type": "array", "logicalType": "map", "items": pair }), id)
    };
    let partition: Vec<Json> = partitions
        .iter()
        .zip(&spec.fields)
        .filter_map(|(column, field)| Some(optional(&field.name, schema::avro(column.kind?), field.field_id)))
        .collect();
    json!({
        "type": "record", "name": "manifest_entry", "fields": [
            { "name": "status", "type": "int", "field-id": 0 },
            optional("snapshot_id", json!("long"), 1),
            optional("sequence_number", json!("long"), 3),
            optional("file_sequence_number", json!("long"), 4),
            { "name": "data_file", "field-id": 2, "type": {
                "type": "record", "name": "r2", "fields": [
                    { "name": "content", "type": "int", "field-id": 134 },
                    { "name": "file_path", "type": "string", "field-id": 100 },
                    { "name": "file_format", "type": "string", "field-id": 101 },
                    { "name": "partition", "field-id": 102, "type": { "type": "record", "name": "r102", "fields": partition } },
                    { "name": "record_count", "type": "long", "field-id": 103 },
                    { "name": "file_size_in_bytes", "type": "long", "field-id": 104 },
                    map("value_counts", "long", 109, 119, 120),
                    map("null_value_counts", "long", 110, 121, 122),
                    map("nan_value_counts", "long", 137, 138, 139),
                    map("lower_bounds", "bytes", 125, 126, 127),
                    map("upper_bounds", "bytes", 128, 129, 130),
                    // The last: `merged` puts a null behind files of manifests that do not have it.
                    map("column_sizes", "long", COLUMN_SIZES, 117, 118)
                ]
            } }
        ]
    })
    .to_string()
}

/// Whether manifests of this Avro schema tell the sizes of columns.
pub(super) fn has_sizes(schema: &str) -> bool {
    let schema: Json = serde_json::from_str(schema).unwrap_or_default();
    let fields = |of: &Json| of["fields"].as_array().cloned().unwrap_or_default();
    let of_file = fields(&schema).into_iter().find(|field| field["field-id"] == 2);
    of_file.is_some_and(|field| fields(&field["type"]).iter().any(|field| field["field-id"] == COLUMN_SIZES))
}

/// The Avro schema of a manifest list.
pub(super) fn list_schema() -> String {
    let summary = json!({
        "type": "record", "name": "r508", "fields": [
            field("contains_null", "boolean", 509),
            optional("contains_nan", json!("boolean"), 518),
            optional("lower_bound", json!("bytes"), 510),
            optional("upper_bound", json!("bytes"), 511)
        ]
    });
    json!({
        "type": "record", "name": "manifest_file", "fields": [
            field("manifest_path", "string", 500),
            field("manifest_length", "long", 501),
            field("partition_spec_id", "int", 502),
            field("content", "int", 517),
            field("sequence_number", "long", 515),
            field("min_sequence_number", "long", 516),
            field("added_snapshot_id", "long", 503),
            field("added_files_count", "int", 504),
            field("existing_files_count", "int", 505),
            field("deleted_files_count", "int", 506),
            field("added_rows_count", "long", 512),
            field("existing_rows_count", "long", 513),
            field("deleted_rows_count", "long", 514),
            optional("partitions", json!({ "type": "array", "items": summary, "element-id": 508 }), 507)
        ]
    })
    .to_string()
}
