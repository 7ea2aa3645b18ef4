//! Values of partition columns in the names of folders: `day=2026-03-01/`.

use percent_encoding::percent_decode_str;
use quack_function::wire::Column;

/// The folder of a partition whose value is NULL, as hive has it.
pub(crate) const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// The value of a partition column that a file's folders carry, as DuckDB reads it.
pub(crate) fn folder_value(key: &str, column: &Column) -> Option<String> {
    let value = key.split('/').find_map(|folder| folder.strip_prefix(&column.name)?.strip_prefix('='))?;
    let is_null = value.eq_ignore_ascii_case("NULL") || value == NULL_FOLDER;
    let text = percent_decode_str(value).decode_utf8().ok()?;
    let is_nothing = text.is_empty() && column.sql_type != "VARCHAR";
    (!is_null && !is_nothing).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_duckdb_reads_them() {
        let of = |key: &str, sql_type: &str| {
            folder_value(key, &Column { name: "k".to_owned(), sql_type: sql_type.to_owned() })
        };
        for (folder, sql_type, value) in [
            ("k=a", "VARCHAR", Some("a")),
            ("k=a%2Fb%20%25", "VARCHAR", Some("a/b %")),
            ("k=", "VARCHAR", Some("")),
            ("k=", "BIGINT", None),
            ("k=null", "VARCHAR", None),
            ("k=%4EULL", "VARCHAR", Some("NULL")),
            ("k=__HIVE_DEFAULT_PARTITION__", "DATE", None),
            ("kk=a", "VARCHAR", None),
        ] {
            let key = format!("s3://b/x/{folder}/k.parquet");
            assert_eq!(of(&key, sql_type).as_deref(), value, "{folder}");
        }
    }
}
