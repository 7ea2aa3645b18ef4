//! What is known of an answer: some of it at once, the rest as its rows are taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quack_function::wire::{Column, Metadata};
use serde::Serialize;

use super::stats::Stats;
use crate::config::TargetKind;
use crate::invoke::cost::Report;

/// An answer's account, shared by whoever takes its rows and whoever tells of them.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub facts: Facts,
    /// Lambda's own account of the invocation; absent where its log tail did not carry one, and of a divided query.
    pub report: Option<Report>,
    /// What it cost at Lambda's public price, US dollars.
    pub cost_usd: Option<f64>,
    /// Where the functions were.
    pub target: TargetKind,
    /// What dividing the query took; nothing of one that ran on one function.
    pub divided: Option<Stats>,
    tally: Arc<Mutex<Tally>>,
}

/// What is known before the rows are taken.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    /// The SQL as it was asked.
    pub query: String,
    /// Whether every function that worked was warm.
    pub warm: bool,
    /// DuckDB's version, e.g. `v1.5.5`.
    pub engine: String,
    pub columns: Vec<Column>,
    /// What one function says of itself; of a query that many answered, nobody can.
    #[serde(flatten)]
    pub function: Option<FunctionFacts>,
}

/// What the one function that answered says of itself.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionFacts {
    /// Wall time inside the function, milliseconds.
    pub time_ms: u64,
    /// When the invocation began, milliseconds since the Unix epoch.
    pub epoch_ms: u64,
    /// Lambda's request id.
    pub event_id: String,
    /// Size of the encoded rows.
    pub bytes: u64,
    /// From process start to ready for the first invocation, milliseconds.
    pub init_ms: f64,
    /// The version that it says it is of.
    pub version: Option<String>,
}

/// What is counted while the rows are taken.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Tally {
    pub rows: u64,
    /// The limit cut rows off.
    pub truncated: bool,
    /// From the first byte sent to the last row received.
    #[serde(skip)]
    pub elapsed: Duration,
}

impl Account {
    /// Of one function's answer, which tells everything at once.
    pub(super) fn of_function(
        metadata: Metadata,
        report: Option<Report>,
        cost_usd: Option<f64>,
        elapsed: Duration,
        target: TargetKind,
    ) -> Self {
        let Metadata { time_ms, epoch_ms, event_id, query, warm, rows, bytes, .. } = metadata;
        let Metadata { truncated, engine, version, init_ms, columns, .. } = metadata;
        let function = Some(FunctionFacts { time_ms, epoch_ms, event_id, bytes, init_ms, version });
        let facts = Facts { query, warm, engine, columns, function };
        let tally = Arc::new(Mutex::new(Tally { rows, truncated, elapsed }));
        Self { facts, report, cost_usd, target, divided: None, tally }
    }

    /// Of a divided query, whose rows are still to come.
    pub(super) fn of_many(query: String, engine: String, columns: Vec<Column>, stats: Stats) -> Self {
        let facts = Facts { query, warm: stats.cold_starts == 0, engine, columns, function: None };
        let (cost_usd, target) = (Some(stats.cost_usd), stats.target);
        Self { facts, report: None, cost_usd, target, divided: Some(stats), tally: Arc::default() }
    }

    /// Changes the tally as rows go by.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
