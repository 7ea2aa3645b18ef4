//! Rows as people and programs want them: one file a format, each streaming batch by batch.

mod arrow;
mod cells;
mod csv;
pub(crate) mod file;
mod format;
pub(crate) mod grid;
mod json;
mod jsonl;
mod line;
mod look;
mod markdown;
pub(crate) mod place;
mod plain;
mod plan;
mod table;

use std::io::Write;

use anyhow::Result;

use crate::error::usage;
use crate::rows::ResultSet;
use crate::terminal::Shown;

pub(crate) use cells::{is_null, is_numeric, text_of};
pub(crate) use format::Format;
pub(crate) use json::write_with_metadata;
pub(crate) use look::Look;
pub(crate) use plan::write_plan;
pub(crate) use table::cut;

/// Writes all rows of `result` to `out`; returns how many there were.
///
/// # Errors
/// Those of the rows and of `out`; a format that is not written from rows (Parquet is made by the function).
pub(crate) fn write(result: ResultSet, format: Format, look: Look, out: &mut dyn Write) -> Result<u64> {
    // The table is made up for the terminal, and sees to it by itself.
    let shown = look.terminal && !matches!(format, Format::Table | Format::Arrow | Format::Parquet);
    let out: &mut dyn Write = if shown { &mut Shown::new(out) } else { out };
    match format {
        // A statement that only did something has no header either.
        Format::Table | Format::Line | Format::Csv | Format::Tsv | Format::Markdown if result.columns.is_empty() => {
            Ok(0)
        }
        Format::Table => table::write(result, look, out),
        Format::Line => line::write(result, out),
        Format::Json => json::write(result, out),
        Format::Jsonl => jsonl::write(result, out),
        Format::Csv => csv::write(result, ',', out),
        Format::Tsv => csv::write(result, '\t', out),
        Format::Markdown => markdown::write(result, out),
        Format::Arrow => arrow::write(result, look.seekable, out),
        Format::Parquet => Err(usage(
            "Parquet is not written from rows",
            "use `quackctl query --format parquet -o FILE`, which takes it as the function writes it",
        )),
    }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::testing::rendered;
    use super::*;

    #[test]
    fn a_result_without_columns_is_nothing_but_json() {
        for format in [Format::Table, Format::Line, Format::Csv, Format::Tsv, Format::Markdown, Format::Jsonl] {
            let schema = ::arrow::datatypes::Schema::empty().into();
            let nothing = ResultSet { schema, columns: Vec::new(), batches: Box::new(std::iter::empty()) };
            assert_eq!(rendered(nothing, format), "", "{format:?}");
        }
    }
}
