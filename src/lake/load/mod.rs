//! Loads: from a file, an address or a sample to Parquet files in the bucket and a new catalog.

mod checked;
pub(crate) mod commit;
mod convert;
mod decode;
mod evolve;
pub(crate) mod expression;
mod files;
mod foreign;
mod form;
mod format;
mod gather;
mod given;
mod header;
mod late;
pub(crate) mod objects;
pub(crate) mod partition;
mod pieces;
mod piped;
mod pipeline;
mod recut;
mod sample;
mod source;
pub(crate) mod stats;
mod stop;
pub(crate) mod sweep;
#[cfg(test)]
mod tests;
mod watch;
mod way;
mod whole;
mod workdir;
pub(crate) mod written;

pub(crate) use commit::Mode;
pub(crate) use pipeline::{LoadRequest, load};
pub(crate) use source::Origin;
pub(crate) use workdir::Staging;
