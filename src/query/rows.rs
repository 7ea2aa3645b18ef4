//! The rows of an answer, wherever they are.

use anyhow::Result;
use arrow::array::{Int64Array, RecordBatch};
use tokio_util::sync::CancellationToken;

use super::answered::{Answer, Data};
use super::coordinator::Coordinator;
use crate::error::{failure, interrupted};
use crate::invoke::{response, spill};
use crate::lake::load::Staging;
use crate::rows::ResultSet;

impl Coordinator<'_> {
    /// The rows of `answer`; brings them from the bucket first when they were spilled.
    ///
    /// # Errors
    /// A result that cannot be fetched or decoded; `cancel`, also later, from the batches.
    pub(crate) async fn rows(&self, answer: Answer, cancel: &CancellationToken) -> Result<ResultSet> {
        let mut result = match answer.data {
            Data::Function(response::Payload::Inline(inline)) => inline.open()?,
            Data::Merged(finished) => finished.result,
            Data::Function(response::Payload::Spilled(spilled)) => {
                let place = || -> Result<_> {
                    let staging = Staging::new()?;
                    let file = tempfile::Builder::new().suffix(".parquet").tempfile_in(staging.path())?;
                    Ok((staging, file))
                };
                let (staging, file) = match place() {
                    Ok(place) => place,
                    Err(error) => {
                        spill::discard(self.context, self.target, &spilled).await;
                        return Err(error);
                    }
                };
                spill::fetch(self.context, self.target, &spilled, &mut file.as_file(), cancel).await?;
                let rows = answer.account.tally().rows;
                let file = file.into_temp_path();
                let mut result = spill::read(file, &spilled.cast_back, answer.account.facts.columns, rows)?;
                // The folder goes after the file that is read.
                result.batches = Box::new(result.batches.inspect(move |_| _ = &staging));
                result
            }
        };
        let cancel = cancel.clone();
        result.batches = Box::new(result.batches.map(move |batch| match cancel.is_cancelled() {
            true => Err(interrupted("interrupted")),
            false => batch,
        }));
        Ok(result)
    }

    /// Removes what nobody will take of an answer.
    pub(crate) async fn discard(&self, answer: Option<Answer>) {
        if let Some(Answer { data: Data::Function(response::Payload::Spilled(spilled)), .. }) = answer {
            spill::discard(self.context, self.target, &spilled).await;
        }
    }

    /// Copies the Parquet object of an `answer` to a [`Spill::Always`] request into `out`, as it is.
    ///
    /// # Errors
    /// An object that cannot be fetched, `out` that cannot be written, `cancel`.
    pub(crate) async fn save_parquet(
        &self,
        answer: Answer,
        out: &mut dyn std::io::Write,
        cancel: &CancellationToken,
    ) -> Result<()> {
        match answer.data {
            Data::Function(response::Payload::Spilled(spilled)) => {
                spill::fetch(self.context, self.target, &spilled, out, cancel).await
            }
            Data::Merged(mut finished) => {
                answer.account.tally().rows = copied(&mut finished.result.batches)?;
                std::io::copy(&mut std::fs::File::open(finished.parquet())?, out)?;
                Ok(())
            }
            Data::Function(response::Payload::Inline(_)) if answer.account.facts.columns.is_empty() => {
                Err(failure("the statement returns no rows to write", "leave --format parquet away"))
            }
            Data::Function(response::Payload::Inline(_)) => Err(failure(
                "the function did not write the result as Parquet",
                "it is of another version than this quackctl: run `quackctl up`",
            )),
        }
    }
}

/// Lets `COPY` come to its end, and tells how many rows it says it wrote.
pub(super) fn copied(batches: &mut dyn Iterator<Item = Result<RecordBatch>>) -> Result<u64> {
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        let counts = batch.columns().first().and_then(|column| column.as_any().downcast_ref::<Int64Array>());
        rows += counts.and_then(|counts| counts.values().first()).map_or(0, |count| u64::try_from(*count).unwrap_or(0));
    }
    Ok(rows)
}
