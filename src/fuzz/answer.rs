//! An answer: its rows are those that were told of, however they came, and every way of writing them comes to its end;
//! what is merged of them has the columns of the plan.

use std::io::{self, Write};
use std::path::Path;

use quack_function::wire::Column;
use serde::Deserialize;

use crate::invoke::response::{self, Inline, Payload};
use crate::invoke::spill;
use crate::output::{self, Format, Look};
use crate::planner::QueryPlan;
use crate::query::{Finish, Merge, Partial};
use crate::rows::ResultSet;

/// Most rows that one input may tell of; a real answer is bounded by what the function was asked for.
const MOST_ROWS: u64 = 100_000;

/// What an answer tells of the rows that come with it.
#[derive(Deserialize)]
pub(super) struct Told {
    columns: Vec<Column>,
    rows: u64,
    #[serde(default)]
    cast_back: Vec<Column>,
}

/// Reads `bytes` as an answer and does with it what a query does. True if it is one.
pub(super) fn take(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return response(bytes) };
    let (head, body) = (&bytes[..end], &bytes[end + 1..]);
    let Ok(told) = serde_json::from_slice::<Told>(head) else { return false };
    if told.rows > MOST_ROWS {
        return false;
    }
    match body.starts_with(b"PAR1") {
        true => parquet(&told, body),
        false => arrow(&told, body),
    }
}

fn response(bytes: &[u8]) -> bool {
    let Ok((metadata, payload)) = response::parse(bytes, "s3://lake/_quack/results/1/rows.parquet") else {
        return false;
    };
    if let (Payload::Inline(inline), 0..=MOST_ROWS) = (payload, metadata.rows)
        && let Ok(rows) = inline.open()
    {
        let _ = output::write(rows, Format::Csv, Look::default(), &mut io::sink());
    }
    true
}

fn arrow(told: &Told, stream: &[u8]) -> bool {
    let inline = || Inline::of(stream.to_vec(), told.columns.clone(), told.rows);
    let Ok(rows) = inline().open_as(&told.columns) else { return false };
    if !is_taken(rows, told) {
        return false;
    }
    for format in [Format::Table, Format::Json, Format::Csv, Format::Markdown, Format::Arrow] {
        if let Ok(rows) = inline().open() {
            let _ = output::write(rows, format, Look::default(), &mut io::sink());
        }
    }
    merge(told, |_| Ok(Partial::Arrow(inline())));
    true
}

fn parquet(told: &Told, bytes: &[u8]) -> bool {
    let file = |folder: &Path| {
        let mut file = tempfile::Builder::new().suffix(".parquet").tempfile_in(folder)?;
        file.write_all(bytes)?;
        Ok::<_, io::Error>(file.into_temp_path())
    };
    let own = file(&std::env::temp_dir()).expect("there is a temporary folder");
    let is_read =
        spill::read(own, &told.cast_back, told.columns.clone(), told.rows).is_ok_and(|rows| is_taken(rows, told));
    if is_read {
        merge(told, |folder| Ok(Partial::Parquet(file(folder)?, told.cast_back.clone())));
    }
    is_read
}

/// Takes the rows. False if there was an error among them.
fn is_taken(rows: ResultSet, told: &Told) -> bool {
    assert_eq!(rows.schema.fields().len(), told.columns.len());
    let mut taken = 0;
    for batch in rows.batches {
        let Ok(batch) = batch else { return false };
        assert_eq!(batch.num_columns(), told.columns.len());
        taken += batch.num_rows() as u64;
    }
    assert!(taken <= told.rows, "{taken} rows of {}", told.rows);
    true
}

/// Has the rows merged by a plan that expects the columns that were told.
fn merge(told: &Told, partial: impl FnOnce(&Path) -> io::Result<Partial>) {
    let plan = QueryPlan::of_one_part(told.columns.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there is memory");
    let merged = runtime.block_on(async {
        let mut merge = Merge::start(&plan)?;
        merge.add(0, partial(merge.folder())?).await?;
        merge.finish(Finish::Rows).await
    });
    // DuckDB may refuse what Arrow takes.
    if let Ok(merged) = merged {
        is_taken(merged.result, told);
    }
}
