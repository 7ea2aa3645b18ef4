//! What Parquet files say of themselves in their footers, read by functions side by side.

use std::cell::Cell;
use std::collections::BTreeMap;

use anyhow::Result;
use futures::{StreamExt, stream};
use quack_function::sql::literal;
use quack_function::wire::Column;
use serde::Deserialize;

use crate::change::write::{Session, Work};
use crate::console::progress;
use crate::error::failure;
use crate::lake::catalog::FileColumn;
use crate::query::Coordinator;

/// Functions that read at the same time, and the least and the most files that one reads.
const WINDOW: usize = 16;
const FEWEST: usize = 16;
const MOST: usize = 250;

/// A file, as its footer tells of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Footer {
    /// Address.
    pub file: String,
    pub rows: i64,
    /// The same for files that have the same columns, of the same types and numbers.
    pub shape: String,
    /// How many columns, nested ones and those in them among these, have a number.
    pub numbered: usize,
    /// What is told of columns that are not nested.
    pub columns: Vec<Told>,
}

/// A column of a file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Told {
    pub name: String,
    /// Its number, by which other readers than DuckDB know it.
    pub id: Option<i64>,
    pub nulls: Option<u64>,
    pub min: Option<String>,
    pub max: Option<String>,
    /// What it takes in the file.
    pub bytes: Option<u64>,
}

/// A column of a file, or what is within one; these follow it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Node {
    pub name: String,
    pub id: Option<i64>,
    /// How many are within it.
    pub children: usize,
}

/// What was read, and what that took.
pub(super) struct Read {
    /// In the order of the addresses.
    pub footers: Vec<Footer>,
    /// By shape, the columns as DuckDB reads them.
    pub shapes: BTreeMap<String, Vec<Column>>,
    /// By shape, what is in the schema of its files, if that was asked for.
    pub nodes: BTreeMap<String, Vec<Node>>,
    pub invocations: usize,
    pub cost_usd: f64,
}

/// Reads the footers of the files at these addresses, and their schemas, if these are `wanted`.
///
/// # Errors
/// What is no Parquet file; what the function says; `cancel` of the session.
pub(super) async fn read(
    coordinator: &Coordinator<'_>,
    session: &Session<'_>,
    addresses: &[String],
    wanted: bool,
) -> Result<Read> {
    let bar = progress::files(coordinator.context, "read footers", addresses.len() as u64);
    let size = addresses.len().div_ceil(WINDOW).clamp(FEWEST, MOST);
    let parts = addresses.chunks(size).map(async |part: &[String]| -> Result<(Vec<Footer>, f64)> {
        let mut work = Work::new(coordinator, session);
        let footers: Vec<Footer> = work.rows(&sql(part)).await?;
        bar.inc(part.len() as u64);
        Ok((in_order(part, footers)?, work.cost_usd))
    });
    let parts = all(parts).await;
    bar.finish_and_clear();
    let parts = parts?;
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for footer in parts.iter().flat_map(|(footers, _)| footers) {
        first.entry(&footer.shape).or_insert(&footer.file);
    }
    let described = first.into_iter().map(async |(shape, file)| -> Result<Described> {
        let mut work = Work::new(coordinator, session);
        let sql = format!("DESCRIBE SELECT * FROM read_parquet({}, hive_partitioning = false)", literal(file));
        let columns = work.columns(&sql).await?;
        let nodes = if wanted { work.rows(&nodes(file)).await? } else { Vec::new() };
        Ok(Described { shape: shape.to_owned(), columns, nodes, cost_usd: work.cost_usd })
    });
    let described = all(described).await?;
    let costs = parts.iter().map(|(_, cost_usd)| *cost_usd).chain(described.iter().map(|of| of.cost_usd));
    Ok(Read {
        invocations: parts.len() + described.len() * if wanted { 2 } else { 1 },
        cost_usd: costs.sum(),
        nodes: described.iter().map(|of| (of.shape.clone(), of.nodes.clone())).collect(),
        shapes: described.into_iter().map(|of| (of.shape, of.columns)).collect(),
        footers: parts.into_iter().flat_map(|(footers, _)| footers).collect(),
    })
}

/// The columns of files of one shape.
struct Described {
    shape: String,
    columns: Vec<Column>,
    nodes: Vec<Node>,
    cost_usd: f64,
}

/// The query that reads the schema of a file.
fn nodes(file: &str) -> String {
    format!(
        "SELECT node.name AS name, node.field_id AS id, coalesce(node.num_children, 0) AS children
         FROM (SELECT unnest(parquet_schema) AS node FROM parquet_full_metadata([{}]))
         WHERE node.column_id > 0 ORDER BY node.column_id",
        literal(file)
    )
}

/// What calls of functions give, some at a time, in their order. After one that failed none begins; those that run are waited for,
/// so that each cleans up after itself.
async fn all<T>(calls: impl Iterator<Item = impl Future<Output = Result<T>>>) -> Result<Vec<T>> {
    let failed = Cell::new(false);
    let calls = stream::iter(calls).map(|call| async {
        if failed.get() {
            return None;
        }
        let done = call.await;
        failed.set(failed.get() || done.is_err());
        Some(done)
    });
    let done: Vec<Option<Result<T>>> = calls.buffered(WINDOW).collect().await;
    done.into_iter().flatten().collect()
}

/// The footers in the order of the files that were asked for: each of them once, and no other.
fn in_order(part: &[String], footers: Vec<Footer>) -> Result<Vec<Footer>> {
    let mut by_file: BTreeMap<String, Footer> = BTreeMap::new();
    let count = footers.len();
    by_file.extend(footers.into_iter().map(|footer| (footer.file.clone(), footer)));
    let ordered: Option<Vec<Footer>> = part.iter().map(|file| by_file.remove(file)).collect();
    ordered
        .filter(|ordered| ordered.len() == count)
        .ok_or_else(|| failure("the function's answer is not as it should be", "run `quackctl up`, and try again"))
}

impl Told {
    /// The same as the catalog has it, of a file with so many rows.
    pub(super) fn stats(&self, rows: u64) -> FileColumn {
        let Self { nulls, min, max, bytes, .. } = self.clone();
        FileColumn { nulls: nulls.filter(|nulls| *nulls <= rows), min, max, bytes }
    }
}

/// The query that reads footers, each once.
///
/// Bounds are taken only where they are certain: of types whose order nobody reads otherwise (so none of unsigned integers, of
/// floating-point numbers, as NaN is in no bounds, and of INT96), and of texts only if they are whole: who does not say so may
/// have cut them, but not to less than 16 bytes.
fn sql(addresses: &[String]) -> String {
    let files: Vec<String> = addresses.iter().map(|address| literal(address)).collect();
    let bound = |of: &str, which: &str| {
        format!(
            "CASE kind WHEN 'text' THEN {of}({which}) WHEN 'BOOLEAN' THEN {of}({which})
                WHEN 'integer' THEN CAST({of}(TRY_CAST({which} AS BIGINT)) AS VARCHAR)
                WHEN 'decimal' THEN {of}_by({which}, TRY_CAST(replace({which}, '.', '') AS HUGEINT))
                WHEN 'DATE' THEN CAST({of}(TRY_CAST({which} AS DATE)) AS VARCHAR)
                WHEN 'TIME' THEN CAST({of}(TRY_CAST({which} AS TIME)) AS VARCHAR)
                WHEN 'TIMESTAMP' THEN CAST({of}(TRY_CAST({which} AS TIMESTAMP)) AS VARCHAR)
                WHEN 'TIMESTAMP WITH TIME ZONE' THEN CAST({of}(TRY_CAST({which} AS TIMESTAMPTZ)) AS VARCHAR) END"
        )
    };
    let known = |which: &str, exact: &str| {
        format!(
            "bool_and(nulls = n OR {which} IS NOT NULL AND (kind <> 'text'
                OR ordered AND coalesce({exact}, strlen({which}) < 16) AND strlen({which}) < 1024))"
        )
    };
    format!(
        "WITH whole AS MATERIALIZED (
            SELECT parquet_file_metadata[1] AS f, parquet_metadata AS chunks, parquet_schema AS nodes
            FROM parquet_full_metadata([{files}])
        ), each_node AS (
            SELECT f.file_name AS file, unnest(nodes) AS node FROM whole
        ), shapes AS (
            SELECT file, md5(string_agg(concat_ws('|', coalesce(node.name, ''), coalesce(node.type, ''),
                coalesce(node.type_length, ''), coalesce(node.repetition_type, '') = 'REPEATED',
                coalesce(node.num_children, 0), coalesce(node.converted_type, ''), coalesce(node.scale, -1),
                coalesce(node.precision, -1), coalesce(node.logical_type, ''), coalesce(node.field_id, -1)), chr(10) ORDER BY node.column_id)) AS shape,
                count(node.field_id) AS numbered
            FROM each_node WHERE node.column_id > 0 GROUP BY file
        ), leaves AS (
            SELECT file, node.name AS name, node.field_id AS id, CASE
                WHEN node.type = 'INT96' OR node.repetition_type = 'REPEATED' THEN 'none'
                WHEN node.duckdb_type IN ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT') THEN 'integer'
                WHEN node.duckdb_type = 'VARCHAR' THEN 'text'
                WHEN starts_with(node.duckdb_type, 'DECIMAL(') THEN 'decimal'
                ELSE coalesce(node.duckdb_type, 'none') END AS kind,
                node.repetition_type = 'REPEATED' AS repeated,
                row_number() OVER (PARTITION BY file ORDER BY node.column_id) - 1 AS number
            FROM each_node WHERE node.column_id > 0 AND coalesce(node.num_children, 0) = 0
        ), each_chunk AS (
            SELECT f.file_name AS file, f.column_orders IS NOT NULL AS ordered, unnest(chunks) AS chunk FROM whole
        ), chunks AS (
            SELECT file, ordered, chunk.column_id AS number, chunk.path_in_schema AS path, chunk.num_values AS n,
                chunk.stats_null_count AS nulls, chunk.stats_min_value AS lo, chunk.stats_max_value AS hi,
                chunk.min_is_exact AS lo_exact, chunk.max_is_exact AS hi_exact, chunk.total_compressed_size AS size
            FROM each_chunk
        ), per_column AS (
            SELECT file, number, name, any_value(id) AS id, CASE WHEN count(nulls) = count(*) THEN CAST(sum(nulls) AS UBIGINT) END AS nulls,
                CASE WHEN min(size) >= 0 THEN CAST(sum(size) AS UBIGINT) END AS bytes,
                CASE WHEN {lo_known} AND {hi_known} THEN {low} END AS low,
                CASE WHEN {lo_known} AND {hi_known} THEN {high} END AS high
            FROM chunks JOIN leaves USING (file, number)
            WHERE path = name AND NOT repeated GROUP BY file, number, name, kind
        ), told AS (
            SELECT file, list({{'name': name, 'id': id, 'nulls': nulls, 'min': low, 'max': high, 'bytes': bytes}} ORDER BY number) AS columns
            FROM per_column GROUP BY file
        )
        SELECT f.file_name AS file, f.num_rows AS rows, shape, numbered, coalesce(columns, []) AS columns
        FROM whole JOIN shapes ON shapes.file = f.file_name LEFT JOIN told ON told.file = f.file_name",
        files = files.join(", "),
        lo_known = known("lo", "lo_exact"),
        hi_known = known("hi", "hi_exact"),
        low = bound("min", "lo"),
        high = bound("max", "hi"),
    )
}
