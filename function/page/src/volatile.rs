//! What names in SQL tell of whether it gives the same rows another time.

use std::collections::BTreeSet;

/// Words by which SQL runs other SQL, or takes what rows come first.
pub const VOLATILE: &[&str] = &["query", "query_table", "sample", "tablesample", "glob", "sniff_csv", "pragma_version"];

/// Names that are a column's as often: unsteady only where they are called, `age(born)` or `born.age()`, which go by today.
pub const CALLED: &[&str] = &["age", "ago"];

/// Functions that DuckDB calls unsteady because a session may change its time zone, or for what they do beside: the engine's zone is
/// always the same. `day` and others are names of columns, too.
pub const STEADY: &[&str] = &[
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
pub const READERS: &[&str] = &["read_", "parquet_", "iceberg_", "delta_", "st_read", "ducklake_"];

/// Names that list tables, and how names begin that do.
pub const LISTS: &[&str] = &["show", "describe", "summarize", "information_schema", "sqlite_master", "sqlite_schema"];
pub const LISTERS: &[&str] = &["duckdb_", "pg_", "pragma_", "sqlite_temp"];

/// Whether SQL in which that name is, in lower case, may list tables.
pub fn lists(name: &str) -> bool {
    LISTS.contains(&name) || begins(name, LISTERS)
}

fn begins(name: &str, all: &[&str]) -> bool {
    all.iter().any(|begin| name.starts_with(begin))
}

/// Whether SQL in which these names are, in lower case, gives the same rows until a table changes, and rows that a file keeps as they are:
/// `known` are those that DuckDB calls unsteady. Rather not than wrongly.
pub fn is_steady<'a>(names: impl IntoIterator<Item = &'a str>, known: &BTreeSet<String>) -> bool {
    names.into_iter().all(|name| {
        let is_unsteady = known.contains(name) && !STEADY.contains(&name);
        let is_unsteady = is_unsteady || VOLATILE.contains(&name) || CALLED.contains(&name);
        // Texts may be sorted otherwise, or hide what they say behind escapes.
        let is_odd = name == "collate" || name.contains("://") || name.contains('\\');
        !(is_unsteady || lists(name) || is_odd || begins(name, READERS))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_another_each_time_is_not_steady() {
        let known = ["now", "random", "day"].map(str::to_owned).into();
        let is_steady = |names: &[&str]| is_steady(names.iter().copied(), &known);
        assert!(is_steady(&["select", "day", "count", "trips"]));
        for name in
            ["now", "random", "sample", "read_csv", "duckdb_tables", "show", "collate", "s3://lake/x", "a\\n", "age"]
        {
            assert!(!is_steady(&["select", name]), "{name}");
        }
    }
}
