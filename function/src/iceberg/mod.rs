//! Apache Iceberg's metadata, form 2, as far as a reader of tables needs it: which files a table has.
//!
//! What has to be decoded for each query (a manifest tells some thirty things of each file) is decoded here, and only what is
//! wanted of it: general Avro libraries build a tree of named values of all of it, which takes ten times as long.
//! Source: Apache Iceberg's table specification, <https://iceberg.apache.org/spec/>.

pub mod avro;
pub mod manifest;
pub mod metadata;
pub mod scalar;

use std::fmt;

/// Most that a count may be: what is added up of such stays far below what a number can hold.
pub const MOST: i64 = 1 << 45;

/// Refuses counts that are none.
///
/// # Errors
/// The first that is below zero, or more than there is of anything.
pub(crate) fn check_counts(counts: &[i64]) -> Result<(), Bad> {
    match counts.iter().find(|count| !(0..=MOST).contains(*count)) {
        Some(count) => Err(Bad::new(format!("{count} is no number of anything"))),
        None => Ok(()),
    }
}

/// Why metadata cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad(String);

impl Bad {
    /// What is wrong, in words that follow the name of what was read.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Bad {}
