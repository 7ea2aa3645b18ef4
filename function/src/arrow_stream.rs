//! An Arrow IPC stream that somebody sent: its framing and its lengths are looked at before any memory is made for them.

use std::cell::Cell;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::{Buffer, MessageHeader, root_as_message};

/// What begins each message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// LZ4 packs no tighter than this: 255 bytes for each byte, and its frame.
const TIGHTEST: i64 = 255;

/// The schema of a stream, and its batches as they are read.
///
/// # Errors
/// What is no such stream, in words; also in the place of a batch.
pub fn read(stream: Vec<u8>) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch, String>> + use<>), String> {
    check_framing(&stream)?;
    let mut reader = guarded(|| StreamReader::try_new(Cursor::new(stream), None))?;
    let schema = reader.schema();
    Ok((schema, std::iter::from_fn(move || guarded(|| reader.next().transpose()).transpose())))
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
