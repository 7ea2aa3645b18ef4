//! From the text of a `COPY` to what it says.

use super::{BadCopy, CopyValue};
use crate::sql::{Token, Tokens};
use crate::wire::Destination;
use std::collections::BTreeMap;

/// A `COPY ... TO`.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyStatement<'a> {
    pub source: CopySource<'a>,
    pub destination: Destination,
}

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopySource<'a> {
    /// The SQL in brackets, as it stands there.
    Query(&'a str),
    /// A table by its name, which may be qualified, and its columns; all when there are none.
    Table { name: Vec<String>, columns: Vec<String> },
}

impl<'a> CopyStatement<'a> {
    /// Reads `sql`, which begins with `COPY`.
    ///
    /// # Errors
    /// When it is no `COPY (SELECT ...)|table TO 'address' [(options)]` whose address and options are told as plain
    /// values.
    pub fn parse(sql: &'a str) -> Result<Self, BadCopy> {
        let mut tokens = Tokens::new(sql);
        let list: Vec<_> = tokens.by_ref().collect();
        let mut parser = Parser { sql, tokens: &list, at: 0 };
        if tokens.ends_open() || !parser.take_word("COPY") {
            return Err(malformed());
        }
        let source = parser.source()?;
        if parser.take_word("FROM") {
            return Err(BadCopy::new(
                "COPY ... FROM: a table that it fills would end with the query; read the file in the query, FROM \
                 's3://...', or load it with `quackctl load`",
            ));
        }
        if !parser.take_word("TO") {
            return Err(malformed());
        }
        let uri = parser.plain_text().ok_or_else(|| {
            BadCopy::new("COPY TO a place that is not told as plain text: write it as 's3://bucket/key'")
        })?;
        parser.take_word("WITH");
        let mut options = if parser.take_symbol('(') { parser.options()? } else { BTreeMap::new() };
        if parser.at < list.len() {
            return Err(malformed());
        }
        let format = match options.remove("FORMAT") {
            Some(CopyValue::Text(format)) => Some(format),
            Some(_) => return Err(malformed()),
            None => None,
        };
        Ok(Self { source, destination: Destination { uri, format, options } })
    }
}

fn malformed() -> BadCopy {
    BadCopy::new("COPY in this form: write COPY (SELECT ...) TO 's3://bucket/key' (FORMAT parquet, OPTION value, ...)")
}

struct Parser<'a, 't> {
    sql: &'a str,
    tokens: &'t [(Token<'a>, usize)],
    at: usize,
}

impl<'a> Parser<'a, '_> {
    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(word));
        self.at += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: char) -> bool {
        let found = self.peek() == Some(&Token::Symbol(symbol));
        self.at += usize::from(found);
        found
    }

    /// A text without escapes, behind which there is no other: one on a line below is a part of it.
    fn plain_text(&mut self) -> Option<String> {
        let plain = |token: &Token| matches!(token, Token::Text(text) if text.starts_with(['\'', '$']));
        let text = self.peek().filter(|token| plain(token))?.name()?;
        let goes_on = matches!(self.tokens.get(self.at + 1), Some((Token::Text(_), _)));
        self.at += 1;
        (!goes_on).then_some(text)
    }

    fn source(&mut self) -> Result<CopySource<'a>, BadCopy> {
        if self.peek() == Some(&Token::Symbol('(')) {
            let start = self.tokens[self.at].1;
            let mut depth = 0_usize;
            for (index, (token, end)) in self.tokens.iter().enumerate().skip(self.at) {
                match token {
                    Token::Symbol('(') => depth += 1,
                    Token::Symbol(')') => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    self.at = index + 1;
                    return Ok(CopySource::Query(&self.sql[start..end - 1]));
                }
            }
            return Err(malformed());
        }
        let mut name = vec![self.identifier()?];
        while self.take_symbol('.') {
            name.push(self.identifier()?);
        }
        let columns = if self.take_symbol('(') { self.names()? } else { Vec::new() };
        Ok(CopySource::Table { name, columns })
    }

    fn identifier(&mut self) -> Result<String, BadCopy> {
        let name = match self.peek() {
            Some(token @ (Token::Word(_) | Token::Quoted(_))) => token.name().filter(|name| !name.is_empty()),
            _ => None,
        };
        self.at += 1;
        name.ok_or_else(malformed)
    }

    /// Names with commas between, and the closing bracket.
    fn names(&mut self) -> Result<Vec<String>, BadCopy> {
        let mut names = Vec::new();
        loop {
            let text = self.plain_text();
            names.push(text.map_or_else(|| self.identifier(), Ok)?);
            if self.take_symbol(')') {
                return Ok(names);
            }
            if !self.take_symbol(',') {
                return Err(malformed());
            }
        }
    }

    /// Options with commas between, and the closing bracket.
    fn options(&mut self) -> Result<BTreeMap<String, CopyValue>, BadCopy> {
        let mut options = BTreeMap::new();
        loop {
            let name = self.identifier()?.to_ascii_uppercase();
            let value = self.value(&name)?;
            if options.insert(name, value).is_some() {
                return Err(malformed());
            }
            if self.take_symbol(')') {
                return Ok(options);
            }
            if !self.take_symbol(',') {
                return Err(malformed());
            }
        }
    }

    fn value(&mut self, option: &str) -> Result<CopyValue, BadCopy> {
        let bad = || BadCopy::new(format!("COPY TO with a {option} that is not told as a plain value"));
        let value = match self.peek() {
            None | Some(Token::Symbol(',' | ')')) => CopyValue::Flag(true),
            Some(Token::Symbol('*')) => {
                self.at += 1;
                CopyValue::Text("*".to_owned())
            }
            Some(Token::Symbol('(')) => {
                self.at += 1;
                CopyValue::Columns(self.names()?)
            }
            Some(Token::Symbol('{')) => {
                self.at += 1;
                CopyValue::Texts(self.texts().ok_or_else(bad)?)
            }
            Some(Token::Symbol(c)) if c.is_ascii_digit() => self.number().ok_or_else(bad)?,
            Some(Token::Text(text)) if text.starts_with(['e', 'E']) => {
                let text = unescape(text).ok_or_else(bad)?;
                self.at += 1;
                CopyValue::Text(text)
            }
            Some(Token::Text(_)) => CopyValue::Text(self.plain_text().ok_or_else(bad)?),
            Some(Token::Quoted(_)) => CopyValue::Columns(vec![self.identifier()?]),
            Some(Token::Word(word)) => {
                let word = (*word).to_owned();
                self.at += 1;
                if option == "PARTITION_BY" || option == "FORCE_QUOTE" {
                    CopyValue::Columns(vec![word])
                } else {
                    CopyValue::Text(word)
                }
            }
            Some(Token::Symbol(_)) => return Err(bad()),
        };
        match self.peek() {
            Some(Token::Symbol(',' | ')')) => Ok(value),
            _ => Err(bad()),
        }
    }

    fn number(&mut self) -> Option<CopyValue> {
        let mut digits = String::new();
        while let Some(Token::Symbol(c)) = self.peek()
            && (c.is_ascii_digit() || *c == '.')
        {
            digits.push(*c);
            self.at += 1;
        }
        match digits.parse() {
            Ok(count) => Some(CopyValue::Count(count)),
            Err(_) => digits.parse().ok().map(CopyValue::Number),
        }
    }

    /// `key: 'text'` with commas between, and the closing brace.
    fn texts(&mut self) -> Option<BTreeMap<String, String>> {
        let mut texts = BTreeMap::new();
        loop {
            let key = self.plain_text();
            let key = key.map_or_else(|| self.identifier().ok(), Some)?;
            if !self.take_symbol(':') || texts.insert(key, self.plain_text()?).is_some() {
                return None;
            }
            if self.take_symbol('}') {
                return Some(texts);
            }
            if !self.take_symbol(',') {
                return None;
            }
        }
    }
}

/// What a short text with backslash escapes stands for; `None` for escapes other than C's own letters.
fn unescape(text: &str) -> Option<String> {
    let inside = text.get(1..)?.strip_prefix('\'')?.strip_suffix('\'')?;
    let (mut out, mut chars) = (String::new(), inside.chars());
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                c @ ('\\' | '\'' | '"') => c,
                _ => return None,
            },
            '\'' => (chars.next()? == '\'').then_some('\'')?,
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_written_where_and_how() {
        let copy = CopyStatement::parse(
            "copy (SELECT ')' AS \"to\" FROM t -- )\n) /* x */ to $$s3://b/x$$ WITH (format csv, header, delim E'\\t', \
             partition_by (a, \"b\"\"c\"), force_quote *, quote '''')",
        )
        .unwrap();
        assert_eq!(copy.source, CopySource::Query("SELECT ')' AS \"to\" FROM t -- )\n"));
        assert_eq!((copy.destination.uri.as_str(), copy.destination.format.as_deref()), ("s3://b/x", Some("csv")));
        let text = |text: &str| CopyValue::Text(text.to_owned());
        let columns = CopyValue::Columns(vec!["a".to_owned(), "b\"c".to_owned()]);
        let expected = [
            ("DELIM", text("\t")),
            ("FORCE_QUOTE", text("*")),
            ("HEADER", CopyValue::Flag(true)),
            ("PARTITION_BY", columns),
            ("QUOTE", text("'")),
        ];
        let expected: BTreeMap<_, _> = expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(copy.destination.options, expected);

        let copy = CopyStatement::parse("COPY t TO 's3://b'\n'/x.csv'").unwrap();
        assert_eq!(copy.destination.uri, "s3://b/x.csv", "a text that goes on in the line below");

        let copy = CopyStatement::parse(
            "COPY main.\"my t\" (a) TO 's3://b/x' (ROW_GROUP_SIZE 1000, KV_METADATA {a: 'b'}, \
             BLOOM_FILTER_FALSE_POSITIVE_RATIO 0.01)",
        )
        .unwrap();
        let name = vec!["main".to_owned(), "my t".to_owned()];
        assert_eq!(copy.source, CopySource::Table { name, columns: vec!["a".to_owned()] });
        assert_eq!(copy.destination.options["ROW_GROUP_SIZE"], CopyValue::Count(1000));
    }

    #[test]
    fn refuses_what_is_not_told_as_values() {
        for sql in [
            "COPY t TO ('s3://lake/x.csv')",
            "COPY t TO getvariable('x')",
            "COPY t TO $1",
            "COPY t TO ?",
            "COPY t TO \"s3://lake/x.csv\"",
            "COPY t TO E's3://lake/x.csv'",
            "COPY t TO 's3://lake/x' '/../y.csv'",
            "COPY t TO x.y",
            "COPY t TO",
            "COPY t TO PROGRAM 'x'",
            "COPY t TO 's3://b/x' (FORMAT csv) x",
            "COPY t TO 's3://b/x' (HEADER (SELECT 1))",
            "COPY t TO 's3://b/x' (HEADER 1 + 1)",
            "COPY t TO 's3://b/x' (HEADER, HEADER)",
            "COPY t TO 's3://b/x' (FORMAT ('csv'))",
            "COPY t TO 's3://b/x' CSV HEADER",
            "COPY t TO 's3://b/x' (",
            "COPY (SELECT 1 TO 's3://b/x'",
            "COPY (SELECT 1)) TO 's3://b/x'",
            "COPY t FROM 's3://b/x'",
            "COPY FROM DATABASE a TO b",
            "COPY 't' TO 's3://b/x'",
            "COPY",
        ] {
            let error = CopyStatement::parse(sql).expect_err(sql).to_string();
            assert!(error.starts_with("COPY"), "{sql}: {error}");
        }
    }
}
