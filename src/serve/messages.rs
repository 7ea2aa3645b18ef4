//! A client's messages, of which the crate `pgwire` reads what is in them once their length makes sense.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Once;

use bytes::BytesMut;
use futures::FutureExt as _;
use pgwire::error::PgWireError;
use pgwire::messages::{DecodeContext, PgWireBackendMessage, PgWireFrontendMessage};
use tokio_util::codec::{Decoder, Encoder};

/// Most bytes of a message: a statement, or all values of one.
const LONGEST: usize = 64 << 20;

/// Bytes before a message's body: its type, and its length, which counts itself.
const HEAD: usize = 5;

thread_local! {
    /// A message is being read: what is wrong with it may end in a panic of the crate's, of which the client is told, not the log.
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Has nothing said of such panics.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !READING.get() {
                before(info);
            }
        }));
    });
}

/// Does `work`, in which the crate reads what somebody says who was not let in yet; nothing comes of it where that ends in a panic.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    be_quiet();
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    let done = poll_fn(|context| {
        READING.set(true);
        let polled = work.as_mut().poll(context);
        READING.set(false);
        polled
    });
    done.await.ok()
}

/// Reads and writes messages of a client that was let in.
pub(super) struct Messages(DecodeContext);

impl Messages {
    pub(super) fn new() -> Self {
        be_quiet();
        let mut context = DecodeContext::default();
        context.awaiting_frontend_ssl = false;
        context.awaiting_frontend_startup = false;
        Self(context)
    }
}

fn wrong(why: &str) -> PgWireError {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned()).into()
}

impl Decoder for Messages {
    type Item = PgWireFrontendMessage;
    type Error = PgWireError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Self::Item>, PgWireError> {
        let Some(head) = bytes.get(..HEAD) else { return Ok(None) };
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if !(HEAD - 1..=LONGEST).contains(&len) {
            return Err(wrong(&format!("a message cannot have {len} bytes")));
        }
        if bytes.len() < len + 1 {
            return Ok(None);
        }
        READING.set(true);
        // One message at a time, so that what is wrong in it reads nothing of the next.
        let mut message = bytes.split_to(len + 1);
        let decode = AssertUnwindSafe(|| PgWireFrontendMessage::decode(&mut message, &self.0));
        let decoded = catch_unwind(decode);
        READING.set(false);
        match decoded {
            Ok(Ok(Some(message))) => Ok(Some(message)),
            Ok(Err(error)) => Err(error),
            Ok(Ok(None)) | Err(_) => Err(wrong("its length is not that of what is in it")),
        }
    }
}

impl Encoder<PgWireBackendMessage> for Messages {
    type Error = std::io::Error;

    fn encode(&mut self, message: PgWireBackendMessage, bytes: &mut BytesMut) -> std::io::Result<()> {
        message.encode(bytes).map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_make_no_sense_are_refused() {
        let read = |bytes: &[u8]| Messages::new().decode(&mut BytesMut::from(bytes));
        assert!(
            matches!(read(b"Q\0\0\0\x06x\0rest"), Ok(Some(PgWireFrontendMessage::Query(query))) if query.query == "x")
        );
        for (bytes, told) in [
            (&b"d\0\0\0\x03"[..], "cannot have 3 bytes"),
            (b"Q\xff\xff\xff\xff", "cannot have"),
            (b"B\0\0\0\x08\0\0\xff\xff", ""),
        ] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        for cut in [&b""[..], b"Q", b"Q\0\0\0\x06x"] {
            assert!(matches!(read(cut), Ok(None)));
        }
    }
}
