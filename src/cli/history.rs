//! What `history` takes.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::age::since;
use crate::history::By;

#[derive(Debug, Args)]
#[command(after_help = "\
It is read from the function's log. What each invocation was billed is what Lambda reports; its price is Lambda's public one
(requests to S3 are not in it). On the local target, nothing is billed: it is what Lambda would ask.

Examples:
  quackctl history
  quackctl history --since 7d --by user
  quackctl history --by query                  what costs most
  quackctl history --sum month
  quackctl history --json --since 1h | jq '.[] | select(.error)'")]
pub(crate) struct HistoryArgs {
    /// Only what is younger than this, e.g. 15m, 2h, 1w, 2026-11-01 [default: 1d; 30d with --by]
    #[arg(long, value_name = "AGE", value_parser = since)]
    pub since: Option<Duration>,
    /// Sums by user, day, table or SQL
    #[arg(long, value_name = "KEY")]
    pub by: Option<By>,
    /// One sum: of this calendar month, in UTC; or of all that is younger than --since
    #[arg(long, value_name = "SPAN", conflicts_with = "by")]
    pub sum: Option<Span>,
    /// Most queries that are listed, the newest
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with_all = ["by", "sum"], value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// What is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Span {
    /// This calendar month so far
    Month,
    /// What is younger than --since
    Since,
}
