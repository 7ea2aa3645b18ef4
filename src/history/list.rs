//! Queries one by one, the invocations of each taken together.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat};
use indicatif::HumanCount;
use serde::Serialize;

use super::invocations::{self, Invocation};
use crate::console::context::Context;
use crate::invoke::cost::dollars;
use crate::output::grid::grid;
use crate::terminal::line;

/// The longest SQL that a table shows, characters.
const SHOWN_SQL: usize = 40;

/// The longest user or error that a table shows, characters.
const SHOWN_USER: usize = 20;

/// One query.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    /// When its first invocation began, RFC 3339.
    pub time: String,
    #[serde(skip)]
    time_ms: i64,
    pub user: String,
    pub application: String,
    /// The page and its query that a deployed page asked for: `trips/by_zone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile: Option<String>,
    /// The SQL; its digest where the log does not have it.
    pub sql: String,
    pub tables: BTreeSet<String>,
    pub invocations: u64,
    /// Rows of the result, of one function; those of a divided query are put together elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Of what the functions gave.
    pub bytes: u64,
    /// Inside the function, the slowest of a divided query's.
    pub time_taken_ms: u64,
    pub billed_ms: u64,
    pub cost_usd: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Queries, the newest last.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct List {
    pub queries: Vec<Asked>,
    #[serde(skip)]
    pub left_out: usize,
}

impl List {
    /// Those of the last `since`, at most the newest `most`.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub(crate) async fn read(context: &Context, since: Duration, most: usize) -> Result<Self> {
        let mut queries: HashMap<String, Asked> = HashMap::new();
        invocations::read(context, since, |invocation| {
            queries.entry(invocation.query_id().to_owned()).or_default().add(invocation);
        })
        .await?;
        let mut queries: Vec<Asked> = queries.into_values().collect();
        queries.sort_by_key(|query| query.time_ms);
        let left_out = queries.len().saturating_sub(most);
        queries.drain(..left_out);
        Ok(Self { queries, left_out })
    }
}

impl Asked {
    fn add(&mut self, invocation: Invocation) {
        let Invocation { time_ms, record, billed_ms, cost_usd, error } = invocation;
        if self.invocations == 0 || time_ms < self.time_ms {
            self.time_ms = time_ms;
            let time = DateTime::from_timestamp_millis(time_ms).unwrap_or_default();
            self.time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
        }
        // One that died tells nothing.
        if self.sql.is_empty() {
            self.sql = record.sql.or(record.digest).unwrap_or_default();
            self.tile = tile(&record.query);
            (self.user, self.application) = (record.user, record.application);
        }
        self.rows = (self.invocations == 0).then_some(record.rows);
        self.invocations += 1;
        self.tables.extend(record.tables);
        self.bytes += record.bytes;
        self.time_taken_ms = self.time_taken_ms.max(record.time_ms);
        self.billed_ms += billed_ms;
        self.cost_usd += cost_usd;
        self.error = self.error.take().or(error);
    }
}

/// What the page function says behind a run's id (`function/page/src/engine.rs`).
fn tile(query: &str) -> Option<String> {
    let (id, tile) = query.split_once('/')?;
    let is_id = id.len() == 16 && id.bytes().all(|c| c.is_ascii_hexdigit());
    (is_id && tile.contains('/')).then(|| tile.to_owned())
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.queries.is_empty() {
            return writeln!(f, "nothing was asked in that time");
        }
        let header = ["time (UTC)", "user", "SQL", "functions", "rows", "billed ms", "cost", "error"];
        let mut grid = grid(&header, &[3, 4, 5, 6]);
        for query in &self.queries {
            grid.add_row([
                // Its date is that of today, or of not long before.
                query.time.get(5..19).unwrap_or(&query.time).replace('T', "\u{a0}").replace('-', "\u{2011}"),
                shown(&query.user, SHOWN_USER),
                shown(
                    &query.tile.iter().map(String::as_str).chain([query.sql.as_str()]).collect::<Vec<_>>().join(": "),
                    SHOWN_SQL,
                ),
                query.invocations.to_string(),
                query.rows.map_or_else(String::new, |rows| HumanCount(rows).to_string()),
                HumanCount(query.billed_ms).to_string(),
                dollars(query.cost_usd),
                query.error.as_deref().map(|error| shown(error, SHOWN_USER)).unwrap_or_default(),
            ]);
        }
        writeln!(f, "{grid}")?;
        match self.left_out {
            0 => Ok(()),
            more => writeln!(f, "{} before these: --limit N for more", HumanCount(more as u64)),
        }
    }
}

/// Foreign text on one line, at most `most` characters of it.
pub(super) fn shown(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let safe = line(&words);
    match safe.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &safe[..end]),
        None => safe.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use quack_function::record::Record;

    use super::*;

    #[test]
    fn invocations_of_one_query_are_added_up() {
        let mut query = Asked::default();
        let one = |time_ms: i64, table: &str, ms: u64| Invocation {
            time_ms,
            record: Record {
                sql: Some("SELECT 1".to_owned()),
                tables: vec![table.to_owned()],
                rows: 2,
                bytes: 10,
                time_ms: ms,
                ..Record::default()
            },
            billed_ms: 5,
            cost_usd: 0.5,
            error: None,
        };
        query.add(Invocation { time_ms: 9, error: Some("timeout".to_owned()), ..Invocation::default() });
        query.add(one(2000, "a", 3));
        query.add(one(1000, "b", 7));
        assert_eq!((query.sql.as_str(), query.time.as_str()), ("SELECT 1", "1970-01-01T00:00:00.009Z"));
        assert_eq!((query.invocations, query.rows, query.bytes, query.time_taken_ms), (3, None, 20, 7));
        assert_eq!((query.billed_ms, query.cost_usd, query.error.as_deref()), (10, 1.0, Some("timeout")));
        let mut single = Asked::default();
        single.add(one(0, "a", 1));
        assert_eq!(single.rows, Some(2));
    }

    #[test]
    fn a_run_for_a_page_is_told_from_others() {
        assert_eq!(tile("405d813778ecabef/trips/by_zone").as_deref(), Some("trips/by_zone"));
        for other in ["405d813778ecabef", "trips/by_zone", "405d813778ecabef/trips", "", "x/y/z"] {
            assert_eq!(tile(other), None, "{other}");
        }
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(shown("SELECT\n  1", 60), "SELECT 1");
        assert_eq!(shown("ééé", 2), "éé…");
        assert!(!shown("\u{1b}[2J", 60).contains('\u{1b}'));
    }
}
