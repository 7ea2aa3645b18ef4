//! What a stage holds that nobody can make again, named before and after it is deleted.

use std::fmt;

use serde::Serialize;

/// Names of tables that are shown of a place; of more, how many there are.
const SHOWN: usize = 8;

/// Data in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Holding {
    pub bucket: String,
    /// The key prefix that the data are under, in a bucket that stays; empty for all of the bucket.
    pub prefix: String,
    /// The tables, by name.
    pub tables: Vec<String>,
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "bucket {}", self.bucket)?,
            prefix => write!(f, "s3://{}/{prefix}", self.bucket)?,
        }
        let shown = self.tables.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.tables.len() {
            0 => write!(f, ", in which no table is"),
            1 => write!(f, " with table {shown}"),
            count @ ..=SHOWN => write!(f, " with {count} tables: {shown}"),
            count => write!(f, " with {count} tables: {shown} and {} more", count - SHOWN),
        }
    }
}

/// Several, as a sentence has them.
pub(crate) fn list(holdings: &[Holding]) -> String {
    holdings.iter().map(Holding::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_and_many_are_counted() {
        let held = |prefix: &str, count: usize| {
            let tables = (0..count).map(|table| format!("t{table}")).collect();
            Holding { bucket: "b".to_owned(), prefix: prefix.to_owned(), tables }.to_string()
        };
        assert_eq!(held("", 0), "bucket b, in which no table is");
        assert_eq!(held("", 1), "bucket b with table t0");
        assert_eq!(held("q/", 2), "s3://b/q/ with 2 tables: t0, t1");
        assert!(held("", 10).ends_with("10 tables: t0, t1, t2, t3, t4, t5, t6, t7 and 2 more"));
    }
}
