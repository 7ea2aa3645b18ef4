//! The wire protocol: the event that a caller sends and the response that the function returns, both JSON.
//!
//! The contract of the earlier project holds: `{"q": "SELECT 42", "limit": 20}` is a whole event, and its response is
//! `{"metadata": {"timeMs", "epochMs", "eventId", "query", "warm"}, "data": {"records": [...]}}`. Everything else is
//! optional and adds to it. A failure is Lambda's own: `errorType` and `errorMessage`.

use serde::{Deserialize, Serialize};

use crate::sql::{identifier, literal};

/// Rows that come back when the event names no limit.
pub const DEFAULT_LIMIT: u64 = 20;

/// What a synchronous Lambda invocation can carry, each way: 6 MB.
/// Source: AWS Lambda quotas, "Invocation payload (request and response)".
pub const PAYLOAD_LIMIT_BYTES: usize = 6 * 1024 * 1024;

/// Key prefix, in the bucket, of results that were too large for a response. A lifecycle rule empties it after a day.
pub const RESULTS_PREFIX: &str = "_quack/results/";

/// One invocation: SQL, and how its result should come back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// The SQL to run: one statement, or several separated by `;` of which the last one's rows come back.
    pub q: String,
    /// Most rows to return; [`DEFAULT_LIMIT`] when absent. Ignored with `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Return every row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// How rows are encoded in the response.
    #[serde(default)]
    pub format: Encoding,
    /// When the result is written to the bucket instead of the response.
    #[serde(default)]
    pub spill: Spill,
    /// Tables that `q` may name, each over files in object storage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableDef>,
}

/// Encoding of the rows in a response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// `data.records`: an array of objects, one per row.
    #[default]
    Json,
    /// `data.arrow`: base64 of an Arrow IPC stream, LZ4-compressed, lossless for every DuckDB type.
    Arrow,
}

/// When a result goes to the bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spill {
    /// When it is over [`PAYLOAD_LIMIT_BYTES`] as encoded.
    #[default]
    Auto,
    /// Always, as Parquet meant for the user: HUGEINT as DECIMAL(38,0) rather than as text.
    Always,
}

/// A table by name: Parquet files and the columns that their folder names carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDef {
    pub name: String,
    /// `s3://` addresses of Parquet files.
    pub files: Vec<String>,
    /// Hive partition columns in folder order (`date=2019-04-01/`), with their DuckDB types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Column>,
}

impl TableDef {
    /// The statement that makes the view which stands for the table.
    pub fn view_sql(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        let files = list(self.files.iter().map(|file| literal(file)).collect());
        let types = self.partitions.iter().map(|column| format!("{}: {}", identifier(&column.name), column.sql_type));
        let types = list(types.collect());
        let hive = if types.is_empty() {
            "hive_partitioning = false".to_owned()
        } else {
            format!("hive_partitioning = true, hive_types = {{{types}}}")
        };
        format!("CREATE TEMP VIEW {} AS SELECT * FROM read_parquet([{files}], {hive})", identifier(&self.name))
    }
}

/// A column's name and DuckDB type, as DuckDB spells it (`DECIMAL(18,3)`, `STRUCT(a INTEGER)`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub sql_type: String,
}

/// What comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Response {
    pub metadata: Metadata,
    pub data: Data,
}

/// How the query went.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Wall time inside the function, milliseconds.
    pub time_ms: u64,
    /// When the invocation began, milliseconds since the Unix epoch.
    pub epoch_ms: u64,
    /// Lambda's request id.
    pub event_id: String,
    /// The SQL as it was sent.
    pub query: String,
    /// False for the first invocation of an instance.
    pub warm: bool,
    /// Rows returned, inline or spilled.
    pub rows: u64,
    /// Size of the encoded rows: of `records` or `arrow` before base64, or of the spilled object.
    pub bytes: u64,
    /// True when the limit cut rows off.
    pub truncated: bool,
    /// DuckDB's version, e.g. `v1.5.5`.
    pub engine: String,
    /// From process start to ready for the first invocation, milliseconds; the same in every response of an instance.
    pub init_ms: f64,
    /// The result's columns.
    pub columns: Vec<Column>,
}

/// The rows, in exactly one of three ways.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Data {
    /// Rows as JSON objects: [`Encoding::Json`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Box<serde_json::value::RawValue>>,
    /// Rows as base64 of an Arrow IPC stream: [`Encoding::Arrow`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrow: Option<String>,
    /// Where the rows are, when they were too many for the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spilled: Option<Spilled>,
}

/// A result that was written to the bucket as one Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spilled {
    /// `s3://bucket/_quack/results/...parquet`
    pub uri: String,
    /// Size of the object.
    pub bytes: u64,
    /// Columns that Parquet cannot hold, stored as text: to be cast back to [`Column::sql_type`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cast_back: Vec<Column>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        let table = TableDef {
            name: "my \"trips".into(),
            files: vec!["s3://b/it's.parquet".into(), "s3://b/2.parquet".into()],
            partitions: vec![Column { name: "da te".into(), sql_type: "DATE".into() }],
        };
        assert_eq!(
            table.view_sql(),
            "CREATE TEMP VIEW \"my \"\"trips\" AS SELECT * FROM read_parquet(['s3://b/it''s.parquet', 's3://b/2.parquet'], \
             hive_partitioning = true, hive_types = {\"da te\": DATE})"
        );
    }
}
