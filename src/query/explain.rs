//! What a plan may be expected to take and to cost, against one function: for `--explain`.

use std::fmt;

use serde::Serialize;

use crate::arch::Arch;
use crate::invoke::cost::{Report, dollars};
use crate::planner::{QueryPlan, Strategy};

/// Bytes a second that a function reads from S3: what bounds a scan on AWS. Of published measurements, as
/// `[local.network]`'s profile `aws` has it.
const BYTES_PER_S: f64 = 75e6;
/// What a warm invocation takes besides reading, milliseconds.
const OVERHEAD_MS: f64 = 30.0;

/// Expectations from sizes alone: of functions that are warm and of reads that the network bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Expected {
    pub one: Expectation,
    pub divided: Expectation,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Expectation {
    pub functions: usize,
    /// Until the slowest is done, milliseconds.
    pub ms: f64,
    /// At Lambda's public price, US dollars.
    pub cost_usd: f64,
}

impl Expected {
    /// What `plan` may take with functions of `memory_mb`; nothing for a query that is not divided.
    pub(crate) fn of(plan: &QueryPlan, memory_mb: u32, arch: Arch) -> Option<Self> {
        if plan.strategy == Strategy::Single {
            return None;
        }
        let mut all = 0;
        let mut splits: Vec<u64> = Vec::new();
        for fetch in &plan.fetches {
            let whole: u64 = fetch.broadcast.iter().map(|table| table.bytes).sum();
            all += fetch.split_bytes() + whole;
            splits.extend(fetch.splits.iter().map(|split| split.bytes + whole));
        }
        let expect = |reads: &[u64]| {
            let ms = |bytes: u64| bytes as f64 / BYTES_PER_S * 1000.0 + OVERHEAD_MS;
            let report = |bytes: u64| Report {
                duration_ms: ms(bytes),
                billed_ms: ms(bytes).ceil() as u64,
                memory_mb: memory_mb.into(),
                max_memory_used_mb: 0,
                init_ms: None,
            };
            Expectation {
                functions: reads.len(),
                ms: reads.iter().copied().map(ms).fold(0.0, f64::max),
                cost_usd: reads.iter().map(|bytes| report(*bytes).cost_usd(arch)).sum(),
            }
        };
        Some(Self { one: expect(&[all]), divided: expect(&splits) })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Expectation { functions, ms, cost_usd } in [&self.one, &self.divided] {
            let plural = if *functions == 1 { "" } else { "s" };
            writeln!(f, "expected  {functions} function{plural}: {ms:.0} ms, {}", dollars(*cost_usd))?;
        }
        Ok(())
    }
}

/// A plan and what is expected of it.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    #[serde(flatten)]
    pub plan: QueryPlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.plan)?;
        match &self.expected {
            Some(expected) => write!(f, "\n{expected}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::{Fetch, Split};

    #[test]
    fn ten_functions_read_ten_times_as_fast_for_nearly_the_same_money() {
        let split = |bytes| Split { files: Vec::new(), rows: 0, bytes };
        let plan = |splits: Vec<Split>| QueryPlan {
            strategy: Strategy::PartialAggregate,
            reason: String::new(),
            fetches: vec![Fetch {
                name: String::new(),
                columns: Vec::new(),
                strategy: Strategy::PartialAggregate,
                sql: String::new(),
                table: String::new(),
                splits,
                pruned_files: 0,
                broadcast: Vec::new(),
                ordered: false,
                enough_rows: None,
            }],
            final_sql: String::new(),
            table_bytes: 0,
        };
        let expected = Expected::of(&plan(vec![split(750_000_000); 10]), 2048, Arch::Arm64).unwrap();
        assert!((expected.one.ms - 100_030.0).abs() < 1.0 && (expected.divided.ms - 10_030.0).abs() < 1.0);
        assert_eq!((expected.one.functions, expected.divided.functions), (1, 10));
        assert!(expected.divided.cost_usd > expected.one.cost_usd);
        assert!(expected.divided.cost_usd < expected.one.cost_usd * 1.01);
        let single = QueryPlan { strategy: Strategy::Single, ..plan(Vec::new()) };
        assert_eq!(Expected::of(&single, 2048, Arch::Arm64), None);
    }
}
