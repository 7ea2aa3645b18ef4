//! Pieces of SQL that a statement brings, each of which must be what it stands for: one query, one expression, what FROM reads.
//! They are put into queries of ours, so what is more than that is refused; by DuckDB's parser, not by words.

use anyhow::Result;
use duckdb::Connection;
use quack_function::sql::{Tokens, identifier};
use serde_json::Value;

use super::settled::{self, Functions};
use crate::duck::{self, Sandbox};
use crate::error::failure;
use crate::lake::load::expression;

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

    /// The same with `NULL` for each word `DEFAULT` of the statement's whole text that ends at one of `ends`.
    pub(super) fn with_nulls(mut self, ends: &[usize]) -> Self {
        let begin = self.before.len() + self.ahead.len();
        for end in ends {
            let to = end - begin;
            self.text.replace_range(to - "DEFAULT".len()..to, "NULL   ");
        }
        self
    }

    /// The piece as a query that may name the queries of `with`, which is a WITH without the query that it is for.
    pub(super) fn within(&self, with: &Self) -> Self {
        let has_own = Tokens::new(&self.text).next().is_some_and(|(token, _)| token.is("WITH"));
        // One statement has one WITH.
        let query = if has_own { format!("FROM (\n{}\n)", self.text) } else { self.text.clone() };
        Self { text: format!("{}\n{query}", with.text), ..with.clone() }
    }

    /// The piece, a query, with other names for its columns; where there are none, as it is.
    pub(super) fn renamed(&self, names: &[String]) -> Self {
        if names.is_empty() {
            return self.clone();
        }
        let names = names.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
        Self { text: format!("FROM {} AS quack_rows({names})", self.bracketed()), ..self.clone() }
    }

    /// Of a WITH, what follows the word.
    pub(super) fn queries(&self) -> String {
        Tokens::new(&self.text).next().map_or_else(String::new, |(_, end)| self.text[end..].to_owned())
    }

    /// The piece in brackets that no comment at its end opens again.
    pub(super) fn bracketed(&self) -> String {
        format!("(\n{}\n)", self.text)
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

/// Refuses what is not the WITH of a statement, up to where the statement begins.
///
/// # Errors
/// What DuckDB's parser says of it.
pub(super) fn check_with(part: &Part) -> Result<()> {
    let connection = duck::open(&Sandbox::default())?;
    let wrong = |why: String| failure(format!("`{}`: {why}", part.text().trim()), "write WITH name AS (query), ...");
    expression::parse(&connection, &format!("{}\nVALUES (1)", part.text())).map(drop).map_err(wrong)
}

/// Refuses what DuckDB's parser does not take.
///
/// # Errors
/// What it says.
pub(super) fn check_parsed(part: &Part) -> Result<(), String> {
    let connection = duck::open(&Sandbox::default()).map_err(|error| error.to_string())?;
    match expression::parse(&connection, part.text()) {
        Err(why) if why.starts_with("Parser Error") => Err(why),
        // There are queries that it cannot write down.
        _ => Ok(()),
    }
}

/// Refuses what is not one expression.
///
/// # Errors
/// What DuckDB's parser says of it.
pub(super) fn check_expressions<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Result<()> {
    let connection = duck::open(&Sandbox::default())?;
    parts.into_iter().try_for_each(|part| one_expression(&connection, part).map(drop))
}

/// Refuses what is not one expression. Whether all of them give the same each time they are asked, for the same row.
///
/// # Errors
/// As for [`check_expressions`].
pub(super) fn are_settled<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Result<bool> {
    let connection = duck::open(&Sandbox::default())?;
    let functions = Functions::of(&connection)?;
    let mut are_settled = true;
    for part in parts {
        let tree = one_expression(&connection, part)?;
        // A variable is set anew for each query that is put to the function.
        are_settled &= part.variables().is_empty() && settled::is_settled(&functions, &tree);
    }
    Ok(are_settled)
}

/// The tree of what is one expression.
fn one_expression(connection: &Connection, part: &Part) -> Result<Value> {
    let wrong = |why: String| failure(format!("`{}`: {why}", part.text().trim()), "give one expression");
    let one = |around| expression::is_one(connection, around, part.text()).map_err(wrong);
    // In brackets alone, `a) OR (b` would be one; without, `a;`.
    one(["(", "\n)"])?;
    one(["", ""])
}

/// The items of a RETURNING list, as a SELECT from rows called `alias` has them. DuckDB's own column `hidden`, if there is one, is
/// none of those that `*` stands for.
///
/// # Errors
/// What is not one item; what has no place in such a list.
pub(super) fn check_returning(items: &[Part], alias: &str, hidden: Option<&str>) -> Result<Vec<String>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let connection = duck::open(&Sandbox::default())?;
    let functions = Functions::of(&connection)?;
    let all_but = |hidden: &str| format!("{}.* EXCLUDE ({})", identifier(alias), identifier(hidden));
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        let wrong = |why: String| {
            let text = item.text().trim();
            failure(format!("RETURNING `{text}`: {why}"), "list columns of the table, or expressions over them")
        };
        let tree = expression::is_one(&connection, ["", "\n"], item.text()).map_err(wrong)?;
        if let Some(what) = no_row_of_its_own(&functions, &tree) {
            return Err(wrong(format!("{what} has no place there")));
        }
        let stars = stars(&tree);
        list.push(match hidden {
            Some(hidden) if stars == 1 && is_plain_star(&tree) => all_but(hidden),
            Some(_) if stars > 0 => return Err(wrong("`*` stands alone there".to_owned())),
            _ => format!("{}\n", item.text()),
        });
    }
    Ok(list)
}

/// What of a tree is more than a look at one row, if something is.
fn no_row_of_its_own(functions: &Functions, tree: &Value) -> Option<&'static str> {
    match tree {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            match text("class") {
                "SUBQUERY" => Some("a query"),
                "WINDOW" => Some("a window"),
                _ if functions.is_aggregate(text("function_name")) => Some("an aggregate"),
                _ => fields.values().find_map(|value| no_row_of_its_own(functions, value)),
            }
        }
        Value::Array(items) => items.iter().find_map(|item| no_row_of_its_own(functions, item)),
        _ => None,
    }
}

/// How often a tree stands for all columns.
fn stars(tree: &Value) -> usize {
    match tree {
        Value::Object(fields) => {
            usize::from(fields.get("class").is_some_and(|class| class == "STAR"))
                + fields.values().map(stars).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(stars).sum(),
        _ => 0,
    }
}

/// Whether it is `*` or `table.*`, with nothing left out or in.
fn is_plain_star(tree: &Value) -> bool {
    let is_plain = |(name, value): (&String, &Value)| match name.as_str() {
        "class" | "type" | "relation_name" | "query_location" => true,
        _ => {
            matches!(value, Value::Null | Value::Bool(false))
                || value == ""
                || value.as_array().is_some_and(Vec::is_empty)
        }
    };
    tree["class"] == "STAR" && tree.as_object().is_some_and(|fields| fields.iter().all(is_plain))
}

/// Refuses what is not what FROM reads, a table or several, and nothing more.
///
/// # Errors
/// What DuckDB's parser says of it; `help` beside it.
pub(super) fn check_from(part: &Part, help: &str) -> Result<()> {
    from(part, help).map(drop)
}

/// What the one table, query or function is called that `part` is, as FROM reads it.
///
/// # Errors
/// It is something else; `help` beside it.
pub(super) fn name_of_one(part: &Part, help: &str) -> Result<String> {
    let tree = from(part, help)?;
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let name = match (text(&tree, "alias"), text(&tree, "type").as_str()) {
        (_, "JOIN" | "EMPTY") => String::new(),
        (alias, _) if !alias.is_empty() => alias,
        (_, "BASE_TABLE") => text(&tree, "table_name"),
        (_, "TABLE_FUNCTION") => text(&tree["function"], "function_name"),
        _ => "unnamed_subquery".to_owned(),
    };
    match name.is_empty() {
        true => Err(failure(format!("`{}` is not one table or query", part.text().trim()), help.to_owned())),
        false => Ok(name),
    }
}

/// The syntax tree of what FROM reads.
fn from(part: &Part, help: &str) -> Result<Value> {
    let connection = duck::open(&Sandbox::default())?;
    let wrong = |why: String| failure(format!("`{}`: {why}", part.text().trim()), help.to_owned());
    let taken = |text: &str| {
        let mut tree = expression::parse(&connection, &format!("FROM {text}\n"))?;
        let from = tree.get_mut("from_table").map(Value::take).unwrap_or_default();
        Ok::<_, String>((from, tree))
    };
    let (from, rest) = taken(part.text()).map_err(wrong)?;
    match rest == taken("one").map_err(wrong)?.1 {
        true => Ok(from),
        false => Err(wrong("that is more than FROM reads".to_owned())),
    }
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
            assert!(check_expressions([&part(expression)]).is_ok(), "{expression}");
        }
        for expression in
            ["a) OR (b", "a)) OR ((b", "a, b", "a FROM b", "a WHERE b", "a LIMIT 1", "", "a;", "a /*", "'"]
        {
            assert!(check_expressions([&part(expression)]).is_err(), "{expression}");
        }
    }

    #[test]
    fn what_a_variable_may_be_in_is_not_settled() {
        assert!(are_settled([&part("a = 1")]).unwrap());
        assert!(!are_settled([&Part::new("SET VARIABLE a = random(); b", 26, 26, 28)]).unwrap());
    }

    #[test]
    fn what_from_reads_is_that_and_no_more() {
        for (source, name) in [
            ("s", "s"),
            ("main.\"S x\" -- x", "S x"),
            ("s AS t", "t"),
            ("(SELECT 1 WHERE true) AS q(k)", "q"),
            ("(FROM s)", "unnamed_subquery"),
            ("(VALUES (1), (2)) q(k)", "q"),
            ("read_csv('s3://x/y.csv') r", "r"),
            ("range(3)", "range"),
        ] {
            assert_eq!(name_of_one(&part(source), "").unwrap(), name, "{source}");
        }
        for source in ["a JOIN b USING (c)", "a, b"] {
            assert!(check_from(&part(source), "").is_ok() && name_of_one(&part(source), "").is_err(), "{source}");
        }
        for source in [
            "",
            "s WHERE true",
            "s LIMIT 1",
            "s) , (t",
            "s; FROM t",
            "s UNION ALL FROM t",
            "s SELECT *",
            "s /*",
            "s USING SAMPLE 1",
        ] {
            assert!(check_from(&part(source), "").is_err(), "{source}");
        }
    }

    #[test]
    fn what_returning_lists_is_of_the_row() {
        let check = |item: &str, hidden| check_returning(&[part(item)], "t", hidden);
        for item in ["*", "a + 1 AS b", "t.*", "upper(a) -- x", "* EXCLUDE (a)", "COLUMNS(*) + 1", "random()"] {
            assert!(check(item, None).is_ok(), "{item}");
        }
        for item in
            ["count(*)", "(SELECT 1)", "row_number() OVER ()", "a FROM b", "a, b", "a) FROM (b", "", "1 + sum(a)"]
        {
            assert!(check(item, None).is_err(), "{item}");
        }
        let all = ["\"t\".* EXCLUDE (\"merge_action\")"];
        for item in ["*", "t.* "] {
            assert_eq!(check(item, Some("merge_action")).unwrap(), all, "{item}");
        }
        assert!(check("merge_action", Some("merge_action")).is_ok());
        for item in ["* EXCLUDE (a)", "COLUMNS(*)", "* LIKE 'x%'"] {
            assert!(check(item, Some("merge_action")).is_err(), "{item}");
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
