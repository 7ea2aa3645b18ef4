//! The DuckDB inside quackctl.

pub(crate) mod batches;
pub(crate) mod open;
