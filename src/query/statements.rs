//! A text of several statements, cut into them.

use std::ops::Range;

use quack_function::sql::{Token, Tokens};

use crate::error::nearest;

/// A statement that gives a result, to be sent by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The statement where it stands in the whole text, so that errors tell its own line and column; before it what sets
    /// variables, and blanks for everything else.
    pub sql: String,
    /// `EXPLAIN`: its result is a plan.
    pub explains: bool,
    /// Its result tells of something (columns, tables, a plan) and is no use in part.
    pub describes: bool,
}

/// Cuts `sql` after each semicolon: the finished statements, and what follows the last one.
pub(crate) fn split(sql: &str) -> (Vec<&str>, &str) {
    let (pieces, rest) = pieces(sql);
    (pieces.into_iter().map(|piece| sql[piece].trim()).collect(), &sql[rest..])
}

/// Where the finished statements of `sql` are, and where what follows the last one begins.
fn pieces(sql: &str) -> (Vec<Range<usize>>, usize) {
    let (mut pieces, mut start, mut empty) = (Vec::new(), 0, true);
    for (token, end) in Tokens::new(sql) {
        if token != Token::Symbol(';') {
            empty = false;
            continue;
        }
        if !empty {
            pieces.push(start..end);
        }
        (start, empty) = (end, true);
    }
    (pieces, start)
}

/// The statements of `sql` that give a result each. One that sets a variable gives none: it goes with those after it, or
/// as the last one by itself.
pub(crate) fn results(sql: &str) -> Vec<Statement> {
    let (mut pieces, rest) = pieces(sql);
    if !is_blank(&sql[rest..]) {
        pieces.push(rest..sql.len());
    }
    if let [_] = pieces.as_slice() {
        return vec![Statement::new(sql.to_owned(), sql)];
    }
    let (mut statements, mut before, mut unsent) = (Vec::new(), String::new(), false);
    let mut end = 0;
    for piece in pieces {
        before.push_str(&blanked(&sql[end..piece.start]));
        let text = &sql[piece.clone()];
        if sets_variable(text) {
            before.push_str(text);
            unsent = true;
        } else {
            statements.push(Statement::new(format!("{before}{text}"), text));
            before.push_str(&blanked(text));
            unsent = false;
        }
        end = piece.end;
    }
    if unsent {
        statements.push(Statement::new(before, ""));
    }
    statements
}

impl Statement {
    fn new(sql: String, own: &str) -> Self {
        let mut tokens = Tokens::new(own);
        let first = tokens.next();
        let is = |word: &str| first.as_ref().is_some_and(|(token, _)| token.is(word));
        let explains = is("EXPLAIN");
        let describes = explains || ["DESCRIBE", "DESC", "SHOW", "SUMMARIZE"].into_iter().any(is);
        Self { sql, explains, describes }
    }
}

/// True for `SET VARIABLE` and `RESET VARIABLE`.
pub(crate) fn sets_variable(sql: &str) -> bool {
    let mut tokens = Tokens::new(sql).map(|(token, _)| token);
    let is_set = tokens.next().is_some_and(|first| first.is("SET") || first.is("RESET"));
    is_set && tokens.next().is_some_and(|second| second.is("VARIABLE"))
}

/// Words that begin a statement, of those that run and of those that are refused for a reason.
const FIRST_WORDS: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYZE",
    "ATTACH",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DETACH",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "EXPORT",
    "FORCE",
    "FROM",
    "GRANT",
    "IMPORT",
    "INSERT",
    "INSTALL",
    "LOAD",
    "MERGE",
    "PIVOT",
    "PIVOT_LONGER",
    "PIVOT_WIDER",
    "PRAGMA",
    "PREPARE",
    "REINDEX",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "SUMMARIZE",
    "TABLE",
    "TRUNCATE",
    "UNPIVOT",
    "UPDATE",
    "USE",
    "VACUUM",
    "VALUES",
    "WITH",
];

/// The first word of `sql`, when no statement begins with it, and the word that it may have been meant for.
pub(crate) fn no_beginning(sql: &str) -> Option<(String, Option<&'static str>)> {
    match Tokens::new(sql).next() {
        Some((Token::Word(word), _)) if !FIRST_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) => {
            let word = word.to_owned();
            let upper = word.to_ascii_uppercase();
            // Short words are near to each other by chance.
            let is_meant = |near: &&str| near.get(..2) == upper.get(..2);
            Some((word, nearest(&upper, FIRST_WORDS.iter().copied()).filter(is_meant)))
        }
        _ => None,
    }
}

/// As many blanks, and on as many lines.
fn blanked(sql: &str) -> String {
    sql.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { c } else { ' ' }).collect()
}

/// True when `sql` holds nothing to run: only blanks, comments and semicolons.
pub(crate) fn is_blank(sql: &str) -> bool {
    let mut tokens = Tokens::new(sql);
    tokens.all(|(token, _)| token == Token::Symbol(';')) && !tokens.ends_open()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_after_semicolons_that_count() {
        let (statements, rest) = split("SELECT ';'; ;; SELECT 2 -- ;\n; SELECT");
        assert_eq!(statements, ["SELECT ';';", "SELECT 2 -- ;\n;"]);
        assert_eq!(rest, " SELECT");
    }

    #[test]
    fn what_begins_no_statement_is_told_from_what_does() {
        assert_eq!(no_beginning("clear"), Some(("clear".to_owned(), None)));
        assert_eq!(no_beginning("selct 1").unwrap().1, Some("SELECT"));
        for sql in ["", "-- x", "(SELECT 1)", "from t", "/* */ With"] {
            assert_eq!(no_beginning(sql), None, "{sql}");
        }
    }

    #[test]
    fn blanks_hold_nothing_to_run() {
        assert!(is_blank(" ;\n-- x\n/* y */"));
        assert!(!is_blank("x") && !is_blank("/* open"));
    }

    #[test]
    fn each_result_keeps_its_place_and_has_its_variables() {
        let sent = |sql: &str| results(sql).into_iter().map(|statement| statement.sql).collect::<Vec<_>>();
        assert_eq!(sent(" -- one\nSELECT 1;\n"), [" -- one\nSELECT 1;\n"], "one statement stays as it is");
        assert_eq!(sent("SELECT 'ä';\n\tSELEC 2"), ["SELECT 'ä';", "           \n\tSELEC 2"]);
        assert_eq!(
            sent("SET VARIABLE x = 1; FROM a; RESET variable x;FROM b;"),
            ["SET VARIABLE x = 1; FROM a;", "SET VARIABLE x = 1;         RESET variable x;FROM b;"]
        );
        assert_eq!(sent("FROM a; SET VARIABLE x = y"), ["FROM a;", "        SET VARIABLE x = y"]);
    }

    #[test]
    fn statements_that_tell_of_something_are_known() {
        let told = |sql: &str| results(sql).pop().map(|statement| (statement.explains, statement.describes)).unwrap();
        assert_eq!(told("/* a */ explain FROM t"), (true, true));
        assert_eq!(told("SELECT 1; DESCRIBE t;"), (false, true));
        assert_eq!(told("SELECT explain FROM t"), (false, false));
    }
}
