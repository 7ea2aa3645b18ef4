//! PostgreSQL's SQL that DuckDB has other words for: operators and types of the schema `pg_catalog`, collations.

use quack_function::sql::{Token, Tokens};

/// The schema whose names are known without it, too.
const SCHEMA: &str = "pg_catalog";

/// `sql` without what DuckDB does not take.
pub(super) fn rewritten(sql: &str) -> String {
    let tokens: Vec<_> = Tokens::new(sql).collect();
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let from = |at: usize| -> usize {
        let (token, end) = &tokens[at];
        end - match token {
            Token::Word(text) | Token::Quoted(text) | Token::Text(text) => text.len(),
            Token::Symbol(symbol) => symbol.len_utf8(),
        }
    };
    let is_symbol = |at: usize, symbol: char| tokens.get(at).is_some_and(|(token, _)| *token == Token::Symbol(symbol));
    let is_word = |at: usize, word: &str| tokens.get(at).is_some_and(|(token, _)| token.is(word));
    let mut at = 0;
    while at < tokens.len() {
        if is_word(at, "OPERATOR") && is_symbol(at + 1, '(') {
            let close = (at + 2..tokens.len()).find(|at| is_symbol(*at, ')'));
            if let Some(close) = close {
                let begin = if is_word(at + 2, SCHEMA) { at + 4 } else { at + 2 };
                if begin < close {
                    let operator = &sql[from(begin)..from(close)];
                    edits.push((from(at), tokens[close].1, operator.to_owned()));
                }
                at = close + 1;
                continue;
            }
        }
        if is_word(at, "COLLATE") {
            let dotted = is_symbol(at + 2, '.');
            let last = if dotted { at + 3 } else { at + 1 };
            if let Some((_, end)) = tokens.get(last) {
                edits.push((from(at), *end, String::new()));
            }
            at = last + 1;
            continue;
        }
        if is_word(at, SCHEMA) && is_symbol(at + 1, '.') {
            edits.push((from(at), tokens[at + 1].1, String::new()));
            at += 2;
            continue;
        }
        at += 1;
    }
    let mut text = sql.to_owned();
    for (from, to, with) in edits.into_iter().rev() {
        text.replace_range(from..to, &with);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_postgresqls_own_are_put_into_duckdbs() {
        assert_eq!(
            rewritten("SELECT 1 WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default"),
            "SELECT 1 WHERE c.relname ~ '^(t)$' "
        );
        assert_eq!(
            rewritten("SELECT pg_catalog.format_type(1, 2), 'pg_catalog.x' FROM pg_catalog.pg_class"),
            "SELECT format_type(1, 2), 'pg_catalog.x' FROM pg_class"
        );
        assert_eq!(rewritten("SELECT OPERATOR("), "SELECT OPERATOR(");
    }
}
