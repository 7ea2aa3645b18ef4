//! How the rows of a query are handed out: what a page draws, or a file that is saved.

/// Most bytes of an answer, in any form.
pub const MOST_BYTES: usize = 64 << 20;

/// A form of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What a page draws: 100,000 rows at most.
    Arrow,
    Csv,
    Parquet,
}

impl Form {
    /// The query that is named, and the form that its name's ending asks for; nothing for an ending that is none.
    pub fn of(name: &str) -> (&str, Option<Self>) {
        match name.rsplit_once('.') {
            None => (name, Some(Self::Arrow)),
            Some((name, "csv")) => (name, Some(Self::Csv)),
            Some((name, "parquet")) => (name, Some(Self::Parquet)),
            Some((name, _)) => (name, None),
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// What the name of a file that is saved ends in; nothing of what a page draws.
    pub fn ending(self) -> Option<&'static str> {
        match self {
            Self::Arrow => None,
            Self::Csv => Some("csv"),
            Self::Parquet => Some("parquet"),
        }
    }
}
