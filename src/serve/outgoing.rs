//! What goes out to a client: messages gathered in one buffer, which is sent as it grows and when the client waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use futures::SinkExt as _;
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{FieldDescription, RowDescription};
use pgwire::messages::response::{CommandComplete, NoticeResponse, ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;
use pgwire::tokio::server::MaybeTls;
use tokio_util::codec::Framed;

use super::encode::Field;
use super::messages::Messages;
use super::refusal::{CANCELLED, Refusal};

/// The connection of a client that was let in.
pub(super) type Socket = Framed<MaybeTls, Messages>;

/// Bytes that are gathered before they are sent.
const FULL_BYTES: usize = 64 * 1024;

/// A connection that failed: nobody can be told.
pub(super) type Sent<T = ()> = Result<T, PgWireError>;

/// The way out of a session.
pub(super) struct Outgoing {
    pub socket: Socket,
    /// Set once the time of what runs is up: it is why that ends.
    pub is_late: Arc<AtomicBool>,
}

impl Outgoing {
    pub(super) async fn message(&mut self, message: PgWireBackendMessage) -> Sent {
        Ok(self.socket.feed(message).await?)
    }

    /// The buffer that messages are appended to as bytes; [`Self::relieve`] sends it once it is full.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        self.socket.write_buffer_mut()
    }

    pub(super) async fn relieve(&mut self) -> Sent {
        if self.socket.write_buffer().len() >= FULL_BYTES { self.flush().await } else { Ok(()) }
    }

    pub(super) async fn flush(&mut self) -> Sent {
        Ok(self.socket.flush().await?)
    }

    pub(super) async fn refuse(&mut self, mut refusal: Refusal) -> Sent {
        if refusal.code == CANCELLED && self.is_late.load(Ordering::Relaxed) {
            refusal = Refusal::late();
        }
        let info: ErrorInfo = refusal.into();
        self.message(PgWireBackendMessage::ErrorResponse(info.into())).await
    }

    /// Says something that is no error.
    pub(super) async fn warn(&mut self, code: &str, message: &str) -> Sent {
        let info = ErrorInfo::new("WARNING".to_owned(), code.to_owned(), message.to_owned());
        self.message(PgWireBackendMessage::NoticeResponse(NoticeResponse::from(info))).await
    }

    pub(super) async fn complete(&mut self, tag: String) -> Sent {
        self.message(PgWireBackendMessage::CommandComplete(CommandComplete::new(tag))).await
    }

    pub(super) async fn parameter(&mut self, name: &str, value: &str) -> Sent {
        let status = ParameterStatus::new(name.to_owned(), value.to_owned());
        self.message(PgWireBackendMessage::ParameterStatus(status)).await
    }

    /// Tells the columns of rows, each with whether they come as bytes.
    pub(super) async fn columns(&mut self, fields: &[Field], is_binary: impl Fn(usize) -> bool) -> Sent {
        let described = fields.iter().enumerate().map(|(at, field)| {
            let (oid, size) = (field.wire_type.oid(), field.wire_type.size());
            FieldDescription::new(field.name.clone(), 0, 0, oid, size, field.modifier, i16::from(is_binary(at)))
        });
        let described = RowDescription::new(described.collect());
        self.message(PgWireBackendMessage::RowDescription(described)).await
    }

    pub(super) async fn ready(&mut self, status: TransactionStatus) -> Sent {
        self.message(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status))).await?;
        self.flush().await
    }
}
