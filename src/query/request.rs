//! What is asked of a query.

use quack_function::wire::Spill;

/// What to run, and how much of its result to bring back.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub sql: String,
    /// Most rows to return; `None` is all of them.
    pub limit: Option<u64>,
    pub spill: Spill,
}
