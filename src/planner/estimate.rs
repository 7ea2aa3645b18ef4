//! How much a fetch brings at most: rows of the files that are left, by the width of the columns.

use quack_function::wire::Column;

/// What a text, a list or anything else of no fixed width is taken to hold, bytes.
const UNKNOWN_WIDTH: u64 = 24;

/// Bytes of one row of `columns`.
pub(super) fn row_bytes(columns: &[Column]) -> u64 {
    columns.iter().map(|column| width(&column.sql_type)).sum()
}

/// Whether all values of a type take the same.
pub(super) fn is_fixed(sql_type: &str) -> bool {
    fixed(sql_type).is_some()
}

fn width(sql_type: &str) -> u64 {
    fixed(sql_type).unwrap_or(UNKNOWN_WIDTH)
}

/// Bytes of a value, of types whose values all take the same.
fn fixed(sql_type: &str) -> Option<u64> {
    if sql_type.ends_with(']') {
        return None;
    }
    Some(match sql_type.split('(').next().unwrap_or_default() {
        "BOOLEAN" | "TINYINT" | "UTINYINT" => 1,
        "SMALLINT" | "USMALLINT" => 2,
        "INTEGER" | "UINTEGER" | "FLOAT" | "DATE" => 4,
        "BIGINT" | "UBIGINT" | "DOUBLE" | "DECIMAL" | "TIME" | "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" => 8,
        "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => 8,
        "HUGEINT" | "UHUGEINT" | "UUID" | "INTERVAL" => 16,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_add_up() {
        let column = |sql_type: &str| Column { name: String::new(), sql_type: sql_type.to_owned() };
        assert_eq!(row_bytes(&[column("DECIMAL(18,3)"), column("DATE"), column("INTEGER[3]")]), 8 + 4 + 24);
    }
}
