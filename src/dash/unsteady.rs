//! What makes SQL another thing each time it is run, by DuckDB's own account of its functions.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use anyhow::Result;
use quack_page::volatile::Named;

use super::parser::Parser;

/// What is not deterministic and no function, words of SQL; and functions that DuckDB takes for steady, which go by when it is.
const WORDS: &[&str] = &[
    "current_date",
    "current_localtime",
    "current_localtimestamp",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "pg_conf_load_time",
    "pg_postmaster_start_time",
    "sample",
    "tablesample",
];

/// [`names`], asked for once; nothing where DuckDB does not start.
pub(super) fn known() -> Option<&'static BTreeSet<String>> {
    static NAMES: OnceLock<Option<BTreeSet<String>>> = OnceLock::new();
    NAMES.get_or_init(|| names().ok()).as_ref()
}

/// Names, in lower case, that make SQL another thing each time it is run.
///
/// # Errors
/// When DuckDB does not start.
pub(super) fn names() -> Result<BTreeSet<String>> {
    let parser = Parser::open()?;
    let mut unsteady: BTreeSet<String> = parser.ask(|connection| {
        let sql = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() \
                   WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY') OR has_side_effects";
        let mut statement = connection.prepare(sql)?;
        statement.query_map([], |row| row.get(0))?.collect()
    })?;
    unsteady.extend(WORDS.iter().map(|word| (*word).to_owned()));
    let mut macros: Vec<(String, String)> = parser.ask(|connection| {
        let sql = "SELECT DISTINCT lower(function_name), macro_definition FROM duckdb_functions() \
                   WHERE macro_definition IS NOT NULL";
        let mut statement = connection.prepare(sql)?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })?;
    // DuckDB says nothing of macros: they are as what they are made of, which may be others.
    loop {
        let is_unsteady = |definition: &str| Named::of(definition, &unsteady).volatile.is_some();
        let (found, others): (Vec<_>, Vec<_>) = macros.into_iter().partition(|(_, definition)| is_unsteady(definition));
        if found.is_empty() {
            return Ok(unsteady);
        }
        unsteady.extend(found.into_iter().map(|(name, _)| name));
        macros = others;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_by_the_clock_or_by_chance_is_known() {
        let names = names().unwrap();
        for name in ["now", "today", "random", "uuid", "nextval", "ago", "current_localtimestamp", "localtime"] {
            assert!(names.contains(name), "{name}");
        }
        for name in ["sum", "list_sum", "abs", "concat", "md5", "date_add", "array_append", "list_append", "split_part"]
        {
            assert!(!names.contains(name), "{name}");
        }
    }
}
