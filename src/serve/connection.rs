//! One client: its messages one after another, until it goes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use pgwire::messages::PgWireFrontendMessage as Message;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::outgoing::{Outgoing, Sent};
use super::refusal::{PROTOCOL, Refusal};
use super::rows::Failed;
use super::session::Session;
use pgwire::tokio::server::MaybeTls;

/// What the server says to clients as it ends.
const ENDING: &str = "57P01";

/// Serves a client that was let in.
pub(super) async fn serve(out: &mut Outgoing, session: &mut Session, ending: &CancellationToken) -> Sent {
    // After an error of the extended protocol everything up to the next Sync is passed over.
    let mut skips = false;
    loop {
        let next = tokio::select! {
            biased;
            next = out.socket.next() => next,
            () = ending.cancelled() => {
                return out.refuse(Refusal::new(ENDING, "terminating connection due to administrator command")).await;
            }
        };
        let Some(message) = next else { return Ok(()) };
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                out.refuse(Refusal::new(PROTOCOL, format!("invalid message: {error}"))).await?;
                return out.flush().await;
            }
        };
        match message {
            Message::Terminate(_) => return Ok(()),
            Message::Sync(_) => {
                skips = false;
                session.sync();
                out.ready(session.status.into()).await?;
            }
            Message::Query(query) => {
                if skips {
                    continue;
                }
                let (cancel, most) = session.begin();
                watched(out, &cancel, most, async |out| session.simple(out, &query.query, &cancel).await).await?;
                out.ready(session.status.into()).await?;
            }
            _ if skips => {}
            message => match extended(out, session, message).await {
                Ok(()) => {}
                Err(Failed::Statement(refusal)) => {
                    session.fail();
                    out.refuse(refusal).await?;
                    // A client that asked with Flush waits for it before it says Sync.
                    out.flush().await?;
                    skips = true;
                }
                Err(Failed::Connection(error)) => return Err(error),
            },
        }
    }
}

async fn extended(out: &mut Outgoing, session: &mut Session, message: Message) -> Result<(), Failed> {
    match message {
        Message::Parse(parse) => session.parse(out, parse).await,
        Message::Bind(bind) => session.bind(out, bind).await,
        Message::Describe(describe) => session.describe(out, describe).await,
        Message::Execute(execute) => {
            let (cancel, most) = session.begin();
            watched(out, &cancel, most, async |out| session.execute(out, execute, &cancel).await).await
        }
        Message::Close(close) => session.close(out, close).await,
        Message::Flush(_) => Ok(out.flush().await?),
        // What comes of a COPY that was refused.
        Message::CopyData(_) | Message::CopyDone(_) | Message::CopyFail(_) => Ok(()),
        _ => Err(Failed::Statement(Refusal::new(PROTOCOL, "unexpected message"))),
    }
}

/// Does `work`, and ends what it runs once its time is up, or should the client go away meanwhile: nobody wants to pay for it.
async fn watched<T>(
    out: &mut Outgoing,
    cancel: &CancellationToken,
    most: Option<Duration>,
    work: impl AsyncFnOnce(&mut Outgoing) -> T,
) -> T {
    out.is_late.store(false, Ordering::Relaxed);
    let timer = most.map(|most| {
        let (cancel, is_late) = (cancel.clone(), out.is_late.clone());
        tokio::spawn(async move {
            tokio::time::sleep(most).await;
            is_late.store(true, Ordering::Relaxed);
            cancel.cancel();
        })
    });
    let watchers = [timer, watch(out, cancel.clone())];
    let done = work(out).await;
    // What is left of its rows is another statement's to take.
    watchers.iter().flatten().for_each(tokio::task::JoinHandle::abort);
    done
}

/// Looks for the end of what a client sends. It may have sent more already; then nothing is known of it before that is read.
fn watch(out: &Outgoing, cancel: CancellationToken) -> Option<tokio::task::JoinHandle<()>> {
    let socket = match out.socket.get_ref() {
        MaybeTls::Plain(socket) => socket,
        MaybeTls::Tls(stream) => stream.get_ref().0,
        _ => return None,
    };
    let twin = rustix::io::dup(socket).ok()?;
    let twin = std::net::TcpStream::from(twin);
    let twin = TcpStream::from_std(twin).ok()?;
    Some(tokio::spawn(async move {
        let mut byte = [0];
        if matches!(twin.peek(&mut byte).await, Ok(0) | Err(_)) {
            cancel.cancel();
        }
    }))
}
