//! An Arrow IPC stream that a function sent, read as if somebody else had: its framing and its lengths are looked at before
//! any memory is made for them, its columns are those that were told, its rows as many.

use std::cell::Cell;
use std::fmt;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::{Buffer, MessageHeader, root_as_message};
use quack_function::wire::Column;

use super::fields::{fits, has_nul};
use super::version;
use crate::duck::types;
use crate::error::failure;

/// What begins each message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// LZ4 packs no tighter than this: 255 bytes for each byte, and its frame.
const TIGHTEST: i64 = 255;

/// The columns of a stream, and its batches.
pub(super) fn read(
    stream: Vec<u8>,
    columns: &[Column],
    rows: u64,
) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch>> + use<>)> {
    check_framing(&stream).map_err(unknown)?;
    let mut reader = guarded(|| StreamReader::try_new(Cursor::new(stream), None)).map_err(unknown)?;
    let schema = reader.schema();
    check_columns(&schema, columns).map_err(unknown)?;
    let mut left = Some(rows);
    let batches = std::iter::from_fn(move || {
        let expected = left?;
        let next = match guarded(|| reader.next().transpose()) {
            Ok(Some(batch)) => expected
                .checked_sub(batch.num_rows() as u64)
                .map(|rest| (rest, batch))
                .ok_or(())
                .map_err(|()| unknown(format_args!("it has more than the {rows} rows that it tells of"))),
            Ok(None) => {
                left = None;
                return (expected > 0)
                    .then(|| Err(unknown(format_args!("it has {expected} rows less than it tells of"))));
            }
            Err(error) => Err(unknown(error)),
        };
        left = next.as_ref().ok().map(|(rest, _)| *rest);
        Some(next.map(|(_, batch)| batch))
    });
    Ok((schema, batches))
}

/// An answer that is not as a function of ours gives it.
pub(super) fn unknown(error: impl fmt::Display) -> anyhow::Error {
    failure(format!("the function's answer is not one that this quackctl knows: {error}"), version::help())
}

thread_local! {
    /// Whether a panic of this thread is expected, and told as an error.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What the crate `arrow-ipc` makes of bytes: it returns an error for most of what is wrong with them, and panics for the
/// rest (of 100 streams with a few bytes changed by chance, at 4), which ends here, unsaid, and is an error, too.
fn guarded<T>(read: impl FnOnce() -> arrow::error::Result<T>) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let say = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                say(panic);
            }
        }));
    });
    let before = IS_GUARDED.replace(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    IS_GUARDED.set(before);
    match read {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("its Arrow stream is malformed".to_owned()),
    }
}

/// Whether the schema has exactly `columns`.
pub(super) fn check_columns(schema: &Schema, columns: &[Column]) -> Result<(), String> {
    if schema.fields().len() != columns.len() {
        return Err(format!("it has {} columns and tells of {}", schema.fields().len(), columns.len()));
    }
    for (field, column) in schema.fields().iter().zip(columns) {
        if field.name() != &column.name {
            return Err(format!("a column is called {:?} and told as {:?}", short(field.name()), short(&column.name)));
        }
        if has_nul(field) {
            return Err(format!("there is a NUL in the column {:?}", short(&column.name)));
        }
        if !fits(field, &types::parse(&column.sql_type)?) {
            return Err(format!("the column {:?} is of another type than {}", short(&column.name), column.sql_type));
        }
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Walks over the messages without reading what is in them: each has to lie in the stream with all of its buffers, and no
/// buffer may claim to unpack into more than its bytes can hold. The reader makes room for what it is told.
fn check_framing(stream: &[u8]) -> Result<(), String> {
    let broken = || "its Arrow stream is cut or malformed".to_owned();
    let mut rest = stream;
    let mut first = true;
    while let Some(after) = rest.strip_prefix(&CONTINUATION) {
        let (len, after) = after.split_first_chunk::<4>().ok_or_else(broken)?;
        let len = usize::try_from(i32::from_le_bytes(*len)).map_err(|_| broken())?;
        if len == 0 {
            return if first { Err(broken()) } else { Ok(()) };
        }
        let (head, after) = after.split_at_checked(len).ok_or_else(broken)?;
        let message = root_as_message(head).map_err(|error| format!("{}: {error}", broken()))?;
        let body_len = usize::try_from(message.bodyLength()).map_err(|_| broken())?;
        let (body, after) = after.split_at_checked(body_len).ok_or_else(broken)?;
        let batch = match message.header_type() {
            MessageHeader::Schema if first => None,
            MessageHeader::RecordBatch if !first => message.header_as_record_batch(),
            MessageHeader::DictionaryBatch if !first => message.header_as_dictionary_batch().and_then(|d| d.data()),
            _ => return Err(broken()),
        };
        if let Some(batch) = batch {
            let packed = batch.compression().is_some();
            for buffer in batch.buffers().into_iter().flatten() {
                check_buffer(buffer, body, packed).ok_or_else(broken)?;
            }
        }
        (rest, first) = (after, false);
    }
    // A stream may end without a mark, but not in the middle.
    if rest.is_empty() && !first { Ok(()) } else { Err(broken()) }
}

fn check_buffer(buffer: &Buffer, body: &[u8], packed: bool) -> Option<()> {
    let (offset, len) = (usize::try_from(buffer.offset()).ok()?, usize::try_from(buffer.length()).ok()?);
    let bytes = body.get(offset..)?.get(..len)?;
    if !packed || bytes.is_empty() {
        return Some(());
    }
    let (unpacked, packed) = bytes.split_first_chunk::<8>()?;
    let unpacked = i64::from_le_bytes(*unpacked);
    // -1 says that it is not packed after all.
    (unpacked >= -1 && unpacked <= (packed.len() as i64).saturating_mul(TIGHTEST)).then_some(())
}
