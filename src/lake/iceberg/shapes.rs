//! Schemas of files that were written before there was a table: what a table's history would tell of files of several shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use quack_function::iceberg::metadata::Metadata;
use quack_function::wire::Column;
use serde_json::{Map, Value as Json, json};

use super::schema;
use super::snapshot::TYPES;
use super::state::{Origin, State};

/// Where the schemas are known of files with the columns `shapes`, each by its place among them; of a table with `columns`, the last
/// of which, its `partitions`, are in no file. Columns have the `numbers` that files have for them, by name: who reads by numbers finds
/// them.
///
/// # Errors
/// A type that is none.
pub(crate) fn of_shapes(
    columns: &[Column],
    partitions: usize,
    shapes: &[Vec<Column>],
    numbers: &BTreeMap<String, i32>,
) -> Result<Origin> {
    let mut last = numbers.values().copied().max().unwrap_or_default();
    let mut fields = schema::fields(columns, &[], &mut last).map_err(|error| anyhow!(error))?;
    for (column, field) in columns.iter().zip(&mut fields) {
        if let Some(number) = numbers.get(&column.name) {
            field["id"] = json!(number);
        }
    }
    let own = columns.len().saturating_sub(partitions);
    let of = |shape: &Vec<Column>| -> Vec<Json> {
        let all = columns.iter().zip(&fields).enumerate();
        all.filter_map(|(at, (column, field))| match shape.iter().find(|known| known.name == column.name) {
            Some(known) => Some(schema::as_typed(field, known)),
            None => (at >= own).then(|| field.clone()),
        })
        .collect()
    };
    let mut all: Vec<Vec<Json>> = shapes.iter().map(of).collect();
    let types = fields.iter().zip(columns).map(|(field, column)| (field["id"].to_string(), column.sql_type.as_str()));
    let types: BTreeMap<String, &str> = types.collect();
    let properties = [(TYPES.to_owned(), serde_json::to_string(&types)?)].into();
    all.push(fields);
    let numbered = all.into_iter().enumerate();
    let schemas: Vec<Json> =
        numbered.map(|(id, fields)| json!({ "type": "struct", "schema-id": id, "fields": fields })).collect();
    let metadata = Metadata {
        format_version: 2,
        table_uuid: String::new(),
        location: String::new(),
        last_sequence_number: 0,
        last_updated_ms: 0,
        last_column_id: last,
        schemas,
        current_schema_id: i32::try_from(shapes.len())?,
        partition_specs: Vec::new(),
        default_spec_id: 0,
        last_partition_id: 0,
        sort_orders: Vec::new(),
        default_sort_order_id: 0,
        properties,
        current_snapshot_id: None,
        snapshots: Vec::new(),
        snapshot_log: Vec::new(),
        metadata_log: Vec::new(),
        refs: Map::new(),
    };
    Ok(Origin(Some(Arc::new(State { key: String::new(), metadata, manifests: Vec::new() }))))
}
