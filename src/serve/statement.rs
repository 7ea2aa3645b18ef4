//! What a client's statement is: one about its session, which is answered here, or SQL for the lake. A form that is not known here is
//! SQL, and DuckDB says what is wrong with it.

use quack_function::sql::{Token, Tokens};

use super::copy::{self, Copy, CopyOptions, Target};
use super::refusal::Refusal;

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// Nothing but blanks and comments.
    Empty,
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    Set {
        name: String,
        value: String,
    },
    /// Of what there is one of only: `SET SESSION AUTHORIZATION`, isolation levels.
    SetNothing,
    Reset(String),
    ResetAll,
    Show(String),
    ShowAll,
    /// The tag that is answered.
    Discard(&'static str),
    Declare {
        cursor: String,
        query: String,
        /// It outlives its transaction.
        holds: bool,
    },
    Fetch {
        cursor: String,
        count: Count,
        moves: bool,
    },
    /// Rows for the client, written as it says.
    CopyOut {
        query: String,
        options: CopyOptions,
    },
    /// Rows of the client's.
    CopyIn {
        target: Target,
        options: CopyOptions,
    },
    /// The same in a form that is not known.
    Refused(Refusal),
    /// All of them without a name.
    Close(Option<String>),
    /// All of them without a name.
    Deallocate(Option<String>),
    /// Something about a server that this one does not do, and that asks for no answer: its tag.
    Nothing(&'static str),
    SetVariable(String),
    ResetVariable(String),
    Sql,
}

/// How many rows of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Rows(u64),
    All,
    /// To where it has been: which cursors that only go forward do not.
    Backward,
}

/// Tokens of a statement, from the first.
struct Words<'a> {
    tokens: Vec<(Token<'a>, usize)>,
    sql: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn of(sql: &'a str) -> Self {
        let mut tokens: Vec<_> = Tokens::new(sql).collect();
        while tokens.last().is_some_and(|(token, _)| *token == Token::Symbol(';')) {
            tokens.pop();
        }
        Self { tokens, sql, at: 0 }
    }

    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// Takes all of `words`, or none.
    fn takes(&mut self, words: &[&str]) -> bool {
        let ahead = self.tokens.get(self.at..self.at + words.len());
        let found = ahead.is_some_and(|ahead| ahead.iter().zip(words).all(|((token, _), word)| token.is(word)));
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn takes_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.takes(&[word]))
    }

    fn name(&mut self) -> Option<String> {
        let token = self.peek()?;
        let name = match token {
            // Names that nobody quotes are in lower case.
            Token::Word(word) => word.to_ascii_lowercase(),
            Token::Quoted(_) | Token::Text(_) => token.name()?,
            Token::Symbol(_) => return None,
        };
        self.at += 1;
        Some(name)
    }

    /// A name that may have dots in it.
    fn setting(&mut self) -> Option<String> {
        let mut name = self.name()?;
        while self.peek() == Some(&Token::Symbol('.')) {
            self.at += 1;
            name = format!("{name}.{}", self.name()?);
        }
        Some(name)
    }

    fn is_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The text that is left.
    fn rest(&self) -> &'a str {
        let from = if self.at == 0 { 0 } else { self.tokens[self.at - 1].1 };
        let to = self.tokens.last().map_or(from, |(_, end)| *end);
        self.sql.get(from..to).unwrap_or_default().trim()
    }

    /// A value as `SET` takes it: a text without its quotes, or several of them.
    fn value(&self) -> String {
        let left = &self.tokens[self.at.min(self.tokens.len())..];
        match left {
            [(token @ (Token::Text(_) | Token::Quoted(_)), _)] => token.name().unwrap_or_default(),
            _ => self.rest().to_owned(),
        }
    }
}

impl Statement {
    /// What `sql`, one statement, is.
    pub(super) fn of(sql: &str) -> Self {
        let mut words = Words::of(sql);
        if words.is_end() {
            return Self::Empty;
        }
        words.session().unwrap_or(Self::Sql)
    }

    /// Whether it begins or ends a transaction.
    pub(super) fn is_about_transactions(&self) -> bool {
        matches!(self, Self::Begin | Self::Commit | Self::Rollback)
    }

    /// Whether it may run in a transaction that has failed: what ends it.
    pub(super) fn ends_transaction(&self) -> bool {
        matches!(self, Self::Commit | Self::Rollback | Self::RollbackTo(_))
    }
}

impl Words<'_> {
    /// The statement, if it is one about the session.
    fn session(&mut self) -> Option<Statement> {
        if self.takes(&["BEGIN"]) || self.takes(&["START", "TRANSACTION"]) {
            return Some(Statement::Begin);
        }
        if self.takes_any(&["COMMIT", "END"]) {
            return Some(Statement::Commit);
        }
        if self.takes(&["ROLLBACK"]) || self.takes(&["ABORT"]) {
            self.takes_any(&["TRANSACTION", "WORK"]);
            if !self.takes(&["TO"]) {
                return Some(Statement::Rollback);
            }
            self.takes(&["SAVEPOINT"]);
            return self.name().map(Statement::RollbackTo);
        }
        if self.takes(&["SAVEPOINT"]) {
            return self.name().map(Statement::Savepoint);
        }
        if self.takes(&["RELEASE"]) {
            self.takes(&["SAVEPOINT"]);
            return self.name().map(Statement::Release);
        }
        if self.takes(&["SET", "VARIABLE"]) {
            return self.name().map(Statement::SetVariable);
        }
        if self.takes(&["RESET", "VARIABLE"]) {
            return self.name().map(Statement::ResetVariable);
        }
        if self.takes(&["SET"]) {
            return self.set();
        }
        if self.takes(&["RESET"]) {
            return if self.takes(&["ALL"]) { Some(Statement::ResetAll) } else { self.setting().map(Statement::Reset) };
        }
        if self.takes(&["SHOW"]) {
            return self.show();
        }
        if self.takes(&["DISCARD"]) {
            let tags = ["DISCARD ALL", "DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP"];
            let word = self.name()?;
            return tags.into_iter().find(|tag| tag.ends_with(&word.to_ascii_uppercase())).map(Statement::Discard);
        }
        if self.takes(&["DEALLOCATE"]) {
            self.takes(&["PREPARE"]);
            return if self.takes(&["ALL"]) {
                Some(Statement::Deallocate(None))
            } else {
                self.name().map(|name| Statement::Deallocate(Some(name)))
            };
        }
        if self.takes(&["COPY"]) {
            return copy::read(self.sql, &self.tokens).map(|read| match read {
                Ok((Copy::Out(query), options)) => Statement::CopyOut { query, options },
                Ok((Copy::In(target), options)) => Statement::CopyIn { target, options },
                Err(refusal) => Statement::Refused(refusal),
            });
        }
        self.cursor().or_else(|| {
            let nothing = ["LISTEN", "UNLISTEN", "NOTIFY", "LOCK TABLE", "CHECKPOINT"];
            let first = nothing.into_iter().find(|tag| self.takes(&[tag.split(' ').next().unwrap_or(tag)]));
            first.map(Statement::Nothing)
        })
    }

    fn set(&mut self) -> Option<Statement> {
        self.takes_any(&["SESSION", "LOCAL"]);
        if self.takes(&["TRANSACTION"])
            || self.takes(&["CHARACTERISTICS"])
            || self.takes(&["AUTHORIZATION"])
            || self.takes(&["CONSTRAINTS"])
        {
            return Some(Statement::SetNothing);
        }
        if self.takes(&["TIME", "ZONE"]) {
            return Some(Statement::Set { name: "TimeZone".to_owned(), value: self.value() });
        }
        if self.takes(&["NAMES"]) {
            return Some(Statement::Set { name: "client_encoding".to_owned(), value: self.value() });
        }
        let name = self.setting()?;
        if self.peek() == Some(&Token::Symbol('=')) {
            self.at += 1;
        } else if !self.takes(&["TO"]) {
            return None;
        }
        if self.takes(&["DEFAULT"]) && self.is_end() {
            return Some(Statement::Reset(name));
        }
        Some(Statement::Set { name, value: self.value() })
    }

    fn show(&mut self) -> Option<Statement> {
        if self.takes(&["TIME", "ZONE"]) {
            return Some(Statement::Show("TimeZone".to_owned()));
        }
        if self.takes(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
            return Some(Statement::Show("transaction_isolation".to_owned()));
        }
        if self.takes(&["ALL"]) {
            return self.is_end().then_some(Statement::ShowAll);
        }
        let name = self.setting()?;
        // DuckDB's own, and `SHOW table`.
        self.is_end().then_some(Statement::Show(name))
    }

    fn cursor(&mut self) -> Option<Statement> {
        if self.takes(&["CLOSE"]) {
            return if self.takes(&["ALL"]) {
                Some(Statement::Close(None))
            } else {
                self.name().map(|cursor| Statement::Close(Some(cursor)))
            };
        }
        if self.takes(&["DECLARE"]) {
            let cursor = self.name()?;
            while self.takes_any(&["BINARY", "ASENSITIVE", "INSENSITIVE", "NO", "SCROLL"]) {}
            if !self.takes(&["CURSOR"]) {
                return None;
            }
            let holds = self.takes(&["WITH", "HOLD"]);
            self.takes(&["WITHOUT", "HOLD"]);
            return self.takes(&["FOR"]).then(|| Statement::Declare { cursor, query: self.rest().to_owned(), holds });
        }
        let moves = match (self.takes(&["FETCH"]), self.takes(&["MOVE"])) {
            (false, false) => return None,
            (_, moves) => moves,
        };
        let count = self.count();
        self.takes_any(&["FROM", "IN"]);
        let cursor = self.name()?;
        Some(Statement::Fetch { cursor, count, moves })
    }

    /// `10`, `FORWARD 10`, `ALL`, `FORWARD ALL`, `NEXT`; one row without.
    fn count(&mut self) -> Count {
        if self.takes_any(&["BACKWARD", "PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE"]) {
            return Count::Backward;
        }
        self.takes_any(&["FORWARD", "NEXT"]);
        if self.takes(&["ALL"]) {
            return Count::All;
        }
        let mut digits = String::new();
        while let Some(Token::Symbol(digit)) = self.peek()
            && digit.is_ascii_digit()
        {
            digits.push(*digit);
            self.at += 1;
        }
        digits.parse().map_or(Count::Rows(1), Count::Rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_about_the_session_are_told_from_sql() {
        let set = |name: &str, value: &str| Statement::Set { name: name.into(), value: value.into() };
        let fetch = |count, moves| Statement::Fetch { cursor: "c".into(), count, moves };
        for (sql, statement) in [
            (" -- x\n;", Statement::Empty),
            ("begin read only;", Statement::Begin),
            ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", Statement::Begin),
            ("ROLLBACK TO SAVEPOINT \"A b\"", Statement::RollbackTo("A b".into())),
            ("abort work", Statement::Rollback),
            ("SET extra_float_digits = 3", set("extra_float_digits", "3")),
            ("SET SESSION datestyle TO 'ISO'", set("datestyle", "ISO")),
            ("SET search_path TO a, \"b\"", set("search_path", "a, \"b\"")),
            ("set time zone 'UTC'", set("TimeZone", "UTC")),
            ("SET a.b = DEFAULT", Statement::Reset("a.b".into())),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Statement::SetNothing),
            ("SET VARIABLE x = 1", Statement::SetVariable("x".into())),
            ("RESET VARIABLE \"X y\"", Statement::ResetVariable("X y".into())),
            ("SHOW server_version", Statement::Show("server_version".into())),
            ("SHOW ALL TABLES", Statement::Sql),
            ("SHOW TRANSACTION ISOLATION LEVEL", Statement::Show("transaction_isolation".into())),
            ("DISCARD ALL", Statement::Discard("DISCARD ALL")),
            (
                "DECLARE \"named\" CURSOR WITHOUT HOLD FOR select * from trips;",
                Statement::Declare { cursor: "named".into(), query: "select * from trips".into(), holds: false },
            ),
            ("FETCH FORWARD 100 FROM \"c\"", fetch(Count::Rows(100), false)),
            ("fetch all in c", fetch(Count::All, false)),
            ("MOVE c", fetch(Count::Rows(1), true)),
            ("FETCH PRIOR FROM c", fetch(Count::Backward, false)),
            ("CLOSE ALL", Statement::Close(None)),
            ("DEALLOCATE p", Statement::Deallocate(Some("p".into()))),
            ("SELECT 1", Statement::Sql),
            ("CREATE TABLE x (a INT)", Statement::Sql),
        ] {
            assert_eq!(Statement::of(sql), statement, "{sql}");
        }
    }
}
