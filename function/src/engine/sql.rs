//! SQL as text: quoting, and a tokenizer that knows just enough to tell keywords from strings and comments.

/// `name` as a quoted identifier.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as a string literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A piece of SQL. Comments and blanks are none.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A keyword or an identifier that is not quoted.
    Word(&'a str),
    /// A quoted identifier, with its quotes.
    Quoted(&'a str),
    /// A string literal, with its quotes, which may be dollars.
    Text(&'a str),
    /// Any other character.
    Symbol(char),
}

impl Token<'_> {
    /// Whether this is the keyword `word`, in any case.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(own) if own.eq_ignore_ascii_case(word))
    }

    /// Whether this is the identifier `name`, quoted or not.
    pub fn names(&self, name: &str) -> bool {
        self.is(name) || matches!(self, Token::Quoted(own) if own.trim_matches('"').eq_ignore_ascii_case(name))
    }
}

/// Splits `sql` as DuckDB's lexer does. What is not closed reaches to the end.
pub fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let len = if is_blank(first) {
            first.len_utf8()
        } else if rest.starts_with("--") {
            rest.find(['\n', '\r']).unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_len(rest)
        } else if first == '\'' {
            let len = quoted_len(rest, '\'', false);
            tokens.push(Token::Text(&rest[..len]));
            len
        } else if first == '"' {
            let len = quoted_len(rest, '"', false);
            tokens.push(Token::Quoted(&rest[..len]));
            len
        } else if first == '$'
            && let Some(len) = dollar_len(rest)
        {
            tokens.push(Token::Text(&rest[..len]));
            len
        } else if is_word_start(first) {
            let len = rest.find(|c| !is_word_part(c)).unwrap_or(rest.len());
            if rest[..len].eq_ignore_ascii_case("e") && rest[len..].starts_with('\'') {
                let len = len + quoted_len(&rest[len..], '\'', true);
                tokens.push(Token::Text(&rest[..len]));
                len
            } else {
                tokens.push(Token::Word(&rest[..len]));
                len
            }
        } else {
            tokens.push(Token::Symbol(first));
            first.len_utf8()
        };
        rest = &rest[len..];
    }
    tokens
}

/// DuckDB reads Unicode's blanks as it does a space.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && !is_blank(c))
}

fn is_word_part(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit() || c == '$'
}

/// Length of a comment at the start of `rest`; comments nest.
fn comment_len(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let ahead = &rest.as_bytes()[at..];
        if ahead.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if ahead.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of a quoted text at the start of `rest`, where a doubled `quote` stands for itself.
fn quoted_len(rest: &str, quote: char, backslash_escapes: bool) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash_escapes {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// Length of a dollar-quoted text (`$$...$$`, `$tag$...$tag$`) at the start of `rest`, if one begins there.
fn dollar_len(rest: &str) -> Option<usize> {
    let tag_end = 1 + rest[1..].find(|c: char| c == '$' || !is_word_part(c))?;
    let tag = rest.get(..=tag_end).filter(|tag| tag.ends_with('$'))?;
    if tag[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(rest[tag.len()..].find(tag).map_or(rest.len(), |end| tag.len() + end + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<&str> {
        tokens(sql)
            .into_iter()
            .filter_map(|token| if let Token::Word(word) = token { Some(word) } else { None })
            .collect()
    }

    #[test]
    fn quoting() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
    }

    #[test]
    fn comments_and_blanks_are_no_tokens() {
        assert_eq!(words("a --x 'y\nb/* c /* d */ e */f"), ["a", "b", "f"]);
        assert_eq!(words("create\u{a0}secret\u{3000}x\u{200b}y"), ["create", "secret", "x", "y"]);
        assert!(tokens(" -- only\n/* this").is_empty());
    }

    #[test]
    fn texts_hide_what_they_hold() {
        assert_eq!(words("a 'create secret' b"), ["a", "b"]);
        assert_eq!(words("a 'it''s' b"), ["a", "b"]);
        assert_eq!(words(r"a '\' b"), ["a", "b"], "a backslash is a character in a plain string");
        assert_eq!(words(r"a E'\' x' b"), ["a", "b"], "and escapes in an E string");
        assert_eq!(words("a $$ x ' $$ b $t$ y $$ $t$ c"), ["a", "b", "c"]);
        assert_eq!(words("a \"x y\" b"), ["a", "b"]);
        assert_eq!(words("a 'never closed b"), ["a"]);
    }

    #[test]
    fn dollars_that_quote_nothing() {
        assert_eq!(words("select $1, $name, x$y$ from t"), ["select", "name", "x$y$", "from", "t"]);
        assert_eq!(words("$"), [""; 0]);
    }
}
