//! Texts in SQL that PostgreSQL reads otherwise than DuckDB: bytes, arrays and moments that drivers write into a statement themselves.
//! DuckDB would take the first for other bytes, and refuses the others. And the pages of a table, of which DuckDB's own extension asks for all.

use std::ops::RangeInclusive;

use quack_function::sql::{Token, Tokens, literal};

use super::encode::WireType;
use super::params;

/// PostgreSQL's names of types that arrays have elements of, with the object ids of the arrays.
const ARRAYS: &[(&[&str], u32)] = &[
    (&["bool", "boolean"], 1000),
    (&["bytea"], 1001),
    (&["int2", "smallint"], 1005),
    (&["int4", "int", "integer"], 1007),
    (&["int8", "bigint"], 1016),
    (&["text", "varchar"], 1009),
    (&["float4", "real"], 1021),
    (&["float8", "double"], 1022),
    (&["date"], 1182),
    (&["timestamp"], 1115),
    (&["timestamptz"], 1185),
    (&["numeric", "decimal"], 1231),
    (&["uuid"], 2951),
];

/// PostgreSQL's functions that read a moment of a text, and what such a text is here.
const MOMENTS: &[(&str, &str)] = &[("to_timestamp", "TIMESTAMP"), ("to_date", "DATE")];

/// Formats in which DuckDB reads a moment, too, and how many characters such a text has. Of a longer one PostgreSQL leaves out the rest.
const FORMATS: &[(&str, RangeInclusive<usize>)] = &[
    ("YYYY-MM-DD", 10..=10),
    ("YYYY-MM-DD HH24:MI:SS", 19..=19),
    ("YYYY-MM-DD HH24:MI:SS.MS", 21..=23),
    ("YYYY-MM-DD HH24:MI:SS.US", 21..=26),
];

/// What is said of rows on all pages of a table.
const ALL_PAGES: &str = "ctid BETWEEN '(0,0)'::tid AND '(4294967295,0)'::tid";

/// `sql` with such texts as DuckDB reads them: `'\x00ff'::bytea`, `'{1,2}'::int8[]`.
pub(super) fn translated(sql: &str) -> String {
    let tokens: Vec<_> = Tokens::new(sql).collect();
    let symbol = |at: usize, symbol: char| tokens.get(at).is_some_and(|(token, _)| *token == Token::Symbol(symbol));
    let mut text = sql.to_owned();
    let all: Vec<_> = Tokens::new(ALL_PAGES).map(|(token, _)| token).collect();
    for (at, (token, end)) in tokens.iter().enumerate().rev() {
        let ahead = tokens[at..].iter().map(|(token, _)| token);
        if token.is("ctid") && tokens.len() >= at + all.len() && ahead.zip(&all).all(|(token, wanted)| token == wanted)
        {
            text.replace_range(end - 4..tokens[at + all.len() - 1].1, "true");
            continue;
        }
        if let Some((moment, to)) = moment(&tokens[at..]) {
            let from = end - token.name().map_or(0, |name| name.len());
            text.replace_range(from..to, &moment);
            continue;
        }
        let Token::Text(written) = token else { continue };
        if !written.starts_with('\'') || !symbol(at + 1, ':') || !symbol(at + 2, ':') {
            continue;
        }
        let (Some(value), Some((Token::Word(name), _))) = (token.name(), tokens.get(at + 3)) else { continue };
        let is_array = symbol(at + 4, '[') && symbol(at + 5, ']');
        let read = match is_array {
            false if name.eq_ignore_ascii_case("bytea") && is_hex(&value) => {
                params::text_of(value.as_bytes(), false, WireType::of_oid(17))
            }
            true if value.starts_with('{') => {
                let array = ARRAYS.iter().find(|(names, _)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
                let Some((_, array)) = array else { continue };
                params::text_of(value.as_bytes(), false, WireType::of_oid(*array))
            }
            _ => continue,
        };
        if let Ok(read) = read {
            text.replace_range(end - written.len()..*end, &literal(&read));
        }
    }
    text
}

/// What `to_timestamp('...', 'YYYY-MM-DD')` at the beginning of `tokens` is here, and where it ends.
fn moment(tokens: &[(Token<'_>, usize)]) -> Option<(String, usize)> {
    let [(name, _), (open, _), (Token::Text(value), _), (comma, _), (format @ Token::Text(_), _), (close, end), ..] =
        tokens
    else {
        return None;
    };
    let (_, sql_type) = MOMENTS.iter().find(|(known, _)| name.is(known))?;
    let is_call =
        [(open, '('), (comma, ','), (close, ')')].iter().all(|(token, symbol)| **token == Token::Symbol(*symbol));
    let (format, read) = (format.name()?.to_uppercase(), value_of(value)?);
    let (_, lengths) = FORMATS.iter().find(|(known, _)| *known == format)?;
    // Nothing of the day's time is in a DATE.
    let is_read = lengths.contains(&read.len()) && (*sql_type == "TIMESTAMP" || read.len() == 10);
    (is_call && is_read).then(|| (format!("{sql_type} {value}"), *end))
}

/// What stands between plain quotes, if that is a moment's figures.
fn value_of(text: &str) -> Option<&str> {
    let value = text.strip_prefix('\'')?.strip_suffix('\'')?;
    value.bytes().all(|byte| byte.is_ascii_digit() || b"-:. ".contains(&byte)).then_some(value)
}

/// Whether a text is PostgreSQL's of bytes: `\x` once, before all of them.
fn is_hex(value: &str) -> bool {
    value.strip_prefix("\\x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_arrays_are_as_postgresql_reads_them() {
        for (sql, wanted) in [
            ("SELECT '\\x0001ff'::bytea, 1", "SELECT '\\x00\\x01\\xFF'::bytea, 1"),
            ("SELECT '\\x'::BYTEA", "SELECT ''::BYTEA"),
            ("a = ANY('{1,NULL}'::int8[])", "a = ANY('[\"1\", NULL]'::int8[])"),
            ("'{a,\"it''s\"}' :: text[]", "'[\"a\", \"it''s\"]' :: text[]"),
            ("'{}'::INTEGER[]", "'[]'::INTEGER[]"),
            ("WHERE ctid BETWEEN '(0,0)'::tid AND '(4294967295,0)'::tid AND (a)", "WHERE true AND (a)"),
            (
                "a >= TO_TIMESTAMP('2019-03-05 00:00:00.5', 'YYYY-MM-DD HH24:MI:SS.US') AND b < to_date('2019-03-05', 'yyyy-mm-dd')",
                "a >= TIMESTAMP '2019-03-05 00:00:00.5' AND b < DATE '2019-03-05'",
            ),
        ] {
            assert_eq!(translated(sql), wanted);
            assert_eq!(translated(wanted), wanted);
        }
        for sql in [
            "SELECT '\\x0001ff'::BLOB, '\\x00\\x01'::bytea, '\\x0001ff'",
            "SELECT '{1'::int8[], '{1}'::int8, '[1]'::int8[], '{a: 1}'::thing[], '\\x0'::bytea",
            "SELECT \"'{1}'::int8[]\", '''{1}''::int8[]' -- '{1}'::int8[]",
            "'{1}'::",
            "to_timestamp('2019-03-05 10:30:00', 'YYYY-MM-DD'), to_date('2019-03-05 10:30:00', 'YYYY-MM-DD HH24:MI:SS')",
            "to_timestamp(1), to_timestamp('1', 'DD'), to_timestamp(a, 'YYYY-MM-DD'), to_date('1', 'YYYY-MM-DD'",
            "WHERE ctid BETWEEN '(0,0)'::tid AND '(999,0)'::tid",
            "WHERE ctid BETWEEN",
        ] {
            assert_eq!(translated(sql), sql);
        }
    }
}
