//! The lake: tables in the bucket, how they get there and what is known of them.

pub mod catalog;
pub mod describe;
mod download;
pub mod engine;
mod format;
pub mod layout;
mod load;
pub mod object;
mod partition;
mod sample;
mod source;
mod stage;
pub mod staged;
mod staging;
pub mod stats;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;
pub mod upload;

pub use load::load;
