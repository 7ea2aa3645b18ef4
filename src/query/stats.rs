//! What carrying out a plan took.

use std::fmt;

use indicatif::HumanBytes;
use serde::Serialize;

use crate::arch::Arch;
use crate::config::TargetKind;
use crate::invoke::call::Invoked;
use crate::invoke::cost::billed;

/// Counts over all invocations of a query, also those that were in vain.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    /// Functions that worked side by side: the splits of the plan.
    pub functions: usize,
    /// Invocations that were answered.
    pub invocations: u64,
    pub cold_starts: u64,
    /// Splits that were sent again after a failure.
    pub retried: u64,
    /// Invocations that were refused because of the function's concurrency.
    pub throttled: u32,
    /// Bytes of the files of the splits.
    pub scanned_bytes: u64,
    pub billed_ms: u64,
    /// At Lambda's public price, US dollars.
    pub cost_usd: f64,
    #[serde(skip)]
    pub arch: Option<Arch>,
    /// Where the functions were.
    #[serde(skip)]
    pub target: TargetKind,
}

impl Stats {
    /// Adds an invocation.
    pub(crate) fn count(&mut self, invoked: &Invoked) {
        self.invocations += 1;
        if let Some(report) = invoked.report {
            self.billed_ms += report.billed_ms;
            self.cost_usd += self.arch.map_or(0.0, |arch| report.cost_usd(arch));
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} functions · {}", self.functions, HumanBytes(self.scanned_bytes))?;
        if self.cold_starts > 0 {
            write!(f, " · {} cold", self.cold_starts)?;
        }
        if self.retried > 0 {
            write!(f, " · {} retried", self.retried)?;
        }
        if self.throttled > 0 {
            write!(f, " · {} throttled", self.throttled)?;
        }
        if self.billed_ms > 0 {
            write!(f, " · {}", billed(self.billed_ms, self.cost_usd, self.target))?;
        }
        Ok(())
    }
}
