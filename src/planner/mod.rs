//! Quack-reduce: one SQL query as many smaller ones, that functions run side by side over parts of a table, and one
//! more that makes the answer of what they found.
//!
//! [`Planner::plan`] is given SQL and the catalog, and says what to run: *fetches*, each a query with the parts of a
//! table to run it on, and the *final* query over what they brought. It reads nothing but the catalog and changes
//! nothing. What it gives is DuckDB's own answer; where it cannot be sure of that, the plan is to run the query as it
//! stands.

mod aggregate;
mod ast;
mod estimate;
mod explain;
mod from;
mod functions;
mod gather;
mod normal;
mod plan;
mod project;
mod prune;
mod recipes;
mod scratch;
mod spell;
mod splits;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;

use quack_function::wire::Column;
use serde::Serialize;
use serde_json::Value;

use crate::lake::catalog::Catalog;
use functions::Functions;
pub(crate) use plan::Planner;
use scratch::Scratch;
pub(crate) use splits::Split;

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
pub(crate) struct Plan {
    pub strategy: Strategy,
    /// Why, in a sentence.
    pub reason: String,
    /// None for [`Strategy::Single`].
    pub fetches: Vec<Fetch>,
    /// The query over the tables that the fetches fill; for [`Strategy::Single`] the user's own.
    pub final_sql: String,
    /// What all files of all tables of the query hold, bytes: what one function would have to look through.
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

impl Fetch {
    /// What the splits hold together.
    pub(crate) fn split_bytes(&self) -> u64 {
        self.splits.iter().map(|split| split.bytes).sum()
    }
}

/// A table that each function reads whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Broadcast {
    pub table: String,
    pub bytes: u64,
}

/// What every step of planning reads.
struct Tools<'a> {
    scratch: &'a Scratch,
    functions: &'a Functions,
    catalog: &'a Catalog,
}

/// A SELECT in two stages.
struct Draft {
    /// Runs over each split.
    map: Value,
    /// Runs over what the splits gave; its FROM is still to be filled in.
    last: Value,
    strategy: Strategy,
    ordered: bool,
    enough_rows: Option<u64>,
    /// Whether the splits may give as many rows as the table has.
    brings_rows: bool,
}

/// Why something cannot be split, in words that end a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Why(String);

impl From<duckdb::Error> for Why {
    fn from(error: duckdb::Error) -> Self {
        let text = match error {
            duckdb::Error::DuckDBFailure(_, Some(text)) => text,
            other => other.to_string(),
        };
        Self(text.lines().next().unwrap_or_default().to_owned())
    }
}
