//! What an invocation answers when it fails.

use serde::Deserialize;
use std::fmt;

/// Ends the message of what DuckDB's own walls refuse.
const CONFINED: &str = "The function's SQL is confined to its bucket and the folders of `lake.read`: no local files, other \
                        buckets or http addresses.";

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

    /// The sandbox's refusal of `what`, with the reason and what to do instead.
    pub fn refused(what: &str, why: &str) -> Self {
        Self::new("Quack.SandboxError", format!("{what} is refused: {why}"))
    }

    /// Whether it tells that DuckDB lost its way, so that the instance cannot be relied on any more.
    pub fn is_internal(&self) -> bool {
        ["DuckDB.INTERNALError", "DuckDB.FATALError", "Quack.InternalError"].contains(&self.error_type.as_str())
    }

    /// Whether DuckDB tells no more than that it was interrupted.
    pub fn has_lost_its_reason(&self) -> bool {
        self.error_type == "DuckDB.INTERRUPTError"
    }

    /// Whether DuckDB had less memory than the query takes.
    pub fn is_out_of_memory(&self) -> bool {
        self.error_type == "DuckDB.OutofMemoryError"
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
        let mut failure = Self { error_type, message };
        if failure.error_type == "DuckDB.PermissionError" {
            failure.message += &format!("\n{CONFINED}");
        } else if failure.is_internal() {
            failure.message = without_addresses(&failure.message);
        }
        failure
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

/// A message without the trace of the stack and the addresses that DuckDB puts into those about itself.
fn without_addresses(message: &str) -> String {
    let message = message.split("\nStack Trace").next().unwrap_or_default().trim_end();
    let mut parts = message.split("0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |cut, part| cut + "0x…" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

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

    #[test]
    fn no_address_is_told() {
        let failure = Failure::duckdb(
            "INTERNAL Error: Attempted to access index 0 in 0x7f12ab34 of size 0\n\nStack Trace:\n\n/lib/libduckdb.so(x+0x1234) [0x7f]",
        );
        assert_eq!(failure.message, "INTERNAL Error: Attempted to access index 0 in 0x… of size 0");
        assert!(failure.is_internal() && Failure::duckdb("FATAL Error: x").is_internal());
        assert!(!Failure::duckdb("Binder Error: 0x12").is_internal());
    }
}
