//! Statistics of columns: what DuckDB says of each Parquet file that it wrote, and what follows for the whole table.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result};
use duckdb::types::Value;
use duckdb::{Connection, params};
use quack_function::wire::Column;

use crate::duck::{self, Sandbox};
use crate::lake::catalog::{ColumnStats, DataFile, FileColumn};
use quack_function::sql::identifier;

/// Types whose least and greatest values DuckDB tells as text that it can read again.
const ORDERED: &[&str] = &[
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "VARCHAR",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
    "UUID",
];

/// DuckDB orders NaN above every other number, infinity included.
const NAN: &str = "nan";

/// What `RETURN_STATS` says of a file's columns: a map of quoted column paths, of what is said of each by name.
pub(crate) type Told = HashMap<String, HashMap<String, Option<String>>>;

/// What DuckDB on this machine says of a file's columns.
pub(crate) fn told(statistics: &Value) -> Told {
    let texts = |of: &Value| entries(of).into_iter().map(|(key, value)| (key, as_text(value))).collect();
    entries(statistics).into_iter().map(|(path, of)| (path, texts(of))).collect()
}

/// Statistics of `columns` in a file of `rows` rows.
pub(crate) fn of_file(columns: &[Column], rows: u64, told: &Told) -> BTreeMap<String, FileColumn> {
    let of = |column: &Column| {
        let path = identifier(&column.name);
        FileColumn { bytes: bytes_of(&path, told), ..of_column(column, rows, told.get(&path)) }
    };
    columns.iter().map(|column| (column.name.clone(), of(column))).collect()
}

/// What the column of this quoted path takes: what is within a nested one has paths that begin with it.
fn bytes_of(path: &str, told: &Told) -> Option<u64> {
    let own = told
        .iter()
        .filter(|(known, _)| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    let sizes = own.map(|(_, stats)| stats.get("column_size_bytes")?.as_ref()?.parse::<u64>().ok());
    sizes.reduce(|sum, more| sum?.checked_add(more?)).flatten()
}

fn of_column(column: &Column, rows: u64, stats: Option<&HashMap<String, Option<String>>>) -> FileColumn {
    let text = |key: &str| stats.and_then(|stats| stats.get(key)?.clone());
    let counted = text("num_values").and_then(|count| count.parse().ok()) == Some(rows);
    let nulls = text("null_count").and_then(|count| count.parse().ok()).filter(|_| counted);
    if !is_ordered(&column.sql_type) {
        return FileColumn { nulls, ..FileColumn::default() };
    }
    let (mut min, mut max) = (text("min"), text("max"));
    match column.sql_type.as_str() {
        "BOOLEAN" => {
            for bound in [&mut min, &mut max].into_iter().flatten() {
                *bound = if bound == "0" { "false" } else { "true" }.to_owned();
            }
        }
        // The bounds that Parquet keeps leave NaN out.
        "FLOAT" | "DOUBLE" if text("has_nan").as_deref() == Some("true") => {
            min = min.or_else(|| Some(NAN.to_owned()));
            max = Some(NAN.to_owned());
        }
        _ => {}
    }
    FileColumn { nulls, min, max, bytes: None }
}

/// Statistics of a table's `columns` and, after them, its `partitions`, over its `files`, and over `before`: how many
/// rows there are already, and what is known of them.
///
/// # Errors
/// When DuckDB cannot read back a bound that it wrote.
pub(crate) fn of_table(
    columns: &[Column],
    partitions: &[Column],
    before: Option<(u64, &[ColumnStats])>,
    files: &[DataFile],
) -> Result<Vec<ColumnStats>> {
    let connection = duck::open(&Sandbox::default())?;
    connection.execute_batch("CREATE TABLE bounds (column_index UINTEGER, low VARCHAR, high VARCHAR)")?;
    let mut nulls: Vec<Option<u64>> = vec![Some(0); columns.len() + partitions.len()];
    // What one file does not tell is not known of the table.
    let mut known = vec![true; columns.len() + partitions.len()];
    {
        let mut appender = connection.appender("bounds")?;
        for (index, column) in columns.iter().chain(partitions).enumerate() {
            let Some((rows, told)) = before else { break };
            match told.iter().find(|told| told.name == column.name) {
                Some(ColumnStats { nulls: old, min, max, .. }) => {
                    nulls[index] = *old;
                    // Where all is NULL there is none that is the least.
                    known[index] = min.is_some() && max.is_some() || *old == Some(rows);
                    appender.append_row(params![index as u32, min, max])?;
                }
                None => (nulls[index], known[index]) = (None, false),
            }
        }
        for file in files {
            for (index, column) in columns.iter().enumerate() {
                let Some(stats) = file.columns.get(&column.name) else {
                    (nulls[index], known[index]) = (None, false);
                    continue;
                };
                nulls[index] = nulls[index].zip(stats.nulls).map(|(sum, more)| sum + more);
                let is_told = stats.min.is_some() && stats.max.is_some();
                known[index] &= is_told || stats.nulls == Some(file.rows);
                appender.append_row(params![index as u32, stats.min, stats.max])?;
            }
            for (index, value) in file.partition.iter().enumerate().take(partitions.len()) {
                let index = columns.len() + index;
                if value.is_none() {
                    nulls[index] = nulls[index].map(|sum| sum + file.rows);
                }
                appender.append_row(params![index as u32, value, value])?;
            }
        }
    }
    let all = columns.iter().chain(partitions).zip(nulls).enumerate();
    all.map(|(index, (column, nulls))| {
        let is_known = known.get(index).copied().unwrap_or(false) && is_ordered(&column.sql_type);
        let (min, max) = if is_known { bounds(&connection, index, column)? } else { (None, None) };
        Ok(ColumnStats { name: column.name.clone(), sql_type: column.sql_type.clone(), nulls, min, max })
    })
    .collect()
}

fn bounds(connection: &Connection, index: usize, column: &Column) -> Result<(Option<String>, Option<String>)> {
    let sql = format!(
        "SELECT CAST(min(CAST(low AS {0})) AS VARCHAR), CAST(max(CAST(high AS {0})) AS VARCHAR) FROM bounds WHERE column_index = {index}",
        column.sql_type
    );
    connection
        .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .with_context(|| format!("cannot reckon the bounds of column `{}`", column.name))
}

fn is_ordered(sql_type: &str) -> bool {
    let base = sql_type.split('(').next().unwrap_or_default();
    !sql_type.ends_with(']') && ORDERED.contains(&base)
}

/// A DuckDB map by its keys as text.
pub(crate) fn entries(map: &Value) -> HashMap<String, &Value> {
    match map {
        Value::Map(map) => map.iter().filter_map(|(key, value)| Some((as_text(key)?, value))).collect(),
        _ => HashMap::new(),
    }
}

/// A text value; `None` for NULL.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}
