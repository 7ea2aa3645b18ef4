//! SQL cut into the few kinds of token that matter without a parser: names, texts, semicolons.

/// One token; whitespace and comments are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A keyword or a plain identifier.
    Word(String),
    /// An identifier in double quotes, without them.
    Quoted(String),
    /// A string literal, without its quotes; DuckDB takes one for a table's name after FROM.
    Text(String),
    Semicolon,
    /// Anything else: a number, an operator.
    Other,
}

/// The tokens of `sql`, each with the byte position after it. A quote that is never closed runs to the end.
pub struct Tokens<'a> {
    sql: &'a str,
    at: usize,
    open: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(sql: &'a str) -> Self {
        Self { sql, at: 0, open: false }
    }

    /// True once the end was found inside a quote or a block comment.
    pub fn ends_open(&self) -> bool {
        self.open
    }

    fn rest(&self) -> &'a str {
        &self.sql[self.at..]
    }

    /// Everything up to `end`, which is passed over; up to the end of the text if it is not there.
    fn take_until(&mut self, end: &str) -> &'a str {
        let rest = self.rest();
        let length = rest.find(end).unwrap_or_else(|| {
            self.open = true;
            rest.len()
        });
        self.at += (length + end.len()).min(rest.len());
        &rest[..length]
    }

    /// A quoted run whose quote is doubled to stand for itself; `escapes` for E'...' where a backslash protects.
    fn take_quoted(&mut self, quote: char, escapes: bool) -> String {
        let mut text = String::new();
        let mut chars = self.rest().chars().peekable();
        loop {
            let Some(c) = chars.next() else {
                self.open = true;
                return text;
            };
            self.at += c.len_utf8();
            if c == quote && chars.peek() != Some(&quote) {
                return text;
            }
            let protects = c == quote || (escapes && c == '\\');
            match chars.peek().copied().filter(|_| protects) {
                Some(next) => {
                    chars.next();
                    self.at += next.len_utf8();
                    text.push(next);
                }
                None => text.push(c),
            }
        }
    }

    /// Block comments nest.
    fn skip_comment(&mut self) {
        let mut depth = 0;
        while !self.rest().is_empty() {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
        }
        self.open = true;
    }

    /// `$$` or `$tag$`, if one starts here.
    fn dollar_tag(&self) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest[1..].find('$')? + 1;
        let tag = &rest[1..end];
        let named = tag.chars().all(is_word) && !tag.starts_with(|c: char| c.is_ascii_digit());
        named.then(|| &rest[..=end])
    }
}

impl Iterator for Tokens<'_> {
    type Item = (Token, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest();
            let first = rest.chars().next()?;
            if first.is_whitespace() {
                self.at += first.len_utf8();
            } else if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.skip_comment();
            } else {
                break;
            }
        }
        let rest = self.rest();
        let first = rest.chars().next()?;
        let token = if first == '\'' || rest.starts_with("e'") || rest.starts_with("E'") {
            let escapes = first != '\'';
            self.at += if escapes { 2 } else { 1 };
            Token::Text(self.take_quoted('\'', escapes))
        } else if first == '"' {
            self.at += 1;
            Token::Quoted(self.take_quoted('"', false))
        } else if let Some(tag) = (first == '$').then(|| self.dollar_tag()).flatten() {
            self.at += tag.len();
            Token::Text(self.take_until(tag).to_owned())
        } else if is_word(first) {
            let length = rest.find(|c: char| !is_word(c) && c != '$').unwrap_or(rest.len());
            self.at += length;
            match first.is_ascii_digit() {
                true => Token::Other,
                false => Token::Word(rest[..length].to_owned()),
            }
        } else {
            self.at += first.len_utf8();
            if first == ';' { Token::Semicolon } else { Token::Other }
        };
        Some((token, self.at))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// Cuts `sql` after each semicolon: the finished statements, and what follows the last one.
pub fn split(sql: &str) -> (Vec<&str>, &str) {
    let (mut statements, mut start, mut empty) = (Vec::new(), 0, true);
    for (token, end) in Tokens::new(sql) {
        if token != Token::Semicolon {
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
pub fn is_blank(sql: &str) -> bool {
    let mut tokens = Tokens::new(sql);
    tokens.all(|(token, _)| token == Token::Semicolon) && !tokens.ends_open()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(sql: &str) -> Vec<Token> {
        Tokens::new(sql).map(|(token, _)| token).collect()
    }

    fn word(text: &str) -> Token {
        Token::Word(text.to_owned())
    }

    #[test]
    fn tells_names_from_texts_and_comments() {
        let sql = "SELECT \"a\"\"b\", 'it''s' -- FROM no\n/* FROM /* nor */ this */ FROM trips2 t;";
        assert_eq!(
            tokens(sql),
            [
                word("SELECT"),
                Token::Quoted("a\"b".to_owned()),
                Token::Other,
                Token::Text("it's".to_owned()),
                word("FROM"),
                word("trips2"),
                word("t"),
                Token::Semicolon,
            ]
        );
    }

    #[test]
    fn escape_and_dollar_quotes_hide_what_is_inside() {
        assert_eq!(tokens(r"E'a\'; b' x"), [Token::Text("a'; b".to_owned()), word("x")]);
        assert_eq!(
            tokens("$$ a; $$ $tag$ $$ b $tag$"),
            [Token::Text(" a; ".to_owned()), Token::Text(" $$ b ".to_owned())]
        );
        assert_eq!(tokens("$1 1e5 überall"), [Token::Other, Token::Other, Token::Other, word("überall")]);
    }

    #[test]
    fn open_quotes_and_comments_run_to_the_end() {
        for sql in ["SELECT 'x", "SELECT \"x", "/* x", "$$ x", "'x''", "E'x\\"] {
            let mut all = Tokens::new(sql);
            all.by_ref().for_each(drop);
            assert!(all.ends_open(), "{sql}");
        }
        let mut closed = Tokens::new("SELECT 'x' -- it's");
        closed.by_ref().for_each(drop);
        assert!(!closed.ends_open());
    }

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
