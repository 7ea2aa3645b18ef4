//! The lake against those who can write to its bucket.

mod catalogs;
pub(crate) mod corpus;
