//! The formats that rows are written in.

use clap::ValueEnum;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    /// A value a line: for rows of many columns
    Line,
    Json,
    Jsonl,
    Csv,
    Tsv,
    Markdown,
    Parquet,
    Arrow,
}
