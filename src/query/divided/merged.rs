//! A plan carried out: each split on a function of its own, and the final query over what they bring.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use quack_function::wire::{Encoding, Event, Metadata, Params, Spill, TableDef};
use tokio_util::sync::CancellationToken;

use super::merge::{Merge, Partial};
use super::run::{self, Leaves, Part, Taker};
use crate::invoke::call::Payload;
use crate::invoke::pending::Pending;
use crate::invoke::response::Payload as Rows;
use crate::invoke::spill;
use crate::planner::{Fetch, QueryPlan};
use crate::query::coordinator::Coordinator;
use crate::query::stats::Stats;

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
    let (mut parts, mut places) = (Vec::new(), Vec::new());
    for (index, fetch) in plan.fetches.iter().enumerate() {
        for (at, event) in events(coordinator, fetch)?.enumerate() {
            let split = &fetch.splits[at];
            let payload = Payload::new(&event)?;
            parts.push(Part { payload, into: None, table: &fetch.table, files: &split.files, bytes: split.bytes });
            places.push((index, at));
        }
    }
    let mut merging = Merging {
        coordinator,
        plan,
        cancel,
        places,
        spills: false,
        merge: Merge::start(plan)?,
        early: plan.fetches.iter().map(|_| BTreeMap::new()).collect(),
        next: vec![0; plan.fetches.len()],
        rows: vec![0; plan.fetches.len()],
    };
    let stats = run::run(coordinator, &parts, workers, &mut merging, cancel).await?;
    Ok((merging.merge, stats))
}

/// The invocations of a fetch, one for each split.
///
/// # Errors
/// When the catalog does not have its tables.
pub(super) fn events<'a>(
    coordinator: &Coordinator<'a>,
    fetch: &'a Fetch,
) -> Result<impl Iterator<Item = Event> + use<'a>> {
    let (bucket, catalog) = (&coordinator.target.bucket.name, coordinator.catalog);
    let whole = |name: &str| catalog.table(name).map(|(name, table)| table.definition(name, bucket));
    let broadcast = fetch.broadcast.iter().map(|table| whole(&table.table)).collect::<Result<Vec<TableDef>>>()?;
    let (name, table) = catalog.table(&fetch.table)?;
    let who = coordinator.who(&fetch.sql);
    Ok(fetch.splits.iter().map(move |split| {
        let part = table.definition_over(split.files.iter().cloned(), name, bucket);
        Event {
            q: fetch.sql.clone(),
            limit: None,
            all: true,
            format: Encoding::Arrow,
            spill: Spill::Auto,
            into: None,
            tables: std::iter::once(part).chain(broadcast.iter().cloned()).collect(),
            views: Vec::new(),
            params: Params::new(),
            result: None,
            who: who.clone(),
        }
    }))
}

/// The rows of an answer, fetched into `folder` if they were spilled.
///
/// # Errors
/// Rows that cannot be fetched; `cancel`.
pub(super) async fn partial(
    coordinator: &Coordinator<'_>,
    folder: &Path,
    rows: Rows,
    cancel: &CancellationToken,
) -> Result<Partial> {
    match rows {
        Rows::Inline(stream) => Ok(Partial::Arrow(stream)),
        Rows::Spilled(spilled) => {
            let file = tempfile::Builder::new().suffix(".parquet").tempfile_in(folder)?;
            spill::fetch(coordinator.context, coordinator.target, &spilled, &mut file.as_file(), cancel).await?;
            Ok(Partial::Parquet(file.into_temp_path(), spilled.cast_back))
        }
    }
}

/// What one split brought.
struct Brought {
    partial: Partial,
    rows: u64,
}

/// Rows on their way into the final stage.
struct Merging<'a> {
    coordinator: &'a Coordinator<'a>,
    plan: &'a QueryPlan,
    cancel: &'a CancellationToken,
    /// Of each part, its fetch and its split.
    places: Vec<(usize, usize)>,
    /// A result was spilled, so others may be.
    spills: bool,
    merge: Merge,
    /// For each fetch whose rows have an order: what came too early, by split; and the split that is next.
    early: Vec<BTreeMap<usize, Brought>>,
    next: Vec<usize>,
    /// Rows of each fetch that the final stage has.
    rows: Vec<u64>,
}

impl Taker for Merging<'_> {
    type Brought = Brought;

    /// The rows of an answer, fetched from the bucket if they were spilled.
    async fn look(&mut self, metadata: Metadata, rows: Rows, _: &Pending<'_>) -> Result<Brought> {
        self.spills |= matches!(rows, Rows::Spilled(_));
        let partial = partial(self.coordinator, self.merge.folder(), rows, self.cancel).await?;
        Ok(Brought { partial, rows: metadata.rows })
    }

    /// Hands rows to the final stage.
    async fn take(&mut self, part: usize, brought: Brought) -> Result<()> {
        let (fetch, split) = self.places[part];
        if !self.plan.fetches[fetch].ordered {
            self.rows[fetch] += brought.rows;
            return self.merge.add(fetch, brought.partial).await;
        }
        self.early[fetch].insert(split, brought);
        // Rows that wait for those before them are not there yet: the first ones are meant, not any.
        while let Some(Brought { partial, rows }) = self.early[fetch].remove(&self.next[fetch]) {
            self.rows[fetch] += rows;
            self.merge.add(fetch, partial).await?;
            self.next[fetch] += 1;
        }
        Ok(())
    }

    fn has_enough(&self, part: usize) -> bool {
        let (fetch, _) = self.places[part];
        self.plan.fetches[fetch].enough_rows.is_some_and(|enough| self.rows[fetch] >= enough)
    }

    async fn failed(&mut self) -> anyhow::Error {
        self.merge.failed().await
    }

    fn leaves(&self) -> Leaves {
        if self.spills { Leaves::Results } else { Leaves::Nothing }
    }
}
