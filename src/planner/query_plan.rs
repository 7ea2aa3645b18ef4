//! What the planner gives: the strategy, the queries to run over parts of tables, and the one over what they bring.

use std::fmt;

use quack_function::wire::Column;
use serde::Serialize;

use super::splits::Split;

/// How the work is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// One function runs the query as it stands.
    Single,
    /// Each function groups and aggregates its part; the final query merges the groups.
    PartialAggregate,
    /// Each function filters and projects its part; the final query orders, limits or makes distinct what came.
    Projection,
    /// The functions send the rows and columns that the query needs; the final query does the work.
    Gather,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single function",
            Self::PartialAggregate => "partial aggregate",
            Self::Projection => "projection",
            Self::Gather => "gather",
        })
    }
}

/// What to run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct QueryPlan {
    pub strategy: Strategy,
    /// Why, in a sentence.
    pub reason: String,
    /// None for [`Strategy::Single`].
    pub fetches: Vec<Fetch>,
    /// The query over the tables that the fetches fill; for [`Strategy::Single`] the user's own.
    pub final_sql: String,
    /// What one function would have to look through, bytes: of a query that was taken apart the columns that it reads of files
    /// that may have rows for it, of others all files of all tables.
    pub table_bytes: u64,
}

/// One query to run over each part of a table, and the table that takes what comes back.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fetch {
    /// The table of the final query that takes the rows of every split.
    pub name: String,
    /// Its columns. A fetch without splits leaves it empty.
    pub columns: Vec<Column>,
    pub strategy: Strategy,
    /// Runs once for each split, with the files of `table` being the split's.
    pub sql: String,
    /// The table that is split, by its name in the catalog.
    pub table: String,
    pub splits: Vec<Split>,
    /// What the columns that the query reads take in the splits together, bytes.
    pub read_bytes: u64,
    /// Files that no row of the query can come from, left out of the splits.
    pub pruned_files: usize,
    /// Other tables that the query reads, which each function reads whole.
    pub broadcast: Vec<Broadcast>,
    /// Rows have to be stacked in the order of the splits, as the query asks for the first rows or lists of rows.
    pub ordered: bool,
    /// As many rows as this make the answer, whichever splits they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enough_rows: Option<u64>,
}

#[cfg(any(test, feature = "fuzzing"))]
impl QueryPlan {
    /// A plan whose answer is what comes for its one fetch, with `columns`: for tests of what becomes of that.
    pub(crate) fn of_one_part(columns: Vec<Column>) -> Self {
        let fetch = Fetch {
            name: "part".to_owned(),
            columns,
            strategy: Strategy::Projection,
            sql: String::new(),
            table: String::new(),
            splits: Vec::new(),
            read_bytes: 0,
            pruned_files: 0,
            broadcast: Vec::new(),
            ordered: false,
            enough_rows: None,
        };
        Self {
            strategy: Strategy::Projection,
            reason: String::new(),
            fetches: vec![fetch],
            final_sql: "FROM part".to_owned(),
            table_bytes: 0,
        }
    }
}

impl Fetch {
    /// What the function with the most to read does read of the table that is split, bytes.
    pub(super) fn most_read(&self) -> u64 {
        let (most, all) = self
            .splits
            .iter()
            .fold((0, 0), |(most, all): (u64, u64), split| (most.max(split.bytes), all.saturating_add(split.bytes)));
        // Columns are the same part of each file, more or less.
        u64::try_from(u128::from(self.read_bytes) * u128::from(most) / u128::from(all.max(1))).unwrap_or(u64::MAX)
    }

    /// What each function reads of other tables, bytes.
    pub(crate) fn broadcast_bytes(&self) -> u64 {
        self.broadcast.iter().map(|table| table.bytes).fold(0, u64::saturating_add)
    }
}

/// A table that each function reads whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Broadcast {
    pub table: String,
    /// What the columns that are read of it take.
    pub bytes: u64,
}
