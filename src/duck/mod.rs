//! The DuckDB inside quackctl.

pub(crate) mod batches;
mod sandbox;
pub(crate) mod types;
pub(crate) mod words;

pub(crate) use sandbox::{Sandbox, lock, open};
