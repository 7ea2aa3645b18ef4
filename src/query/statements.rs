//! A text of several statements, cut into them.

use quack_function::sql::{Token, Tokens};

/// Cuts `sql` after each semicolon: the finished statements, and what follows the last one.
pub(crate) fn split(sql: &str) -> (Vec<&str>, &str) {
    let (mut statements, mut start, mut empty) = (Vec::new(), 0, true);
    for (token, end) in Tokens::new(sql) {
        if token != Token::Symbol(';') {
            empty = false;
            continue;
        }
        if !empty {
            statements.push(sql[start..end].trim());
        }
        (start, empty) = (end, true);
    }
    (statements, &sql[start..])
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
    fn blanks_hold_nothing_to_run() {
        assert!(is_blank(" ;\n-- x\n/* y */"));
        assert!(!is_blank("x") && !is_blank("/* open"));
    }
}
