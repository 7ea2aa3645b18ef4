//! Types that the user gives columns of a text (`--types`): such a column is read as text, and each value becomes one of that
//! type only if nothing of it is lost.

use anyhow::Result;
use quack_function::sql::{identifier, literal};
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use super::late;
use crate::error::{nearest, usage};

/// What a reading fails with whose values a given type does not keep.
const LOSS: &str = "is not kept by";

/// Most characters of a value that an error shows.
const SHOWN_CHARS: usize = 80;

/// Those of the columns `found` that are given another type than was found, with that type.
pub(super) fn others(types: &[(String, SqlType)], found: &[Column]) -> Vec<Column> {
    let other = |column: &Column| {
        let (_, given) = types.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name))?;
        let sql_type = given.to_string();
        (sql_type != column.sql_type).then(|| Column { name: column.name.clone(), sql_type })
    };
    found.iter().filter_map(other).collect()
}

/// Refuses types of columns that are not there.
///
/// # Errors
/// A usage error that names the nearest.
pub(super) fn check(types: &[(String, SqlType)], found: &[Column]) -> Result<()> {
    let names = || found.iter().map(|column| column.name.as_str());
    match types.iter().find(|(name, _)| !names().any(|known| known.eq_ignore_ascii_case(name))) {
        None => Ok(()),
        Some((name, _)) => Err(usage(
            format!("there is no column `{name}`, that --types gives a type"),
            match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("columns: {}", names().collect::<Vec<_>>().join(", ")),
            },
        )),
    }
}

/// The value of the text `name` as `own`, where nothing of it is lost.
pub(super) fn value(name: &str, own: &SqlType) -> String {
    let column = Column { name: name.to_owned(), sql_type: own.to_string() };
    cast(&column, None).unwrap_or_else(|| identifier(name))
}

/// The rows of `reader`, whose columns `given` are texts, with these as they are to be; numbers have `decimal` before their
/// decimals.
pub(super) fn typed(reader: &str, given: &[Column], decimal: Option<char>) -> String {
    let cast = |column: &Column| Some(format!("{} AS {}", cast(column, decimal)?, identifier(&column.name)));
    let casts: Vec<String> = given.iter().filter_map(cast).collect();
    match casts.is_empty() {
        true => reader.to_owned(),
        false => format!("(SELECT * REPLACE ({}) FROM {reader}) AS typed", casts.join(", ")),
    }
}

/// Whether DuckDB's words are of a value that a given type does not keep.
pub(super) fn is_loss(said: &str) -> bool {
    said.contains(LOSS)
}

/// What ends a reading at a value of the column `name` that `own` does not keep.
pub(super) fn refused(name: &str, own: &SqlType) -> String {
    format!(
        "error(concat('`', left(CAST({} AS VARCHAR), {SHOWN_CHARS}), {}))",
        identifier(name),
        literal(&format!("` in column `{name}` {LOSS} {own}, the type that it is given"))
    )
}

fn cast(column: &Column, decimal: Option<char>) -> Option<String> {
    let name = identifier(&column.name);
    let own = SqlType::parse(&column.sql_type).ok()?;
    let (mut value, mut loss) = (name.clone(), Vec::new());
    if is_fraction(&own) && decimal == Some(',') {
        loss.push(format!("contains({name}, '.')"));
        value = format!("replace({name}, ',', '.')");
    }
    match &own {
        SqlType::Plain("VARCHAR") => return None,
        SqlType::Plain("DATE") => loss.push(format!("strlen({name}) > 10 OR contains({name}, ' ')")),
        SqlType::Plain(plain) if INTEGERS.contains(plain) => loss.push(late::is_no_integer(&name)),
        SqlType::Plain("TIME" | "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" | "TIME_NS") => {
            loss.push(late::has_zone(&name));
        }
        // Of integers, every digit counts.
        SqlType::Plain("FLOAT" | "DOUBLE") => loss.push(format!(
            "regexp_full_match({name}, '[-+]?[0-9]{{8,38}}') AND \
             TRY_CAST({name} AS HUGEINT) IS DISTINCT FROM TRY_CAST(TRY_CAST({name} AS {own}) AS HUGEINT)"
        )),
        SqlType::Decimal { .. } => loss.push(format!("regexp_matches({value}, '[eE] *-')")),
        _ => {}
    }
    // Digits beyond those that are kept are cut off, or rounded away; zeros are none.
    if let Some(digits) = digits(&own) {
        loss.push(format!("regexp_matches({value}, '[.][0-9]{{{digits}}}[0-9]*[1-9]')"));
    }
    // Of integers of 128 bits files have 38 digits.
    let read = format!("TRY_CAST({value} AS {own})");
    let kept = own.in_parquet().map_or_else(|| read.clone(), |kept| format!("TRY_CAST({read} AS {kept})"));
    loss.push(format!("{kept} IS NULL"));
    Some(format!(
        "CASE WHEN {name} IS NOT NULL AND ({}) THEN {} ELSE TRY_CAST({value} AS {own}) END",
        loss.join(" OR "),
        refused(&column.name, &own)
    ))
}

const INTEGERS: &[&str] = &[
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "BIGNUM",
];

/// Whether numbers of the type have decimals.
fn is_fraction(own: &SqlType) -> bool {
    matches!(own, SqlType::Plain("FLOAT" | "DOUBLE") | SqlType::Decimal { .. })
}

/// How many digits the type keeps after a point.
fn digits(own: &SqlType) -> Option<u8> {
    match own {
        SqlType::Decimal { scale, .. } => Some(*scale),
        SqlType::Plain("TIMESTAMP_S") => Some(0),
        SqlType::Plain("TIMESTAMP_MS") => Some(3),
        SqlType::Plain("TIME" | "TIMESTAMP" | "TIME WITH TIME ZONE" | "TIMESTAMP WITH TIME ZONE") => Some(6),
        SqlType::Plain("TIMESTAMP_NS" | "TIME_NS") => Some(9),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};

    /// What becomes of a text in a column of that type.
    fn read(text: &str, sql_type: &str, decimal: Option<char>) -> Result<String, String> {
        let connection = duck::open(&Sandbox::default()).unwrap();
        let given = [Column { name: "it's".to_owned(), sql_type: sql_type.to_owned() }];
        let rows = typed(&format!("(SELECT {} AS \"it's\") AS texts", literal(text)), &given, decimal);
        let sql = format!("SELECT CAST(\"it's\" AS VARCHAR) || ' ' || typeof(\"it's\") FROM {rows}");
        connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_kept_or_refused() {
        for (text, sql_type, kept) in [
            ("007", "INTEGER", "7 INTEGER"),
            ("1e3", "BIGINT", "1000 BIGINT"),
            ("1.50", "DECIMAL(9,1)", "1.5 DECIMAL(9,1)"),
            ("12345678901234567.89", "DECIMAL(38,2)", "12345678901234567.89 DECIMAL(38,2)"),
            ("2020-01-02", "DATE", "2020-01-02 DATE"),
            ("2020-01-02T03:04:05.120", "TIMESTAMP_MS", "2020-01-02 03:04:05.12 TIMESTAMP_MS"),
            ("true", "BOOLEAN", "true BOOLEAN"),
            ("0.25", "FLOAT", "0.25 FLOAT"),
            ("16777216", "FLOAT", "16777216.0 FLOAT"),
            ("9007199254740992", "DOUBLE", "9007199254740992.0 DOUBLE"),
        ] {
            assert_eq!(read(text, sql_type, None).as_deref(), Ok(kept), "{text}");
        }
        for (text, sql_type) in [
            ("1.5", "INTEGER"),
            ("5e-1", "INTEGER"),
            ("300", "UTINYINT"),
            ("x", "DOUBLE"),
            ("1,5", "DOUBLE"),
            ("9007199254740993", "DOUBLE"),
            ("16777217", "FLOAT"),
            ("1.25", "DECIMAL(9,1)"),
            ("1e-3", "DECIMAL(9,1)"),
            ("123456789", "DECIMAL(9,1)"),
            ("2020-01-02 10:00", "DATE"),
            ("31.12.2020", "DATE"),
            ("2020-01-02 03:04:05.5", "TIMESTAMP_S"),
            ("2020-01-02 03:04:05.1234567", "TIMESTAMP"),
            ("2020-01-02 03:04:05+02", "TIMESTAMP"),
            ("maybe", "BOOLEAN"),
            ("", "INTEGER"),
        ] {
            let said = read(text, sql_type, None).expect_err(text);
            assert!(is_loss(&said), "{said}");
            let told = format!("`{text}` in column `it's` is not kept by {sql_type}, the type that it is given");
            assert!(said.contains(&told), "{said}");
        }
    }

    #[test]
    fn decimals_have_the_sign_that_is_said() {
        assert_eq!(read("1,25", "DECIMAL(9,2)", Some(',')).as_deref(), Ok("1.25 DECIMAL(9,2)"));
        assert_eq!(read("-1,5", "DOUBLE", Some(',')).as_deref(), Ok("-1.5 DOUBLE"));
        for text in ["1.5", "1.234,5", "1,2,3"] {
            assert!(read(text, "DOUBLE", Some(',')).is_err(), "{text}");
        }
        assert!(read("1,25", "DECIMAL(9,1)", Some(',')).is_err());
        assert!(read("1,5", "INTEGER", Some(',')).is_err());
    }
}
