//! Columns in Iceberg's words: each with a number that stays, of the nearest type that it has. What DuckDB calls the types stands
//! in a property of the table.

use quack_function::iceberg::metadata::{Spec, SpecField};
use quack_function::iceberg::scalar::{Kind, decimal_bytes};
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;
use serde_json::{Value as Json, json};

use super::foreign::plain;
use crate::duck::types;

/// The first number of a partition field.
const FIRST_PARTITION: i32 = 1000;

/// A column of a table with its number.
#[derive(Debug, Clone)]
pub(crate) struct Numbered {
    pub id: i32,
    pub column: Column,
    /// How its bounds are kept, if it has any.
    pub kind: Option<Kind>,
}

/// Numbers columns, new ones from `last` on, which is then the last. Those of `before` that have the same name and a type that
/// fits keep their number.
///
/// # Errors
/// A type that is none.
pub(super) fn fields(columns: &[Column], before: &[(Column, Json)], last: &mut i32) -> Result<Vec<Json>, String> {
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        let sql_type = parse(column)?;
        let known = before.iter().find(|(known, _)| known.name == column.name);
        let field = match known {
            Some((known, field)) if known.sql_type == column.sql_type => field.clone(),
            Some((known, field)) if widens(&parse(known)?, &sql_type) => {
                let mut field = field.clone();
                field["type"] = iceberg(&sql_type, last);
                field
            }
            _ => {
                *last += 1;
                let id = *last;
                json!({ "id": id, "name": column.name, "required": false, "type": iceberg(&sql_type, last) })
            }
        };
        fields.push(field);
    }
    Ok(fields)
}

/// A field of an older schema with the type that the column has by now.
pub(super) fn as_typed(field: &Json, column: &Column) -> Json {
    let mut field = field.clone();
    // Nested types stay as they are, and have numbers in them; so do those of which DuckDB has one for several, as `fixed[3]`.
    if let (Some(known), Ok(sql_type)) = (field["type"].as_str(), parse(column))
        && plain(known).as_ref() != Some(&sql_type)
    {
        field["type"] = iceberg(&sql_type, &mut 0);
    }
    field
}

/// The columns of a schema with their numbers; `columns` are the same in DuckDB's words.
pub(super) fn numbered(fields: &[Json], columns: &[Column]) -> Vec<Numbered> {
    let of = |column: &Column| {
        let field = fields.iter().find(|field| field["name"].as_str() == Some(&column.name));
        let id = field.and_then(|field| i32::try_from(field["id"].as_i64()?).ok()).unwrap_or(-1);
        let kind = parse(column).ok().and_then(|sql_type| Kind::of(&sql_type));
        Numbered { id, column: column.clone(), kind }
    };
    columns.iter().map(of).collect()
}

/// How files with these `partitions` are partitioned, each by a column as it is. One of `specs` if there is such a one, else a new
/// one; `last` is the last number of a partition field.
pub(super) fn spec(partitions: &[Numbered], specs: &[Spec], last: &mut i32) -> Spec {
    let own = |spec: &&Spec| {
        let mut fields = spec.fields.iter().map(|field| field.source_id);
        spec.fields.len() == partitions.len() && partitions.iter().all(|column| fields.next() == Some(column.id))
    };
    if let Some(spec) = specs.iter().find(own) {
        return spec.clone();
    }
    let fields = partitions.iter().map(|column| {
        // The same field in another spec has the same number.
        let known = specs.iter().flat_map(|spec| &spec.fields).find(|field| field.source_id == column.id);
        let field_id = known.map_or_else(
            || {
                *last = (*last + 1).max(FIRST_PARTITION);
                *last
            },
            |field| field.field_id,
        );
        let name = column.column.name.clone();
        SpecField { source_id: column.id, field_id, name, transform: "identity".to_owned() }
    });
    let fields = fields.collect();
    let spec_id = specs.iter().map(|spec| spec.spec_id + 1).max().unwrap_or(0);
    Spec { spec_id, fields }
}

/// The mapping of names to numbers, for files that have no numbers in them.
pub(super) fn name_mapping(fields: &[Json]) -> Json {
    let all: Vec<Json> = fields
        .iter()
        .map(|field| {
            let mut mapped = json!({ "field-id": field["id"], "names": [field["name"]] });
            if let below @ Json::Array(_) = below(&field["type"]) {
                mapped["fields"] = below;
            }
            mapped
        })
        .collect();
    Json::Array(all)
}

/// What is mapped within a nested type.
fn below(of: &Json) -> Json {
    let mapped = |id: &Json, name: &str, of: &Json| {
        let mut mapped = json!({ "field-id": id, "names": [name] });
        if let below @ Json::Array(_) = below(of) {
            mapped["fields"] = below;
        }
        mapped
    };
    match of["type"].as_str() {
        Some("struct") => name_mapping(of["fields"].as_array().map(Vec::as_slice).unwrap_or_default()),
        Some("list") => json!([mapped(&of["element-id"], "element", &of["element"])]),
        Some("map") => {
            json!([mapped(&of["key-id"], "key", &of["key"]), mapped(&of["value-id"], "value", &of["value"])])
        }
        _ => Json::Null,
    }
}

/// The Avro type of a partition's value.
pub(super) fn avro(kind: Kind) -> Json {
    match kind {
        Kind::Boolean => json!("boolean"),
        Kind::Int => json!("int"),
        Kind::Long => json!("long"),
        Kind::Float => json!("float"),
        Kind::Double => json!("double"),
        Kind::Text => json!("string"),
        Kind::Date => json!({ "type": "int", "logicalType": "date" }),
        Kind::Time => json!({ "type": "long", "logicalType": "time-micros" }),
        Kind::Timestamp => json!({ "type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": false }),
        Kind::TimestampTz => json!({ "type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": true }),
        Kind::Uuid => json!({ "type": "fixed", "name": "uuid_fixed", "size": 16, "logicalType": "uuid" }),
        Kind::Decimal { width, scale } => json!({
            "type": "fixed", "name": format!("decimal_{width}_{scale}"), "size": decimal_bytes(width),
            "logicalType": "decimal", "precision": width, "scale": scale
        }),
    }
}

fn parse(column: &Column) -> Result<SqlType, String> {
    types::parse(&column.sql_type).map_err(|error| format!("the column {:?}: {error}", column.name))
}

/// Whether values of the first type are read as the second by whoever follows Iceberg's rules.
fn widens(from: &SqlType, to: &SqlType) -> bool {
    // What is kept as another type may be kept as the same one and not be the same.
    if from.in_table().is_some() || to.in_table().is_some() {
        return false;
    }
    let (Some(old), Some(new)) = (Kind::of(from), Kind::of(to)) else { return false };
    match (old, new) {
        (Kind::Int, Kind::Long) | (Kind::Float, Kind::Double) => true,
        (Kind::Decimal { width: a, scale: b }, Kind::Decimal { width: c, scale: d }) => a <= c && b == d,
        (old, new) => old == new,
    }
}

/// The nearest type that Iceberg has, which files have; nested ones take numbers after `last`.
pub(super) fn iceberg(sql_type: &SqlType, last: &mut i32) -> Json {
    let kept = sql_type.in_table();
    let sql_type = kept.as_ref().unwrap_or(sql_type);
    let mut number = || {
        *last += 1;
        *last
    };
    match sql_type {
        SqlType::List(element) | SqlType::Array(element, _) => {
            let id = number();
            json!({ "type": "list", "element-id": id, "element-required": false, "element": iceberg(element, last) })
        }
        SqlType::Map(key, value) => {
            let (key_id, value_id) = (number(), number());
            json!({
                "type": "map", "key-id": key_id, "key": iceberg(key, last),
                "value-id": value_id, "value-required": false, "value": iceberg(value, last)
            })
        }
        SqlType::Struct(members) | SqlType::Union(members) => {
            let ids: Vec<i32> = members.iter().map(|_| number()).collect();
            let fields: Vec<Json> = members
                .iter()
                .zip(ids)
                .map(|((name, of), id)| json!({ "id": id, "name": name, "required": false, "type": iceberg(of, last) }))
                .collect();
            json!({ "type": "struct", "fields": fields })
        }
        SqlType::Geometry(_) => json!("binary"),
        other => match Kind::of(other) {
            Some(Kind::Boolean) => json!("boolean"),
            Some(Kind::Int) => json!("int"),
            Some(Kind::Long) => json!("long"),
            Some(Kind::Float) => json!("float"),
            Some(Kind::Double) => json!("double"),
            Some(Kind::Decimal { width, scale }) => json!(format!("decimal({width}, {scale})")),
            Some(Kind::Date) => json!("date"),
            Some(Kind::Time) => json!("time"),
            Some(Kind::Timestamp) => json!("timestamp"),
            Some(Kind::TimestampTz) => json!("timestamptz"),
            Some(Kind::Text) => json!("string"),
            Some(Kind::Uuid) => json!("uuid"),
            None => match other {
                SqlType::Plain("TIMESTAMP_NS") => json!("timestamp"),
                SqlType::Plain("BLOB" | "GEOMETRY" | "VARIANT") => json!("binary"),
                _ => json!("string"),
            },
        },
    }
}
