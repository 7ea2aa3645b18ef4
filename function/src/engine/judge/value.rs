//! Constants and types in a syntax tree: those that the text of SQL can produce.

use super::fields::{Object, field, list, object, one_of, only, optional, text, unknown};
use crate::engine::Failure;
use serde_json::Value;

/// Types of constants that DuckDB's parser makes. A POINTER is none of them.
const CONSTANTS: &[&str] = &[
    "NULL",
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UHUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "DECIMAL",
    "FLOAT",
    "DOUBLE",
    "VARCHAR",
    "BLOB",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "INTERVAL",
    "BIT",
    "LIST",
];

/// Types to cast to that DuckDB's parser knows by itself.
const TYPES: &[&str] = &[
    "NULL",
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UHUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "DECIMAL",
    "FLOAT",
    "DOUBLE",
    "VARCHAR",
    "BLOB",
    "BIT",
    "BIGNUM",
    "UUID",
    "DATE",
    "TIME",
    "TIME_NS",
    "TIME WITH TIME ZONE",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
    "INTERVAL",
    "GEOMETRY",
    "VARIANT",
    "LIST",
    "ARRAY",
    "MAP",
    "STRUCT",
    "UNION",
    "ENUM",
    "UNBOUND",
];

/// Types that DuckDB looks up by name, with those of the extensions that the function may be packaged with.
const NAMED_TYPES: &[&str] = &[
    "array",
    "bigint",
    "bignum",
    "binary",
    "bit",
    "bitstring",
    "blob",
    "bool",
    "boolean",
    "box_2d",
    "box_2df",
    "bpchar",
    "bytea",
    "char",
    "date",
    "datetime",
    "dec",
    "decimal",
    "double",
    "enum",
    "float",
    "float4",
    "float8",
    "geometry",
    "guid",
    "hugeint",
    "int",
    "int1",
    "int128",
    "int16",
    "int2",
    "int32",
    "int4",
    "int64",
    "int8",
    "integer",
    "integral",
    "interval",
    "json",
    "linestring_2d",
    "linestring_3d",
    "list",
    "logical",
    "long",
    "map",
    "null",
    "numeric",
    "nvarchar",
    "oid",
    "point_2d",
    "point_3d",
    "point_4d",
    "polygon_2d",
    "polygon_3d",
    "real",
    "row",
    "short",
    "signed",
    "smallint",
    "string",
    "struct",
    "text",
    "time",
    "time with time zone",
    "time_ns",
    "timestamp",
    "timestamp with time zone",
    "timestamp_ms",
    "timestamp_ns",
    "timestamp_s",
    "timestamp_us",
    "timestamptz",
    "timetz",
    "tinyint",
    "ubigint",
    "uhugeint",
    "uint128",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uinteger",
    "union",
    "usmallint",
    "utinyint",
    "uuid",
    "varbinary",
    "varchar",
    "variant",
    "varint",
    "wkb_blob",
];

/// Judges a constant.
///
/// # Errors
/// `Quack.SandboxError` for one that no text of SQL produces.
pub(super) fn check_constant(value: &Value) -> Result<(), Failure> {
    let value = object(value)?;
    only(value, &["type", "is_null", "value"])?;
    let id = text(object(field(value, "type")?)?, "id")?;
    one_of(id, CONSTANTS)?;
    check_type(field(value, "type")?)?;
    match optional(value, "value") {
        Some(Value::Object(nested)) if id == "LIST" => {
            only(nested, &["children"])?;
            list(nested, "children")?.iter().try_for_each(check_constant)
        }
        // HUGEINT, INTERVAL: parts in numbers.
        Some(Value::Object(parts)) => match parts.values().all(Value::is_number) {
            true => Ok(()),
            false => Err(unknown("constant")),
        },
        Some(Value::Array(_)) => Err(unknown("constant")),
        _ => Ok(()),
    }
}

/// The text that a constant is.
pub(super) fn constant_text(expression: &Object) -> Option<&str> {
    if expression.get("class")?.as_str()? != "CONSTANT" {
        return None;
    }
    let value = expression.get("value")?.as_object()?;
    let is_text = value.get("type")?.get("id")?.as_str()? == "VARCHAR";
    value.get("value")?.as_str().filter(|_| is_text)
}

/// Judges a type.
///
/// # Errors
/// `Quack.SandboxError` for one that is not DuckDB's own.
pub(super) fn check_type(value: &Value) -> Result<(), Failure> {
    let value = object(value)?;
    only(value, &["id", "type_info"])?;
    one_of(text(value, "id")?, TYPES)?;
    let Some(info) = optional(value, "type_info") else { return Ok(()) };
    let info = object(info)?;
    if optional(info, "extension_info").is_some() {
        return Err(unknown("extension_info"));
    }
    if let Some(alias) = optional(info, "alias").and_then(Value::as_str)
        && !alias.is_empty()
    {
        check_name(alias)?;
    }
    let known = |own: &[&str]| only(info, &[&["type", "alias", "extension_info"], own].concat());
    match text(info, "type")? {
        "GENERIC_TYPE_INFO" => known(&[]),
        "DECIMAL_TYPE_INFO" => known(&["width", "scale"]),
        "LIST_TYPE_INFO" => {
            known(&["child_type"])?;
            check_type(field(info, "child_type")?)
        }
        "ARRAY_TYPE_INFO" => {
            known(&["child_type", "size"])?;
            check_type(field(info, "child_type")?)
        }
        "STRUCT_TYPE_INFO" => {
            known(&["child_types"])?;
            list(info, "child_types")?.iter().try_for_each(|child| {
                let child = object(child)?;
                only(child, &["first", "second"])?;
                check_type(field(child, "second")?)
            })
        }
        "ENUM_TYPE_INFO" => known(&["values_count", "dict_type", "values"]),
        "UNBOUND_TYPE_INFO" => {
            known(&["name", "catalog", "schema", "user_type_modifiers"])?;
            one_of(&text(info, "catalog")?.to_ascii_lowercase(), &["", "system"])?;
            one_of(&text(info, "schema")?.to_ascii_lowercase(), &["", "main", "pg_catalog"])?;
            check_name(text(info, "name")?)?;
            list(info, "user_type_modifiers")?.iter().try_for_each(check_constant)
        }
        other => Err(unknown(other)),
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    if NAMED_TYPES.contains(&name.to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    let name: String = name.chars().take(80).collect();
    Err(Failure::new("DuckDB.CatalogError", format!("Catalog Error: Type with name {name} does not exist!")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn constants_are_those_that_sql_spells() {
        let constant =
            |id: &str, value: Value| json!({"type": {"id": id, "type_info": null}, "is_null": false, "value": value});
        assert!(check_constant(&constant("INTEGER", json!(1))).is_ok());
        assert!(check_constant(&constant("HUGEINT", json!({"upper": 1, "lower": 2}))).is_ok());
        assert!(check_constant(&constant("LIST", json!({"children": [constant("VARCHAR", json!("x"))]}))).is_ok());
        for (id, value) in [
            ("POINTER", json!(94_000_000_000_u64)),
            ("LIST", json!({"children": [constant("POINTER", json!(1))]})),
            ("AGGREGATE_STATE", json!("x")),
            ("VARCHAR", json!(["x"])),
            ("VARCHAR", json!({"x": "y"})),
        ] {
            assert!(check_constant(&constant(id, value)).is_err(), "{id}");
        }
    }

    #[test]
    fn types_are_duckdbs_own() {
        let named = |name: &str, catalog: &str| {
            let info = json!({"type": "UNBOUND_TYPE_INFO", "alias": "", "extension_info": null, "name": name,
                              "catalog": catalog, "schema": "", "user_type_modifiers": []});
            check_type(&json!({"id": "UNBOUND", "type_info": info}))
        };
        assert!(named("JSON", "").is_ok());
        assert_eq!(named("mood", "").unwrap_err().error_type, "DuckDB.CatalogError");
        assert!(named("POINTER", "").is_err() && named("JSON", "x").is_err());
        assert!(check_type(&json!({"id": "POINTER", "type_info": null})).is_err());
    }
}
