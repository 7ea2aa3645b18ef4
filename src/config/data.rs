//! `[[data]]`: the tables that `up` loads.

use anyhow::Result;
use serde::Serialize;

use super::keys::{FILE, Origin};
use super::reject::{bad_value, unknown_key};
use crate::error::{noted, usage};

/// A table that `up` loads: `[[data]]` in `quack.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DataSet {
    pub table: String,
    pub source: Option<String>,
    pub sample: Option<String>,
    pub dataset: Option<String>,
    pub rows: Option<u64>,
    pub partition_by: Vec<String>,
}

const DATA_KEYS: &[&str] = &["table", "source", "sample", "dataset", "rows", "partition_by"];

/// Reads one `[[data]]`.
pub(super) fn data_set(value: toml::Value) -> Result<DataSet> {
    let toml::Value::Table(table) = value else {
        return Err(usage(format!("`data` in {FILE} must be tables"), "write [[data]] and below it table = \"...\""));
    };
    let name = table.get("table").and_then(toml::Value::as_str).map(str::to_owned);
    parse(table).map_err(|error| match name {
        Some(name) => noted(&error, format!("in the [[data]] of table `{name}`")),
        None => error,
    })
}

fn parse(mut table: toml::Table) -> Result<DataSet> {
    if let Some(unknown) = table.keys().find(|key| !DATA_KEYS.contains(&key.as_str())) {
        return Err(unknown_key("", &format!("data.{unknown}"), DATA_KEYS.iter().copied()));
    }
    let shown = table.to_string();
    let mut text = |key: &str| match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad_value(&format!("data.{key}"), &other.to_string(), &Origin::File, "a text in quotes")),
    };
    let (name, source, sample, dataset) = (text("table")?, text("source")?, text("sample")?, text("dataset")?);
    let rows = match table.remove("rows") {
        None => None,
        Some(toml::Value::Integer(rows)) if rows > 0 => Some(rows.unsigned_abs()),
        Some(other) => return Err(bad_value("data.rows", &other.to_string(), &Origin::File, "a whole number from 1")),
    };
    let partition_by = match table.remove("partition_by") {
        None => Vec::new(),
        Some(toml::Value::String(one)) => vec![one],
        Some(value) => {
            let shown = value.to_string();
            value
                .try_into()
                .map_err(|_| bad_value("data.partition_by", &shown, &Origin::File, "a list of \"name=EXPR\""))?
        }
    };
    let Some(table) = name else {
        return Err(usage(
            format!("a [[data]] in {FILE} has no `table`:\n{}", shown.trim_end()),
            "add the name that its rows are queried by: table = \"name\"",
        ));
    };
    if [&source, &sample, &dataset].into_iter().flatten().count() != 1 {
        return Err(usage(
            format!("a [[data]] in {FILE} needs exactly one of `source`, `sample` and `dataset`"),
            "e.g. source = \"trips/*.csv\", or sample = \"taxi\"",
        ));
    }
    Ok(DataSet { table, source, sample, dataset, rows, partition_by })
}
