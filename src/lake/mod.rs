//! The lake: tables in the bucket, how they get there and what is known of them.

pub mod catalog;
pub mod describe;
pub mod load;
