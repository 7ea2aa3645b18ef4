//! The lake: tables in the bucket, how they get there and what is known of them.

pub(crate) mod branch;
pub(crate) mod catalog;
mod check;
mod claims;
pub(crate) mod comments;
pub(crate) mod describe;
pub(crate) mod described_view;
pub(crate) mod drop;
pub(crate) mod expire;
pub(crate) mod fork;
pub(crate) mod hollow;
pub(crate) mod iceberg;
pub(crate) mod load;
pub(crate) mod named;
pub(crate) mod recover;
pub(crate) mod registered;
pub(crate) mod rename;
pub(crate) mod reshape;
pub(crate) mod schemas;
mod stored;
mod table;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod versions;
pub(crate) mod views;
