//! SQL as text: quoting, and a tokenizer that knows just enough to tell keywords from strings and comments.

use crate::names;

/// `name` as a quoted identifier.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name of a table or a view, as SQL has it: behind that of its schema, if it is another than `main`.
pub fn qualified(name: &str) -> String {
    match names::parts(name) {
        (Some(schema), name) => format!("{}.{}", identifier(schema), identifier(name)),
        (None, name) => identifier(name),
    }
}

/// The same where DuckDB keeps tables, so that it is found under its full name, `memory.main.trips`, too.
pub fn own_table(name: &str) -> String {
    let main = if names::parts(name).0.is_some() { "" } else { "main." };
    format!("memory.{main}{}", qualified(name))
}

/// What may be the name of a table in `sql`: every name and text, and two names with a dot between.
pub fn names(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    let mut names: Vec<String> = tokens.iter().filter_map(Token::name).collect();
    let pairs = tokens.windows(3).filter(|three| three[1] == Token::Symbol('.'));
    names.extend(pairs.filter_map(|three| Some(format!("{}.{}", three[0].name()?, three[2].name()?))));
    names
}

/// `text` as a string literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `text` as an item of a list that DuckDB reads from text: `["a", "b"]`.
pub fn list_item(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
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
        !matches!(self, Token::Text(_)) && self.name().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// What may name something: a word, or what is inside the quotes. DuckDB takes a string for a table's name, too.
    pub fn name(&self) -> Option<String> {
        let inside =
            |text: &str, quote: &str| text.strip_suffix(quote).unwrap_or(text).replace(&quote.repeat(2), quote);
        Some(match self {
            Token::Word(word) => (*word).to_owned(),
            Token::Quoted(text) => inside(text.strip_prefix('"')?, "\""),
            Token::Text(text) => match dollar_tag(text) {
                Some(tag) => text[tag.len()..].strip_suffix(tag).unwrap_or_default().to_owned(),
                None => joined(text),
            },
            Token::Symbol(_) => return None,
        })
    }
}

/// The tokens of a piece of SQL, split as DuckDB's lexer does, each with the byte position after it. What is not closed
/// reaches to the end.
pub struct Tokens<'a> {
    sql: &'a str,
    at: usize,
    open: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(sql: &'a str) -> Self {
        Self { sql, at: 0, open: false }
    }

    /// True once the end was found inside a quote or a comment that is not closed.
    pub fn ends_open(&self) -> bool {
        self.open
    }

    /// Passes over `len` bytes, or over all that is left when there is no end.
    fn take(&mut self, len: Option<usize>) -> &'a str {
        let rest = &self.sql[self.at..];
        self.open |= len.is_none();
        let taken = &rest[..len.unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (Token<'a>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = &self.sql[self.at..];
            let first = rest.chars().next()?;
            let token = if is_blank(first) {
                self.take(Some(first.len_utf8()));
                continue;
            } else if rest.starts_with("--") {
                self.take(Some(rest.find(['\n', '\r']).unwrap_or(rest.len())));
                continue;
            } else if rest.starts_with("/*") {
                self.take(comment_len(rest));
                continue;
            } else if first == '\'' {
                Token::Text(self.take(text_len(rest, false)))
            } else if first == '"' {
                Token::Quoted(self.take(quoted_len(rest, '"', false)))
            } else if let Some(tag) = dollar_tag(rest) {
                let end = rest[tag.len()..].find(tag).map(|end| tag.len() + end + tag.len());
                Token::Text(self.take(end))
            } else if is_word_start(first) {
                let len = rest.find(|c| !is_word_part(c)).unwrap_or(rest.len());
                if rest[..len].eq_ignore_ascii_case("e") && rest[len..].starts_with('\'') {
                    Token::Text(self.take(text_len(&rest[len..], true).map(|quoted| len + quoted)))
                } else {
                    Token::Word(self.take(Some(len)))
                }
            } else {
                self.take(Some(first.len_utf8()));
                Token::Symbol(first)
            };
            return Some((token, self.at));
        }
    }
}

/// All tokens of `sql`.
pub fn tokens(sql: &str) -> Vec<Token<'_>> {
    Tokens::new(sql).map(|(token, _)| token).collect()
}

/// DuckDB reads Unicode's blanks as it does a space.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && !is_blank(c))
}

fn is_word_part(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit() || c == '$'
}

/// Length of a comment at the start of `rest`, `None` if it is not closed; comments nest.
fn comment_len(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let ahead = &rest.as_bytes()[at..];
        if ahead.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if ahead.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}

/// Length of a quoted text at the start of `rest`, where a doubled `quote` stands for itself; `None` if it is not closed.
fn quoted_len(rest: &str, quote: char, backslash_escapes: bool) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash_escapes {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + 1);
        }
    }
    None
}

/// Length of a text at the start of `rest`, `None` if it is not closed. Quoted text on a line below goes on with it, and with its escapes.
fn text_len(rest: &str, backslash_escapes: bool) -> Option<usize> {
    let mut len = quoted_len(rest, '\'', backslash_escapes)?;
    while let Some(blank) = continuation_len(&rest[len..]) {
        len += blank + quoted_len(&rest[len + blank..], '\'', backslash_escapes)?;
    }
    Some(len)
}

/// What a text with its quotes says, all pieces of it; its escapes stay as they are written.
fn joined(text: &str) -> String {
    let mut rest = text.find('\'').map_or("", |first| &text[first..]);
    let backslash_escapes = !text.starts_with('\'');
    let mut all = String::new();
    while let Some(open) = rest.strip_prefix('\'') {
        let len = quoted_len(rest, '\'', backslash_escapes);
        let inside = len.map_or(open, |len| &rest[1..len - 1]);
        all += &inside.replace("''", "'");
        let end = len.unwrap_or(rest.len());
        rest = continuation_len(&rest[end..]).map_or("", |blank| &rest[end + blank..]);
    }
    all
}

/// Length of the blanks between a closing quote and the one that continues the text: at least one end of a line, and
/// comments up to one.
fn continuation_len(rest: &str) -> Option<usize> {
    let (mut at, mut lines) = (0, false);
    loop {
        let ahead = &rest[at..];
        match ahead.chars().next()? {
            '\'' => return lines.then_some(at),
            c if is_blank(c) => {
                lines |= matches!(c, '\n' | '\r');
                at += c.len_utf8();
            }
            '-' if ahead.starts_with("--") => at += ahead.find(['\n', '\r'])?,
            _ => return None,
        }
    }
}

/// The tag (`$$`, `$tag$`) of a dollar-quoted text, if one begins `rest`.
fn dollar_tag(rest: &str) -> Option<&str> {
    let inside = rest.strip_prefix('$')?;
    let end = 1 + inside.find(|c: char| c == '$' || !is_word_part(c))?;
    let tag = rest.get(..=end).filter(|tag| tag.ends_with('$'))?;
    (!inside.starts_with(|c: char| c.is_ascii_digit())).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_is_inside_the_quotes() {
        let names: Vec<_> = tokens(r#"trips "a""b" 'it''s' $$x$$ $t$y$t$ 1 "#).iter().filter_map(Token::name).collect();
        assert_eq!(names, ["trips", "a\"b", "it's", "x", "y"]);
    }

    #[test]
    fn tokens_tell_where_they_end_and_whether_something_is_open() {
        let ends: Vec<_> = Tokens::new("a 'b;' ;").map(|(_, end)| end).collect();
        assert_eq!(ends, [1, 6, 8]);
        let open = |sql| {
            let mut tokens = Tokens::new(sql);
            tokens.by_ref().for_each(drop);
            tokens.ends_open()
        };
        for sql in ["SELECT 'x", "SELECT \"x", "/* x", "$$ x", "'x''", "E'x\\"] {
            assert!(open(sql), "{sql}");
        }
        assert!(!open("SELECT 'x' -- it's") && !open(""));
    }

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
    fn escapes_go_on_in_the_quotes_of_the_next_line() {
        assert_eq!(words("a E'x'\n'y\\'; b' c"), ["a", "c"]);
        assert_eq!(words("a e'x' -- b\n\t -- c\r '\\'' d"), ["a", "d"]);
        assert_eq!(words("a E'x' '\\' b"), ["a", "b"], "on the same line it is another text");
        assert_eq!(words("a 'x'\n'\\' b"), ["a", "b"], "a plain text goes on as a plain one");
        assert_eq!(words("a E'x'\n b"), ["a", "b"]);
    }

    #[test]
    fn dollars_that_quote_nothing() {
        assert_eq!(words("select $1, $name, x$y$ from t"), ["select", "name", "x$y$", "from", "t"]);
        assert_eq!(words("$"), [""; 0]);
    }
}
