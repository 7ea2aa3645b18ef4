//! What came of a query.

use std::path::PathBuf;
use std::sync::Arc;

use super::account::Account;
use crate::invoke::response;
use crate::lake::load::Staging;
use crate::rows::ResultSet;

/// What came of a query. Its rows are taken with `Coordinator::rows` or `Coordinator::save_parquet`, as they come.
pub(crate) struct Answer {
    pub account: Account,
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
    pub folder: Arc<Staging>,
}

impl Finished {
    /// Where the answer is when it is written as Parquet, once the batches have come to their end.
    pub(crate) fn parquet(&self) -> PathBuf {
        self.folder.path().join(PARQUET)
    }
}

/// The file in the final stage's folder that takes the answer.
pub(super) const PARQUET: &str = "result.parquet";
