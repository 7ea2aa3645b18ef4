//! What Tab offers.

use std::rc::Rc;

use rustyline::completion::Completer;
use rustyline::{Context, Highlighter, Hinter, Result, Validator};

use super::dot::{Dot, NAMES};
use crate::duck::{self, Sandbox};
use crate::lake::catalog::{Catalog, Table};
use crate::query::statements;
use quack_function::names;
use quack_function::sql::{self, tokens};
use quack_function::view::View;

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
#[derive(Hinter, Highlighter, Validator)]
pub(super) struct Helper {
    /// Tables and columns, quoted where SQL needs it.
    names: Vec<String>,
    /// Each table and view with its columns, quoted likewise.
    tables: Vec<(String, Vec<String>)>,
    /// Functions, each with the parenthesis that follows it.
    functions: Rc<[String]>,
    /// The lines of the statement that came before.
    pending: String,
}

impl rustyline::Helper for Helper {}

/// The functions that DuckDB has, each with the parenthesis that follows it; none where it cannot be asked.
pub(super) fn functions() -> Rc<[String]> {
    let asked = || {
        let connection = duck::open(&Sandbox { memory: Some("256MB"), threads: Some(1), ..Sandbox::default() }).ok()?;
        let sql = "SELECT DISTINCT function_name || '(' FROM duckdb_functions() \
                   WHERE regexp_full_match(function_name, '[a-z][a-z0-9_]*') ORDER BY ALL";
        let mut statement = connection.prepare(sql).ok()?;
        let names = statement.query_map([], |row| row.get(0)).ok()?;
        Some(names.flatten().collect::<Rc<[String]>>())
    };
    asked().unwrap_or_default()
}

impl Helper {
    pub(super) fn new(catalog: &Catalog, functions: &Rc<[String]>, pending: &str) -> Self {
        let columns = |table: &Table| table.columns.iter().map(|column| identifier(&column.name)).collect();
        let of_view = |view: &View| view.columns.iter().map(|column| identifier(&column.name)).collect();
        let tables = catalog.tables.iter().map(|(name, table)| (identifier(name), columns(table)));
        let views = catalog.views.iter().map(|(name, view)| (identifier(name), of_view(view)));
        let tables: Vec<(String, Vec<String>)> = tables.chain(views).collect();
        Self::of(tables, functions.clone(), pending.to_owned())
    }

    fn of(tables: Vec<(String, Vec<String>)>, functions: Rc<[String]>, pending: String) -> Self {
        let mut names: Vec<String> =
            tables.iter().flat_map(|(table, columns)| std::iter::once(table).chain(columns).cloned()).collect();
        names.sort();
        names.dedup();
        Self { names, tables, functions, pending }
    }

    /// Where the word before `position` begins, and what it may become.
    fn candidates<'a>(&'a self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = &line[..position];
        let is_command = Dot::is_one(before) && statements::is_blank(&self.pending);
        if is_command && !before.trim_start().contains(char::is_whitespace) {
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
        if let Some(table) = before[..start].strip_suffix('.')
            && let Some(columns) = self.columns_of(table, line)
        {
            return (start, starting_with(word, columns.iter().map(String::as_str)));
        }
        // Behind a schema's name and a dot.
        let begun = before[..start].rsplit(|c| !is_word(c) && c != '.').next().unwrap_or_default();
        let within = |name: &'a (String, _)| name.0.strip_prefix(begun).filter(|_| begun.ends_with('.'));
        let tables = starting_with(word, self.tables.iter().filter_map(within));
        if !tables.is_empty() {
            return (start, tables);
        }
        if word.is_empty() {
            return (position, Vec::new());
        }
        let mut found = starting_with(word, self.names.iter().map(String::as_str));
        if !is_command {
            let lower = word.chars().all(|c| !c.is_uppercase());
            let keywords = starting_with(word, KEYWORDS.iter().copied());
            found.extend(keywords.into_iter().map(|keyword| if lower { keyword.to_lowercase() } else { keyword }));
            found.extend(starting_with(word, self.functions.iter().map(String::as_str)));
        }
        (start, found)
    }

    /// The columns of the table, or of the one with the alias, that `before` ends with.
    fn columns_of(&self, before: &str, line: &str) -> Option<&[String]> {
        let name = tokens(before).last()?.name()?;
        let find = |name: &str| {
            let is_it = |own: &str| tokens(own).last().is_some_and(|token| token.names(name));
            self.tables.iter().find(|(own, _)| is_it(own)).map(|(_, columns)| columns.as_slice())
        };
        find(&name).or_else(|| {
            let text = format!("{}\n{line}", self.pending);
            let words: Vec<_> = tokens(&text).into_iter().filter(|token| !token.is("AS")).collect();
            let tables = words.windows(2).filter(|pair| pair[1].names(&name));
            tables.filter_map(|pair| find(&pair[0].name()?)).next()
        })
    }
}

fn starting_with<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let word = word.to_lowercase();
    names.filter(|name| name.to_lowercase().starts_with(&word)).map(str::to_owned).collect()
}

fn identifier(name: &str) -> String {
    if let (Some(schema), name) = names::parts(name) {
        return format!("{}.{}", identifier(schema), identifier(name));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(line: &str) -> (usize, Vec<String>) {
        let columns = ["fare", "Date"].map(identifier).to_vec();
        let tables = vec![("trips".to_owned(), columns), (identifier("odd name"), vec!["other".to_owned()])];
        let functions = ["median(".to_owned(), "mode(".to_owned()].into();
        Helper::of(tables, functions, "SELECT *\nFROM trips AS t,".to_owned()).candidates(line, line.len())
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
    fn completes_functions_and_columns_of_a_table() {
        assert_eq!(candidates("SELECT med"), (7, vec!["median".to_owned(), "median(".to_owned()]));
        assert_eq!(candidates("SELECT trips."), (13, vec!["fare".to_owned(), "\"Date\"".to_owned()]));
        assert_eq!(candidates("SELECT TRIPS.f"), (13, vec!["fare".to_owned()]));
        assert_eq!(candidates("SELECT \"odd name\".o").1, ["other"]);
        assert_eq!(candidates("WHERE t.f").1, ["fare"], "an alias of a line before");
        assert_eq!(candidates("WHERE x.o").1.first().map(String::as_str), Some("other"), "of any table");
        assert!(functions().iter().any(|name| name == "date_trunc("));
    }

    #[test]
    fn completes_commands_and_their_tables() {
        let helper = Helper::of(vec![("trips".to_owned(), Vec::new())], [].into(), String::new());
        let candidates = |line: &str| helper.candidates(line, line.len());
        assert_eq!(candidates(" .ta"), (1, vec![".tables".to_owned()]));
        assert_eq!(candidates(".schema tr"), (8, vec!["trips".to_owned()]));
        let helper = Helper::of(vec![(identifier("sales.orders"), vec!["id".to_owned()])], [].into(), String::new());
        let candidates = |line: &str| helper.candidates(line, line.len());
        assert_eq!(candidates("FROM sal"), (5, vec!["sales.orders".to_owned()]));
        assert_eq!(candidates("FROM sales."), (11, vec!["orders".to_owned()]));
        assert_eq!(candidates("WHERE orders.i"), (13, vec!["id".to_owned()]));
    }

    #[test]
    fn names_that_need_quotes_get_them() {
        assert_eq!(identifier("Date"), "\"Date\"");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(identifier("fare_2"), "fare_2");
    }
}
