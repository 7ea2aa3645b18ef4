//! The DuckDB inside quackctl.

pub(crate) mod batches;
pub(crate) mod lists;
pub(crate) mod parameters;
pub(crate) mod place;
mod raw;
mod sandbox;
pub(crate) mod types;
pub(crate) mod words;

pub(crate) use raw::RawDatabase;
pub(crate) use sandbox::{Sandbox, lock, open};
