//! What `SET` sets and `SHOW` shows: PostgreSQL's settings, of which clients expect that they are there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::refusal::Refusal;

/// The version of PostgreSQL whose ways are kept.
pub(super) const SERVER_VERSION: &str = "16.6";

/// Settings by name with their first values; those that are [`FIXED`] stay.
const DEFAULTS: &[(&str, &str)] = &[
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("DateStyle", "ISO, MDY"),
    ("default_transaction_isolation", "repeatable read"),
    ("default_transaction_read_only", "off"),
    ("default_table_access_method", "heap"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("is_superuser", "off"),
    ("jit", "off"),
    ("lc_collate", "C"),
    ("lc_ctype", "C"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "1024"),
    ("max_index_keys", "32"),
    ("role", "none"),
    ("scram_iterations", "4096"),
    (SEARCH_PATH, "main"),
    ("server_encoding", "UTF8"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", "160006"),
    ("session_authorization", ""),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("TimeZone", "UTC"),
    ("transaction_isolation", "repeatable read"),
    ("transaction_read_only", "off"),
];

const FIXED: &[&str] = &[
    "integer_datetimes",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "max_identifier_length",
    "max_index_keys",
    "server_encoding",
    "server_version",
    "server_version_num",
    "standard_conforming_strings",
];

/// Settings with one value that is kept; others would mean other answers than are given.
const ONLY: &[(&str, &[&str])] = &[
    ("client_encoding", &["utf8", "utf-8", "unicode"]),
    ("TimeZone", &["utc", "etc/utc", "gmt", "default", "0", "+00:00"]),
    ("IntervalStyle", &["postgres"]),
    ("bytea_output", &["hex"]),
];

/// Names without a schema are of `main`: it stays so.
const SEARCH_PATH: &str = "search_path";

/// What is said to whoever sets another one. Clients that name each schema (Superset) set it all the same, so it is no error.
pub(super) const ELSEWHERE: &str = "names without a schema are of main, whatever search_path says: write schema.name";

/// Those that a client is told of, at first and when they change.
const REPORTED: &[&str] = &[
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "scram_iterations",
    "search_path",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// One session's.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
    /// As they were when the session began.
    first: BTreeMap<String, String>,
}

impl Settings {
    /// Of a session of `user`; `asked` is what the client wants at first, of which what is not known is left out.
    pub(super) fn new<'a>(user: &str, asked: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let values = DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut settings = Self { values, first: BTreeMap::new() };
        settings.values.insert("session_authorization".to_owned(), user.to_owned());
        for (name, value) in asked {
            _ = settings.set(name, value);
        }
        settings.first = settings.values.clone();
        settings
    }

    /// The name as it is spelled, if there is such a setting.
    fn name(&self, name: &str) -> Option<String> {
        self.values.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned()
    }

    pub(super) fn get(&self, name: &str) -> Option<(&str, &str)> {
        let found = self.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether nobody can set it.
    pub(super) fn is_fixed(name: &str) -> bool {
        FIXED.contains(&name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Sets one; gives what the client is to be told of it. One that is not known is kept, as PostgreSQL keeps those of extensions.
    ///
    /// # Errors
    /// A value that would mean other answers than are given; one that cannot be changed.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<Option<(String, String)>, Refusal> {
        let name = self.name(name).unwrap_or_else(|| name.to_ascii_lowercase());
        if Self::is_fixed(&name) {
            return Err(Refusal::new("55P02", format!("parameter \"{name}\" cannot be changed")));
        }
        if let Some((_, only)) = ONLY.iter().find(|(known, _)| *known == name)
            && !only.contains(&value.to_ascii_lowercase().as_str())
        {
            let now = &self.values[&name];
            return Err(Refusal::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""))
                .with_hint(format!("it is {now}, and stays so")));
        }
        if name == SEARCH_PATH {
            return Ok(None);
        }
        // What it is called does not matter where there is one.
        let value =
            if ONLY.iter().any(|(known, _)| *known == name) { self.values[&name].clone() } else { value.to_owned() };
        // ISO is what dates are in; which of day and month comes first is about those that are read.
        let value = if name == "DateStyle" { "ISO, MDY".to_owned() } else { value };
        self.values.insert(name.clone(), value.clone());
        Ok(REPORTED.contains(&name.as_str()).then_some((name, value)))
    }

    /// Whether `name` is the search path, and `value` would have names be of another schema than they are.
    pub(super) fn leads_elsewhere(name: &str, value: &str) -> bool {
        let first = value.split(',').map(|schema| schema.trim().trim_matches(['"', '\'']));
        let mut first = first.filter(|schema| !["", "$user", "pg_catalog"].contains(schema));
        let is_here = |first: &str| ["main", "public"].iter().any(|known| known.eq_ignore_ascii_case(first));
        name.eq_ignore_ascii_case(SEARCH_PATH) && first.next().is_some_and(|first| !is_here(first))
    }

    /// Sets one to what it was at first.
    pub(super) fn reset(&mut self, name: &str) -> Option<(String, String)> {
        let name = self.name(name)?;
        let value = self.first.get(&name).cloned().unwrap_or_default();
        self.values.insert(name.clone(), value.clone());
        REPORTED.contains(&name.as_str()).then_some((name, value))
    }

    pub(super) fn reset_all(&mut self) {
        self.values = self.first.clone();
    }

    /// What a client is told at first.
    pub(super) fn reported(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all().filter(|(name, _)| REPORTED.contains(name))
    }

    /// How long a statement may take, if that is bounded.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        let (_, text) = self.get("statement_timeout")?;
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor = match text[digits.len()..].trim() {
            "s" => 1000,
            "min" => 60_000,
            "h" => 3_600_000,
            _ => 1,
        };
        let ms = digits.parse::<u64>().ok()?.checked_mul(factor)?;
        (ms > 0).then(|| Duration::from_millis(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_and_those_that_cannot_be_are_refused() {
        let mut settings =
            Settings::new("ann", [("application_name", "psql"), ("client_encoding", "latin1")].into_iter());
        for value in ["\"$user\", public", "Main", "", "pg_catalog"] {
            assert!(!Settings::leads_elsewhere("search_path", value), "{value}");
        }
        assert!(Settings::leads_elsewhere("SEARCH_PATH", "\"$user\", sales, main"));
        assert_eq!(settings.set("search_path", "sales").unwrap(), None);
        assert_eq!(settings.get("search_path").unwrap().1, "main");
        assert_eq!(settings.get("APPLICATION_NAME"), Some(("application_name", "psql")));
        assert_eq!(settings.get("client_encoding").unwrap().1, "UTF8");
        assert_eq!(settings.set("timezone", "UTC").unwrap(), Some(("TimeZone".into(), "UTC".into())));
        assert!(settings.set("TimeZone", "Europe/Berlin").unwrap_err().message.contains("Europe/Berlin"));
        assert_eq!(settings.set("server_version", "9").unwrap_err().code, "55P02");
        assert_eq!(settings.set("my.own", "x").unwrap(), None);
        settings.set("statement_timeout", "2s").unwrap();
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(2)));
        settings.reset("statement_timeout");
        assert_eq!(settings.statement_timeout(), None);
    }
}
