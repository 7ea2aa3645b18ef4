//! Types that others wrote: parsed into values, and no larger than DuckDB can hold a value of; and values as other types.

use quack_function::sql::identifier;
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

/// Most values that one value of a type may hold by its type alone: arrays in arrays multiply, and DuckDB makes room for
/// all of them.
const MOST_VALUES: u64 = 100_000;

/// Reads a type as a catalog, an answer or a definition spells it.
///
/// # Errors
/// Text that is no type; one that DuckDB takes and never gives (`int8`), as whoever tells types apart by their text would
/// be misled; a type of so many values that DuckDB could not hold one.
pub(crate) fn parse(text: &str) -> Result<SqlType, String> {
    let sql_type = SqlType::parse(text).map_err(|error| error.to_string())?;
    // DuckDB quotes names of fields only where it has to.
    let spelled = sql_type.to_string();
    if text.replace('"', "") != spelled.replace('"', "") {
        return Err(format!("{:?} is not how DuckDB spells that type", text.chars().take(80).collect::<String>()));
    }
    match values(&sql_type) {
        0..=MOST_VALUES => Ok(sql_type),
        _ => Err(format!("a value of its type would hold more than {MOST_VALUES} others")),
    }
}

/// What stands behind a `*` to have other values in the place of some of `columns`: what `value` makes of a name and its type.
pub(crate) fn replaced(columns: &[Column], value: impl Fn(&str, &SqlType) -> Option<String>) -> String {
    let replaced = columns.iter().filter_map(|column| {
        let name = identifier(&column.name);
        Some(format!("{} AS {name}", value(&name, &SqlType::parse(&column.sql_type).ok()?)?))
    });
    let replaced: Vec<String> = replaced.collect();
    if replaced.is_empty() { String::new() } else { format!(" REPLACE ({})", replaced.join(", ")) }
}

/// The same with integers of 128 bits as those of 64.
pub(crate) fn narrowed(columns: &[Column]) -> String {
    replaced(columns, |name, own| Some(format!("CAST({name} AS {})", own.in_64_bits()?)))
}

/// The same with what a table's files have.
pub(crate) fn in_files(columns: &[Column]) -> String {
    replaced(columns, |name, own| own.in_files().map(|kept| own.written_as(name, &kept)))
}

/// The same with what the table has of what is in its files.
pub(crate) fn read_back(columns: &[Column]) -> String {
    replaced(columns, |name, own| own.read_back(name))
}

/// How many values a value of `sql_type` always holds.
fn values(sql_type: &SqlType) -> u64 {
    let all = |fields: &[(String, SqlType)]| fields.iter().map(|(_, field)| values(field)).fold(1, u64::saturating_add);
    match sql_type {
        SqlType::Plain(_) | SqlType::Decimal { .. } | SqlType::Enum(_) | SqlType::Geometry(_) => 1,
        SqlType::List(element) => values(element),
        SqlType::Array(element, len) => values(element).saturating_mul(u64::from(*len)),
        SqlType::Map(key, value) => values(key).saturating_add(values(value)),
        SqlType::Struct(fields) | SqlType::Union(fields) => all(fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_in_arrays_are_counted() {
        for text in ["INTEGER[100000]", "STRUCT(a INTEGER[1000], b VARCHAR[99][])[90]", "DECIMAL(38,0)[][][]"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["INTEGER[1000][1000]", "STRUCT(a INTEGER[60000], b INTEGER[60000])", "TINYINT[100000][][2]"] {
            assert!(parse(text).unwrap_err().contains("more than"), "{text}");
        }
    }

    #[test]
    fn types_are_taken_as_duckdb_spells_them_only() {
        let connection = crate::duck::open(&crate::duck::Sandbox::default()).unwrap();
        for column in crate::duck::words::columns(&connection, "FROM test_all_types()").unwrap() {
            let cast = format!("SELECT CAST(NULL AS {}) AS x", parse(&column.sql_type).unwrap());
            assert_eq!(crate::duck::words::columns(&connection, &cast).unwrap()[0].sql_type, column.sql_type);
        }
        for text in ["int8", "TIMESTAMPTZ", "STRUCT(a timestamptz)", "INTEGER [ ]", "DECIMAL(4, 1)"] {
            assert!(parse(text).unwrap_err().contains("not how DuckDB spells"), "{text}");
        }
        assert!(parse("INTEGER) FROM x").unwrap_err().contains("is no type"));
    }
}
