//! Schemas of files that were written before there was a table: what a table's history would tell of files of several shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use quack_function::iceberg::metadata::Metadata;
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;
use serde_json::{Map, Value as Json, json};

use super::schema;
use super::snapshot::TYPES;
use super::state::{Origin, State};

/// A column of files, called and typed as it is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub column: Column,
    /// Which of the table's columns it is, by its name; none of them, if it is not to be read.
    pub of: Option<String>,
    /// What Iceberg calls its type, where that is nested and not just the table's.
    pub nested: Option<Json>,
}

/// What Iceberg calls a type that has nothing within it.
pub(crate) fn iceberg_type(sql_type: &SqlType) -> Json {
    schema::iceberg(sql_type, &mut 0)
}

/// What numbers columns have.
#[derive(Debug)]
pub(crate) enum Numbers {
    /// Those that files have for them, by name; of others nobody knows yet.
    Known(BTreeMap<String, i32>),
    /// Another program's fields of all columns, in their order, and the last number that it has given to one.
    Theirs(Vec<Json>, i32),
}

/// Where the schemas are known of files with the columns `shapes`, each by its place among them; of a table with `columns`, the last
/// of which, its `partitions`, are in no file. Columns keep the `numbers` that they have: who reads by numbers finds them.
///
/// # Errors
/// A type that is none.
pub(crate) fn of_shapes(
    columns: &[Column],
    partitions: usize,
    shapes: &[Vec<Held>],
    numbers: &Numbers,
) -> Result<Origin> {
    let (fields, mut last) = match numbers {
        Numbers::Theirs(fields, last) => (fields.clone(), *last),
        Numbers::Known(numbers) => {
            let mut last = numbers.values().copied().max().unwrap_or_default();
            let mut fields = schema::fields(columns, &[], &mut last).map_err(|error| anyhow!(error))?;
            for (column, field) in columns.iter().zip(&mut fields) {
                if let Some(number) = numbers.get(&column.name) {
                    field["id"] = json!(number);
                }
            }
            (fields, last)
        }
    };
    let own = columns.len().saturating_sub(partitions);
    let mut of = |shape: &Vec<Held>| -> Result<Vec<Json>> {
        let mut written = Vec::with_capacity(shape.len() + partitions);
        for Held { column, of, nested } in shape {
            let known = columns.iter().position(|known| of.as_ref() == Some(&known.name));
            let field = match known.and_then(|at| fields.get(at)) {
                Some(field) => {
                    let mut field = schema::as_typed(field, column);
                    field["name"] = json!(column.name);
                    if let Some(nested) = nested {
                        field["type"] = nested.clone();
                    }
                    field
                }
                None => {
                    let new = schema::fields(std::slice::from_ref(column), &[], &mut last);
                    new.map_err(|error| anyhow!(error))?.swap_remove(0)
                }
            };
            written.push(field);
        }
        written.extend(fields.iter().skip(own).cloned());
        Ok(written)
    };
    let mut all: Vec<Vec<Json>> = shapes.iter().map(&mut of).collect::<Result<_>>()?;
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
