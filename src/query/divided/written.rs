//! Rows that many functions write, each a part of them.

use anyhow::Result;
use futures::{StreamExt, stream};
use quack_function::file_part::FilePart;
use quack_function::wire::{Destination, Event, Metadata};
use tokio_util::sync::CancellationToken;

use super::merged::events;
use super::run::{self, Leaves, Taker};
use crate::bucket::upload;
use crate::invoke::call::Payload;
use crate::invoke::pending::Pending;
use crate::invoke::response::Payload as Rows;
use crate::planner::Fetch;
use crate::query::account::Account;
use crate::query::answered::{Answer, Data};
use crate::query::coordinator::Coordinator;
use crate::query::stats::Stats;
use crate::rows::ResultSet;

/// Folders that are emptied at once.
const WINDOW: usize = 16;

/// A part of what is to be written, for one function.
pub(crate) struct Part {
    pub event: Event,
    /// The table that it reads a part of, and which.
    pub table: String,
    pub files: Vec<FilePart>,
    pub bytes: u64,
}

/// What a function that has written says.
pub(crate) struct Wrote {
    /// Key prefix of what it has written.
    pub folder: String,
    pub rows: ResultSet,
}

/// The parts of a fetch, one for each split.
///
/// # Errors
/// When the catalog does not have its tables.
pub(crate) fn parts(coordinator: &Coordinator<'_>, fetch: &Fetch) -> Result<Vec<Part>> {
    let parts = events(coordinator, fetch)?.zip(&fetch.splits).map(|(event, split)| Part {
        event,
        table: fetch.table.clone(),
        files: split.files.clone(),
        bytes: split.bytes,
    });
    Ok(parts.collect())
}

/// Has each part be written, by at most `workers` functions at once, each invocation's into a folder of its own, which the address of
/// `into` is relative to. Gives what they say, one for each part.
///
/// # Errors
/// A part that fails for good, naming its files; `cancel`. Nothing is under way any more then, and nothing stays behind.
pub(crate) async fn write(
    coordinator: &Coordinator<'_>,
    parts: &[Part],
    into: &Destination,
    workers: usize,
    cancel: &CancellationToken,
) -> Result<(Vec<Wrote>, Stats)> {
    let bucket = &coordinator.target.bucket;
    let sent = parts.iter().map(|part| {
        let payload = Payload::new(&part.event)?;
        Ok(run::Part { payload, into: Some(into), table: &part.table, files: &part.files, bytes: part.bytes })
    });
    let sent = sent.collect::<Result<Vec<_>>>()?;
    let wrote = parts.iter().map(|_| None).collect();
    let mut writing = Writing { coordinator, cancel, sent: Vec::new(), wrote };
    let ran = run::run(coordinator, &sent, workers, &mut writing, cancel).await;
    let Writing { sent, wrote, .. } = writing;
    let wrote: Vec<Wrote> = wrote.into_iter().flatten().collect();
    // Copies of parts that came too late or failed may have written, too.
    let counts = |folder: &String| ran.is_ok() && wrote.iter().any(|wrote| wrote.folder == *folder);
    let others = sent.iter().filter(|folder| !counts(folder));
    stream::iter(others).for_each_concurrent(WINDOW, |folder| upload::delete_below(bucket, folder)).await;
    ran.map(|stats| (wrote, stats))
}

struct Writing<'a> {
    coordinator: &'a Coordinator<'a>,
    cancel: &'a CancellationToken,
    /// Key prefixes of what may have been written.
    sent: Vec<String>,
    /// Of each part that is written.
    wrote: Vec<Option<Wrote>>,
}

impl Taker for Writing<'_> {
    type Brought = Wrote;

    fn sent(&mut self, result: &Pending<'_>) {
        self.sent.push(result.written());
    }

    async fn look(&mut self, metadata: Metadata, rows: Rows, result: &Pending<'_>) -> Result<Wrote> {
        let target = self.coordinator.context.config.target;
        let account = Account::of_function(metadata, None, None, std::time::Duration::ZERO, target);
        let answer = Answer { account, data: Data::Function(rows) };
        let rows = self.coordinator.rows(answer, self.cancel).await?;
        Ok(Wrote { folder: result.written(), rows })
    }

    async fn take(&mut self, part: usize, wrote: Wrote) -> Result<()> {
        self.wrote[part] = Some(wrote);
        Ok(())
    }

    fn has_enough(&self, _: usize) -> bool {
        false
    }

    async fn failed(&mut self) -> anyhow::Error {
        std::future::pending().await
    }

    fn leaves(&self) -> Leaves {
        Leaves::Files
    }
}
