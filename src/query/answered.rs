//! What came of a query.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quack_function::wire::Metadata;
use tempfile::TempDir;

use super::stats::Stats;
use crate::invoke::{cost, response};
use crate::rows::ResultSet;

/// What came back of one invocation. Its rows are taken with [`Answer::rows`] or [`Answer::save_parquet`].
pub(crate) struct Answer {
    pub metadata: Metadata,
    /// Lambda's own account of the invocation; absent where its log tail did not carry one.
    pub report: Option<cost::Report>,
    /// What it cost at Lambda's public price, US dollars.
    pub cost_usd: Option<f64>,
    /// From the first byte sent to the last one received.
    pub elapsed: Duration,
    /// What dividing the query took; nothing of one that ran on one function.
    pub divided: Option<Stats>,
    pub data: Data,
}

/// Where an answer's rows are.
pub(crate) enum Data {
    /// As the function put them.
    Function(response::Payload),
    /// In the final stage of a divided query.
    Merged(Box<Finished>),
}

/// The answer of a divided query.
pub(crate) struct Finished {
    pub result: ResultSet,
    pub folder: Arc<TempDir>,
}

impl Finished {
    /// Where the answer is as Parquet, after [`Finish::Parquet`] and once the batches have come to their end.
    pub(crate) fn parquet(&self) -> PathBuf {
        self.folder.path().join(PARQUET)
    }
}

/// The file in the final stage's folder that takes the answer.
pub(super) const PARQUET: &str = "result.parquet";
