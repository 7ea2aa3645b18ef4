//! The value formats of [`crate::value`], held against what DuckDB itself writes.

use super::raw::Database;
use super::type_name::type_name;
use crate::sql_type::SqlType;
use crate::value::{write_json, write_text};
use arrow::array::AsArray;
use arrow::record_batch::RecordBatch;

/// Every row of `sql`, which must fit one chunk.
fn rows(sql: &str) -> RecordBatch {
    let database = Database::open(&[("arrow_lossless_conversion", "true".to_owned())]).unwrap();
    database.connect().unwrap().first_row(sql).unwrap()
}

/// Asserts that every value of `from` has the text that DuckDB gives to it.
#[track_caller]
fn assert_texts(from: &str) {
    let (values, texts) =
        (rows(&format!("FROM ({from})")), rows(&format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({from})")));
    let schema = values.schema();
    for (index, field) in schema.fields().iter().enumerate() {
        let expected = texts.column(index).as_string::<i32>();
        for row in 0..values.num_rows() {
            let mut text = String::new();
            write_text(&mut text, field, values.column(index), row);
            let expected = expected.iter().nth(row).flatten().unwrap_or("");
            assert_eq!(text, expected, "row {row} of column {field}");
        }
    }
}

#[track_caller]
fn assert_json(expression: &str, expected: &str) {
    let batch = rows(&format!("SELECT {expression}"));
    let mut json = Vec::new();
    write_json(&mut json, batch.schema().field(0), batch.column(0), 0);
    assert_eq!(String::from_utf8(json).unwrap(), expected, "{expression}");
}

/// DuckDB itself writes the greatest TIMESTAMPTZ a millisecond off, so that column is tested by other values.
#[test]
fn every_type_has_duckdbs_text() {
    let types = "(SELECT * EXCLUDE (timestamp_tz) FROM test_all_types())";
    assert_texts(&format!("FROM {types}"));
    assert_texts(&format!("SELECT [COLUMNS(*)] FROM {types}"));
    assert_texts(&format!("SELECT {{'it''s \\': COLUMNS(*)}} FROM {types}"));
    assert_texts(&format!("SELECT map {{COLUMNS(*): 1}} FROM {types} WHERE bool IS NOT NULL"));
}

/// What the engine calls a type, and what DuckDB calls it, are both read as that very type.
#[test]
fn every_type_is_read_from_its_name() {
    let connection = Database::open(&[]).unwrap().connect().unwrap();
    let all = "SELECT *, '{}'::JSON AS j, NULL AS nothing, NULL::VARIANT AS variant, NULL::GEOMETRY('OGC:CRS84') AS crs, \
               NULL::STRUCT(\"a b\" INTEGER, \"c\"\"d\" MAP(VARCHAR, UNION(x DATE, y TIME[3]))) AS nested FROM test_all_types()";
    let mut described =
        connection.prepare(&format!("SELECT column_type FROM (DESCRIBE {all})")).unwrap().stream().unwrap();
    let names: Vec<_> = described.fetch().unwrap().unwrap().texts().flatten().collect();
    let columns = connection.prepare(&format!("{all} LIMIT 0")).unwrap().stream().unwrap().columns();
    assert_eq!(names.len(), columns.len());
    for (name, (column, logical_type)) in names.iter().zip(&columns) {
        let spelled = type_name(logical_type);
        let read = SqlType::parse(&spelled).unwrap_or_else(|error| panic!("{column}: {error}"));
        assert_eq!(read.to_string(), spelled, "{column}");
        let told = SqlType::parse(name).unwrap_or_else(|error| panic!("{column}: {error}"));
        // A coordinate reference system is a part of the name only.
        if !name.starts_with("GEOMETRY(") {
            assert_eq!(told, read, "{column}");
        }
        let cast = format!("SELECT NULL::{told} AS x");
        let back =
            connection.prepare(&cast).unwrap_or_else(|error| panic!("{cast}: {error}")).stream().unwrap().columns();
        assert_eq!(type_name(&back[0].1), spelled, "{column}");
    }
}

#[test]
fn every_type_has_valid_json() {
    for from in ["FROM test_all_types()", "SELECT [COLUMNS(*)], {a: COLUMNS(*)} FROM test_all_types()"] {
        let batch = rows(from);
        for (index, field) in batch.schema().fields().iter().enumerate() {
            for row in 0..batch.num_rows() {
                let mut json = Vec::new();
                write_json(&mut json, field, batch.column(index), row);
                serde_json::from_slice::<serde_json::Value>(&json).unwrap_or_else(|error| {
                    panic!("row {row} of {field}: {error}: {}", String::from_utf8_lossy(&json));
                });
            }
        }
    }
}

#[test]
fn numbers_have_duckdbs_text() {
    assert_texts(
        "SELECT x::DOUBLE, x::FLOAT, (1 / x)::DOUBLE FROM (VALUES (0.1), (1e15), (1e16), (123456789), (1e-4), (1e-5), \
         (16777216), (1e22), (-1e-300), (3.14159265358979)) t(x)",
    );
    assert_texts("SELECT sqrt(range) * 10.0 ^ (range % 40 - 20) FROM range(2000)");
    assert_texts(
        "SELECT 0.5::DECIMAL(1, 1), -0.05::DECIMAL(2, 2), 0.05::DECIMAL(3, 2), 0::DECIMAL(38, 38), -7::DECIMAL(4, 0)",
    );
    assert_texts(
        "SELECT x::BIGNUM FROM (VALUES ('0'), ('-1'), ('255'), ('256'), ('-1000000000'), ('123456789012345678901234567890')) t(x)",
    );
    assert_texts(
        "SELECT x::HUGEINT, x::BIGNUM, abs(x::HUGEINT)::UHUGEINT FROM (SELECT (range - 1000) * 987654321987654321987 AS x FROM range(2000))",
    );
}

#[test]
fn times_have_duckdbs_text() {
    assert_texts(
        "SELECT x, x::TIMESTAMP_S, x::TIMESTAMP_MS, x::TIMESTAMPTZ, x::DATE, x::TIME, -(x - TIMESTAMP '2001-01-01') \
         FROM (SELECT TIMESTAMP '1600-02-28 23:59:59.987600' + range * INTERVAL '123456789.1 seconds' AS x FROM range(2000))",
    );
    assert_texts("SELECT DATE '0001-01-01' - range::INTEGER FROM range(-1000, 1000)");
    assert_texts(
        "SELECT x::TIMETZ FROM (VALUES ('12:00:00.5+05:30'), ('12:00:00+00'), ('00:00:00.000001-08'), ('24:00:00-15:59:59'), \
         ('01:02:03-00:00:01')) t(x)",
    );
    assert_texts(
        "SELECT '2020-01-01 12:00:00.120000001'::TIMESTAMP_NS, '-infinity'::TIMESTAMP_NS, 'infinity'::TIMESTAMP_S",
    );
    assert_texts(
        "SELECT x::INTERVAL FROM (VALUES ('-1 year -1 month -1 day'), ('-1.5 seconds'), ('-100 hours'), ('14 months'), \
         ('1 day -1 second'), ('1 microsecond')) t(x)",
    );
}

#[test]
fn nested_texts_are_quoted_as_duckdb_does() {
    assert_texts(
        "SELECT ['a' || chr(c::INTEGER) || 'b', chr(c::INTEGER) || 'b', 'b' || chr(c::INTEGER)] FROM range(1, 1000) t(c)",
    );
    assert_texts(
        "SELECT [E'a''b\\\\c, d', 'null', 'NULL', '', 'x y', ' x', NULL], ['a b', NULL]::ENUM('a b', 'c,d')[]",
    );
    assert_texts(
        "SELECT {'it''s \"q\" \\': 1, 'b b': 'x'}, row(1, 'a b', 'a,b'), map {'a:b': ['x, y'], 'NULL': NULL}, [row(1, [row('x:y')])]",
    );
    assert_texts(
        "SELECT ['{\"a\":1}'::JSON, NULL], {j: '[1,2]'::JSON}, ['\\xAA\\x20,'::BLOB], [INTERVAL '1 day 1 hour', NULL]",
    );
    assert_texts(
        "SELECT [union_value(a := 'x, y')], {u: union_value(a := 'x:y')}, [union_value(a := NULL::INTEGER)], union_value(a := [1, 2])",
    );
    assert_texts("SELECT ('\\x' || printf('%02X', c))::BLOB FROM range(256) t(c)");
    assert_texts("SELECT x::BIT FROM (VALUES ('1'), ('0'), ('10101010'), ('1010101010101')) t(x)");
}

#[test]
fn geometries_have_duckdbs_text() {
    assert_texts(
        "SELECT x::GEOMETRY FROM (VALUES ('POINT Z (1 2 3)'), ('POINT M (1 2 3.5)'), ('POINT ZM (1 2 3.5 1e20)'), \
         ('MULTIPOINT (1 2, 3 4)'), ('GEOMETRYCOLLECTION Z (POINT Z (1 2 3))'), ('POINT (0.1 1e-7)'), ('LINESTRING Z EMPTY'), \
         ('MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0), (0 0, 0 1, 1 1, 0 0)))')) t(x)",
    );
}

#[test]
fn json_of_scalars() {
    assert_json("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727");
    assert_json("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455");
    assert_json("1.50::DECIMAL(5, 2)", "1.50");
    assert_json("-.5::DECIMAL(1, 1)", "-0.5");
    assert_json("12345678901234567890.123456789012345678::DECIMAL(38, 18)", "12345678901234567890.123456789012345678");
    assert_json("0.1::FLOAT", "0.1");
    assert_json("1e300::DOUBLE", "1e+300");
    assert_json("'nan'::DOUBLE", r#""NaN""#);
    assert_json("'-inf'::FLOAT", r#""-Infinity""#);
    assert_json("true", "true");
    assert_json("NULL", "null");
    assert_json("'a\"b\n'", r#""a\"b\n""#);
    assert_json("DATE '2019-04-01'", r#""2019-04-01""#);
    assert_json("DATE 'infinity'", r#""infinity""#);
    assert_json("TIMESTAMP '2019-04-01 12:30:00'", r#""2019-04-01T12:30:00""#);
    assert_json("TIMESTAMP '2019-04-01 12:30:00.5'", r#""2019-04-01T12:30:00.500000""#);
    assert_json("TIMESTAMPTZ '2019-04-01 12:30:00+02'", r#""2019-04-01T10:30:00+00:00""#);
    assert_json("TIME '12:30:00'", r#""12:30:00""#);
    assert_json("TIMETZ '12:30:00+02'", r#""12:30:00+02:00""#);
    assert_json("INTERVAL '1 day 1 hour'", r#""1 day 01:00:00""#);
    assert_json("'\\x00a\\xFF'::BLOB", r#""\\x00a\\xFF""#);
    assert_json("UUID '12345678-9abc-def0-1234-56789abcdef0'", r#""12345678-9abc-def0-1234-56789abcdef0""#);
    assert_json("'101'::BIT", r#""101""#);
    assert_json("'{\"a\": [1, null]}'::JSON", r#"{"a": [1, null]}"#);
    assert_json("'b'::ENUM('a', 'b')", r#""b""#);
}

#[test]
fn json_of_nested_values() {
    assert_json("[1, NULL]", "[1,null]");
    assert_json("[]", "[]");
    assert_json("[1, 2]::INTEGER[2]", "[1,2]");
    assert_json("{a: 1, b: {c: ['x']}}", r#"{"a":1,"b":{"c":["x"]}}"#);
    assert_json("row(1, 'x')", r#"[1,"x"]"#);
    assert_json("map {1: 'a', 2: NULL}", r#"{"1":"a","2":null}"#);
    assert_json("map {{k: DATE '2019-04-01'}: 1}", r#"{"{'k': 2019-04-01}":1}"#);
    assert_json("union_value(a := 1)", "1");
    assert_json("[{h: 170141183460469231731687303715884105727}]", r#"[{"h":170141183460469231731687303715884105727}]"#);
}
