//! Rows of an answer that stay in the bucket for a while, for other queries to read.

use anyhow::Result;
use indicatif::ProgressBar;
use quack_function::wire::Column;

use super::answered::{Answer, Data};
use super::coordinator::Coordinator;
use super::rows::copied;
use crate::bucket::upload::{Item, Upload};
use crate::error::failure;
use crate::invoke::pending::Pending;
use crate::invoke::response::Payload;
use crate::invoke::spill;
use crate::lake::catalog::{ColumnStats, DataFile, Table};

/// A file of rows, among the results.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub key: String,
    pub bytes: u64,
    pub rows: u64,
    pub columns: Vec<Column>,
}

impl Kept {
    /// The table that these rows are.
    pub(crate) fn table(&self) -> Table {
        let Self { key, bytes, rows, columns } = self.clone();
        let stats = |Column { name, sql_type }| ColumnStats { name, sql_type, nulls: None, min: None, max: None };
        let columns: Vec<ColumnStats> = columns.into_iter().map(stats).collect();
        let file = DataFile { key, rows, bytes, partition: Vec::new(), columns: Default::default(), schema: None };
        Table { rows, bytes, columns, files: vec![file], ..Table::default() }
    }
}

impl Coordinator<'_> {
    /// Has the Parquet object of an `answer` to a [`quack_function::wire::Spill::Always`] request stay where it is, or brings it there.
    ///
    /// # Errors
    /// A function that wrote none, or elsewhere; a bucket that does not take it.
    pub(crate) async fn keep(&self, answer: Answer) -> Result<Kept> {
        let bucket = &self.target.bucket;
        let columns = answer.account.facts.columns.clone();
        let nowhere = || failure("the function did not write the rows among the results", "run `quackctl up`");
        match answer.data {
            Data::Function(Payload::Spilled(spilled)) => {
                let key = spill::key_of(self.target, &spilled).ok_or_else(nowhere)?.to_owned();
                let rows = answer.account.summary().tally.rows;
                Ok(Kept { key, bytes: spilled.bytes, rows, columns })
            }
            Data::Merged(mut finished) => {
                let rows = copied(&mut finished.result.batches)?;
                let path = finished.parquet();
                let bytes = std::fs::metadata(&path)?.len();
                let uri = Pending::new(bucket).uri();
                let key = uri.strip_prefix(&format!("s3://{}/", bucket.name)).ok_or_else(nowhere)?.to_owned();
                let mut upload = Upload::new(bucket, vec![Item { path, key: key.clone(), bytes }]);
                if let Err(error) = upload.run(&ProgressBar::hidden()).await {
                    upload.undo().await;
                    return Err(error);
                }
                Ok(Kept { key, bytes, rows, columns })
            }
            Data::Function(Payload::Inline(_)) => Err(nowhere()),
        }
    }
}
