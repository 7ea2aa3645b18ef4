//! Pieces of SQL that a statement brings, each of which must be what it stands for: one query, or one expression. They are put
//! into queries of ours, so what is more than that is refused; by DuckDB's parser, not by words.

use crate::duck::{self, Sandbox};
use crate::error::failure;
use crate::lake::load::expression;
use anyhow::Result;

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The statements that set variables, before the one that the piece is of.
    before: String,
    /// The text of the statement up to the piece.
    ahead: String,
    text: String,
}

impl Part {
    /// The piece from `from` to `to` of `sql`, of a statement that begins at `begin`.
    pub(super) fn new(sql: &str, begin: usize, from: usize, to: usize) -> Self {
        let (before, ahead) = (sql[..begin].to_owned(), sql[begin..from].to_owned());
        Self { before, ahead, text: sql[from..to].to_owned() }
    }

    /// The piece as it was written; a comment may end it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What sets variables, for SQL that the piece is put into.
    pub(super) fn variables(&self) -> &str {
        &self.before
    }

    /// The piece behind `words`, at its own line and column where there is room for them, so that errors tell its place.
    pub(super) fn behind(&self, words: &str) -> String {
        let line = self.ahead.rfind('\n').map_or(0, |end| end + 1);
        let column = self.ahead[line..].chars().count();
        let lines = "\n".repeat(self.ahead.matches('\n').count());
        let blank = " ".repeat(column.saturating_sub(words.chars().count()));
        format!("{}{lines}{blank}{words}{}", self.before, self.text)
    }

    /// The piece alone, at its own line and column.
    pub(super) fn alone(&self) -> String {
        self.behind("")
    }
}

/// Refuses what is not one query.
///
/// # Errors
/// What it is instead; nothing where DuckDB says it better once the query is run.
pub(super) fn check_query(part: &Part) -> Result<()> {
    let connection = duck::open(&Sandbox::default())?;
    // What is a query by itself closes no bracket that it is put into.
    let own = expression::parse(&connection, part.text());
    let inside = || expression::parse(&connection, &format!("FROM (\n{}\n)", part.text()));
    match own.is_ok() || inside().is_err() {
        true => Ok(()),
        false => {
            Err(failure("the statement takes one query", "write one SELECT, VALUES or FROM, and nothing after it"))
        }
    }
}

/// Refuses what is not one expression.
///
/// # Errors
/// What DuckDB's parser says of it.
pub(super) fn check_expression(part: &Part) -> Result<()> {
    let connection = duck::open(&Sandbox::default())?;
    let wrong = |why: String| failure(format!("`{}`: {why}", part.text().trim()), "give one expression");
    // In brackets alone, `a) OR (b` would be one; without, `a;`.
    let brackets = [["", ""], ["(", "\n)"]];
    brackets
        .into_iter()
        .try_for_each(|around| expression::is_one(&connection, around, part.text()).map(drop))
        .map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Part {
        Part::new(text, 0, 0, text.len())
    }

    #[test]
    fn what_is_more_than_it_stands_for_is_refused() {
        for query in
            ["SELECT 1", "(FROM a) UNION ALL VALUES (1)", "VALUES (1), (2) -- x", "WITH a AS (FROM b) FROM a", "FROM ("]
        {
            assert!(check_query(&part(query)).is_ok(), "{query}");
        }
        for query in ["SELECT 1) LIMIT (1", "SELECT 1) AS a, (SELECT 2", "SELECT 1) UNION ALL (SELECT 2"] {
            assert!(check_query(&part(query)).is_err(), "{query}");
        }
        for expression in ["a = 1", "a IN (SELECT 1 WHERE true)", "(a) OR (b)", "CASE WHEN a THEN b END -- x"] {
            assert!(check_expression(&part(expression)).is_ok(), "{expression}");
        }
        for expression in
            ["a) OR (b", "a)) OR ((b", "a, b", "a FROM b", "a WHERE b", "a LIMIT 1", "", "a;", "a /*", "'"]
        {
            assert!(check_expression(&part(expression)).is_err(), "{expression}");
        }
    }

    #[test]
    fn a_piece_keeps_its_place() {
        let sql = "SET VARIABLE a = 1; CREATE TABLE x AS\n  SELECT 1";
        let part = Part::new(sql, 19, 37, sql.len());
        assert_eq!(part.behind("DESCRIBE "), "SET VARIABLE a = 1;         DESCRIBE \n  SELECT 1");
        assert_eq!(part.variables(), "SET VARIABLE a = 1;");
    }
}
