//! How a query went, for people on one line and for programs as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::account::{Account, Facts, Tally};
use super::stats::Stats;
use crate::config::TargetKind;
use crate::invoke::cost::{Report, billed};
use crate::rows::counted;

/// What a command takes beyond its query is told from here on.
const WORTH_TELLING: Duration = Duration::from_millis(100);

/// What to do for more rows, on the command line.
pub(crate) const MORE: &str = "--all or --limit N for more";

/// What is known of an answer, what Lambda reported, and what it cost.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    #[serde(flatten)]
    pub facts: Facts,
    #[serde(flatten)]
    pub tally: Tally,
    /// From the first byte sent to the last one received, milliseconds.
    pub elapsed_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Estimate at Lambda's public price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    #[serde(skip)]
    pub target: TargetKind,
    /// Of a query that was divided among functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divided: Option<Stats>,
}

impl Account {
    /// Everything that is known by now; after the rows were taken, that is everything.
    pub(crate) fn summary(&self) -> Summary {
        let Self { facts, report, cost_usd, target, divided, .. } = self.clone();
        let tally = *self.tally();
        let elapsed_ms = tally.elapsed.as_secs_f64() * 1000.0;
        Summary { facts, tally, elapsed_ms, report, cost_usd, target, divided }
    }
}

impl Summary {
    /// How many rows; and `more`, what to do for the others, where there are any.
    pub(crate) fn rows(&self, more: &str) -> String {
        let limited = if self.tally.truncated { format!(" (limited: more exist; {more})") } else { String::new() };
        format!("{}{limited}", counted(self.tally.rows))
    }

    /// Everything, of a command that took `total`: that is more than the query where there were many rows to write.
    pub(crate) fn within(&self, total: Duration, more: &str) -> String {
        let told = format!("{}  {}", self.rows(more), self.timing());
        match total.saturating_sub(self.tally.elapsed) < WORTH_TELLING {
            true => told,
            false => format!("{told} · {} with writing", duration(total.as_secs_f64() * 1000.0)),
        }
    }

    /// How long it took and what it cost.
    pub(crate) fn timing(&self) -> String {
        if let Some(stats) = &self.divided {
            return format!("{} · {stats}", duration(self.elapsed_ms));
        }
        let state = if self.facts.warm { "warm" } else { "cold" };
        let mut text = format!("{} · {state}", duration(self.elapsed_ms));
        if let (Some(report), Some(cost)) = (&self.report, self.cost_usd) {
            text.push_str(&format!(" · {}", billed(report.billed_ms, cost, self.target)));
        }
        text
    }
}

fn duration(ms: f64) -> String {
    if ms < 10_000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1000.0) }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.rows(MORE), self.timing())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_time_is_told_where_it_differs() {
        let columns = Vec::new();
        let account = Account::of_many(String::new(), String::new(), columns, Stats::default());
        account.tally().elapsed = Duration::from_millis(200);
        let summary = account.summary();
        assert_eq!(summary.within(Duration::from_millis(250), MORE), summary.to_string());
        assert!(summary.within(Duration::from_millis(3200), MORE).ends_with(" · 3200 ms with writing"));
    }
}
