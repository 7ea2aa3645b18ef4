//! The grammar of a type's text, by recursive descent over the tokens of SQL.

use super::{BadType, MAX_BYTES, MAX_DEPTH, SqlType};
use crate::sql::{Token, Tokens};
use std::collections::HashSet;

/// DuckDB's names of types without parameters: its own spelling, and the others that mean the same.
const PLAIN: &[(&str, &[&str])] = &[
    ("BOOLEAN", &["BOOL", "LOGICAL"]),
    ("TINYINT", &["INT1"]),
    ("SMALLINT", &["INT2", "INT16", "SHORT"]),
    ("INTEGER", &["INT", "INT4", "INT32", "INTEGRAL", "SIGNED"]),
    ("BIGINT", &["INT8", "INT64", "LONG"]),
    ("HUGEINT", &["INT128"]),
    ("UTINYINT", &["UINT8"]),
    ("USMALLINT", &["UINT16"]),
    ("UINTEGER", &["UINT32"]),
    ("UBIGINT", &["UINT64"]),
    ("UHUGEINT", &["UINT128"]),
    ("BIGNUM", &["VARINT"]),
    ("FLOAT", &["FLOAT4", "REAL"]),
    ("DOUBLE", &["FLOAT8"]),
    ("VARCHAR", &["STRING", "BPCHAR", "NVARCHAR"]),
    ("BLOB", &["BYTEA", "BINARY", "VARBINARY"]),
    ("BIT", &["BITSTRING"]),
    ("UUID", &["GUID"]),
    ("DATE", &[]),
    ("TIME", &[]),
    ("TIME_NS", &[]),
    ("TIME WITH TIME ZONE", &["TIMETZ"]),
    ("TIMESTAMP", &["DATETIME", "TIMESTAMP_US"]),
    ("TIMESTAMP_S", &[]),
    ("TIMESTAMP_MS", &[]),
    ("TIMESTAMP_NS", &[]),
    ("TIMESTAMP WITH TIME ZONE", &["TIMESTAMPTZ"]),
    ("INTERVAL", &[]),
    ("GEOMETRY", &[]),
    ("VARIANT", &[]),
    ("JSON", &[]),
    ("\"NULL\"", &["NULL"]),
];

/// Longest ARRAY that DuckDB makes.
const MAX_ARRAY: u32 = 100_000;

/// Reads `text`, all of it.
pub(super) fn parse(text: &str) -> Result<SqlType, BadType> {
    if text.len() > MAX_BYTES {
        return Err(bad(format!("a type of {} bytes is longer than {MAX_BYTES}", text.len())));
    }
    let mut tokens = Tokens::new(text);
    let list: Vec<_> = tokens.by_ref().map(|(token, _)| token).collect();
    let mut parser = Parser { text, tokens: &list, at: 0 };
    if tokens.ends_open() {
        return Err(parser.wrong());
    }
    let parsed = parser.sql_type(0)?;
    if parser.at < list.len() { Err(parser.wrong()) } else { Ok(parsed) }
}

fn bad(message: String) -> BadType {
    BadType { message }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    at: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self) -> BadType {
        let shown: String = self.text.chars().take(80).collect();
        bad(format!("{shown:?} is no type that DuckDB has"))
    }

    fn next(&mut self) -> Option<&'a Token<'a>> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    fn take_symbol(&mut self, symbol: char) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Symbol(symbol));
        self.at += usize::from(found);
        found
    }

    fn take_words(&mut self, words: &[&str]) -> bool {
        let ahead = self.tokens.get(self.at..self.at + words.len());
        let found = ahead.is_some_and(|ahead| ahead.iter().zip(words).all(|(token, word)| token.is(word)));
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn expect(&mut self, symbol: char) -> Result<(), BadType> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.wrong()) }
    }

    /// A whole number without sign, which the tokenizer gives digit by digit.
    fn number(&mut self) -> Result<u32, BadType> {
        let mut number: Option<u32> = None;
        while let Some(Token::Symbol(symbol)) = self.tokens.get(self.at)
            && let Some(digit) = symbol.to_digit(10)
        {
            let longer = number.unwrap_or(0).checked_mul(10).and_then(|number| number.checked_add(digit));
            number = Some(longer.ok_or_else(|| self.wrong())?);
            self.at += 1;
        }
        number.ok_or_else(|| self.wrong())
    }

    /// A number, and the bracket that closes behind it.
    fn number_to_bracket(&mut self) -> Result<u32, BadType> {
        let number = self.number()?;
        self.expect(')')?;
        Ok(number)
    }

    /// A type with its `[]` and `[n]`, `depth` levels down.
    fn sql_type(&mut self, mut depth: usize) -> Result<SqlType, BadType> {
        let mut sql_type = self.base(depth)?;
        while self.take_symbol('[') {
            depth += 1;
            self.check(depth)?;
            if self.take_symbol(']') {
                sql_type = SqlType::List(Box::new(sql_type));
                continue;
            }
            let len = self.number()?;
            self.expect(']')?;
            if !(1..=MAX_ARRAY).contains(&len) {
                return Err(self.wrong());
            }
            sql_type = SqlType::Array(Box::new(sql_type), len);
        }
        Ok(sql_type)
    }

    fn check(&self, depth: usize) -> Result<(), BadType> {
        if depth < MAX_DEPTH { Ok(()) } else { Err(bad(format!("a type is nested deeper than {MAX_DEPTH}"))) }
    }

    fn base(&mut self, depth: usize) -> Result<SqlType, BadType> {
        self.check(depth)?;
        let word = match self.next() {
            Some(Token::Word(word)) => word.to_ascii_uppercase(),
            Some(Token::Quoted("\"NULL\"")) => return Ok(SqlType::Plain("\"NULL\"")),
            _ => return Err(self.wrong()),
        };
        match word.as_str() {
            "DECIMAL" | "NUMERIC" | "DEC" => self.decimal(),
            "ENUM" => self.enumeration(),
            "MAP" => {
                self.expect('(')?;
                let key = self.sql_type(depth + 1)?;
                self.expect(',')?;
                let value = self.sql_type(depth + 1)?;
                self.expect(')')?;
                Ok(SqlType::Map(Box::new(key), Box::new(value)))
            }
            "STRUCT" | "ROW" => Ok(SqlType::Struct(self.fields(depth, true)?)),
            "UNION" => Ok(SqlType::Union(self.fields(depth, false)?)),
            "GEOMETRY" if self.take_symbol('(') => {
                let crs = self.text_value()?;
                self.expect(')')?;
                Ok(SqlType::Geometry(crs))
            }
            "TIMESTAMP" | "TIME" if self.take_words(&["WITH", "TIME", "ZONE"]) => {
                Ok(SqlType::Plain(if word == "TIME" { "TIME WITH TIME ZONE" } else { "TIMESTAMP WITH TIME ZONE" }))
            }
            "TIMESTAMP" | "TIME" if self.take_words(&["WITHOUT", "TIME", "ZONE"]) => self.plain(&word),
            "TIMESTAMP" if self.take_symbol('(') => {
                let digits = self.number_to_bracket()?;
                self.take_words(&["WITHOUT", "TIME", "ZONE"]);
                match digits {
                    0 => self.plain("TIMESTAMP_S"),
                    1..=3 => self.plain("TIMESTAMP_MS"),
                    4..=6 => self.plain("TIMESTAMP"),
                    7..=9 => self.plain("TIMESTAMP_NS"),
                    _ => Err(self.wrong()),
                }
            }
            "FLOAT" if self.take_symbol('(') => {
                let bits = self.number_to_bracket()?;
                match bits {
                    1..=24 => self.plain("FLOAT"),
                    25..=53 => self.plain("DOUBLE"),
                    _ => Err(self.wrong()),
                }
            }
            "DOUBLE" if self.take_words(&["PRECISION"]) => Ok(SqlType::Plain("DOUBLE")),
            // DuckDB takes a length, and thinks nothing of it.
            "VARCHAR" | "CHAR" | "CHARACTER" | "TEXT" => {
                if word.starts_with("CHAR") {
                    self.take_words(&["VARYING"]);
                }
                if self.take_symbol('(') {
                    self.number_to_bracket()?;
                }
                Ok(SqlType::Plain("VARCHAR"))
            }
            _ => self.plain(&word),
        }
    }

    fn plain(&self, word: &str) -> Result<SqlType, BadType> {
        let known = PLAIN.iter().find(|(name, others)| *name == word || others.contains(&word));
        known.map(|(name, _)| SqlType::Plain(name)).ok_or_else(|| self.wrong())
    }

    fn decimal(&mut self) -> Result<SqlType, BadType> {
        if !self.take_symbol('(') {
            return Ok(SqlType::Decimal { width: 18, scale: 3 });
        }
        let width = self.number()?;
        let scale = if self.take_symbol(',') { self.number()? } else { 0 };
        self.expect(')')?;
        if !(1..=38).contains(&width) || scale > width {
            return Err(self.wrong());
        }
        Ok(SqlType::Decimal { width: width as u8, scale: scale as u8 })
    }

    fn enumeration(&mut self) -> Result<SqlType, BadType> {
        self.expect('(')?;
        let (mut values, mut seen) = (Vec::new(), HashSet::new());
        loop {
            let value = self.text_value()?;
            if !seen.insert(value.clone()) {
                return Err(self.wrong());
            }
            values.push(value);
            if !self.take_symbol(',') {
                break;
            }
        }
        self.expect(')')?;
        Ok(SqlType::Enum(values))
    }

    /// A plain text in single quotes.
    fn text_value(&mut self) -> Result<String, BadType> {
        match self.next() {
            Some(token @ Token::Text(text)) if text.starts_with('\'') => token.name().ok_or_else(|| self.wrong()),
            _ => Err(self.wrong()),
        }
    }

    /// Fields in brackets: all with a name, or, where that is allowed, all without.
    fn fields(&mut self, depth: usize, may_be_unnamed: bool) -> Result<Vec<(String, SqlType)>, BadType> {
        self.expect('(')?;
        let mut fields: Vec<(String, SqlType)> = Vec::new();
        loop {
            let start = self.at;
            let named = match self.next() {
                Some(token @ (Token::Word(_) | Token::Quoted(_))) => {
                    let name = token.name().filter(|name| !name.is_empty());
                    // A name, when a type follows it.
                    let follows = matches!(self.tokens.get(self.at), Some(Token::Word(_) | Token::Quoted(_)));
                    let zoned = token.is("TIMESTAMP") || token.is("TIME") || token.is("DOUBLE");
                    let goes_on = zoned
                        && self
                            .tokens
                            .get(self.at)
                            .is_some_and(|next| next.is("WITH") || next.is("WITHOUT") || next.is("PRECISION"));
                    name.filter(|_| follows && !goes_on)
                }
                _ => return Err(self.wrong()),
            };
            if named.is_none() {
                self.at = start;
                if !may_be_unnamed {
                    return Err(self.wrong());
                }
            }
            let name = named.unwrap_or_default();
            if fields.first().is_some_and(|(first, _)| first.is_empty() != name.is_empty()) {
                return Err(self.wrong());
            }
            fields.push((name, self.sql_type(depth + 1)?));
            if !self.take_symbol(',') {
                break;
            }
        }
        self.expect(')')?;
        Ok(fields)
    }
}
