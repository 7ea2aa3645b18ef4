//! `SELECT count(*) FROM trips`: how many rows a table has is in its metadata, and no file of it is read.

use quack_function::names;
use quack_function::sql::{Token, identifier, tokens};

use crate::lake::catalog::Catalog;

/// What the query calls its column, as DuckDB does, where it gives no name.
const COLUMN: &str = "count_star()";

/// SQL that gives the same with no look at the table; nothing for a query that does anything but count all of its rows.
pub(super) fn without_files(sql: &str, catalog: &Catalog) -> Option<String> {
    let tokens = tokens(sql);
    let mut left = tokens.as_slice();
    for wanted in ["SELECT", "count"] {
        let (first, rest) = left.split_first()?;
        first.is(wanted).then_some(())?;
        left = rest;
    }
    left = left.strip_prefix(&[Token::Symbol('('), Token::Symbol('*'), Token::Symbol(')')])?;
    let has_as = left.first().is_some_and(|token| token.is("AS"));
    left = &left[usize::from(has_as)..];
    let mut column = COLUMN.to_owned();
    if has_as || !left.first()?.is("FROM") {
        let (name, rest) = left.split_first()?;
        (column, left) = (own_name(name)?, rest);
    }
    let (from, rest) = left.split_first()?;
    from.is("FROM").then_some(())?;
    let rest = rest.strip_suffix(&[Token::Symbol(';')]).unwrap_or(rest);
    let (name, before) = rest.split_last()?;
    let before: Vec<String> = before.chunks(2).map(|pair| qualifier(pair)).collect::<Option<_>>()?;
    let name = own_name(name)?;
    let name = match before.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] if names::parts(&name).0.is_none() => name,
        ["main"] | ["memory", "main"] => name,
        [schema] | ["memory", schema] if names::is_schema(schema) => format!("{schema}.{name}"),
        _ => return None,
    };
    let (_, table) = catalog.find(&name)?;
    Some(format!("SELECT CAST({} AS BIGINT) AS {}", table.rows, identifier(&column)))
}

/// A name; a text may be a file's.
fn own_name(token: &Token<'_>) -> Option<String> {
    matches!(token, Token::Word(_) | Token::Quoted(_)).then(|| token.name())?
}

/// What stands with a dot behind it before a name.
fn qualifier(pair: &[Token<'_>]) -> Option<String> {
    match pair {
        [name, Token::Symbol('.')] => own_name(name).map(|name| name.to_ascii_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::catalog::{DataFile, Table};

    #[test]
    fn nothing_but_a_count_of_all_rows_is_known() {
        let table = Table { rows: 7, ..Table::of(vec![DataFile::named("tables/trips/1.parquet".to_owned())]) };
        let catalog = Catalog { tables: [("trips".to_owned(), table)].into(), ..Catalog::default() };
        for (sql, column) in [
            ("SELECT count(*) FROM trips", COLUMN),
            ("select COUNT(*) as \"n m\" from memory.main.\"Trips\";", "n m"),
            ("SELECT count(*) n FROM main.trips -- all", "n"),
        ] {
            let wanted = format!("SELECT CAST(7 AS BIGINT) AS {}", identifier(column));
            assert_eq!(without_files(sql, &catalog), Some(wanted), "{sql}");
        }
        for sql in [
            "SELECT count(*) FROM trips WHERE true",
            "SELECT count(*) FROM trips, trips",
            "SELECT count(*) FROM trips t",
            "SELECT count(*) FROM trips LIMIT 0",
            "SELECT count(*) FROM 'trips'",
            "SELECT count(*) FROM other.trips",
            "SELECT count(*) FROM trips.main.trips",
            "SELECT count(*) FROM tripz",
            "SELECT count(*), 1 FROM trips",
            "SELECT count(*) + 1 FROM trips",
            "SELECT count(id) FROM trips",
            "SELECT count(*) OVER () FROM trips",
            "SELECT count(*) FILTER (true) FROM trips",
            "SET VARIABLE a = 1; SELECT count(*) FROM trips",
            "SELECT count(*)",
            "",
        ] {
            assert_eq!(without_files(sql, &catalog), None, "{sql}");
        }
    }
}
