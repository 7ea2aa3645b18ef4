//! What is asked of the planner.

use crate::lake::catalog::Catalog;

/// How much a plan gathers at most, where nobody says otherwise: half a minute of a slow line.
pub(crate) const GATHER_BYTES: u64 = 64 << 20;

/// What to plan, and within which bounds.
pub(crate) struct Request<'a> {
    pub sql: &'a str,
    pub catalog: &'a Catalog,
    pub workers: Workers,
    /// Most bytes, as estimated, that a plan may gather without reducing them first.
    pub gather_bytes: u64,
    /// Rows that will be looked at, whatever the SQL gives; `None` is all of them.
    pub limit: Option<u64>,
    pub grain: Grain,
}

/// The least that a file is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grain {
    /// Pieces begin and end at multiples of this: row groups are read as a whole.
    pub rows: u64,
    pub bytes: u64,
}

impl Default for Grain {
    /// Files of 64 MiB are cut, at DuckDB's row groups, which are those of all files that functions write but of very wide rows, which
    /// have smaller ones.
    fn default() -> Self {
        Self { rows: 122_880, bytes: 32 << 20 }
    }
}

/// How many functions may run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workers {
    /// As many as pay, up to this.
    Auto(usize),
    /// This many, for any gain at all.
    Exactly(usize),
}

impl Default for Workers {
    /// As many as pay, and no more than 64.
    fn default() -> Self {
        Self::Auto(64)
    }
}

impl Workers {
    /// The most functions that may run at once.
    pub(crate) fn most(self) -> usize {
        match self {
            Self::Auto(most) | Self::Exactly(most) => most,
        }
    }
}
