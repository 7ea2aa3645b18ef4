//! The wire protocol: the event that a caller sends and the response that the function returns, both JSON.
//!
//! The contract of the earlier project holds: `{"q": "SELECT 42", "limit": 20}` is a whole event, and its response is
//! `{"metadata": {"timeMs", "epochMs", "eventId", "query", "warm"}, "data": {"records": [...]}}`. Everything else is
//! optional and adds to it. A failure is Lambda's own: `errorType` and `errorMessage`.
//!
//! Caller and function may be of different versions. A function does not look at fields that it does not know, so what would have to
//! be refused for want of one is asked for by a new value of a field that every function knows, as `format` and `spill` are.

use crate::copy::CopyValue;
pub use crate::table::{BadTable, Group, Shapes, TableDef};
pub use crate::view::ViewDef;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows that come back when the event names no limit.
pub const DEFAULT_LIMIT: u64 = 20;

/// What a synchronous Lambda invocation can carry, each way: 6 MB.
/// Source: AWS Lambda quotas, "Invocation payload (request and response)".
pub const PAYLOAD_LIMIT_BYTES: usize = 6 * 1024 * 1024;

/// Key prefix, in the bucket, of results that were too large for a response. A lifecycle rule empties it after a day.
pub const RESULTS_PREFIX: &str = "_quack/results/";

/// Name of the object that a caller leaves beside its result when it goes away: nobody wants the answer any more.
pub const LEFT: &str = "left";

/// Name of the object of a spilled result, in the folder that is called as the result is.
pub const ROWS: &str = "rows.parquet";

/// Name of the object of one that is an Arrow stream, and the most that it may be, bytes.
pub const STREAM: &str = "rows.arrow";
pub const STREAM_LIMIT_BYTES: usize = 64 << 20;

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
    /// Views that `q`, or another of them, may name. What they name themselves is found as what `q` names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewDef>,
    /// Write the result there instead of returning it, as `COPY (...) TO` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<Destination>,
    /// Values of parameters of `q`, as text, by their names: `day` for `$day`, `1` for `$1` and for the first `?`; nothing is NULL.
    /// They are bound, and never become part of the SQL, which says what they are: `CAST($day AS DATE)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: Params,
    /// What a spilled result is called: 32 hexadecimal digits that nobody guesses; the request's id when absent. Who names it
    /// can remove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Who asks, for the function's log.
    #[serde(default, skip_serializing_if = "Who::is_nobody")]
    pub who: Who,
}

/// Who asks, as it says itself: nobody checks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The program: `psql`, `quackctl`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// The query that this invocation is a part of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The SQL as it was asked, where [`Event::q`] is only made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
}

impl Who {
    /// Whether nothing is said.
    pub fn is_nobody(&self) -> bool {
        *self == Self::default()
    }
}

/// Values of parameters by their names, without the dollar.
pub type Params = BTreeMap<String, Option<String>>;

/// Where a result is written, and how: what `COPY (...) TO 'uri' (FORMAT ..., ...)` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    /// `s3://` address of a file, or of a folder with `PARTITION_BY` and its like.
    pub uri: String,
    /// `csv`, `parquet` or `json`; by the name's ending when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Options of `COPY`, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, CopyValue>,
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
    /// As [`Spill::Auto`], as Parquet that anybody reads: each value, however deep inside of others, as a type that Parquet
    /// keeps it in, 128-bit integers as DECIMAL(38,0), arrays as lists, intervals and the like as text.
    Portable,
    /// As [`Spill::Auto`], as the Arrow stream that would have been in the response: [`STREAM_LIMIT_BYTES`] at most.
    Stream,
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
    /// The function's own version, which is that of the quackctl that it came with; those before 0.1.0 do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
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

/// A result that was written to the bucket as one file, of Parquet unless a stream was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spilled {
    /// `s3://bucket/_quack/results/...`
    pub uri: String,
    /// Size of the object.
    pub bytes: u64,
    /// Columns that Parquet cannot hold, stored as text, or as the nearest that it can: to be cast back to [`Column::sql_type`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cast_back: Vec<Column>,
}
