//! The lake: tables in the bucket, how they get there and what is known of them.

pub(crate) mod catalog;
pub(crate) mod describe;
pub(crate) mod drop;
pub(crate) mod load;
