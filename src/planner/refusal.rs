//! Why a query, or a part of one, is not divided.

/// Why something cannot be split, in words that end a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) String);

impl From<duckdb::Error> for Refusal {
    fn from(error: duckdb::Error) -> Self {
        let text = match error {
            duckdb::Error::DuckDBFailure(_, Some(text)) => text,
            other => other.to_string(),
        };
        Self(text.lines().next().unwrap_or_default().to_owned())
    }
}
