//! Sums over many queries: of each user, day, table or SQL, and of all.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::invocations::{self, Invocation};
use super::list::shown;
use crate::config::TargetKind;
use crate::console::context::Context;
use crate::invoke::cost::dollars;
use crate::output::grid::grid;

/// The longest key that a table shows, characters.
const SHOWN_KEY: usize = 80;

/// What queries are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    User,
    /// The calendar day in UTC
    Day,
    /// A query of several tables counts for each
    Table,
    /// The same SQL
    Query,
}

/// What many queries took.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Total {
    pub queries: u64,
    pub invocations: u64,
    /// Invocations that failed.
    pub errors: u64,
    /// Of what the functions gave.
    pub bytes: u64,
    pub billed_ms: u64,
    /// At Lambda's public price, US dollars.
    pub cost_usd: f64,
    #[serde(skip)]
    ids: HashSet<String>,
}

impl Total {
    fn add(&mut self, invocation: &Invocation) {
        self.queries += u64::from(self.ids.insert(invocation.query_id().to_owned()));
        self.invocations += 1;
        self.errors += u64::from(invocation.error.is_some());
        self.bytes += invocation.record.bytes;
        self.billed_ms += invocation.billed_ms;
        self.cost_usd += invocation.cost_usd;
    }
}

/// Sums by something.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    #[serde(skip)]
    by: &'static str,
}

#[derive(Debug, Serialize)]
struct Group {
    key: String,
    #[serde(flatten)]
    total: Total,
}

impl Groups {
    /// Of the last `since`: days in their order, others by what they cost, the dearest first.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub(crate) async fn read(context: &Context, since: Duration, by: By) -> Result<Self> {
        let mut groups: HashMap<String, Total> = HashMap::new();
        invocations::read(context, since, |invocation| {
            for key in keys(&invocation, by) {
                groups.entry(key).or_default().add(&invocation);
            }
        })
        .await?;
        let mut groups: Vec<Group> = groups.into_iter().map(|(key, total)| Group { key, total }).collect();
        groups.sort_by(|one, other| match by {
            By::Day => one.key.cmp(&other.key),
            _ => other.total.cost_usd.total_cmp(&one.total.cost_usd).then_with(|| one.key.cmp(&other.key)),
        });
        let by = match by {
            By::User => "user",
            By::Day => "day (UTC)",
            By::Table => "table",
            By::Query => "SQL",
        };
        Ok(Self { groups, by })
    }
}

/// The groups that an invocation is in.
fn keys(invocation: &Invocation, by: By) -> Vec<String> {
    let record = &invocation.record;
    let known = |text: &str| if text.is_empty() { "(unknown)".to_owned() } else { text.to_owned() };
    match by {
        By::User => vec![known(&record.user)],
        By::Day => {
            vec![DateTime::from_timestamp_millis(invocation.time_ms).unwrap_or_default().date_naive().to_string()]
        }
        By::Table if record.tables.is_empty() => vec!["(none)".to_owned()],
        By::Table => {
            record.tables.iter().map(|table| table.to_lowercase()).collect::<HashSet<_>>().into_iter().collect()
        }
        By::Query => vec![known(record.sql.as_deref().or(record.digest.as_deref()).unwrap_or_default().trim())],
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return writeln!(f, "nothing was asked in that time");
        }
        let header = [self.by, "queries", "invocations", "failed", "bytes", "billed ms", "cost"];
        let mut grid = grid(&header, &[1, 2, 3, 4, 5, 6]);
        for Group { key, total } in &self.groups {
            grid.add_row([
                shown(key, SHOWN_KEY),
                HumanCount(total.queries).to_string(),
                HumanCount(total.invocations).to_string(),
                HumanCount(total.errors).to_string(),
                HumanBytes(total.bytes).to_string(),
                HumanCount(total.billed_ms).to_string(),
                dollars(total.cost_usd),
            ]);
        }
        writeln!(f, "{grid}")
    }
}

/// The sum of a time.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sum {
    /// Where it begins and ends, RFC 3339.
    from: String,
    to: String,
    #[serde(flatten)]
    total: Total,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_usd_month: Option<f64>,
    #[serde(skip)]
    target: TargetKind,
}

impl Sum {
    /// Of the last `since`.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub(crate) async fn read(context: &Context, since: Duration) -> Result<Self> {
        let now = Utc::now();
        let mut total = Total::default();
        invocations::read(context, since, |invocation| total.add(&invocation)).await?;
        let rfc = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let config = &context.config;
        Ok(Self {
            from: rfc(now - since),
            to: rfc(now),
            total,
            budget_usd_month: config.budget.map(|budget| budget.usd_month),
            target: config.target,
        })
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Total { queries, invocations, errors, billed_ms, cost_usd, .. } = &self.total;
        let cost = match self.target {
            TargetKind::Aws => dollars(*cost_usd),
            TargetKind::Local => format!("would cost {} on Lambda", dollars(*cost_usd)),
        };
        let of = self.budget_usd_month.map_or_else(String::new, |most| format!(", of the budget's {}", dollars(most)));
        let days = format!("{} to {}", &self.from[..10], &self.to[..10]);
        writeln!(
            f,
            "{days}: {} queries, {} invocations, {} of them failed; {} ms, {cost}{of}",
            HumanCount(*queries),
            HumanCount(*invocations),
            HumanCount(*errors),
            HumanCount(*billed_ms),
        )
    }
}

#[cfg(test)]
mod tests {
    use quack_function::record::Record;

    use super::*;

    #[test]
    fn invocations_are_in_their_groups() {
        let record = Record {
            user: "ann".to_owned(),
            tables: vec!["trips".to_owned(), "Zones".to_owned(), "zones".to_owned()],
            sql: Some(" SELECT 1".to_owned()),
            ..Record::default()
        };
        let of = |by, record: &Record| {
            let mut keys =
                keys(&Invocation { time_ms: 86_400_000, record: record.clone(), ..Invocation::default() }, by);
            keys.sort();
            keys
        };
        assert_eq!(of(By::User, &record), ["ann"]);
        assert_eq!(of(By::Day, &record), ["1970-01-02"]);
        assert_eq!(of(By::Table, &record), ["trips", "zones"]);
        assert_eq!(of(By::Query, &record), ["SELECT 1"]);
        let nothing = Record::default();
        assert_eq!(
            (of(By::User, &nothing), of(By::Table, &nothing)),
            (vec!["(unknown)".into()], vec!["(none)".into()])
        );
    }

    #[test]
    fn a_query_of_many_functions_counts_once() {
        let mut total = Total::default();
        for (query, event_id) in [("q", "1"), ("q", "2"), ("", "3"), ("", "4")] {
            let record = Record { query: query.to_owned(), event_id: event_id.to_owned(), ..Record::default() };
            total.add(&Invocation { record, billed_ms: 2, ..Invocation::default() });
        }
        assert_eq!((total.queries, total.invocations, total.billed_ms), (3, 4, 8));
    }
}
