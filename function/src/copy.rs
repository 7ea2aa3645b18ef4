//! `COPY ... TO`, parsed into values: SQL says what to write and where to, and the engine makes the statement from that.

mod options;
mod parse;

pub use parse::{CopySource, CopyStatement};

use crate::sql::literal;
use crate::wire::Destination;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The value of an option of `COPY`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CopyValue {
    Flag(bool),
    Count(u64),
    Number(f64),
    Text(String),
    /// Names of columns.
    Columns(Vec<String>),
    /// Texts by name.
    Texts(BTreeMap<String, String>),
}

/// What is wrong with a `COPY`: what it is about, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCopy {
    message: String,
}

impl BadCopy {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for BadCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BadCopy {}

/// What a file is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Parquet,
    Json,
}

impl Format {
    const ALL: [Self; 3] = [Self::Csv, Self::Parquet, Self::Json];

    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Json => "json",
        }
    }

    fn of(destination: &Destination) -> Result<Self, BadCopy> {
        if let Some(name) = &destination.format {
            let known = Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name));
            return known
                .ok_or_else(|| BadCopy::new(format!("COPY TO with FORMAT {name:?}: it may be csv, parquet or json")));
        }
        let uri = destination.uri.to_ascii_lowercase();
        let name = uri.strip_suffix(".gz").or_else(|| uri.strip_suffix(".zst")).unwrap_or(&uri);
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        Ok(if ends(&[".parquet"]) {
            Self::Parquet
        } else if ends(&[".json", ".jsonl", ".ndjson"]) {
            Self::Json
        } else {
            Self::Csv
        })
    }
}

impl Destination {
    /// Whether Parquet is what is written.
    pub fn is_parquet(&self) -> bool {
        Format::of(self).is_ok_and(|format| format == Format::Parquet)
    }

    /// The end of the statement that writes there: `TO 's3://...' (FORMAT parquet, ...)`, made from values only.
    ///
    /// # Errors
    /// When the format, an option or its value is not one that SQL may use.
    pub fn to_sql(&self) -> Result<String, BadCopy> {
        let format = Format::of(self)?;
        let mut spelled = vec![format!("FORMAT {}", format.name())];
        for (name, value) in &self.options {
            spelled.push(options::spell(format, name, value)?);
        }
        Ok(format!("TO {} ({})", literal(&self.uri), spelled.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(uri: &str, format: Option<&str>, options: &[(&str, CopyValue)]) -> Destination {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Destination { uri: uri.to_owned(), format: format.map(str::to_owned), options }
    }

    #[test]
    fn the_format_follows_the_name() {
        for (uri, format) in [
            ("s3://b/x.parquet", "parquet"),
            ("s3://b/X.PARQUET", "parquet"),
            ("s3://b/x.json.gz", "json"),
            ("s3://b/x.ndjson", "json"),
            ("s3://b/it's", "csv"),
        ] {
            let sql = destination(uri, None, &[]).to_sql().unwrap();
            assert_eq!(sql, format!("TO '{}' (FORMAT {format})", uri.replace('\'', "''")));
        }
        let sql = destination("s3://b/x.csv", Some("PARQUET"), &[]).to_sql().unwrap();
        assert!(sql.ends_with("(FORMAT parquet)"), "{sql}");
        assert!(destination("s3://b/x", Some("csv) --"), &[]).to_sql().is_err());
    }

    #[test]
    fn options_are_spelled_from_values() {
        let text = |text: &str| CopyValue::Text(text.to_owned());
        let columns = |names: &[&str]| CopyValue::Columns(names.iter().map(ToString::to_string).collect());
        let sql = destination(
            "s3://b/x",
            Some("csv"),
            &[
                ("delimiter", text("'")),
                ("FORCE_QUOTE", text("*")),
                ("header", CopyValue::Flag(true)),
                ("partition_by", columns(&["a\"b", "c"])),
            ],
        );
        assert_eq!(
            sql.to_sql().unwrap(),
            "TO 's3://b/x' (FORMAT csv, FORCE_QUOTE *, DELIMITER '''', HEADER true, PARTITION_BY (\"a\"\"b\", \"c\"))"
        );
        let parquet =
            |name: &str, value: CopyValue| destination("s3://b/x", Some("parquet"), &[(name, value)]).to_sql();
        let texts = CopyValue::Texts([("a'b".to_owned(), "c".to_owned())].into());
        assert!(parquet("KV_METADATA", texts).unwrap().contains("KV_METADATA {'a''b': 'c'}"));
        assert!(parquet("ROW_GROUP_SIZE", CopyValue::Count(1000)).unwrap().contains("ROW_GROUP_SIZE 1000"));
        assert!(parquet("COMPRESSION", text("ZSTD")).unwrap().contains("COMPRESSION 'zstd'"));
        for (name, value) in [
            ("ENCRYPTION_CONFIG", text("x")),
            ("COMPRESSION", text("none)")),
            ("ROW_GROUP_SIZE", text("(SELECT 1)")),
            ("HEADER", CopyValue::Flag(true)),
            ("FILENAME_PATTERN", text("../x")),
            ("FILE_EXTENSION", text("a/b")),
            ("PARTITION_BY", text("a, b")),
            ("PARTITION_BY", columns(&[])),
            ("OVERWRITE", text("maybe")),
            ("x) TO 's3://other/x' (y", CopyValue::Flag(true)),
        ] {
            let error = parquet(name, value).expect_err(name).to_string();
            assert!(error.starts_with("COPY TO with "), "{error}");
        }
    }
}
