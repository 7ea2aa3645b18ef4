//! The tokens of a statement, read one after another.

use anyhow::Result;
use quack_function::names;
use quack_function::sql::{Token, Tokens};

use super::parts::Part;
use crate::error::{failure, usage};

/// A statement that is not supported in this form.
pub(super) fn unsupported(what: &str, help: impl Into<String>) -> anyhow::Error {
    failure(format!("{what} is not supported"), help)
}

/// A new value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `DEFAULT`: no column has another than NULL.
    Default,
    Of(Part),
}

impl Value {
    /// The piece that it is, if it is one.
    pub(super) fn part(&self) -> Option<&Part> {
        match self {
            Self::Default => None,
            Self::Of(part) => Some(part),
        }
    }

    /// As an expression.
    pub(super) fn sql(&self) -> String {
        self.part().map_or_else(|| "NULL".to_owned(), Part::bracketed)
    }
}

/// The name of a table as the catalog has it, of its parts.
fn full(parts: &[String]) -> Result<String> {
    let of_lake = match parts {
        [database, rest @ ..] if parts.len() == 3 && database.eq_ignore_ascii_case("memory") => rest,
        _ => parts,
    };
    // A dot within a name would be taken for one between two.
    let is_plain = of_lake.iter().all(|part| !part.contains('.'));
    match of_lake {
        [table] if is_plain => Ok(table.clone()),
        [schema, table] if is_plain && schema.eq_ignore_ascii_case("main") => Ok(table.clone()),
        [schema, table] if is_plain && names::is_schema(schema) => Ok(format!("{schema}.{table}")),
        _ => Err(usage(
            format!("there can be no table `{}`", parts.join(".")),
            "write name, or schema.name; a schema is made by CREATE SCHEMA",
        )),
    }
}

/// What the table is called that is in the schema of `table` and has the name `to` there.
pub(super) fn beside(table: &str, to: &str) -> String {
    match names::parts(table).0 {
        Some(schema) => format!("{schema}.{to}"),
        None => to.to_owned(),
    }
}

/// Reads tokens one after another.
pub(super) struct Reader<'a> {
    sql: &'a str,
    pub(super) tokens: Vec<(Token<'a>, usize)>,
    pub(super) at: usize,
    /// Where the statement begins.
    begin: usize,
}

impl<'a> Reader<'a> {
    /// Of the last statement of `sql`.
    pub(super) fn of_last(sql: &'a str) -> Self {
        let mut tokens: Vec<_> = Tokens::new(sql).collect();
        while tokens.last().is_some_and(|(token, _)| *token == Token::Symbol(';')) {
            tokens.pop();
        }
        let at = tokens.iter().rposition(|(token, _)| *token == Token::Symbol(';')).map_or(0, |at| at + 1);
        let begin = if at == 0 { 0 } else { tokens[at - 1].1 };
        Self { sql, tokens, at, begin }
    }

    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// The next token if it is a word; empty otherwise, and where there is none.
    pub(super) fn word(&mut self) -> &'a str {
        match self.tokens.get(self.at) {
            Some((Token::Word(word), _)) => {
                self.at += 1;
                word
            }
            _ => "",
        }
    }

    /// Takes `words`, all of them or none.
    pub(super) fn takes(&mut self, words: &[&str]) -> bool {
        let ahead = self.tokens.get(self.at..self.at + words.len());
        let found = ahead.is_some_and(|ahead| ahead.iter().zip(words).all(|((token, _), word)| token.is(word)));
        self.at += if found { words.len() } else { 0 };
        found
    }

    pub(super) fn symbol(&mut self, symbol: char) -> bool {
        let found = self.peek() == Some(&Token::Symbol(symbol));
        self.at += usize::from(found);
        found
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = match self.peek() {
            Some(token @ (Token::Word(_) | Token::Quoted(_))) => token.name(),
            _ => None,
        };
        self.at += usize::from(name.is_some());
        name
    }

    /// A table's name, which may stand behind those of the database and of its schema.
    pub(super) fn table(&mut self, help: &str) -> Result<String> {
        full(&self.parts(help)?)
    }

    /// A schema's name, which may stand behind that of the database.
    pub(super) fn schema(&mut self, help: &str) -> Result<String> {
        let parts = self.parts(help)?;
        match parts.as_slice() {
            [schema] => Ok(schema.clone()),
            [database, schema] if database.eq_ignore_ascii_case("memory") => Ok(schema.clone()),
            _ => Err(usage(format!("there can be no schema `{}`", parts.join(".")), help.to_owned())),
        }
    }

    /// A column's name behind that of its table.
    pub(super) fn column(&mut self, help: &str) -> Result<(String, String)> {
        let mut parts = self.parts(help)?;
        let column = parts.pop().unwrap_or_default();
        if parts.is_empty() {
            return Err(usage(format!("the table's name is missing before `{column}`"), help.to_owned()));
        }
        full(&parts).map(|table| (table, column))
    }

    /// Names with dots between.
    fn parts(&mut self, help: &str) -> Result<Vec<String>> {
        let wrong = || usage("a table's name is missing in the statement", help.to_owned());
        let mut parts = vec![self.name().ok_or_else(wrong)?];
        while self.symbol('.') {
            parts.push(self.name().ok_or_else(wrong)?);
        }
        Ok(parts)
    }

    /// `[AS] alias`, unless one of the words comes that may follow: then it is called as it is in its schema.
    pub(super) fn alias(&mut self, table: &str, ends: &[&str]) -> String {
        let table = names::parts(table).1;
        let named = self.takes(&["AS"]);
        let is_end = self.peek().is_none_or(|token| ends.iter().any(|word| token.is(word)));
        match named || !is_end {
            true => self.name().unwrap_or_else(|| table.to_owned()),
            false => table.to_owned(),
        }
    }

    /// `(name, ...)`
    pub(super) fn names(&mut self) -> Option<Vec<String>> {
        let mut names = Vec::new();
        self.symbol('(').then_some(())?;
        loop {
            names.push(self.name()?);
            if self.symbol(')') {
                return Some(names);
            }
            self.symbol(',').then_some(())?;
        }
    }

    /// Where the next token, with what is before it, begins.
    pub(super) fn from(&self) -> usize {
        if self.at == 0 { 0 } else { self.tokens[self.at - 1].1 }
    }

    /// What is between the token at `from` and the one at `to`, as a piece.
    pub(super) fn part(&self, from: usize, to: usize) -> Part {
        let end = if to >= self.tokens.len() { self.sql.len() } else { self.tokens[to - 1].1 };
        let end = if to >= self.tokens.len() { self.tokens.last().map_or(end, |(_, end)| *end) } else { end };
        Part::new(self.sql, self.begin, from, end)
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> Part {
        let part = self.part(self.from(), self.tokens.len());
        self.at = self.tokens.len();
        part
    }

    /// Where the first token outside of brackets is, from here on, that `is` one; the end where there is none.
    pub(super) fn find(&self, is: impl Fn(usize, &Token<'_>) -> bool) -> usize {
        let mut depth = 0_usize;
        for (at, (token, _)) in self.tokens.iter().enumerate().skip(self.at) {
            match token {
                Token::Symbol('(' | '[' | '{') => depth += 1,
                Token::Symbol(')' | ']' | '}') => depth = depth.saturating_sub(1),
                token if depth == 0 && is(at, token) => return at,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Where one of `words` is next, outside of brackets and of CASE; the end where there is none.
    pub(super) fn find_word(&self, words: &[&str]) -> usize {
        let (mut depth, mut cases) = (0_usize, 0_usize);
        for (at, (token, _)) in self.tokens.iter().enumerate().skip(self.at) {
            match token {
                Token::Symbol('(' | '[' | '{') => depth += 1,
                Token::Symbol(')' | ']' | '}') => depth = depth.saturating_sub(1),
                token if depth == 0 && token.is("CASE") => cases += 1,
                token if depth == 0 && cases > 0 && token.is("END") => cases -= 1,
                token if depth == 0 && cases == 0 && words.iter().any(|word| token.is(word)) => return at,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// What is between here and the token at `end`, which is next then.
    pub(super) fn until(&mut self, end: usize) -> Part {
        let part = self.part(self.from(), end);
        self.at = end;
        part
    }

    /// A value that reaches to the next comma, or to `end`.
    pub(super) fn value(&mut self, end: usize) -> Value {
        let comma = self.find(|_, token| *token == Token::Symbol(',')).min(end);
        if comma == self.at + 1 && self.takes(&["DEFAULT"]) {
            return Value::Default;
        }
        Value::Of(self.until(comma))
    }

    /// `RETURNING item, ...` up to the end, if it comes.
    pub(super) fn returning(&mut self, help: &str) -> Result<Vec<Part>> {
        let mut items = Vec::new();
        if self.takes(&["RETURNING"]) {
            loop {
                let comma = self.find(|_, token| *token == Token::Symbol(','));
                items.push(self.until(comma));
                if !self.symbol(',') {
                    break;
                }
            }
        }
        match self.peek() {
            None => Ok(items),
            Some(_) => Err(unsupported("RETURNING in this form", help)),
        }
    }

    /// `(column, ...) = (value, ...)`
    fn set_several(&mut self, end: usize, help: &str) -> Result<Vec<(String, Value)>> {
        let wrong = || unsupported("SET (column, ...) in this form", format!("{help}; for several, (a, b) = (1, 2)"));
        let columns = self.names().ok_or_else(wrong)?;
        if !self.symbol('=') {
            return Err(wrong());
        }
        self.takes(&["ROW"]);
        if !self.symbol('(') {
            return Err(wrong());
        }
        let close = self.closing(end);
        let mut values = Vec::new();
        while self.at < close {
            values.push(self.value(close));
            self.symbol(',');
        }
        match self.symbol(')') && values.len() == columns.len() {
            true => Ok(columns.into_iter().zip(values).collect()),
            false => Err(wrong()),
        }
    }

    /// `column = value, ...` up to `end`.
    pub(super) fn set(&mut self, end: usize, help: &str) -> Result<Vec<(String, Value)>> {
        let mut set = Vec::new();
        while self.at < end {
            if self.peek() == Some(&Token::Symbol('(')) {
                set.extend(self.set_several(end, help)?);
                self.symbol(',');
                continue;
            }
            let column = self.name().ok_or_else(|| unsupported("SET in this form", help))?;
            if !self.symbol('=') {
                return Err(unsupported(&format!("what follows `{column}` in SET"), help));
            }
            set.push((column, self.value(end)));
            if self.at < end {
                self.symbol(',');
            }
        }
        match set.is_empty() {
            true => Err(unsupported("SET in this form", help)),
            false => Ok(set),
        }
    }

    /// Whether one of `words` stands outside of brackets, from here to `to`; FROM behind DISTINCT compares.
    pub(super) fn has(&self, words: &[&str], to: usize) -> Option<String> {
        let compares = |at: usize| at > 0 && self.tokens[at - 1].0.is("DISTINCT");
        let is = |at: usize, token: &Token<'_>| words.iter().any(|word| token.is(word)) && !compares(at);
        let at = self.find(is);
        (at < to).then(|| self.tokens[at].0.name().unwrap_or_default().to_ascii_uppercase())
    }

    /// The bracket that closes the one that is open here, if it comes before `end`.
    pub(super) fn closing(&self, end: usize) -> usize {
        let mut depth = 0_usize;
        for (at, (token, _)) in self.tokens.iter().enumerate().take(end).skip(self.at) {
            match token {
                Token::Symbol('(' | '[' | '{') => depth += 1,
                Token::Symbol(')' | ']' | '}') if depth == 0 => return at,
                Token::Symbol(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
        }
        end
    }
}
