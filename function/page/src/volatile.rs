//! What the tokens of SQL tell of which rows it reads, and of whether it gives the same another time.

use std::collections::BTreeSet;

use quack_function::sql::{Token, tokens};

/// Words by which SQL runs other SQL, or takes what rows come first.
const VOLATILE: &[&str] = &["query", "query_table", "sample", "tablesample", "glob", "sniff_csv", "pragma_version"];

/// Names that are a column's as often: unsteady only where they are called, `age(born)` or `born.age()`, which go by today.
const CALLED: &[&str] = &["age", "ago"];

/// Functions that DuckDB calls unsteady because a session may change its time zone, or for what they do beside: the engine's zone is
/// always the same. `day` and others are names of columns, too.
const STEADY: &[&str] = &[
    "century",
    "date_diff",
    "date_part",
    "date_sub",
    "date_trunc",
    "datediff",
    "datepart",
    "datesub",
    "datetrunc",
    "day",
    "dayname",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "decade",
    "era",
    "error",
    "generate_series",
    "hour",
    "isodow",
    "isoyear",
    "julian",
    "last_day",
    "make_timestamptz",
    "microsecond",
    "millennium",
    "millisecond",
    "minute",
    "month",
    "monthname",
    "quarter",
    "range",
    "second",
    "stats",
    "strftime",
    "time_bucket",
    "timezone",
    "timezone_hour",
    "timezone_minute",
    "week",
    "weekday",
    "weekofyear",
    "year",
    "yearweek",
];

/// How names of functions begin that read files.
const READERS: &[&str] = &["read_", "parquet_", "iceberg_", "delta_", "st_read", "ducklake_"];

/// Names that list tables, and how names begin that do.
const LISTS: &[&str] = &["show", "describe", "summarize", "information_schema", "sqlite_master", "sqlite_schema"];
const LISTERS: &[&str] = &["duckdb_", "pg_", "pragma_", "sqlite_temp"];

/// Whether what is called so, in lower case, may be another each time. `known` are names that DuckDB calls unsteady, and `is_called` tells
/// whether a `(` follows.
fn is_unsteady(name: &str, known: &BTreeSet<String>, is_called: bool) -> bool {
    match CALLED.contains(&name) {
        true => is_called,
        false => VOLATILE.contains(&name) || (known.contains(name) && !STEADY.contains(&name)),
    }
}

fn begins(name: &str, all: &[&str]) -> bool {
    all.iter().any(|begin| name.starts_with(begin))
}

/// What the tokens of one piece of SQL tell.
#[derive(Debug, Default)]
pub struct Named {
    /// All names in it, in lower case; texts, which may be some, too.
    pub names: BTreeSet<String>,
    /// It may list all tables.
    pub lists: bool,
    /// Why it may give other rows another time, if it may.
    pub volatile: Option<String>,
}

impl Named {
    /// What `sql` tells, rather too much than too little; `known` are the names that DuckDB calls unsteady.
    pub fn of(sql: &str, known: &BTreeSet<String>) -> Self {
        let mut named = Self::default();
        let mut is_parameter = false;
        let mut tokens = tokens(sql).into_iter().peekable();
        while let Some(token) = tokens.next() {
            let is_called = tokens.peek() == Some(&Token::Symbol('('));
            let is_value = std::mem::replace(&mut is_parameter, token == Token::Symbol('$'));
            let Some(name) = token.name().map(|name| name.to_lowercase()).filter(|_| !is_value) else { continue };
            let is_text = matches!(token, Token::Text(_));
            // A text may be a table's name, the address of a file, or hide either behind escapes.
            let is_escaped = matches!(token, Token::Text(text) if text.starts_with(['e', 'E']) && text.contains('\\'));
            if name.contains("://") || is_escaped {
                named.volatile.get_or_insert_with(|| "it reads files by their address".to_owned());
            } else if !is_text && is_unsteady(&name, known, is_called) {
                named.volatile.get_or_insert_with(|| format!("it has `{name}`"));
            } else if !is_text && begins(&name, READERS) {
                named.volatile.get_or_insert_with(|| format!("`{name}` reads files"));
            }
            named.lists |= LISTS.contains(&name.as_str()) || begins(&name, LISTERS);
            // `FROM 'memory.main.trips'`.
            if let Some((_, last)) = name.rsplit_once('.').filter(|_| is_text) {
                named.names.insert(last.to_owned());
            }
            named.names.insert(name);
        }
        named
    }

    /// Texts may have an order of their own, which no file keeps.
    pub fn collates(&self) -> bool {
        self.names.contains("collate")
    }

    /// Whether its rows are the same until a table changes, and such as a file keeps as they are.
    pub fn is_steady(&self) -> bool {
        !(self.lists || self.collates() || self.volatile.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_another_each_time_is_not_steady() {
        let known = ["now", "random", "day", "age", "ago"].map(str::to_owned).into();
        let is_steady = |sql: &str| Named::of(sql, &known).is_steady();
        for sql in ["SELECT day(d), age, sum(age), 1 AS ago, 'now', $now FROM trips", "SELECT day, count(*) FROM trips"]
        {
            assert!(is_steady(sql), "{sql}");
        }
        for sql in [
            "SELECT now()",
            "SELECT random()",
            "FROM trips USING SAMPLE 3",
            "FROM read_csv('x')",
            "FROM duckdb_tables()",
            "FROM 'duckdb_tables'",
            "FROM (SHOW TABLES)",
            "SELECT 'a' COLLATE nocase",
            "FROM 's3://lake/x'",
            "SELECT e'a\\n'",
            "SELECT age(d)",
            "SELECT d.ago()",
        ] {
            assert!(!is_steady(sql), "{sql}");
        }
    }
}
