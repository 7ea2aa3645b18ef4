//! Results that are too large for a response, as the Arrow stream that it would have had: one object in the bucket, for who reads no
//! Parquet.

use super::inline::Inline;
use super::raw::ArrowExporter;
use super::replay::Source;
use super::{Failure, Instance, Outcome, spill};
use crate::sql::literal;
use crate::wire::{Column, Data, Encoding, STREAM, STREAM_LIMIT_BYTES, Spilled};

/// Hands over all rows of `source`: in the response where there is room for them, else as an object in `folder`.
///
/// # Errors
/// The query's own, more than [`STREAM_LIMIT_BYTES`], DuckDB's about the writing; no object is left then.
pub(super) fn write(
    instance: &Instance,
    mut source: Source,
    exporter: &ArrowExporter,
    columns: Vec<Column>,
    room_bytes: usize,
    folder: &str,
) -> Result<Outcome, Failure> {
    let mut inline = Inline::new(Encoding::Arrow, exporter.schema(), room_bytes)?;
    while let Some(chunk) = source.next()? {
        inline.push(&exporter.batch(&chunk)?)?;
        if inline.len() > STREAM_LIMIT_BYTES {
            let mib = STREAM_LIMIT_BYTES >> 20;
            let words = format!("the rows are more than {mib} MiB: ask for fewer rows, or fewer columns");
            return Err(Failure::new("Quack.TooLarge", words));
        }
    }
    let (rows, truncated) = (source.handed_out, source.truncated);
    // The query is over, and what follows runs beside nothing.
    drop(source);
    let (data, bytes) = match inline.overflows() {
        false => inline.finish()?,
        true => {
            let stream = inline.into_stream()?;
            let uri = format!("{folder}/{STREAM}");
            store(instance, &stream, &uri).inspect_err(|_| spill::remove(instance, folder))?;
            let bytes = stream.len() as u64;
            let spilled = Spilled { uri, bytes, cast_back: Vec::new() };
            (Data { spilled: Some(spilled), ..Data::default() }, bytes)
        }
    };
    Ok(Outcome { data, columns, rows, bytes, truncated, tables: Vec::new() })
}

/// Writes bytes as an object.
fn store(instance: &Instance, bytes: &[u8], uri: &str) -> Result<(), Failure> {
    let connection = instance.database.connect()?;
    let copy = connection.prepare(&format!("COPY (SELECT $1::BLOB AS rows) TO {} (FORMAT blob)", literal(uri)))?;
    copy.bind_blob(1, bytes)?;
    copy.stream()?.exhaust().map(drop)
}
