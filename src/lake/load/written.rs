//! What lies in a load's staging folder: Parquet files, and what DuckDB said of each as it wrote it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use duckdb::Connection;
use duckdb::types::Value;
use quack_function::wire::Column;

use super::stats;
use super::workdir::Staging;
use crate::duck::words;
use crate::error::failure;
use crate::lake::catalog::{DataFile, FileColumn};
pub(crate) use crate::lake::iceberg::NULL_FOLDER;
use quack_function::sql::{identifier, literal};
use quack_function::sql_type::SqlType;

/// The file of a table that is not partitioned.
pub(crate) const WHOLE: &str = "data.parquet";

/// The version of Parquet that files with these columns are written in. What DuckDB makes of 32 bits without a sign in the newer
/// one, pyarrow does not read.
pub(crate) fn parquet_version(columns: &[Column]) -> &'static str {
    let has_uinteger = columns.iter().any(|column| column.sql_type.contains("UINTEGER"));
    if has_uinteger { "v1" } else { "v2" }
}

/// A load's files, ready to be uploaded.
pub(crate) struct Staged {
    /// Removes the files when dropped.
    pub staging: Staging,
    /// The columns in the files.
    pub columns: Vec<Column>,
    /// The columns in the folder names.
    pub partitions: Vec<Column>,
    /// Each with its key still relative, e.g. `date=2019-04-01/data_0.parquet`, as it is below [`Staging::data`].
    pub files: Vec<DataFile>,
    /// What the user should know of the rows, and what is no error.
    pub notes: Vec<String>,
}

/// What `RETURN_STATS` says of one file.
pub(crate) struct Written {
    path: PathBuf,
    /// Relative to the data folder.
    name: String,
    rows: u64,
    bytes: u64,
    statistics: Value,
    partition_keys: Value,
}

/// Runs a COPY with `RETURN_STATS` into the folder `data`.
///
/// # Errors
/// DuckDB's.
pub(crate) fn run(connection: &Connection, copy: &str, data: &Path) -> duckdb::Result<Vec<Written>> {
    let mut statement = connection.prepare(copy)?;
    let rows = statement.query_map([], |row| {
        let path = PathBuf::from(row.get::<_, String>("filename")?);
        Ok(Written {
            name: path.strip_prefix(data).unwrap_or(&path).to_string_lossy().into_owned(),
            path,
            rows: row.get("count")?,
            bytes: row.get("file_size_bytes")?,
            statistics: row.get("column_statistics")?,
            partition_keys: row.get("partition_keys")?,
        })
    })?;
    rows.collect()
}

/// The table's `columns`, its partition columns and its files.
///
/// # Errors
/// When there are no rows, and that may not be, or a partition's value is a text that would be read back as NULL.
pub(crate) fn collect(
    connection: &Connection,
    label: &str,
    mut columns: Vec<Column>,
    partitions: Vec<Column>,
    written: &[Written],
    may_be_empty: bool,
) -> Result<(Vec<Column>, Vec<Column>, Vec<DataFile>)> {
    let first = written.iter().find(|file| file.rows > 0).or_else(|| written.first().filter(|_| may_be_empty));
    let Some(first) = first else {
        return Err(failure(format!("`{label}` has no rows"), "give data with rows in them"));
    };
    let reader = format!("read_parquet({}, hive_partitioning = false)", literal(&first.path.to_string_lossy()));
    let found =
        words::columns(connection, &format!("SELECT * FROM {reader}")).context("cannot read what was written")?;
    let is_told = |column: &Column| SqlType::parse(&column.sql_type).is_ok_and(|own| own.is_told_by_files());
    for column in columns.iter_mut().filter(|column| is_told(column)) {
        let found = found.iter().find(|found| found.name == column.name);
        column.sql_type = found.map_or_else(|| column.sql_type.clone(), |found| found.sql_type.clone());
    }
    let mut files = Vec::with_capacity(written.len());
    for file in written {
        let keys = stats::entries(&file.partition_keys);
        let partition: Vec<Option<String>> =
            partitions.iter().map(|column| keys.get(&column.name).and_then(|value| stats::as_text(value))).collect();
        check_values(label, &partition)?;
        files.push(DataFile {
            schema: None,
            key: file.name.clone(),
            rows: file.rows,
            bytes: file.bytes,
            partition,
            columns: stats::of_file(&columns, file.rows, &stats::told(&file.statistics)),
        });
    }
    count_nulls(connection, &columns, written, &mut files)?;
    Ok((columns, partitions, files))
}

/// Refuses values of partition columns that their folders' names do not bring back.
///
/// # Errors
/// A text that would be read back as NULL.
pub(crate) fn check_values(label: &str, partition: &[Option<String>]) -> Result<()> {
    // As DuckDB reads folders' names.
    let is_null = |value: &str| value.eq_ignore_ascii_case("NULL") || value == NULL_FOLDER;
    match partition.iter().flatten().find(|value| is_null(value)) {
        Some(value) => Err(failure(
            format!("`{label}` has the text `{value}` as a partition's value, which would be read back as NULL"),
            "partition by an expression that gives another text, e.g. CASE WHEN upper(x) = 'NULL' THEN 'none' ELSE x END",
        )),
        None => Ok(()),
    }
}

/// Counts the NULLs of columns that the files' own statistics do not tell of: lists, structs, maps, intervals.
fn count_nulls(connection: &Connection, columns: &[Column], written: &[Written], files: &mut [DataFile]) -> Result<()> {
    let untold = |stats: &BTreeMap<String, FileColumn>, name: &str| stats.get(name).is_none_or(|s| s.nulls.is_none());
    let names: Vec<&str> = columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| files.iter().any(|file| untold(&file.columns, name)))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let counts: Vec<String> = names.iter().map(|name| format!("count(*) - count({})", identifier(name))).collect();
    for (written, file) in written.iter().zip(files) {
        let path = literal(&written.path.to_string_lossy());
        let sql = format!("SELECT [{}] FROM read_parquet({path}, hive_partitioning = false)", counts.join(", "));
        let counted: Value = connection.query_row(&sql, [], |row| row.get(0)).context("cannot count NULLs")?;
        let Value::List(counted) = counted else { continue };
        for (name, count) in names.iter().zip(counted) {
            if let (Some(stats), Value::BigInt(count)) = (file.columns.get_mut(*name), count) {
                stats.nulls = u64::try_from(count).ok();
            }
        }
    }
    Ok(())
}
