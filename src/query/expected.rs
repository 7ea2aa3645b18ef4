//! What a query is expected to take on functions that are warm: what its plan has to do, by rates that were measured, on the cores that a
//! function has and behind the network that it has.
//!
//! The rates are those of the queries of TPC-H and TPC-DS on one function of the local target (docs/performance.md has how near they come).

use std::thread::available_parallelism;

use serde::Serialize;

use crate::arch::Arch;
use crate::config::{Config, Network, TargetKind, vcpus};
use crate::invoke::cost::price_usd;
use crate::planner::Work;

/// The cores that the rates were measured on.
const MEASURED_CORES: f64 = 2.0;

/// What any query takes, ms, and each step of its plan: one core does it.
const QUERY_MS: f64 = 57.0;
const STEP_MS: f64 = 0.7;

/// What cores share, ms: for each byte of columns that are read, for each value in them, for what one of no fixed width takes beyond that,
/// and for each row of that kind.
const READ_MS: f64 = 4.9e-7;
const VALUE_MS: f64 = 2.5e-6;
const WIDE_MS: f64 = 7.5e-6;
const BUILT_MS: f64 = 2.4e-4;
const REGROUPED_MS: f64 = 2.4e-5;

/// How often one waits for a first byte, one after the other, for each table: which files there are, that they are the same, what is in them.
const TABLE_WAITS: f64 = 3.1;

/// What a query is expected to take, one way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Expected {
    /// From the first byte sent to the first row that can be taken.
    pub ms: f64,
    pub usd: f64,
}

/// What `work` takes on so many functions, which read `read_bytes` together: each does its part of it.
pub(super) fn on(config: &Config, arch: Arch, work: &Work, (functions, read_bytes): (usize, u64)) -> Expected {
    let many = functions.max(1) as f64;
    let cores = cores(config, many);
    let alone = QUERY_MS + STEP_MS * f64::from(work.steps);
    let shared = READ_MS * work.read_bytes
        + VALUE_MS * work.values
        + WIDE_MS * work.wide
        + BUILT_MS * work.built
        + REGROUPED_MS * work.regrouped;
    let computes = alone / cores.min(1.0) + shared / many * MEASURED_CORES / cores;
    let network = network(config);
    let waits = f64::from(network.first_byte_ms) * TABLE_WAITS * work.tables as f64;
    let carried = if functions > 1 { read_bytes as f64 / many } else { work.carried_bytes };
    let ms = computes + waits + carried_ms(&network, carried);
    Expected { ms, usd: price_usd(ms / 1000.0 * many, config.memory_mb.into(), functions, arch) }
}

/// The cores that a function has, of `many` that work at the same time.
fn cores(config: &Config, many: f64) -> f64 {
    let here = available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    match config.target {
        TargetKind::Aws => vcpus(config.memory_mb),
        TargetKind::Local if config.cpu_share => vcpus(config.memory_mb).min(here / many),
        TargetKind::Local => here / many,
    }
}

fn network(config: &Config) -> Network {
    match config.target {
        TargetKind::Aws => Network::of_lambda(config.memory_mb),
        TargetKind::Local => config.network,
    }
}

/// How long so many bytes are on their way, ms: the burst first, then at what goes on.
fn carried_ms(network: &Network, bytes: f64) -> f64 {
    let ms = |bytes: f64, mb_s: u32| if mb_s == 0 { 0.0 } else { bytes / (f64::from(mb_s) * 1e3) };
    let burst = bytes.min(f64::from(network.burst_mb) * 1e6);
    ms(burst, network.burst_mb_s.max(network.instance_mb_s)) + ms(bytes - burst, network.instance_mb_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_a_burst_and_then_at_what_goes_on() {
        let network = Network { instance_mb_s: 100, burst_mb: 50, burst_mb_s: 500, ..Network::default() };
        assert_eq!(carried_ms(&network, 25e6), 50.0);
        assert_eq!(carried_ms(&network, 150e6), 1_100.0);
        assert_eq!(carried_ms(&Network { burst_mb: 0, ..network }, 150e6), 1_500.0);
        assert_eq!(carried_ms(&Network::default(), 150e6), 0.0, "no network");
    }
}
