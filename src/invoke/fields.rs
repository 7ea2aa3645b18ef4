//! Whether an Arrow field is what DuckDB sends for a type: the one that an answer claims, or the one that a plan expects.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit, UnionMode};
use quack_function::sql_type::SqlType;

/// Whether `field` is that of a column of type `sql_type`, with every type kept (`arrow_lossless_conversion`).
pub(super) fn fits(field: &Field, sql_type: &SqlType) -> bool {
    match (sql_type, field.data_type()) {
        (SqlType::Plain(name), data_type) => is_plain(name, data_type, field),
        (SqlType::Decimal { width, scale }, DataType::Decimal128(precision, digits)) => {
            precision == width && i16::from(*digits) == i16::from(*scale)
        }
        (SqlType::Enum(_), DataType::Dictionary(index, value)) => {
            matches!(**index, DataType::UInt8 | DataType::UInt16 | DataType::UInt32) && **value == DataType::Utf8
        }
        (SqlType::Geometry(_), DataType::Binary) => extension(field) == "geoarrow.wkb",
        (SqlType::List(element), DataType::List(below)) => fits(below, element),
        (SqlType::Array(element, len), DataType::FixedSizeList(below, size)) => {
            u32::try_from(*size) == Ok(*len) && fits(below, element)
        }
        (SqlType::Map(key, value), DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(fields) => matches!(&fields[..], [k, v] if fits(k, key) && fits(v, value)),
            _ => false,
        },
        (SqlType::Struct(own), DataType::Struct(fields)) => {
            all_fit(&fields.iter().map(AsRef::as_ref).collect::<Vec<_>>(), own)
        }
        (SqlType::Union(own), DataType::Union(fields, UnionMode::Sparse)) => {
            fields.iter().enumerate().all(|(index, (id, _))| usize::try_from(id) == Ok(index))
                && all_fit(&fields.iter().map(|(_, field)| field.as_ref()).collect::<Vec<_>>(), own)
        }
        _ => false,
    }
}

/// Whether a name or a time zone in `field` has a NUL in it, which no text of C's can hold: Arrow is handed to DuckDB in
/// such texts.
pub(super) fn has_nul(field: &Field) -> bool {
    field.name().contains('\0')
        || match field.data_type() {
            DataType::Timestamp(_, zone) => zone.as_ref().is_some_and(|zone| zone.contains('\0')),
            DataType::List(below) | DataType::FixedSizeList(below, _) | DataType::Map(below, _) => has_nul(below),
            DataType::Struct(fields) => fields.iter().any(|field| has_nul(field)),
            DataType::Union(fields, _) => fields.iter().any(|(_, field)| has_nul(field)),
            _ => false,
        }
}

fn all_fit(fields: &[&Field], own: &[(String, SqlType)]) -> bool {
    fields.len() == own.len()
        && fields.iter().zip(own).all(|(field, (name, sql_type))| field.name() == name && fits(field, sql_type))
}

fn is_plain(name: &str, data_type: &DataType, field: &Field) -> bool {
    let extension = extension(field);
    let opaque = |name: &str| {
        let metadata = field.metadata().get("ARROW:extension:metadata").map(String::as_str).unwrap_or_default();
        extension == "arrow.opaque" && metadata.contains(&format!("\"type_name\":\"{name}\""))
    };
    match (name, data_type) {
        ("BOOLEAN", DataType::Int8) => extension == "arrow.bool8",
        ("HUGEINT", DataType::FixedSizeBinary(16)) => opaque("hugeint"),
        ("UHUGEINT", DataType::FixedSizeBinary(16)) => opaque("uhugeint"),
        ("UUID", DataType::FixedSizeBinary(16)) => extension == "arrow.uuid",
        ("TIME WITH TIME ZONE", DataType::FixedSizeBinary(8)) => opaque("time_tz"),
        ("BIGNUM", DataType::Binary) => opaque("bignum"),
        ("BIT", DataType::Binary) => opaque("bit"),
        ("GEOMETRY", DataType::Binary) => extension == "geoarrow.wkb",
        ("JSON", DataType::Utf8) => matches!(extension, "arrow.json" | ""),
        _ if !extension.is_empty() => false,
        ("TINYINT", DataType::Int8)
        | ("SMALLINT", DataType::Int16)
        | ("INTEGER", DataType::Int32)
        | ("BIGINT", DataType::Int64)
        | ("UTINYINT", DataType::UInt8)
        | ("USMALLINT", DataType::UInt16)
        | ("UINTEGER", DataType::UInt32)
        | ("UBIGINT", DataType::UInt64)
        | ("FLOAT", DataType::Float32)
        | ("DOUBLE", DataType::Float64)
        | ("VARCHAR", DataType::Utf8)
        | ("BLOB", DataType::Binary)
        | ("DATE", DataType::Date32)
        | ("TIME", DataType::Time64(TimeUnit::Microsecond))
        | ("TIME_NS", DataType::Time64(TimeUnit::Nanosecond))
        | ("TIMESTAMP", DataType::Timestamp(TimeUnit::Microsecond, None))
        | ("TIMESTAMP_S", DataType::Timestamp(TimeUnit::Second, None))
        | ("TIMESTAMP_MS", DataType::Timestamp(TimeUnit::Millisecond, None))
        | ("TIMESTAMP_NS", DataType::Timestamp(TimeUnit::Nanosecond, None))
        | ("TIMESTAMP WITH TIME ZONE", DataType::Timestamp(TimeUnit::Microsecond, Some(_)))
        | ("INTERVAL", DataType::Interval(IntervalUnit::MonthDayNano))
        | ("\"NULL\"", DataType::Null) => true,
        _ => false,
    }
}

fn extension(field: &Field) -> &str {
    field.metadata().get("ARROW:extension:name").map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox, batches, types, words};

    #[test]
    fn every_type_of_duckdbs_fits_itself_and_no_other() {
        let connection = duck::open(&Sandbox { setup: batches::SETTINGS, ..Sandbox::default() }).unwrap();
        let more = "NULL AS n, CAST(NULL AS JSON) AS j, row(1, 'a') AS r, CAST(NULL AS BOOLEAN[3]) AS ba, \
                    CAST(NULL AS STRUCT(a HUGEINT, b MAP(BOOLEAN, UUID))) AS s, CAST(NULL AS ENUM('a')[]) AS e, \
                    CAST(NULL AS UNION(a BIT, b JSON)) AS u, CAST(NULL AS DECIMAL(4,2)) AS d";
        let mut all = Vec::new();
        for sql in ["FROM test_all_types()".to_owned(), format!("SELECT {more}")] {
            let columns = words::columns(&connection, &sql).unwrap();
            let mut statement = connection.prepare(&sql).unwrap();
            let schema = statement.stream_arrow([]).unwrap().get_schema();
            for (column, field) in columns.iter().zip(schema.fields()) {
                all.push((types::parse(&column.sql_type).unwrap(), field.clone()));
            }
        }
        assert!(all.len() > 60);
        for (sql_type, field) in &all {
            assert!(fits(field, sql_type), "{sql_type}: {field:?}");
            for (other, _) in all.iter().filter(|(other, _)| other != sql_type) {
                let enums = matches!((sql_type, other), (SqlType::Enum(_), SqlType::Enum(_)));
                // JSON is told from text by its name only, which DuckDB gives where it can.
                let texts = [sql_type, other].iter().all(|t| matches!(t.to_string().as_str(), "JSON" | "VARCHAR"));
                assert!(!fits(field, other) || enums || texts, "{sql_type} for {other}: {field:?}");
            }
        }
    }
}
