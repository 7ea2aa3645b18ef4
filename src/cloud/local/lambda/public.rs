//! A function's URL that is open to all: a port of its own on loopback, as on AWS it has a host of its own, so that the links
//! of its pages are nobody else's. Whom it answers what is the function's own affair.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::host::{Host, request_id};
use super::pool::{self, Pool};
use super::response::json_response;
use super::url_event::{self, Caller};
use crate::cloud::local::door::Door;

/// Most connections of a URL at once; more wait.
const CONNECTIONS_MAX: usize = 256;

/// Most bytes of a request's body, as on AWS.
const BODY_MAX: usize = 6_291_456;

/// How long a client may take for the head of a request, and for its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a request waits for one of the function's instances. On AWS there are a thousand of them.
const QUEUE: Duration = Duration::from_secs(5);

/// The port, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Public {
    pub port: u16,
    accepting: AbortHandle,
}

impl Drop for Public {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Public {
    /// Answers on `port`, or on any where that is 0 or taken, with what the function of `pool` says.
    ///
    /// # Errors
    /// When there is no port to be had.
    pub(super) fn listen(pool: &Arc<Pool>, host: &Host, port: u16) -> io::Result<Self> {
        let bind = |port: u16| StdListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = match bind(port) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => bind(0)?,
            bound => bound?,
        };
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let site = Site { door: Door::new(port), pool: Arc::downgrade(pool), host: host.clone() };
        let accepting = tokio::spawn(accept(TcpListener::from_std(listener)?, Arc::new(site))).abort_handle();
        Ok(Self { port, accepting })
    }
}

/// What is behind the port.
struct Site {
    door: Door,
    pool: Weak<Pool>,
    host: Host,
}

async fn accept(listener: TcpListener, site: Arc<Site>) {
    // Connections end with this.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => _ = connections.spawn(connection(stream, site.clone())),
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                // Out of file descriptors, most likely: some connection will end.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, site: Arc<Site>) {
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("cannot set TCP_NODELAY: {error}");
    }
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.answer(request).await.map(Full::new)) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(100);
    // A browser that goes away is none of ours.
    _ = http.serve_connection(TokioIo::new(stream), service).await;
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Response<Bytes> {
        let says = |status, message: &str| json_response(status, &json!({ "Message": message }));
        if let Err(refusal) = self.door.check_host(&request) {
            let (status, _, message) = refusal.parts();
            return says(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), &message);
        }
        let Some(pool) = self.pool.upgrade() else { return says(StatusCode::NOT_FOUND, "there is no function") };
        let (parts, body) = request.into_parts();
        let body = match timeout(PATIENCE, Limited::new(body, BODY_MAX).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return says(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"),
            Err(_) => return says(StatusCode::REQUEST_TIMEOUT, "the request did not come in time"),
        };
        // A browser that goes away waits no more.
        let Ok(permit) = pool.permit_within(QUEUE).await else {
            return says(StatusCode::TOO_MANY_REQUESTS, "Rate Exceeded.");
        };
        let id = request_id();
        let event = url_event::event(&parts, &pool.function().name, parts.uri.path(), &id, &body, Caller::Anybody);
        match pool::run(permit, &self.host, &id, Bytes::from(event.to_string())).await {
            Ok(outcome) => url_event::response(outcome, Caller::Anybody),
            Err(_) => says(StatusCode::BAD_GATEWAY, "Internal Server Error"),
        }
    }
}
