//! Parts of a work, each on a function of its own, many at once: sent, sent again, and what they bring handed on once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use quack_function::file_part::FilePart;
use quack_function::wire::{Destination, Metadata};
use tokio_util::sync::CancellationToken;

use super::tasks::Tasks;
use super::window::Window;
use crate::console::progress;
use crate::error::{interrupted, noted};
use crate::history::budget;
use crate::invoke::call::{self as invoke, Invoked, Payload, Refused};
use crate::invoke::pending::{GRACE, Pending};
use crate::invoke::response::{self as results, Payload as Rows};
use crate::invoke::{fault, version};
use crate::query::coordinator::Coordinator;
use crate::query::stats::Stats;

/// How long a function that writes files is waited for when it is told that nobody waits any more: what it writes later nobody removes
/// for a day.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);

/// One part of a work, for one function.
pub(super) struct Part<'a> {
    pub payload: Payload,
    /// How its rows are to be written, each invocation's in the place of its result, which the address is relative to; without,
    /// they are the answer.
    pub into: Option<&'a Destination>,
    /// The table that it reads a part of, and which.
    pub table: &'a str,
    pub files: &'a [FilePart],
    pub bytes: u64,
}

/// Takes what the parts bring.
pub(super) trait Taker {
    type Brought;

    /// Takes note of a result that a part is sent to give.
    fn sent(&mut self, _: &Pending<'_>) {}

    /// Looks at the rows of an answer, that of `result`; where that fails, the part is sent again.
    async fn look(&mut self, metadata: Metadata, rows: Rows, result: &Pending<'_>) -> Result<Self::Brought>;

    /// Takes what a part brought, once for each part.
    async fn take(&mut self, part: usize, brought: Self::Brought) -> Result<()>;

    /// Whether what the part would bring is not needed any more.
    fn has_enough(&self, part: usize) -> bool;

    /// Completes when no more can be taken, with the reason.
    async fn failed(&mut self) -> anyhow::Error;

    /// What copies that nobody waits for may have written, at a good end.
    fn leaves(&self) -> Leaves;
}

/// What copies of parts leave behind that are under way when all is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Nothing,
    /// Results, which they remove themselves.
    Results,
    /// Files, which nobody removes once this has ended.
    Files,
}

/// Runs all `parts`, at most `workers` at once, and hands what they bring to `taker`.
///
/// # Errors
/// A part that fails for good, naming its files; the taker's; `cancel`. Nothing is under way any more then.
pub(super) async fn run<T: Taker>(
    coordinator: &Coordinator<'_>,
    parts: &[Part<'_>],
    workers: usize,
    taker: &mut T,
    cancel: &CancellationToken,
) -> Result<Stats> {
    let live = Live(progress::splits(coordinator.context, parts.len() as u64));
    let arch = Some(coordinator.context.config.function_arch()?);
    let target = coordinator.context.config.target;
    let mut run = Run {
        coordinator,
        parts,
        cancel,
        tasks: Tasks::new(parts.len()),
        window: Window::new(workers),
        throttled_since: None,
        said_busy: false,
        running: FuturesUnordered::new(),
        pending: HashMap::new(),
        taker,
        stats: Stats { functions: parts.len(), arch, target, ..Stats::default() },
        live,
    };
    let done = run.go_on().await;
    // Copies that are still under way are dropped: their connections close.
    run.withdraw(&done).await;
    budget::note(coordinator.context, Some(run.stats.cost_usd));
    done.map(|()| run.stats)
}

/// What came of one invocation.
struct Sent<'a> {
    index: usize,
    at: Instant,
    outcome: Result<Invoked, Refused>,
    result: Pending<'a>,
}

struct Run<'a, T> {
    coordinator: &'a Coordinator<'a>,
    parts: &'a [Part<'a>],
    cancel: &'a CancellationToken,
    tasks: Tasks,
    window: Window,
    /// Since when nothing but refusals came.
    throttled_since: Option<Instant>,
    /// Whether it was said that the function is busy.
    said_busy: bool,
    running: FuturesUnordered<BoxFuture<'a, Sent<'a>>>,
    /// The results of those that are running, by name.
    pending: HashMap<String, Pending<'a>>,
    taker: &'a mut T,
    stats: Stats,
    live: Live,
}

impl<'a, T: Taker> Run<'a, T> {
    async fn go_on(&mut self) -> Result<()> {
        loop {
            self.send_more();
            if self.is_over() {
                return Ok(());
            }
            // With a full window, only an answer changes anything.
            let wake = if self.has_room() { self.tasks.wake(Instant::now()) } else { None };
            let asleep = async {
                match wake {
                    Some(time) => tokio::time::sleep(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(sent) = self.running.next() => self.take(sent).await?,
                error = self.taker.failed() => return Err(error),
                () = asleep => {}
                () = self.cancel.cancelled() => {
                    return Err(interrupted("interrupted: no more functions were started"));
                }
            }
        }
    }

    /// Has the functions that are still running end, and removes what they have written. At a good end that is for those
    /// only that may write anything.
    async fn withdraw(&mut self, done: &Result<()>) {
        let leaves = self.taker.leaves();
        if done.is_ok() && leaves == Leaves::Nothing {
            return;
        }
        let pending: Vec<Pending<'_>> = self.pending.values().cloned().collect();
        join_all(pending.iter().map(Pending::leave)).await;
        if done.is_err() || leaves == Leaves::Files {
            let answers = async {
                while let Some(sent) = self.running.next().await {
                    self.pending.remove(sent.result.name());
                }
            };
            let _ = tokio::time::timeout(if leaves == Leaves::Files { WRITTEN_WITHIN } else { GRACE }, answers).await;
        }
        join_all(pending.iter().map(|result| result.remove(!self.pending.contains_key(result.name())))).await;
    }

    /// Sends as many as the window lets through.
    fn send_more(&mut self) {
        let now = Instant::now();
        while self.has_room() {
            let Some(index) = self.tasks.next(now) else { return };
            if self.taker.has_enough(index) {
                // Its rows would change nothing.
                self.tasks.answered(index, now, now);
                continue;
            }
            let target = self.coordinator.target;
            let result = Pending::new(&target.bucket);
            let Part { payload, into, .. } = &self.parts[index];
            let payload = into.map_or_else(|| payload.clone(), |into| payload.writing(into, &result));
            self.taker.sent(&result);
            self.pending.insert(result.name().to_owned(), result.clone());
            self.running.push(Box::pin(async move {
                let outcome = invoke::once(target, &payload, &result).await;
                Sent { index, at: now, outcome, result }
            }));
        }
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.window.size()
    }

    fn is_over(&self) -> bool {
        self.tasks.all_done() || (0..self.parts.len()).all(|part| self.taker.has_enough(part))
    }

    /// Takes in what came of an invocation.
    async fn take(&mut self, sent: Sent<'a>) -> Result<()> {
        let Sent { index, at, outcome, result } = sent;
        // One without an answer may be running still.
        if !matches!(outcome, Err(Refused::Lost(_))) {
            self.pending.remove(result.name());
        }
        let now = Instant::now();
        match outcome {
            Err(Refused::Throttled) => {
                let waited = now.duration_since(*self.throttled_since.get_or_insert(now));
                if waited > invoke::PATIENCE {
                    return Err(fault::throttled());
                }
                // While others of its own run, it is this query itself that keeps the function busy.
                if waited > invoke::SILENCE && self.running.is_empty() && !self.said_busy {
                    self.coordinator.context.say(invoke::WAITING);
                    self.said_busy = true;
                }
                self.window.throttled(self.running.len(), now);
                self.stats.throttled += 1;
                let pause = Tasks::pause_after_refusal(self.stats.throttled, rand::random());
                self.tasks.throttled(index, at, now + pause);
                Ok(())
            }
            Err(Refused::Never(error)) => self.give_up(index, at, error),
            Err(Refused::Lost(error)) => self.again(index, at, error),
            Ok(invoked) => {
                self.window.answered();
                self.throttled_since = None;
                self.stats.count(&invoked);
                if invoked.failed {
                    let transient = fault::is_transient(&invoked.payload);
                    let error = fault::of_function(
                        &invoked.payload,
                        self.coordinator.catalog,
                        &self.coordinator.context.config,
                    );
                    return match transient {
                        true => self.again(index, at, error),
                        false => {
                            let error = self.named(index, error);
                            self.give_up(index, at, error)
                        }
                    };
                }
                match self.look(&invoked, &result).await {
                    Ok((warm, brought)) => self.keep(index, at, now, warm, brought).await,
                    // An answer that broke off.
                    Err(error) => {
                        result.remove(false).await;
                        self.again(index, at, error)
                    }
                }
            }
        }
    }

    /// What an answer brought, and whether the function was warm.
    async fn look(&mut self, invoked: &Invoked, result: &Pending<'_>) -> Result<(bool, T::Brought)> {
        let (metadata, rows) = results::parse(&invoked.payload, &result.uri())?;
        version::tell(self.coordinator.context, &metadata);
        Ok((metadata.warm, self.taker.look(metadata, rows, result).await?))
    }

    /// Hands on what came, once for each part.
    async fn keep(&mut self, index: usize, sent: Instant, now: Instant, warm: bool, brought: T::Brought) -> Result<()> {
        if !self.tasks.answered(index, sent, now) {
            return Ok(());
        }
        self.stats.cold_starts += u64::from(!warm);
        self.stats.scanned_bytes += self.parts[index].bytes;
        self.live.0.set_position(self.tasks.done() as u64);
        self.live.0.set_message(self.stats.to_string());
        self.taker.take(index, brought).await
    }

    /// Sends a part again after a failure that may not come again.
    fn again(&mut self, index: usize, sent: Instant, error: anyhow::Error) -> Result<()> {
        self.stats.retried += 1;
        let pause = self.tasks.pause_after_failure(index, rand::random());
        match self.tasks.failed(index, sent, Instant::now() + pause) {
            true => Ok(()),
            false => Err(self.named(index, error)),
        }
    }

    /// Ends the work with the error of a part, unless there is another copy of it.
    fn give_up(&mut self, index: usize, sent: Instant, error: anyhow::Error) -> Result<()> {
        if self.tasks.gave_up(index, sent) { Ok(()) } else { Err(error) }
    }

    /// The error, with the files that it came from.
    fn named(&self, index: usize, error: anyhow::Error) -> anyhow::Error {
        named(error, self.parts[index].table, self.parts[index].files)
    }
}

/// The error of a part of `table`, with the files that the part is of; its kind and its advice stay.
fn named(error: anyhow::Error, table: &str, parts: &[FilePart]) -> anyhow::Error {
    let text = format!("{error:#}");
    let mut files: Vec<&str> = parts.iter().map(FilePart::file).collect();
    files.sort_unstable();
    files.dedup();
    // DuckDB itself names the file when it is the file's fault.
    if files.iter().any(|file| text.contains(file)) {
        return error;
    }
    let place = match files.as_slice() {
        [] => String::new(),
        [only] => format!(": {only}"),
        [first, more @ ..] => format!(": {first} and {} more files", more.len()),
    };
    noted(&error, format_args!("(a part of `{table}`{place})"))
}

/// The live display, which goes when the run does.
struct Live(indicatif::ProgressBar);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{FilePart, named};
    use crate::error::{Kind, exit_code, failure_of, kind};

    #[test]
    fn the_error_of_a_part_names_its_files_once_and_stays_what_it_is() {
        let half = |first_row, last_row| FilePart::Rows { file: "tables/t/b.parquet".to_owned(), first_row, last_row };
        let files = [half(0, 9), "tables/t/a.parquet".into(), half(10, 19)];
        // A text that the query brought is not where the error came from.
        let error = named(failure_of(Kind::Usage, "cannot cast 's3://x/y' to INTEGER", "mend it"), "t", &files);
        let text = "cannot cast 's3://x/y' to INTEGER\n(a part of `t`: tables/t/a.parquet and 1 more files)";
        assert_eq!((error.to_string().as_str(), kind(&error), exit_code(&error)), (text, Kind::Usage, 2));
        let by_duckdb = named(failure_of(Kind::Other, "s3://lake/tables/t/b.parquet: no magic bytes", ""), "t", &files);
        assert_eq!(by_duckdb.to_string(), "s3://lake/tables/t/b.parquet: no magic bytes");
    }
}
