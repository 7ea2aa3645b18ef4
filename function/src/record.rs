//! The line that the function writes to its log for each invocation: who asked what of which tables, and how it went. What it
//! was billed stands in Lambda's own REPORT line, which follows.

use crate::wire::{Event, Who};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How each such line begins; the version of the function follows.
pub const BEGIN: &str = "{\"quackctl\":\"";

/// Longest SQL that is written, bytes.
const SQL_BYTES: usize = 4096;

/// Longest name of a user, an application, a query or a table, bytes.
const NAME_BYTES: usize = 128;

/// Most tables that are named.
const TABLES: usize = 20;

/// How many bytes of the SQL's SHA-256 are written where the SQL is not.
const DIGEST_BYTES: usize = 16;

/// One invocation, as its line has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The function's version. It comes first: lines are known by it.
    pub quackctl: String,
    /// When the invocation began, RFC 3339.
    pub time: String,
    /// Lambda's request id, which the REPORT line has, too.
    pub event_id: String,
    /// What whoever asked says of itself; nobody has checked it. Empty where nothing was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// Invocations of one query have the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The SQL as it was asked, its end cut off if it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// The beginning of the SQL's SHA-256, in the place of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Names of the tables that were read; of an invocation that failed, of those that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// Rows and bytes of the result as it was encoded.
    pub rows: u64,
    pub bytes: u64,
    /// Wall time inside the function, milliseconds.
    pub time_ms: u64,
    pub warm: bool,
    /// The type of the error that it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Record {
    /// Of an invocation that began at `time`. Without `log_sql`, a digest of the SQL takes its place.
    pub fn begun(event_id: &str, time: DateTime<Utc>, event: Option<&Event>, log_sql: bool) -> Self {
        let (sql, digest) = match event.map(|event| event.who.sql.as_ref().unwrap_or(&event.q)) {
            Some(sql) if log_sql => (Some(shortened(sql)), None),
            Some(sql) => (None, Some(digest(sql))),
            None => (None, None),
        };
        let who = event.map(|event| event.who.clone()).unwrap_or_default();
        let Who { user, application, query, .. } = who;
        let mut record = Self {
            quackctl: env!("CARGO_PKG_VERSION").to_owned(),
            time: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            event_id: event_id.to_owned(),
            user: cut(&user, NAME_BYTES),
            application: cut(&application, NAME_BYTES),
            query: cut(&query, NAME_BYTES),
            sql,
            digest,
            ..Self::default()
        };
        record.read(event.map(|event| &*event.tables).unwrap_or_default().iter().map(|table| &*table.name));
        record
    }

    /// Names the tables that were read.
    pub fn read<'a>(&mut self, tables: impl IntoIterator<Item = &'a str>) {
        self.tables = tables.into_iter().take(TABLES).map(|name| cut(name, NAME_BYTES)).collect();
    }

    /// The line, with its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// The record that a line of a log is, if it is one.
    pub fn parse(line: &str) -> Option<Self> {
        line.starts_with(BEGIN).then(|| serde_json::from_str(line).ok())?
    }
}

/// SQL, its end cut off if it is longer than what is written.
pub fn shortened(sql: &str) -> String {
    cut(sql, SQL_BYTES)
}

/// What stands for SQL that is not to be read.
fn digest(sql: &str) -> String {
    Sha256::digest(sql).iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// `text`, with what is over `most` bytes left out.
fn cut(text: &str, most: usize) -> String {
    match text.len() > most {
        true => format!("{}...", &text[..text.floor_char_boundary(most)]),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(event: &str, log_sql: bool) -> Record {
        let event = crate::event::parse(event).unwrap();
        Record::begun("id", DateTime::from_timestamp_millis(1_554_113_400_123).unwrap(), Some(&event), log_sql)
    }

    #[test]
    fn a_line_is_read_back() {
        let event = r#"{"q": "SELECT 'a\nb'", "who": {"user": "ann", "application": "psql", "query": "q1"},
                        "tables": [{"name": "trips", "files": []}], "unknown": 1}"#;
        let record = Record { rows: 3, error: Some("DuckDB.BinderError".to_owned()), ..begun(event, true) };
        let line = record.line();
        assert!(line.starts_with(BEGIN) && line.ends_with("}\n") && line.lines().count() == 1, "{line}");
        assert_eq!(Record::parse(line.trim_end()), Some(record.clone()));
        assert_eq!(record.time, "2019-04-01T10:10:00.123Z");
        assert_eq!((record.user.as_str(), record.tables.len()), ("ann", 1));
        for other in ["", "REPORT RequestId: x", "{\"quackctl\":1}", "{\"quackctl\":\"0.1.0\""] {
            assert_eq!(Record::parse(other), None, "{other}");
        }
    }

    #[test]
    fn sql_that_is_not_to_be_read_is_not_there() {
        let record = begun(r#"{"q": "SELECT secret"}"#, false);
        assert!(!record.line().contains("secret"), "{record:?}");
        // The beginning of what `sha256sum` says.
        assert_eq!(record.digest.unwrap(), &format!("{:x}", Sha256::digest("SELECT secret"))[..32]);
    }

    #[test]
    fn lines_are_bounded() {
        let long = "é".repeat(100_000);
        let who = serde_json::json!({ "user": long, "application": long, "query": long, "sql": long });
        let tables: Vec<_> = (0..100).map(|_| serde_json::json!({ "name": long, "files": [] })).collect();
        let event = serde_json::json!({ "q": long, "who": who, "tables": tables }).to_string();
        assert!(begun(&event, true).line().len() < 16_000);
    }

    #[test]
    fn an_event_that_is_none_has_a_line_all_the_same() {
        let record = Record::begun("id", Utc::now(), None, true);
        assert_eq!(Record::parse(record.line().trim_end()), Some(record));
    }
}
