//! Tables as they were: `FROM trips AT (VERSION => 3)`, `FROM trips AT (TIMESTAMP => '2026-03-01 09:00')`, in DuckDB's words.
//!
//! Each such table becomes one with a name of its own, that only this statement knows.

use anyhow::Result;
use quack_function::names;
use quack_function::sql::{Token, Tokens, identifier};

use crate::bucket::Bucket;
use crate::duck::{self, Sandbox, words};
use crate::error::usage;
use crate::lake::catalog::Catalog;
use crate::lake::load::expression;
use crate::lake::versions::At;

const HELP: &str = "write FROM name AT (VERSION => 3), or AT (TIMESTAMP => '2026-03-01 09:00'), which is in UTC";

/// Whether SQL wants tables as they were.
pub(crate) fn travels(sql: &str) -> bool {
    !find(sql).is_empty()
}

/// The statement with tables of their own for those that it wants as they were, and the catalog with these; nothing, if it wants
/// none.
///
/// # Errors
/// A version or a time that is none, or that the table does not have.
pub(crate) async fn travel(bucket: &Bucket, catalog: &Catalog, sql: &str) -> Result<Option<(String, Catalog)>> {
    let found = find(sql);
    if found.is_empty() {
        return Ok(None);
    }
    let (mut text, mut catalog) = (sql.to_owned(), catalog.clone());
    // From behind, so that what is before stays where it is.
    for Travel { table, from, to, is_version, value, has_alias } in found.into_iter().rev() {
        if let Some((view, _)) = catalog.view(&table) {
            let help = "ask for the tables that it reads as they were, in a query of its SQL";
            return Err(usage(format!("`{view}` is a view, which has no versions"), help));
        }
        let (name, now) = catalog.table(&table)?;
        let at = at(is_version, &value)?;
        let then = at.of(bucket, name, now).await?;
        let (kind, number) = match at {
            At::Version(number) => ("version", number),
            At::Time(number) => ("time", number),
        };
        let own = format!("{name} at {kind} {number}");
        let alias = if has_alias { String::new() } else { format!(" AS {}", identifier(names::parts(name).1)) };
        text.replace_range(from..to, &format!("{}{alias}", identifier(&own)));
        catalog.tables.insert(own, then);
    }
    Ok(Some((text, catalog)))
}

/// A table that is wanted as it was.
struct Travel {
    table: String,
    /// The bytes of the table's name and of what follows it.
    from: usize,
    to: usize,
    is_version: bool,
    value: String,
    /// It has a name in the statement, or takes none: `DESCRIBE t`.
    has_alias: bool,
}

/// The tables behind whose names stands `AT (VERSION => ...)` or `AT (TIMESTAMP => ...)`.
fn find(sql: &str) -> Vec<Travel> {
    let tokens: Vec<(Token<'_>, usize)> = Tokens::new(sql).collect();
    let start = |at: usize| tokens[at].1 - len(&tokens[at].0);
    let mut found = Vec::new();
    let mut at = 1;
    while at + 6 < tokens.len() + 1 {
        let ahead = &tokens[at..];
        let is_travel = ahead.len() >= 6
            && ahead[0].0.is("AT")
            && ahead[1].0 == Token::Symbol('(')
            && (ahead[2].0.is("VERSION") || ahead[2].0.is("TIMESTAMP"))
            && ahead[3].0 == Token::Symbol('=')
            && ahead[4].0 == Token::Symbol('>');
        let Some(mut table) = tokens[at - 1].0.name().filter(|_| is_travel) else {
            at += 1;
            continue;
        };
        // The bracket that closes it.
        let mut depth = 0;
        let end = (at + 1..tokens.len()).find(|at| {
            depth += match tokens[*at].0 {
                Token::Symbol('(') => 1,
                Token::Symbol(')') => -1,
                _ => 0,
            };
            depth == 0
        });
        let Some(end) = end else { break };
        let mut first = at - 1;
        while first >= 2 && tokens[first - 1].0 == Token::Symbol('.') {
            first -= 2;
        }
        // The part next to it is that of a schema, or of where all tables are.
        if let Some(schema) =
            (first < at - 1).then(|| tokens[at - 3].0.name()).flatten().filter(|name| names::is_schema(name))
        {
            table = format!("{schema}.{table}");
        }
        let is_alias = |token: &Token<'_>| match token {
            Token::Word(word) => !words::is_reserved(word) || word.eq_ignore_ascii_case("AS"),
            Token::Quoted(_) => true,
            _ => false,
        };
        let is_told =
            first > 0 && ["DESCRIBE", "DESC", "SHOW", "SUMMARIZE"].iter().any(|word| tokens[first - 1].0.is(word));
        found.push(Travel {
            table,
            from: start(first),
            to: tokens[end].1,
            is_version: tokens[at + 2].0.is("VERSION"),
            value: sql[tokens[at + 4].1..start(end)].trim().to_owned(),
            has_alias: is_told || tokens.get(end + 1).is_some_and(|(token, _)| is_alias(token)),
        });
        at = end + 1;
    }
    found
}

/// Bytes of a token as it is written.
fn len(token: &Token<'_>) -> usize {
    match token {
        Token::Word(text) | Token::Quoted(text) | Token::Text(text) => text.len(),
        Token::Symbol(symbol) => symbol.len_utf8(),
    }
}

/// Which version `value` means: a number, or a time, which may be reckoned (`now() - INTERVAL 1 HOUR`).
fn at(is_version: bool, value: &str) -> Result<At> {
    let wrong = |why: String| {
        let what = if is_version { "VERSION" } else { "TIMESTAMP" };
        usage(format!("`{value}` is no {what} of a table: {why}"), HELP)
    };
    let connection = duck::open(&Sandbox::default())?;
    // In brackets alone, `1) + (2` would be one.
    for around in [["", ""], ["(", "\n)"]] {
        expression::is_one(&connection, around, value).map_err(wrong)?;
    }
    let cast = if is_version { "CAST" } else { "epoch_ms(CAST" };
    let (of, close) = if is_version { ("BIGINT", "") } else { ("TIMESTAMP", ")") };
    let sql = format!("SELECT {cast}((\n{value}\n) AS {of}){close}");
    let number: Option<i64> =
        connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| wrong(error.to_string()))?;
    let number = number.ok_or_else(|| wrong("it is NULL".to_owned()))?;
    Ok(if is_version { At::Version(number) } else { At::Time(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_with_what_stands_behind_them() {
        let told = |sql: &str| -> Vec<(String, String, bool)> {
            find(sql).into_iter().map(|one| (sql[one.from..one.to].to_owned(), one.value, one.has_alias)).collect()
        };
        assert_eq!(
            told("FROM memory.main.t AT (VERSION => 1) JOIN \"a b\" AT (timestamp => f(1, 2)) AS x USING (a)"),
            [
                ("memory.main.t AT (VERSION => 1)".to_owned(), "1".to_owned(), false),
                ("\"a b\" AT (timestamp => f(1, 2))".to_owned(), "f(1, 2)".to_owned(), true)
            ]
        );
        assert_eq!(told("FROM t AT (VERSION => 1) x"), [("t AT (VERSION => 1)".to_owned(), "1".to_owned(), true)]);
        assert_eq!(told("SUMMARIZE t AT (VERSION => 1)"), [("t AT (VERSION => 1)".to_owned(), "1".to_owned(), true)]);
        assert!(told("SELECT 'AT (VERSION => 1)' FROM t -- AT (VERSION => 1)").is_empty());
        assert!(told("FROM t AT (VERSION =>").is_empty());
    }

    #[test]
    fn versions_are_numbers_and_times_may_be_reckoned() {
        assert_eq!(at(true, "1 + 2").unwrap(), At::Version(3));
        assert_eq!(at(false, "'1970-01-01 00:00:01.5'").unwrap(), At::Time(1500));
        assert_eq!(at(false, "TIMESTAMP '1970-01-02' - INTERVAL 1 DAY").unwrap(), At::Time(0));
        for (is_version, value) in
            [(true, "'x'"), (true, "NULL"), (false, "1, 2"), (true, "1) + (2"), (false, "'soon'")]
        {
            let error = at(is_version, value).unwrap_err().to_string();
            assert!(error.contains(value), "{error}");
        }
    }
}
