//! What a query may cost, before anything is invoked for it: by the catalog alone.

use std::time::Duration;

use super::coordinator::Coordinator;
use super::request::Request;
use super::{answer, counted, needed};
use crate::arch::Arch;
use crate::invoke::cost::price_usd;
use crate::planner::{QueryPlan, Workers};

/// What an invocation takes besides reading, seconds, and how much of files a function reads in one in the long run, bytes: as the
/// planner has it where it says when another function pays.
const STARTS_S: f64 = 0.030;
const READS_BYTES: f64 = 75e6;

/// What a query may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub usd: f64,
    /// How long it is read, by all functions together.
    pub reads: Duration,
}

/// What reading all that the query may have to read takes at most, on functions that are warm; nothing where that is not known:
/// of SQL that is none, and of tables of so many files that the catalog leaves some to be looked up. What it computes beyond is not in it.
pub(crate) fn estimate(coordinator: &Coordinator<'_>, request: &Request) -> Option<Estimate> {
    let Coordinator { context, catalog, .. } = coordinator;
    let (functions, bytes) = match counted::without_files(&request.sql, catalog) {
        Some(_) => (1, 0),
        None if needed::is_unread(catalog, &request.sql) => return None,
        None => work(&answer::plan(coordinator, request, Workers::default())),
    };
    let arch = context.config.function_arch().ok()?;
    let reads = Duration::from_secs_f64(bytes as f64 / READS_BYTES);
    Some(Estimate { usd: usd(functions, bytes, context.config.memory_mb, arch), reads })
}

/// How many functions a plan has run, and how much they read together.
fn work(plan: &QueryPlan) -> (usize, u64) {
    let splits: usize = plan.fetches.iter().map(|fetch| fetch.splits.len()).sum();
    if splits == 0 {
        return (1, plan.table_bytes);
    }
    let read = plan.fetches.iter().map(|fetch| {
        let whole: u64 = fetch.broadcast.iter().map(|table| table.bytes).fold(0, u64::saturating_add);
        fetch.split_bytes().saturating_add(whole.saturating_mul(fetch.splits.len() as u64))
    });
    (splits, read.fold(0, u64::saturating_add))
}

fn usd(functions: usize, bytes: u64, memory_mb: u32, arch: Arch) -> f64 {
    let seconds = functions as f64 * STARTS_S + bytes as f64 / READS_BYTES;
    price_usd(seconds, memory_mb.into(), functions, arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_starting_are_paid_for() {
        // 75 MB in a second and 30 ms at 1 GB, and one request.
        let one = usd(1, 75_000_000, 1024, Arch::X86_64);
        assert!((one - (1.03 * 0.000_016_666_7 + 0.000_000_2)).abs() < 1e-12, "{one}");
        let two = usd(2, 75_000_000, 2048, Arch::X86_64);
        assert!((two - (2.0 * 1.06 * 0.000_016_666_7 + 0.000_000_4)).abs() < 1e-12, "{two}");
    }
}
