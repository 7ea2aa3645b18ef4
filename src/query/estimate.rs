//! What a query may cost, before anything is invoked for it: by the catalog alone.

use std::time::Duration;

use serde::Serialize;

use super::coordinator::Coordinator;
use super::expected::{self, Expected};
use super::measured::{self, Measured};
use super::request::Request;
use super::{answer, counted, needed};
use crate::arch::Arch;
use crate::console::context::Context;
use crate::invoke::cost::price_usd;
use crate::planner::{Planner, QueryPlan, Workers};

/// What an invocation takes besides reading, seconds, and how much of files a function reads in one in the long run, bytes: as the
/// planner has it where it says when another function pays.
const STARTS_S: f64 = 0.030;
const READS_BYTES: f64 = 75e6;

/// How many functions are weighed against one, where one is taken.
const SEVERAL: usize = 8;

/// One way to answer a query, and what it comes to at most: it reads all that it may have to read, on functions that are warm. What it
/// computes beyond reading is not in it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Way {
    pub functions: usize,
    /// What all of them read together, bytes: columns that the query names, of files that may have rows for it.
    pub read_bytes: u64,
    pub usd_at_most: f64,
    /// What it takes, as far as the catalog and DuckDB's own plan tell; nothing of SQL that cannot be taken apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// It is how the query is answered.
    pub taken: bool,
    /// What it took before, this way, over tables of about this size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// What a query may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub usd: f64,
    /// How long it is read, by all functions together.
    pub reads: Duration,
}

/// What the query takes at most, as [`Way`] has it, by a planner that may have been asked of others; nothing where that is not known:
/// of SQL that is none, and of tables of so many files that the catalog leaves some to be looked up.
pub(crate) fn estimate(planner: &Planner, coordinator: &Coordinator<'_>, request: &Request) -> Option<Estimate> {
    let Coordinator { context, catalog, .. } = coordinator;
    let (functions, bytes) = match counted::without_files(&request.sql, catalog) {
        Some(_) => (1, 0),
        None if needed::is_unread(catalog, &request.sql) => return None,
        None => {
            let plan = answer::planned(planner, coordinator, request, Workers::default());
            let one = || (plan.table_bytes > 0).then(|| alone(planner, coordinator, request)).flatten();
            divided(&plan).unwrap_or_else(|| (1, one().unwrap_or(plan.table_bytes)))
        }
    };
    let reads = Duration::from_secs_f64(bytes as f64 / READS_BYTES);
    Some(Estimate { usd: usd(context, functions, bytes)?, reads })
}

/// The ways that were weighed for a query with this plan: one function, and several, if that can be.
pub(crate) fn weighed(coordinator: &Coordinator<'_>, request: &Request, plan: &QueryPlan) -> Vec<Way> {
    let Coordinator { context, catalog, .. } = coordinator;
    let counts = counted::without_files(&request.sql, catalog).is_some();
    let planner = Planner::default();
    let own = divided(plan);
    let several = match own {
        Some(several) => Some(several),
        None if counts => None,
        None => divided(&answer::planned(&planner, coordinator, request, Workers::Exactly(SEVERAL))),
    };
    let one = if counts { Some(0) } else { alone(&planner, coordinator, request) };
    let measured = measured::of(coordinator, &request.sql, plan.table_bytes);
    let work = if counts { None } else { planner.work(&request.sql, catalog) };
    let ways = [one.map(|bytes| (1, bytes)), several].into_iter().flatten();
    ways.filter_map(|(functions, read_bytes)| {
        let taken = (functions > 1) == own.is_some();
        let usd_at_most = usd(context, functions, read_bytes)?;
        let arch = context.config.function_arch().ok()?;
        let expected = work.as_ref().map(|work| expected::on(&context.config, arch, work, (functions, read_bytes)));
        let measured = measured.get(&functions).copied();
        Some(Way { functions, read_bytes, usd_at_most, expected, taken, measured })
    })
    .collect()
}

fn alone(planner: &Planner, coordinator: &Coordinator<'_>, request: &Request) -> Option<u64> {
    planner.read_bytes(&request.sql, coordinator.catalog)
}

/// How many functions a plan has run side by side, and how much they read together; nothing of one that divides nothing.
fn divided(plan: &QueryPlan) -> Option<(usize, u64)> {
    let splits: usize = plan.fetches.iter().map(|fetch| fetch.splits.len()).sum();
    let read = plan.fetches.iter().map(|fetch| {
        fetch.read_bytes.saturating_add(fetch.broadcast_bytes().saturating_mul(fetch.splits.len() as u64))
    });
    (splits > 0).then(|| (splits, read.fold(0, u64::saturating_add)))
}

fn usd(context: &Context, functions: usize, bytes: u64) -> Option<f64> {
    let arch = context.config.function_arch().ok()?;
    Some(price(functions, bytes, context.config.memory_mb, arch))
}

fn price(functions: usize, bytes: u64, memory_mb: u32, arch: Arch) -> f64 {
    let seconds = functions as f64 * STARTS_S + bytes as f64 / READS_BYTES;
    price_usd(seconds, memory_mb.into(), functions, arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_starting_are_paid_for() {
        // 75 MB in a second and 30 ms at 1 GB, and one request.
        let one = price(1, 75_000_000, 1024, Arch::X86_64);
        assert!((one - (1.03 * 0.000_016_666_7 + 0.000_000_2)).abs() < 1e-12, "{one}");
        let two = price(2, 75_000_000, 2048, Arch::X86_64);
        assert!((two - (2.0 * 1.06 * 0.000_016_666_7 + 0.000_000_4)).abs() < 1e-12, "{two}");
    }
}
