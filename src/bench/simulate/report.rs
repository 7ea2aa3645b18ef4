//! What the model gives for a query, as a table and as JSON.

use std::fmt;

use serde::Serialize;

use super::measure::Measured;
use super::model::{Outcome, Work};
use crate::arch::Arch;
use crate::invoke::cost::{Report as Told, dollars, price_usd};
use crate::output::grid::grid;
use crate::planner::Strategy;

/// The whole.
#[derive(Debug, Serialize)]
pub(crate) struct Simulation {
    pub query: String,
    pub memory_mb: u32,
    /// vCPUs that the memory comes with in Lambda.
    pub vcpus: f64,
    /// How often the model ran for each line, each time with another seed.
    pub runs: usize,
    pub seed: u64,
    pub lines: Vec<Line>,
    /// Whether all answers were the same.
    pub equal: bool,
    /// What is to be known of what was measured.
    pub notes: Vec<String>,
}

/// The query on so many functions.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub functions: usize,
    pub strategy: Strategy,
    pub measured: Parts,
    /// Modelled, milliseconds: the middle one of all runs, and what 95 of 100 are below.
    pub latency_ms: f64,
    pub latency_p95_ms: f64,
    /// At Lambda's public price, the mean of all runs.
    pub cost_usd: f64,
    /// Means of all runs.
    pub cold_starts: f64,
    pub throttled: f64,
    pub slowed_by_s3: f64,
    pub sent_twice: f64,
    /// Runs in which a part failed for good, and the query with it.
    pub failed_runs: usize,
    /// How its answer differs from the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

/// What was measured of the parts.
#[derive(Debug, Serialize)]
pub(crate) struct Parts {
    /// The slowest, and all together, milliseconds inside Lambda without the start.
    pub slowest_ms: f64,
    pub together_ms: f64,
    /// What the process of one took to start, the mean, milliseconds.
    pub start_ms: f64,
    /// The final stage here, milliseconds.
    pub finish_ms: f64,
    /// CPU time of all together, and what they asked S3 for; where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_received_kb: Option<u64>,
    /// Bytes of all answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_bytes: Option<u64>,
}

impl Parts {
    pub(super) fn of(measured: &Measured) -> Self {
        let all = || measured.works.iter().map(|Work { run, .. }| run.as_secs_f64() * 1_000.0);
        let reports = || measured.reports.iter();
        let whole = |field: fn(&Told) -> Option<u64>| reports().map(field).sum::<Option<u64>>();
        Self {
            slowest_ms: all().fold(0.0, f64::max),
            together_ms: all().sum(),
            start_ms: measured.works.iter().map(|work| work.init.as_secs_f64() * 1_000.0).sum::<f64>()
                / measured.works.len().max(1) as f64,
            finish_ms: measured.finish.as_secs_f64() * 1_000.0,
            cpu_ms: reports().map(|report| report.cpu_ms).sum(),
            s3_requests: whole(|report| report.s3_requests),
            s3_received_kb: whole(|report| report.s3_received_kb),
            answered_bytes: measured.answered_bytes,
        }
    }
}

impl Line {
    /// Of all runs of the model, on functions of `memory_mb`.
    pub(super) fn new(measured: &Measured, outcomes: &[Outcome], memory_mb: u32, arch: Arch) -> Self {
        let mut latencies: Vec<f64> = outcomes.iter().map(|run| run.latency.as_secs_f64() * 1_000.0).collect();
        latencies.sort_by(f64::total_cmp);
        let at = |part: f64| latencies.get((latencies.len() as f64 * part) as usize).copied().unwrap_or_default();
        let mean = |of: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len().max(1) as f64;
        let cost = |run: &Outcome| {
            price_usd(run.billed.as_secs_f64(), memory_mb.into(), usize::try_from(run.invocations).unwrap_or(0), arch)
        };
        Self {
            functions: measured.works.len(),
            strategy: measured.strategy,
            measured: Parts::of(measured),
            latency_ms: at(0.5),
            latency_p95_ms: at(0.95),
            cost_usd: mean(&cost),
            cold_starts: mean(&|run| run.cold_starts as f64),
            throttled: mean(&|run| run.throttled as f64),
            slowed_by_s3: mean(&|run| run.slowed as f64),
            sent_twice: mean(&|run| run.stragglers as f64),
            failed_runs: outcomes.iter().filter(|run| run.failed).count(),
            differs: None,
        }
    }
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.query)?;
        let header = [
            "functions",
            "modelled",
            "95 of 100",
            "faster",
            "cost",
            "dearer",
            "slowest part",
            "final stage",
            "CPU",
            "from S3",
            "throttled",
            "slowed",
            "twice",
        ];
        let mut grid = grid(&header, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let ms = |ms: f64| format!("{ms:.0} ms");
        let first = self.lines.first();
        for line in &self.lines {
            let parts = &line.measured;
            let (faster, dearer) = first.map_or((1.0, 1.0), |first| {
                (first.latency_ms / line.latency_ms.max(1e-9), line.cost_usd / first.cost_usd.max(1e-12))
            });
            grid.add_row([
                line.functions.to_string(),
                ms(line.latency_ms),
                ms(line.latency_p95_ms),
                format!("{faster:.1} x"),
                dollars(line.cost_usd),
                format!("{dearer:.2} x"),
                ms(parts.slowest_ms),
                ms(parts.finish_ms),
                parts.cpu_ms.map(ms).unwrap_or_default(),
                parts.s3_received_kb.map(|kb| format!("{:.1} MB", kb as f64 / 1e3)).unwrap_or_default(),
                format!("{:.0}", line.throttled),
                format!("{:.0}", line.slowed_by_s3),
                format!("{:.1}", line.sent_twice),
            ]);
        }
        writeln!(f, "{grid}")?;
        writeln!(
            f,
            "Measured: each part by itself, on an instance of {} MB ({:.2} vCPU), and the final stage here. Modelled, {} times: instances that \
             start,\nare throttled, wait for S3 longer than was measured, and are sent twice. Without the way between here and AWS.",
            self.memory_mb, self.vcpus, self.runs
        )?;
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        let mut failed = self.lines.iter().filter(|line| line.failed_runs > 0);
        failed.try_for_each(|line| {
            writeln!(f, "{} functions: the query failed in {} of {} runs", line.functions, line.failed_runs, self.runs)
        })?;
        let mut differing = self.lines.iter().filter_map(|line| Some((line.functions, line.differs.as_ref()?)));
        differing.try_for_each(|(functions, differs)| writeln!(f, "{functions} functions: {differs}"))
    }
}
