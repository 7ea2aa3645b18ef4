//! One SELECT in two stages: what each way to divide a query makes, before it is known whether it pays.

use serde_json::Value;

use super::query_plan::Strategy;

/// A SELECT in two stages.
pub(super) struct Draft {
    /// Runs over each split.
    pub map: Value,
    /// Runs over what the splits gave; its FROM is still to be filled in.
    pub final_node: Value,
    /// What the map's result is to be.
    pub shape: Shape,
}

/// What a fetch is to be, besides its SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub strategy: Strategy,
    /// Rows have to be stacked in the order of the splits.
    pub ordered: bool,
    /// As many rows as this are enough.
    pub enough_rows: Option<u64>,
    /// The splits may give as many rows as the table has: nothing reduces them first.
    pub unreduced: bool,
}
