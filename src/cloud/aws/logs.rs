//! Functions' logs in CloudWatch.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use anyhow::Result;
use aws_sdk_cloudwatchlogs::types::{FilteredLogEvent, LogGroup};
use chrono::Utc;

use super::errors::{self, explain};
use super::session::Session;
use crate::cloud::log_line::LogLine;
use crate::error::failure;

/// Pause between two looks for new lines.
const EVERY: Duration = Duration::from_secs(1);

/// CloudWatch takes a while to show what was logged: lines this young may still come.
const LATE_MS: i64 = 30_000;

/// Gives what the log group has of the last `since` to `write`, line by line; with `follow` it goes on with what is logged from then on.
///
/// # Errors
/// When there is no log, or `write` fails.
pub(super) async fn write(
    session: &Session,
    group: &str,
    since: Duration,
    follow: bool,
    mut write: impl FnMut(LogLine<'_>) -> io::Result<()>,
) -> Result<()> {
    let mut from_ms = Utc::now().timestamp_millis() - i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2);
    let mut seen: HashSet<String> = HashSet::new();
    loop {
        let mut newest = from_ms;
        let mut page = None;
        loop {
            let request = session.logs.filter_log_events().log_group_name(group).start_time(from_ms.max(0));
            let found = match request.set_next_token(page).send().await {
                Ok(found) => found,
                Err(error) if errors::is_code(&error, &["ResourceNotFoundException"]) => {
                    return Err(failure(format!("there is no log group {group}"), "run `quackctl up`"));
                }
                Err(error) => return Err(explain(error, &format!("read the log group {group}"))),
            };
            for event in found.events() {
                newest = newest.max(event.timestamp().unwrap_or(0));
                if seen.insert(identity(event)) {
                    let text = event.message().unwrap_or_default().trim_end_matches('\n').as_bytes();
                    write(LogLine { time_ms: event.timestamp(), text })?;
                }
            }
            page = found.next_token;
            if page.is_none() {
                break;
            }
        }
        if !follow {
            return Ok(());
        }
        from_ms = from_ms.max(newest - LATE_MS);
        tokio::time::sleep(EVERY).await;
    }
}

/// The log group of that name, if there is one.
///
/// # Errors
/// What AWS says.
pub(super) async fn group(session: &Session, name: &str) -> Result<Option<LogGroup>> {
    let found = session.logs.describe_log_groups().log_group_name_prefix(name).send().await;
    let found = found.map_err(|error| explain(error, "list the log groups"))?;
    // Other stages' names may begin with this one's.
    let mut groups = found.log_groups.unwrap_or_default().into_iter();
    Ok(groups.find(|group| group.log_group_name() == Some(name)))
}

/// Removes a function's log group, if there is one: a function that ran to the last may have written to it after the
/// stack had deleted it.
///
/// # Errors
/// What AWS says.
pub(super) async fn remove(session: &Session, name: &str) -> Result<()> {
    if group(session, name).await?.is_none() {
        return Ok(());
    }
    match session.logs.delete_log_group().log_group_name(name).send().await {
        Err(error) if !errors::is_code(&error, &["ResourceNotFoundException"]) => {
            Err(explain(error, &format!("delete the log group {name}")))
        }
        _ => Ok(()),
    }
}

/// What tells an event from all others.
fn identity(event: &FilteredLogEvent) -> String {
    match event.event_id() {
        Some(id) if !id.is_empty() => id.to_owned(),
        _ => format!("{:?} {:?} {:?}", event.timestamp(), event.log_stream_name(), event.message()),
    }
}
