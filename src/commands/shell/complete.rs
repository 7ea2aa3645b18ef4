//! What Tab offers, and when Enter ends a statement.

use rustyline::completion::Completer;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Highlighter, Hinter, Result};

use super::dot::{Dot, NAMES};
use crate::lake::catalog::Catalog;
use crate::query::statements;
use quack_function::sql;

const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ANTI",
    "ANY_VALUE",
    "AS",
    "ASC",
    "ASOF",
    "AVG",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLUMNS",
    "COUNT",
    "CREATE",
    "CROSS",
    "CURRENT_DATE",
    "DATE",
    "DATE_TRUNC",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXPLAIN",
    "EXTRACT",
    "FALSE",
    "FILTER",
    "FIRST",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAST",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MAX",
    "MEDIAN",
    "MIN",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OVER",
    "PARTITION",
    "PIVOT",
    "POSITIONAL",
    "QUALIFY",
    "QUANTILE_CONT",
    "RECURSIVE",
    "REPLACE",
    "RIGHT",
    "ROUND",
    "ROW_NUMBER",
    "SAMPLE",
    "SELECT",
    "SEMI",
    "SUM",
    "SUMMARIZE",
    "TABLE",
    "TEMP",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "TRY_CAST",
    "UNION",
    "UNNEST",
    "UNPIVOT",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// The editor's knowledge of SQL and of the lake.
#[derive(Hinter, Highlighter)]
pub(super) struct Helper {
    /// Tables and columns, quoted where SQL needs it.
    names: Vec<String>,
}

impl rustyline::Helper for Helper {}

impl Helper {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let columns = catalog.tables.values().flat_map(|table| table.columns.iter().map(|column| &column.name));
        let mut names: Vec<String> = catalog.tables.keys().chain(columns).map(|name| identifier(name)).collect();
        names.sort();
        names.dedup();
        Self { names }
    }

    /// Where the word before `position` begins, and what it may become.
    fn candidates(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = &line[..position];
        if Dot::is_one(before) && !before.trim_start().contains(char::is_whitespace) {
            let start = before.len() - before.trim_start().len();
            return (start, starting_with(&before[start..], NAMES.iter().copied()));
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut start =
            before.rfind(|c| !is_word(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        if before[..start].ends_with('"') {
            start -= 1;
        }
        let word = &before[start..];
        if word.is_empty() {
            return (position, Vec::new());
        }
        let mut found = starting_with(word, self.names.iter().map(String::as_str));
        if !Dot::is_one(before) {
            let lower = word.chars().all(|c| !c.is_uppercase());
            let keywords = starting_with(word, KEYWORDS.iter().copied());
            found.extend(keywords.into_iter().map(|keyword| if lower { keyword.to_lowercase() } else { keyword }));
        }
        (start, found)
    }
}

fn starting_with<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let word = word.to_lowercase();
    names.filter(|name| name.to_lowercase().starts_with(&word)).map(str::to_owned).collect()
}

fn identifier(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !KEYWORDS.contains(&name.to_uppercase().as_str());
    if plain { name.to_owned() } else { sql::identifier(name) }
}

impl Completer for Helper {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> Result<(usize, Vec<String>)> {
        Ok(self.candidates(line, position))
    }
}

impl Validator for Helper {
    /// Enter adds a line until the statement has its semicolon.
    fn validate(&self, context: &mut ValidationContext) -> Result<ValidationResult> {
        let input = context.input();
        let complete = Dot::is_one(input) || statements::is_blank(statements::split(input).1);
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(line: &str) -> (usize, Vec<String>) {
        let names = ["trips", "fare", "odd name", "Date"].map(identifier).to_vec();
        Helper { names }.candidates(line, line.len())
    }

    #[test]
    fn completes_tables_columns_and_keywords() {
        assert_eq!(candidates("SELECT fa"), (7, vec!["fare".to_owned(), "false".to_owned()]));
        assert_eq!(
            candidates("SELECT * FROM tr"),
            (14, vec!["trips".to_owned(), "true".to_owned(), "try_cast".to_owned()])
        );
        assert_eq!(candidates("SELECT count(*) FROM \"o"), (21, vec!["\"odd name\"".to_owned()]));
        assert_eq!(candidates("SUMMA"), (0, vec!["SUMMARIZE".to_owned()]));
        assert_eq!(candidates("SELECT "), (7, Vec::new()));
        assert_eq!(candidates("select überall.fa").0, "select überall.".len());
    }

    #[test]
    fn completes_commands_and_their_tables() {
        assert_eq!(candidates(" .ta"), (1, vec![".tables".to_owned()]));
        assert_eq!(candidates(".schema tr"), (8, vec!["trips".to_owned()]));
    }

    #[test]
    fn names_that_need_quotes_get_them() {
        assert_eq!(identifier("Date"), "\"Date\"");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(identifier("fare_2"), "fare_2");
    }
}
