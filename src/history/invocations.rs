//! Invocations, put together from the lines of the log.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use chrono::DateTime;
use quack_function::record::Record;

use crate::arch::Arch;
use crate::cloud::{self, LogLine, LogOf};
use crate::console::context::Context;
use crate::invoke::cost::{Report, end_of, reported};

/// One invocation of the function.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Invocation {
    /// When it began, or at least ended, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What the function wrote of it: nothing where it died, or is of a quackctl before 0.1.
    pub record: Record,
    pub billed_ms: u64,
    /// At Lambda's public price, US dollars.
    pub cost_usd: f64,
    /// The type of the error that it ended with.
    pub error: Option<String>,
}

impl Invocation {
    /// What tells the query that it is of from others.
    pub(super) fn query_id(&self) -> &str {
        // What calls the function by itself has queries of one invocation.
        if self.record.query.is_empty() { &self.record.event_id } else { &self.record.query }
    }
}

/// Gives the invocations of the last `since` to `each`, in no order.
///
/// # Errors
/// A log that cannot be read.
pub(super) async fn read(context: &Context, since: Duration, mut each: impl FnMut(Invocation)) -> Result<()> {
    let mut halves = Halves { arch: context.config.function_arch()?, records: HashMap::new(), reports: HashMap::new() };
    cloud::logs(context, LogOf::Engine, Some(since), false, |line| {
        halves.take(line).into_iter().for_each(&mut each);
        Ok(())
    })
    .await?;
    halves.rest().for_each(each);
    Ok(())
}

/// Lines whose other half has not come yet, by the ids of their requests.
struct Halves {
    arch: Arch,
    records: HashMap<String, (i64, Record)>,
    reports: HashMap<String, (i64, Reported)>,
}

/// What a REPORT line says.
#[derive(Debug, Clone)]
struct Reported {
    report: Report,
    end: Option<String>,
}

impl Halves {
    /// Takes in a line, and gives the invocation that it makes whole.
    fn take(&mut self, line: LogLine<'_>) -> Option<Invocation> {
        let (text, time_ms) = (str::from_utf8(line.text).ok()?, line.time_ms.unwrap_or_default());
        if let Some(record) = Record::parse(text) {
            let began = DateTime::parse_from_rfc3339(&record.time).map_or(time_ms, |time| time.timestamp_millis());
            return match self.reports.remove(&record.event_id) {
                Some((_, reported)) => Some(self.whole(began, record, Some(reported))),
                None => {
                    self.records.insert(record.event_id.clone(), (began, record));
                    None
                }
            };
        }
        let id = reported(text)?;
        let reported = Reported { report: Report::find_in(text)?, end: end_of(text).map(str::to_owned) };
        match self.records.remove(id) {
            Some((began, record)) => Some(self.whole(began, record, Some(reported))),
            None => {
                self.reports.insert(id.to_owned(), (time_ms, reported));
                None
            }
        }
    }

    /// What has one half only: it is running, or it died.
    fn rest(mut self) -> impl Iterator<Item = Invocation> {
        let (records, reports) = (std::mem::take(&mut self.records), std::mem::take(&mut self.reports));
        let records = records.into_values().map(|(time_ms, record)| (time_ms, record, None));
        let reports = reports.into_iter().map(|(event_id, (time_ms, reported))| {
            let record = Record { event_id, ..Record::default() };
            (time_ms, record, Some(reported))
        });
        let rest: Vec<_> = records.chain(reports).collect();
        rest.into_iter().map(move |(time_ms, record, reported)| self.whole(time_ms, record, reported))
    }

    fn whole(&self, time_ms: i64, record: Record, reported: Option<Reported>) -> Invocation {
        let (report, end) = reported.map_or((None, None), |reported| (Some(reported.report), reported.end));
        Invocation {
            time_ms,
            billed_ms: report.map_or(0, |report| report.billed_ms),
            cost_usd: report.map_or(0.0, |report| report.cost_usd(self.arch)),
            error: record.error.clone().or(end),
            record,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves() -> Halves {
        Halves { arch: Arch::Arm64, records: HashMap::new(), reports: HashMap::new() }
    }

    fn take(halves: &mut Halves, text: &str) -> Option<Invocation> {
        halves.take(LogLine { time_ms: Some(7), text: text.as_bytes() })
    }

    const REPORT: &str =
        "REPORT RequestId: a\tDuration: 1.5 ms\tBilled Duration: 2 ms\tMemory Size: 1024 MB\tMax Memory Used: 9 MB\t";

    fn record(error: Option<&str>) -> String {
        let time = "2019-04-01T00:00:00.005Z".to_owned();
        let error = error.map(str::to_owned);
        Record { event_id: "a".to_owned(), time, rows: 3, error, ..Record::default() }.line().trim_end().to_owned()
    }

    #[test]
    fn two_lines_are_an_invocation_in_whichever_order_they_come() {
        for lines in [[record(None).as_str(), REPORT], [REPORT, record(None).as_str()]] {
            let mut halves = halves();
            assert_eq!(take(&mut halves, "START RequestId: a Version: $LATEST"), None);
            assert_eq!(take(&mut halves, lines[0]), None);
            let whole = take(&mut halves, lines[1]).unwrap();
            assert_eq!((whole.billed_ms, whole.record.rows, whole.error), (2, 3, None));
            assert_eq!(whole.time_ms, 1_554_076_800_005);
            assert_eq!(halves.rest().count(), 0);
        }
    }

    #[test]
    fn one_that_died_or_runs_is_told_of() {
        let mut died = halves();
        assert_eq!(take(&mut died, &format!("{REPORT}Status: timeout")), None);
        let told: Vec<_> = died.rest().collect();
        assert_eq!((told.len(), told[0].error.as_deref(), told[0].time_ms), (1, Some("timeout"), 7));
        assert!(told[0].cost_usd > 0.0);
        let mut running = halves();
        assert_eq!(take(&mut running, &record(Some("DuckDB.BinderError"))), None);
        let told: Vec<_> = running.rest().collect();
        assert_eq!((told[0].billed_ms, told[0].error.as_deref()), (0, Some("DuckDB.BinderError")));
    }
}
