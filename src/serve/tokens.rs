//! Tokens of SQL, as far as more than one reader of them needs the same.

use quack_function::sql::Token;

/// The bracket that closes the one at `open`.
pub(super) fn closing(tokens: &[(Token<'_>, usize)], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, (token, _)) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') if depth == 1 => return Some(at),
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}
