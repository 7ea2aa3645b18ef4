//! One client: its messages one after another, until it goes.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use pgwire::messages::PgWireFrontendMessage as Message;
use tokio::io::Interest;
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
    let mut ahead = None;
    loop {
        let message = match ahead.take() {
            Some(message) => message,
            None => match next(out, ending).await? {
                Some(message) => message,
                None => return Ok(()),
            },
        };
        match message {
            Message::Terminate(_) => return Ok(()),
            Message::Sync(_) => {
                skips = false;
                if session.is_implicit {
                    let (cancel, most) = session.begin();
                    let ended = watched(out, &cancel, most, async |_| session.end_implicit(&cancel).await).await;
                    if let Err(refusal) = ended {
                        out.refuse(refusal).await?;
                    }
                }
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
            message => {
                // What is between two Syncs is one transaction. A change that is alone there is one by itself, and can be begun anew
                // where others came before it; whether it is, what comes next tells.
                if let Message::Execute(execute) = &message
                    && session.may_begin(execute)
                {
                    let Some(next) = next(out, ending).await? else { return Ok(()) };
                    if !matches!(next, Message::Sync(_)) {
                        session.begin_implicit();
                    }
                    ahead = Some(next);
                }
                match extended(out, session, message).await {
                    Ok(()) => {}
                    Err(Failed::Statement(refusal)) => {
                        session.fail();
                        out.refuse(refusal).await?;
                        // A client that asked with Flush waits for it before it says Sync.
                        out.flush().await?;
                        skips = true;
                    }
                    Err(Failed::Connection(error)) => return Err(error),
                }
            }
        }
    }
}

/// The next message; none once the client has gone or is told that it ends here.
async fn next(out: &mut Outgoing, ending: &CancellationToken) -> Sent<Option<Message>> {
    let next = tokio::select! {
        biased;
        next = out.socket.next() => next,
        () = ending.cancelled() => {
            out.refuse(Refusal::new(ENDING, "terminating connection due to administrator command")).await?;
            return Ok(None);
        }
    };
    match next.transpose() {
        Ok(message) => Ok(message),
        Err(error) => {
            out.refuse(Refusal::new(PROTOCOL, format!("invalid message: {error}"))).await?;
            out.flush().await?;
            Ok(None)
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

/// Looks for the end of what a client sends, also behind what it has sent and nobody has read yet.
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
        while let Ok(ready) = twin.ready(Interest::READABLE).await {
            if ready.is_read_closed() {
                break;
            }
            // What waits is not read here: the next time is when more has come, or the end.
            _ = twin.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
        cancel.cancel();
    }))
}
