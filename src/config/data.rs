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
    /// Files, globs or URLs.
    pub source: Vec<String>,
    pub sample: Option<String>,
    pub dataset: Option<String>,
    /// A query, whose rows the table has.
    pub sql: Option<String>,
    pub rows: Option<u64>,
    pub partition_by: Vec<String>,
    pub form: TextForm,
}

/// How a text is written, as the user says it: a load judges it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TextForm {
    pub delimiter: Option<String>,
    pub encoding: Option<String>,
    pub null: Vec<String>,
    pub decimal: Option<String>,
    pub header: Option<String>,
    /// `NAME=TYPE`, several in one text with commas between them.
    pub types: Vec<String>,
}

const DATA_KEYS: &[&str] = &[
    "table",
    "source",
    "sample",
    "dataset",
    "sql",
    "rows",
    "partition_by",
    "delimiter",
    "encoding",
    "null",
    "decimal",
    "header",
    "types",
];

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
    let (name, sample, dataset, sql) = (text("table")?, text("sample")?, text("dataset")?, text("sql")?);
    let (delimiter, encoding, decimal) = (text("delimiter")?, text("encoding")?, text("decimal")?);
    let rows = match table.remove("rows") {
        None => None,
        Some(toml::Value::Integer(rows)) if rows > 0 => Some(rows.unsigned_abs()),
        Some(other) => return Err(bad_value("data.rows", &other.to_string(), &Origin::File, "a whole number from 1")),
    };
    let header = match table.remove("header") {
        None => None,
        Some(toml::Value::Boolean(header)) => Some(header.to_string()),
        Some(other) => return Err(bad_value("data.header", &other.to_string(), &Origin::File, "true or false")),
    };
    let mut texts = |key: &str, wanted: &str| match table.remove(key) {
        None => Ok(Vec::new()),
        Some(toml::Value::String(one)) => Ok(vec![one]),
        Some(value) => {
            let shown = value.to_string();
            value.try_into().map_err(|_| bad_value(&format!("data.{key}"), &shown, &Origin::File, wanted))
        }
    };
    let source = texts("source", "a file, a glob or a URL in quotes, or a list of them")?;
    let partition_by = texts("partition_by", "a list of \"name=EXPR\"")?;
    let null = texts("null", "a text in quotes, or a list of them")?;
    let types = texts("types", "a text \"name=TYPE\", or a list of them")?;
    let form = TextForm { delimiter, encoding, null, decimal, header, types };
    let Some(table) = name else {
        return Err(usage(
            format!("a [[data]] in {FILE} has no `table`:\n{}", shown.trim_end()),
            "add the name that its rows are queried by: table = \"name\"",
        ));
    };
    if [!source.is_empty(), sample.is_some(), dataset.is_some(), sql.is_some()].into_iter().filter(|is| *is).count()
        != 1
    {
        return Err(usage(
            format!("a [[data]] in {FILE} needs exactly one of `source`, `sample`, `dataset` and `sql`"),
            "e.g. source = \"trips/*.csv\", or sample = \"taxi\", or sql = \"SELECT ... FROM trips\"",
        ));
    }
    if sql.is_some() && form != TextForm::default() {
        return Err(usage(
            format!("a [[data]] in {FILE} has `sql`, and a key that says how a text is written"),
            "leave `delimiter`, `encoding`, `null`, `decimal`, `header` and `types` away: a query says all of it with CAST",
        ));
    }
    Ok(DataSet { table, source, sample, dataset, sql, rows, partition_by, form })
}
