//! The server: takes connections, each on a thread of its own, and lets those that are there finish when it is to end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures::SinkExt as _;
use pgwire::api::{ClientInfo as _, METADATA_USER};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage as Message};
use pgwire::tokio::TlsAcceptor;
use pgwire::tokio::server::{MaybeTls, negotiate_tls};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_util::codec::{Framed, FramedParts};
use tokio_util::sync::CancellationToken;

use super::cancel::Running;
use super::connection;
use super::messages::{Messages, caught};
use super::outgoing::{self, Outgoing};
use super::session::Session;
use super::startup::{Door, Socket, settings_of, unexpected};
use super::users::Users;
use crate::cloud::{Target, Turns};
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error::usage;
use crate::lake::catalog::{self, Scope};

/// Most clients at the same time.
const MOST_CLIENTS: usize = 500;

/// Most connections at the same time: those who are too many are told so.
const MOST_CONNECTIONS: usize = MOST_CLIENTS + 100;

/// A client's stack, of which no more is taken than is needed: DuckDB's parser goes as deep as SQL is nested.
const STACK_BYTES: usize = 32 << 20;

/// How long a client may take to say who it is.
const STARTUP: Duration = Duration::from_secs(20);

/// How long clients have to finish when the server ends.
const DRAIN: Duration = Duration::from_secs(30);

/// How long what was cancelled then may take to end.
const CANCELLED: Duration = Duration::from_secs(5);

/// How a server is run.
pub(crate) struct Options {
    pub listen: SocketAddr,
    pub users: Users,
    pub tls: Option<TlsAcceptor>,
}

/// What all connections share.
struct Server {
    context: Context,
    door: Door,
    tls: Option<TlsAcceptor>,
    running: Arc<Running>,
    clients: AtomicUsize,
    /// All clients' invocations count towards the function's one limit.
    turns: Arc<Turns>,
    ending: CancellationToken,
}

/// Serves until Ctrl-C, and then until clients have finished.
///
/// # Errors
/// An address that cannot be listened on, or that others would reach without a password; an engine that is not up.
pub(crate) async fn serve(context: &Context, options: Options) -> Result<()> {
    let Options { listen, users, tls } = options;
    if !listen.ip().is_loopback() && (users.is_empty() || tls.is_none()) {
        return Err(usage(
            format!("others could reach {listen}, and it has no TLS or no users"),
            "give --tls-cert and --tls-key, and make users with `quackctl serve add-user NAME`; or listen on 127.0.0.1",
        ));
    }
    // What is not up is better told now than to the first client.
    let target = Target::open(context).await?;
    catalog::read_in(&target.bucket, Scope::NONE).await?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        usage(format!("cannot listen on {listen}: {error}"), "--listen takes another address, e.g. 127.0.0.1:5434")
    })?;
    let address = listener.local_addr()?;
    let who = if users.is_empty() { "anybody on this machine, without a password" } else { "its users" };
    let over = context.branch.as_ref().map(|branch| format!(" over the branch `{branch}`")).unwrap_or_default();
    context.say(format_args!("serving PostgreSQL's protocol{over} on {address}, for {who}; Ctrl-C ends"));
    context.say(format_args!("  psql 'host={} port={} dbname=lake'", address.ip(), address.port()));
    // Clients are told nothing here, but over the wire.
    let quiet = Context { quiet: true, json: false, verbose: false, ..context.clone() };
    let server = Arc::new(Server {
        context: quiet,
        door: Door::new(users, tls.is_some()),
        tls,
        running: Arc::default(),
        clients: AtomicUsize::new(0),
        turns: Arc::default(),
        ending: CancellationToken::new(),
    });
    let interrupt = Interrupt::listen();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = interrupt.token.cancelled() => break,
        };
        match accepted {
            // Who has not said yet who they are are bounded, too.
            Ok((socket, _)) if server.clients.load(Ordering::Relaxed) >= MOST_CONNECTIONS => drop(socket),
            Ok((socket, _)) => spawn(&server, socket),
            // Too many files, say: it may be better in a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    server.ending.cancel();
    // The next Ctrl-C is about what runs; the one after it ends at once.
    drop(interrupt);
    let interrupt = Interrupt::listen();
    let left = || server.clients.load(Ordering::Relaxed);
    if left() > 0 {
        context.say(format_args!("{} clients finish what they run; Ctrl-C cancels it", left()));
    }
    let drained = async || {
        while left() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = drained() => {}
        () = interrupt.token.cancelled() => {}
        () = tokio::time::sleep(DRAIN) => {}
    }
    // Nobody waits for what is left: the function does not go on with it.
    server.running.cancel_all();
    _ = tokio::time::timeout(CANCELLED, drained()).await;
    Ok(())
}

/// A client that is counted as long as this lives.
struct Counted(Arc<Server>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection on a thread of its own: what runs a query waits for rows as ordinary code does.
fn spawn(server: &Arc<Server>, socket: TcpStream) {
    server.clients.fetch_add(1, Ordering::Relaxed);
    let counted = Counted(server.clone());
    let runtime = Handle::current();
    // Without a thread the client sees its connection end.
    _ = std::thread::Builder::new().name("client".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        runtime.block_on(client(&counted.0, socket));
        drop(counted);
    });
}

async fn client(server: &Arc<Server>, socket: TcpStream) {
    let negotiated = tokio::time::timeout(STARTUP, negotiate_tls::<()>(socket, server.tls.clone())).await;
    let Ok(Ok(Some(mut socket))) = negotiated else { return };
    // What came before the handshake may be somebody else's, and is not to be taken for the client's.
    if matches!(socket.get_ref(), MaybeTls::Tls(_)) && !socket.read_buffer().is_empty() {
        return;
    }
    let admitted = match tokio::time::timeout(STARTUP, caught(server.door.admit(&mut socket))).await {
        Ok(admitted) => admitted.unwrap_or_else(|| Err(unexpected())),
        Err(_) => return,
    };
    match admitted {
        Ok(None) => {}
        Ok(Some(Message::CancelRequest(request))) => return server.running.cancel(&request),
        Ok(Some(_)) => return,
        // The crate does not say whose it is.
        Err(PgWireError::InvalidPassword(_)) => {
            let user = socket.metadata().get(METADATA_USER).cloned().unwrap_or_default();
            return refuse(&mut socket, PgWireError::InvalidPassword(user).into()).await;
        }
        Err(error) => return refuse(&mut socket, error.into()).await,
    }
    if server.clients.load(Ordering::Relaxed) > MOST_CLIENTS {
        let words = "sorry, too many clients already".to_owned();
        return refuse(&mut socket, ErrorInfo::new("FATAL".to_owned(), "53300".to_owned(), words)).await;
    }
    let (pid, secret) = socket.pid_and_secret_key();
    let registered = server.running.register(pid, &secret);
    let target = match Target::open(&server.context).await {
        Ok(mut target) => {
            target.turns = server.turns.clone();
            target
        }
        Err(error) => {
            let words = crate::error::words(error.as_ref());
            return refuse(&mut socket, ErrorInfo::new("FATAL".to_owned(), "57P03".to_owned(), words)).await;
        }
    };
    let settings = settings_of(&socket);
    let mut session = Session::new(server.context.clone(), target, settings, registered.current.clone());
    let mut out = Outgoing { socket: let_in(socket), is_late: Arc::default() };
    // Whether it ends well or badly, what it has not committed is not made.
    _ = connection::serve(&mut out, &mut session, &server.ending).await;
    _ = session.roll_back().await;
    session.transaction.forget_temporary(&session.target.bucket).await;
    _ = out.socket.close().await;
}

/// The same connection, which reads a client's messages from now on.
fn let_in(socket: Socket) -> outgoing::Socket {
    let FramedParts { io, read_buf, write_buf, .. } = socket.into_parts();
    let mut parts = FramedParts::new::<PgWireBackendMessage>(io, Messages::new());
    (parts.read_buf, parts.write_buf) = (read_buf, write_buf);
    Framed::from_parts(parts)
}

async fn refuse(socket: &mut Socket, info: ErrorInfo) {
    _ = socket.send(PgWireBackendMessage::ErrorResponse(info.into())).await;
    _ = socket.close().await;
}
