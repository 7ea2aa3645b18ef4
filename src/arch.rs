//! The processors that the function can be built for.

use anyhow::{Context as _, Result};

pub(crate) use quack_pinned::duckdb::Arch;

/// This machine's processor.
///
/// # Errors
/// DuckDB publishes no library for it.
pub(crate) fn host() -> Result<Arch> {
    Arch::parse(std::env::consts::ARCH).context("no DuckDB library is pinned for this processor")
}
