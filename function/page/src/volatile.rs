//! What names in SQL tell of whether it gives the same rows another time.

/// Words by which SQL runs other SQL, or takes what rows come first.
pub(crate) const VOLATILE: &[&str] =
    &["query", "query_table", "sample", "tablesample", "glob", "sniff_csv", "pragma_version"];

/// Functions that DuckDB calls unsteady because a session may change its time zone, or for what they do beside: the engine's zone is
/// always the same. `day` and others are names of columns, too.
pub(crate) const STEADY: &[&str] = &[
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
pub(crate) const READERS: &[&str] = &["read_", "parquet_", "iceberg_", "delta_", "st_read", "ducklake_"];

/// Names that list tables, and how names begin that do.
pub(crate) const LISTS: &[&str] =
    &["show", "describe", "summarize", "information_schema", "sqlite_master", "sqlite_schema"];
pub(crate) const LISTERS: &[&str] = &["duckdb_", "pg_", "pragma_", "sqlite_temp"];
