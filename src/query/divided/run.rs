//! A plan carried out: each split on a function of its own, many at once, and the final query over what they bring.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use quack_function::wire::{Encoding, Event, Spill, TableDef};
use tokio_util::sync::CancellationToken;

use super::merge::{Merge, Partial};
use super::tasks::{Task, Tasks};
use super::window::Window;
use crate::console::progress;
use crate::error::{interrupted, noted};
use crate::invoke::call::{self as invoke, Invoked, Payload, Refused};
use crate::invoke::pending::{GRACE, Pending};
use crate::invoke::response::{self as results, Payload as Rows};
use crate::invoke::{fault, spill, version};
use crate::planner::{Fetch, QueryPlan};
use crate::query::coordinator::Coordinator;
use crate::query::stats::Stats;

/// The longest a throttled split waits before it is sent again.
const THROTTLED_FOR: Duration = Duration::from_millis(800);

/// Runs all splits of `plan`, at most `workers` at once, and hands what they bring to the final stage, which is returned
/// ready to be finished.
///
/// # Errors
/// A split that fails for good, naming its files; `cancel`. Nothing is under way any more then.
pub(crate) async fn run(
    coordinator: &Coordinator<'_>,
    plan: &QueryPlan,
    workers: usize,
    cancel: &CancellationToken,
) -> Result<(Merge, Stats)> {
    let mut run = Run::new(coordinator, plan, workers, cancel)?;
    let done = run.go_on().await;
    // Copies that are still under way are dropped: their connections close.
    run.withdraw(&done).await;
    done.map(|()| (run.merge, run.stats))
}

/// What came of one invocation.
struct Sent<'a> {
    index: usize,
    at: Instant,
    outcome: Result<Invoked, Refused>,
    result: Pending<'a>,
}

/// What one split brought.
struct Brought {
    partial: Partial,
    rows: u64,
    warm: bool,
}

struct Run<'a> {
    coordinator: &'a Coordinator<'a>,
    plan: &'a QueryPlan,
    cancel: &'a CancellationToken,
    payloads: Vec<Payload>,
    tasks: Tasks,
    window: Window,
    /// Since when nothing but refusals came.
    throttled_since: Option<Instant>,
    /// Whether it was said that the function is busy.
    said_busy: bool,
    running: FuturesUnordered<BoxFuture<'a, Sent<'a>>>,
    /// The results of those that are running, by name.
    pending: HashMap<String, Pending<'a>>,
    /// A result was spilled, so others may be.
    spills: bool,
    merge: Merge,
    /// For each fetch whose rows have an order: what came too early, by split; and the split that is next.
    early: Vec<BTreeMap<usize, (Partial, u64)>>,
    next: Vec<usize>,
    /// Rows of each fetch that the final stage has.
    rows: Vec<u64>,
    stats: Stats,
    live: Live,
}

impl<'a> Run<'a> {
    fn new(
        coordinator: &'a Coordinator<'a>,
        plan: &'a QueryPlan,
        workers: usize,
        cancel: &'a CancellationToken,
    ) -> Result<Self> {
        let mut payloads = Vec::new();
        let mut tasks = Vec::new();
        for (index, fetch) in plan.fetches.iter().enumerate() {
            for (split, event) in events(coordinator, fetch)?.enumerate() {
                payloads.push(Payload::new(&event)?);
                tasks.push(Task { fetch: index, split });
            }
        }
        let live = Live(progress::splits(coordinator.context, tasks.len() as u64));
        let arch = Some(coordinator.context.config.function_arch()?);
        Ok(Self {
            coordinator,
            plan,
            cancel,
            payloads,
            tasks: Tasks::new(tasks),
            window: Window::new(workers),
            throttled_since: None,
            said_busy: false,
            running: FuturesUnordered::new(),
            pending: HashMap::new(),
            spills: false,
            merge: Merge::start(plan)?,
            early: plan.fetches.iter().map(|_| BTreeMap::new()).collect(),
            next: vec![0; plan.fetches.len()],
            rows: vec![0; plan.fetches.len()],
            stats: Stats { arch, target: coordinator.context.config.target, ..Stats::default() },
            live,
        })
    }

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
                error = self.merge.failed() => return Err(error),
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
        if done.is_ok() && !self.spills {
            return;
        }
        let pending: Vec<Pending<'_>> = self.pending.values().cloned().collect();
        join_all(pending.iter().map(Pending::leave)).await;
        if done.is_err() {
            let answers = async {
                while let Some(sent) = self.running.next().await {
                    self.pending.remove(sent.result.name());
                }
            };
            let _ = tokio::time::timeout(GRACE, answers).await;
        }
        join_all(pending.iter().map(|result| result.remove(!self.pending.contains_key(result.name())))).await;
    }

    /// Sends as many as the window lets through.
    fn send_more(&mut self) {
        let now = Instant::now();
        while self.has_room() {
            let Some(index) = self.tasks.next(now) else { return };
            if self.has_enough(self.tasks.task(index).fetch) {
                // Its rows would change nothing.
                self.tasks.answered(index, now, now);
                continue;
            }
            let (target, payload) = (self.coordinator.target, self.payloads[index].clone());
            let result = Pending::new(&target.bucket);
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
        let enough = (0..self.plan.fetches.len()).all(|fetch| self.has_enough(fetch));
        self.tasks.all_done() || enough
    }

    fn has_enough(&self, fetch: usize) -> bool {
        self.plan.fetches[fetch].enough_rows.is_some_and(|enough| self.rows[fetch] >= enough)
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
                let pause = invoke::pause_before(self.stats.throttled.min(10)).min(THROTTLED_FOR);
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
                match self.partial(&invoked, &result).await {
                    Ok(brought) => self.keep(index, at, now, brought).await,
                    // An answer that broke off.
                    Err(error) => {
                        result.remove(false).await;
                        self.again(index, at, error)
                    }
                }
            }
        }
    }

    /// The rows of an answer, fetched from the bucket if they were spilled.
    async fn partial(&mut self, invoked: &Invoked, result: &Pending<'_>) -> Result<Brought> {
        let (metadata, rows) = results::parse(&invoked.payload, &result.uri())?;
        version::tell(self.coordinator.context, &metadata);
        let partial = match rows {
            Rows::Inline(stream) => Partial::Arrow(stream),
            Rows::Spilled(spilled) => {
                self.spills = true;
                let file = tempfile::Builder::new().suffix(".parquet").tempfile_in(self.merge.folder())?;
                spill::fetch(
                    self.coordinator.context,
                    self.coordinator.target,
                    &spilled,
                    &mut file.as_file(),
                    self.cancel,
                )
                .await?;
                Partial::Parquet(file.into_temp_path(), spilled.cast_back)
            }
        };
        Ok(Brought { partial, rows: metadata.rows, warm: metadata.warm })
    }

    /// Hands rows to the final stage, once for each split.
    async fn keep(&mut self, index: usize, sent: Instant, now: Instant, brought: Brought) -> Result<()> {
        if !self.tasks.answered(index, sent, now) {
            return Ok(());
        }
        let Brought { partial, rows, warm } = brought;
        let Task { fetch, split } = self.tasks.task(index);
        self.stats.cold_starts += u64::from(!warm);
        self.stats.scanned_bytes += self.plan.fetches[fetch].splits[split].bytes;
        self.live.0.set_position(self.tasks.done() as u64);
        self.live.0.set_message(self.stats.to_string());
        if !self.plan.fetches[fetch].ordered {
            self.rows[fetch] += rows;
            return self.merge.add(fetch, partial).await;
        }
        self.early[fetch].insert(split, (partial, rows));
        // Rows that wait for those before them are not there yet: the first ones are meant, not any.
        while let Some((partial, rows)) = self.early[fetch].remove(&self.next[fetch]) {
            self.rows[fetch] += rows;
            self.merge.add(fetch, partial).await?;
            self.next[fetch] += 1;
        }
        Ok(())
    }

    /// Sends a split again after a failure that may not come again.
    fn again(&mut self, index: usize, sent: Instant, error: anyhow::Error) -> Result<()> {
        self.stats.retried += 1;
        let pause = invoke::pause_before(self.tasks.failures(index) + 1);
        match self.tasks.failed(index, sent, Instant::now() + pause) {
            true => Ok(()),
            false => Err(self.named(index, error)),
        }
    }

    /// Ends the query with the error of a split, unless there is another copy of it.
    fn give_up(&mut self, index: usize, sent: Instant, error: anyhow::Error) -> Result<()> {
        if self.tasks.gave_up(index, sent) { Ok(()) } else { Err(error) }
    }

    /// The error, with the files that it came from.
    fn named(&self, index: usize, error: anyhow::Error) -> anyhow::Error {
        let Task { fetch, split } = self.tasks.task(index);
        let fetch = &self.plan.fetches[fetch];
        named(error, &fetch.table, &fetch.splits[split].files)
    }
}

/// The error of a part of `table`, with the files that the part is of; its kind and its advice stay.
fn named(error: anyhow::Error, table: &str, files: &[String]) -> anyhow::Error {
    let text = format!("{error:#}");
    // DuckDB itself names the file when it is the file's fault.
    if files.iter().any(|file| text.contains(file)) {
        return error;
    }
    let place = match files {
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

/// The invocations of a fetch, one for each split.
///
/// # Errors
/// When the catalog does not have its tables.
fn events<'a>(coordinator: &Coordinator<'a>, fetch: &'a Fetch) -> Result<impl Iterator<Item = Event> + use<'a>> {
    let (bucket, catalog) = (&coordinator.target.bucket.name, coordinator.catalog);
    let whole = |name: &str| catalog.table(name).map(|(name, table)| table.definition(name, bucket));
    let broadcast = fetch.broadcast.iter().map(|table| whole(&table.table)).collect::<Result<Vec<TableDef>>>()?;
    let (name, table) = catalog.table(&fetch.table)?;
    Ok(fetch.splits.iter().map(move |split| {
        let part = table.definition_over(split.files.iter().map(String::as_str), name, bucket);
        Event {
            q: fetch.sql.clone(),
            limit: None,
            all: true,
            format: Encoding::Arrow,
            spill: Spill::Auto,
            into: None,
            tables: std::iter::once(part).chain(broadcast.iter().cloned()).collect(),
            views: Vec::new(),
            result: None,
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::named;
    use crate::error::{Kind, exit_code, failure_of, kind};

    #[test]
    fn the_error_of_a_part_names_its_files_once_and_stays_what_it_is() {
        let files = ["tables/t/a.parquet".to_owned(), "tables/t/b.parquet".to_owned()];
        // A text that the query brought is not where the error came from.
        let error = named(failure_of(Kind::Usage, "cannot cast 's3://x/y' to INTEGER", "mend it"), "t", &files);
        let text = "cannot cast 's3://x/y' to INTEGER\n(a part of `t`: tables/t/a.parquet and 1 more files)";
        assert_eq!((error.to_string().as_str(), kind(&error), exit_code(&error)), (text, Kind::Usage, 2));
        let by_duckdb = named(failure_of(Kind::Other, "s3://lake/tables/t/b.parquet: no magic bytes", ""), "t", &files);
        assert_eq!(by_duckdb.to_string(), "s3://lake/tables/t/b.parquet: no magic bytes");
    }
}
