//! Loads: from a file, an address or a sample to Parquet files in the bucket and a new catalog.

mod convert;
mod download;
mod format;
mod partition;
mod pipeline;
mod sample;
mod source;
pub mod stats;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;
mod workdir;
pub mod written;

pub use pipeline::{LoadRequest, Mode, load};
pub use source::Origin;
