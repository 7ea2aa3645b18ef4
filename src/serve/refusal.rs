//! Errors as PostgreSQL's wire tells them: a SQLSTATE, the words, a hint, and where in the statement it is.

use pgwire::error::ErrorInfo;

use crate::duck::place::placed;
use crate::error::{self, Kind};

/// What went wrong, for a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// As `errcodes.txt` of PostgreSQL has them.
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
    /// The character of the statement that it is about, counted from 1.
    pub position: Option<usize>,
}

pub(super) const CANCELLED: &str = "57014";
pub(super) const FEATURE: &str = "0A000";
pub(super) const PROTOCOL: &str = "08P01";
pub(super) const SYNTAX: &str = "42601";
const FAILED_TRANSACTION: &str = "25P02";
const INTERNAL: &str = "XX000";

/// What stands for a SQLSTATE in the words of an error of this program.
const STATE: &str = "(SQLSTATE ";

/// Beginnings and parts of DuckDB's words, and of this program's, with what they mean; the first that is found counts.
const WORDS: &[(&str, &str)] = &[
    ("Parser Error", SYNTAX),
    ("syntax error", SYNTAX),
    ("Table with name", "42P01"),
    ("there is no table", "42P01"),
    ("there is no view", "42P01"),
    ("there is no schema", "3F000"),
    ("Schema with name", "3F000"),
    ("there is a table", "42P07"),
    ("there is a view", "42P07"),
    ("already", "42P07"),
    ("Scalar Function with name", "42883"),
    ("Function with name", "42883"),
    ("No function matches", "42883"),
    ("Referenced column", "42703"),
    ("does not have a column", "42703"),
    ("Ambiguous reference", "42702"),
    ("must appear in the GROUP BY", "42803"),
    ("Type with name", "42704"),
    ("is no type", "42704"),
    ("Conversion Error", "22P02"),
    ("Out of Range", "22003"),
    ("Division by zero", "22012"),
    ("memory", "53200"),
    ("is refused", "42501"),
    ("is not supported", FEATURE),
    ("Not implemented", FEATURE),
    ("Binder Error", "42P10"),
    ("Catalog Error", "42704"),
    ("Constraint Error", "23000"),
    ("Invalid Input Error", "22023"),
];

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: None, position: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Of what this program or the function says of `sql`.
    pub(super) fn of(error: &anyhow::Error, sql: &str) -> Self {
        let words = error::words(error.as_ref());
        let kind = error::kind(error);
        let code = match kind {
            Kind::Interrupted => CANCELLED.to_owned(),
            Kind::Denied => "42501".to_owned(),
            Kind::Throttled => "53300".to_owned(),
            _ => code_of(&words),
        };
        if code == CANCELLED {
            return Self::cancelled();
        }
        let (message, position) = placed(&words, sql);
        let hint = error::help(error);
        Self { code, message, hint: hint.map(str::to_owned), position }
    }

    /// Whoever ran a statement does not want it any more.
    pub(super) fn cancelled() -> Self {
        Self::new(CANCELLED, "canceling statement due to user request")
    }

    /// It took longer than `statement_timeout`.
    pub(super) fn late() -> Self {
        Self::new(CANCELLED, "canceling statement due to statement timeout")
    }

    /// A statement in a transaction that has failed.
    pub(super) fn in_failed_transaction() -> Self {
        Self::new(FAILED_TRANSACTION, "current transaction is aborted, commands ignored until end of transaction block")
    }
}

fn code_of(words: &str) -> String {
    if let Some((_, rest)) = words.split_once(STATE)
        && let Some((state, _)) = rest.split_once(')')
        && state.len() == 5
        && state.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return state.to_owned();
    }
    let known = WORDS.iter().find(|(sign, _)| words.contains(sign));
    known.map_or(INTERNAL, |(_, code)| code).to_owned()
}

impl From<Refusal> for ErrorInfo {
    fn from(refusal: Refusal) -> Self {
        let mut info = Self::new("ERROR".to_owned(), refusal.code, refusal.message);
        info.hint = refusal.hint;
        info.position = refusal.position.map(|position| position.to_string());
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::failure;

    #[test]
    fn errors_have_a_state_and_a_place() {
        let sql = "SELECT 1,\n  fair FROM trips";
        let words = "Binder Error: Referenced column \"fair\" not found\n\nLINE 2:   fair FROM trips\n          ^";
        let refusal = Refusal::of(&failure(words, "look at its columns"), sql);
        assert_eq!(refusal.code, "42703");
        assert_eq!(refusal.message, "Binder Error: Referenced column \"fair\" not found");
        assert_eq!(refusal.position, Some(13));
        assert_eq!(refusal.hint.as_deref(), Some("look at its columns"));
        let state = |words: &str| Refusal::of(&failure(words, ""), sql).code;
        assert_eq!(state("somebody else has changed `t` (SQLSTATE 40001)"), "40001");
        assert_eq!(state("Parser Error: syntax error at or near \"x\""), "42601");
        assert_eq!(state("something else"), INTERNAL);
        assert_eq!(Refusal::of(&error::interrupted("interrupted"), sql).code, CANCELLED);
    }
}
