//! Loads: from a file, an address or a sample to Parquet files in the bucket and a new catalog.

mod convert;
mod expression;
mod files;
mod foreign;
mod format;
mod header;
mod partition;
mod pieces;
mod piped;
mod pipeline;
mod sample;
mod source;
pub(crate) mod stats;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;
mod way;
mod workdir;
pub(crate) mod written;

pub(crate) use pipeline::{LoadRequest, Mode, load};
pub(crate) use source::Origin;
pub(crate) use workdir::Staging;
