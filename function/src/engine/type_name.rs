//! How DuckDB spells a type, so that `CAST(x AS <spelling>)` means that very type.

use super::raw::LogicalType;
use duckdb::ffi::*;
use std::fmt::Write;

/// The spelling of `logical_type`, e.g. `DECIMAL(18,3)` or `STRUCT("a" INTEGER)[]`. A user's own type names
/// (`CREATE TYPE`) are spelled out, because they end with the invocation.
pub(crate) fn type_name(logical_type: &LogicalType) -> String {
    let mut out = String::new();
    write_type(&mut out, logical_type);
    out
}

fn write_type(out: &mut String, logical_type: &LogicalType) {
    let children = logical_type.children();
    match logical_type.id() {
        DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR if logical_type.alias().as_deref() == Some("JSON") => out.push_str("JSON"),
        DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
            let (width, scale) = logical_type.decimal();
            let _ = write!(out, "DECIMAL({width},{scale})");
        }
        DUCKDB_TYPE_DUCKDB_TYPE_ENUM => {
            let values = logical_type.enum_values();
            let quoted = values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect::<Vec<_>>();
            let _ = write!(out, "ENUM({})", quoted.join(", "));
        }
        DUCKDB_TYPE_DUCKDB_TYPE_LIST | DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
            for (_, element) in &children {
                write_type(out, element);
            }
            match logical_type.id() {
                DUCKDB_TYPE_DUCKDB_TYPE_LIST => out.push_str("[]"),
                _ => {
                    let _ = write!(out, "[{}]", logical_type.array_len());
                }
            }
        }
        DUCKDB_TYPE_DUCKDB_TYPE_MAP => write_children(out, "MAP", &children),
        DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => write_children(out, "STRUCT", &children),
        DUCKDB_TYPE_DUCKDB_TYPE_UNION => write_children(out, "UNION", &children),
        id => out.push_str(simple_name(id)),
    }
}

fn write_children(out: &mut String, constructor: &str, children: &[(String, LogicalType)]) {
    out.push_str(constructor);
    out.push('(');
    for (index, (name, child)) in children.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if !name.is_empty() {
            let _ = write!(out, "{} ", crate::sql::identifier(name));
        }
        write_type(out, child);
    }
    out.push(')');
}

fn simple_name(id: duckdb_type) -> &'static str {
    match id {
        DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => "BOOLEAN",
        DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => "TINYINT",
        DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => "SMALLINT",
        DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => "INTEGER",
        DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => "BIGINT",
        DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => "UTINYINT",
        DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => "USMALLINT",
        DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => "UINTEGER",
        DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => "UBIGINT",
        DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => "FLOAT",
        DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => "DOUBLE",
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => "TIMESTAMP",
        DUCKDB_TYPE_DUCKDB_TYPE_DATE => "DATE",
        DUCKDB_TYPE_DUCKDB_TYPE_TIME => "TIME",
        DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => "INTERVAL",
        DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => "HUGEINT",
        DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => "UHUGEINT",
        DUCKDB_TYPE_DUCKDB_TYPE_BLOB => "BLOB",
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => "TIMESTAMP_S",
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => "TIMESTAMP_MS",
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => "TIMESTAMP_NS",
        DUCKDB_TYPE_DUCKDB_TYPE_UUID => "UUID",
        DUCKDB_TYPE_DUCKDB_TYPE_BIT => "BIT",
        DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => "TIME WITH TIME ZONE",
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => "TIMESTAMP WITH TIME ZONE",
        DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM => "BIGNUM",
        DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS => "TIME_NS",
        DUCKDB_TYPE_DUCKDB_TYPE_GEOMETRY => "GEOMETRY",
        DUCKDB_TYPE_DUCKDB_TYPE_VARIANT => "VARIANT",
        // The type of a bare NULL, which DuckDB also spells this way.
        DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => "\"NULL\"",
        _ => "VARCHAR",
    }
}
