//! The DuckDB inside quackctl.

pub mod batches;
pub mod open;
