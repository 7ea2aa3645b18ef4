//! What an invocation answers when it fails.

use serde::Deserialize;
use std::fmt;

/// A failed invocation: Lambda's `errorType` and `errorMessage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `Quack.*` when the function refuses, `DuckDB.*` when DuckDB does (`DuckDB.ParserError`).
    pub error_type: String,
    /// What is wrong; DuckDB's own words, caret line included, when it is DuckDB's error.
    pub message: String,
}

impl Failure {
    /// A failure of type `error_type`.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), message: message.into() }
    }

    /// A failure from DuckDB's message, which begins with its kind: `Parser Error: syntax error at ...`. Its Arrow
    /// conversion says the same as JSON.
    pub fn duckdb(message: impl Into<String>) -> Self {
        #[derive(Deserialize)]
        struct Exception {
            exception_type: String,
            exception_message: String,
        }
        let message = message.into();
        let message = match serde_json::from_str::<Exception>(&message) {
            Ok(exception) => format!("{} Error: {}", exception.exception_type, exception.exception_message),
            Err(_) => message,
        };
        let kind = message.split_once(": ").map_or("", |(kind, _)| kind);
        let named = kind.ends_with("Error") && kind.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
        let error_type = format!("DuckDB.{}", if named { kind.replace(' ', "") } else { "Error".to_owned() });
        let message = if error_type == "DuckDB.PermissionError" {
            format!("{message}\n{}", super::sandbox::CONFINED)
        } else {
            message
        };
        Self { error_type, message }
    }

    /// A failure of the Arrow encoder.
    pub fn arrow(error: arrow::error::ArrowError) -> Self {
        Self::new("Quack.EncodingError", format!("the result has no Arrow form: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_duckdb_errors() {
        let kind = |message: &str| Failure::duckdb(message).error_type;
        assert_eq!(kind("Parser Error: syntax error at or near \"x\""), "DuckDB.ParserError");
        assert_eq!(kind("Out of Range Error: overflow"), "DuckDB.OutofRangeError");
        let json = r#"{"exception_type": "Not implemented", "exception_message": "Unsupported Arrow type VARIANT"}"#;
        assert_eq!(Failure::duckdb(json).message, "Not implemented Error: Unsupported Arrow type VARIANT");
        assert_eq!(kind(json), "DuckDB.NotimplementedError");
        assert_eq!(kind("no kind"), "DuckDB.Error");
        assert_eq!(kind("it's: odd"), "DuckDB.Error");
    }
}
