//! The Lambda Runtime API: what a bootstrap asks for work and gives its answers to. Each instance has one of its own,
//! on a port of its own, and nobody else is answered there: whoever is, reads queries and can forge their answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::peer;
use crate::cloud::local::door::Door;

/// The most bytes that an answer may have.
pub(super) const RESPONSE_MAX: usize = 6_291_556;

/// The most connections of an instance at once.
const CONNECTIONS_MAX: usize = 64;

/// How long a connection may wait for its process to be known.
const OWNER_WITHIN: Duration = Duration::from_secs(10);

const PREFIX: &str = "/2018-06-01/runtime/";

/// One request for the runtime.
#[derive(Debug)]
pub(super) struct Work {
    pub id: String,
    pub payload: Bytes,
    pub deadline: SystemTime,
    pub arn: String,
    pub answer: oneshot::Sender<Answer>,
}

/// What the runtime made of it.
#[derive(Debug)]
pub(super) enum Answer {
    Response(Bytes),
    Error(Bytes),
    /// A response of more than [`RESPONSE_MAX`] bytes.
    TooLarge(u64),
}

/// How far the runtime has come in its start.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Init {
    Running,
    Done,
    /// It said that it cannot, in these words (JSON).
    Failed(Bytes),
}

/// One instance's runtime API. Its port closes when this is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub port: u16,
    pub init: watch::Receiver<Init>,
    work: mpsc::Sender<Work>,
    /// The instance's process, once it is started.
    owner: watch::Sender<Option<i32>>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (work, queue) = mpsc::channel(1);
        let (init, initialized) = watch::channel(Init::Running);
        let desk = Arc::new(Desk { queue: tokio::sync::Mutex::new(queue), current: Mutex::default(), init });
        let (owner, owned) = watch::channel(None);
        let server = tokio::spawn(async move {
            // Connections end with the listener: they are tasks of this set.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, peer)) if connections.len() < CONNECTIONS_MAX => {
                            let (desk, owned) = (Arc::clone(&desk), owned.clone());
                            connections.spawn(serve(stream, port, peer, owned, desk));
                        }
                        Ok(_) => {}
                        // Out of file descriptors, most likely: some connection will end.
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { port, init: initialized, work, owner, server })
    }

    /// Says which process the instance is: from now on it is answered.
    pub(super) fn belongs_to(&self, pid: i32) {
        self.owner.send_replace(Some(pid));
    }

    /// Gives the runtime something to do, for when it next asks.
    pub(super) async fn send(&self, work: Work) {
        // The receiver lives as long as the server does.
        let _ = self.work.send(work).await;
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Desk {
    queue: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    /// The request being worked on.
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    init: watch::Sender<Init>,
}

async fn serve(
    mut stream: TcpStream,
    port: u16,
    peer: SocketAddr,
    mut owned: watch::Receiver<Option<i32>>,
    desk: Arc<Desk>,
) {
    // The process may ask before its starter has been told of it.
    let owner = timeout(OWNER_WITHIN, owned.wait_for(Option::is_some)).await;
    let Ok(Some(pid)) = owner.map(|owner| owner.ok().and_then(|owner| *owner)) else { return };
    let own = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if !spawn_blocking(move || peer::is_of(pid, own, peer)).await.unwrap_or(false) {
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        return;
    }
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let door = Door::new(port);
    let service = service_fn(move |request| {
        let (desk, check) = (Arc::clone(&desk), door.check(&request));
        async move {
            Ok::<_, hyper::Error>(match check {
                Ok(()) => desk.answer(request).await,
                Err(_) => {
                    status(StatusCode::FORBIDDEN, &json!({ "errorType": "Forbidden", "errorMessage": "not for you" }))
                }
            })
        }
    });
    // An instance's connection is idle for as long as its invocation runs: without a timer hyper does not close it after
    // half a minute, which would cut off the answer that comes next.
    // A runtime that hangs up has ended, which the instance notices.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => match body(request).await {
                Ok(bytes) => self.finish(id, Answer::Response(bytes), None),
                Err(length) => {
                    let refusal = status(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        &json!({
                            "errorType": "RequestEntityTooLarge",
                            "errorMessage": format!("Exceeded maximum allowed payload size ({RESPONSE_MAX} bytes)."),
                        }),
                    );
                    self.finish(id, Answer::TooLarge(length), Some(refusal))
                }
            },
            (&Method::POST, ["invocation", id, "error"]) => {
                let bytes = body(request).await.unwrap_or_default();
                self.finish(id, Answer::Error(bytes), None)
            }
            (&Method::POST, ["init", "error"]) => {
                self.init.send_replace(Init::Failed(body(request).await.unwrap_or_default()));
                accepted()
            }
            _ => status(StatusCode::NOT_FOUND, &json!({ "errorType": "NotFound", "errorMessage": path })),
        }
    }

    /// Waits for work. That a runtime asks for it says that its start is done.
    async fn next(&self) -> Response<Full<Bytes>> {
        self.init.send_if_modified(|init| {
            *init == Init::Running && {
                *init = Init::Done;
                true
            }
        });
        let Some(work) = self.queue.lock().await.recv().await else {
            return status(StatusCode::GONE, &json!({ "errorType": "Gone", "errorMessage": "the instance ends" }));
        };
        let deadline = work.deadline.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut response = Response::new(Full::new(work.payload));
        for (name, value) in [
            ("lambda-runtime-aws-request-id", work.id.clone()),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", work.arn),
            ("lambda-runtime-trace-id", format!("Root=1-{:08x}-{:024x};Sampled=0", deadline.as_secs(), 0)),
            ("content-type", "application/json".to_owned()),
        ] {
            // All of them are plain ASCII.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((work.id, work.answer));
        response
    }

    fn finish(&self, id: &str, answer: Answer, response: Option<Response<Full<Bytes>>>) -> Response<Full<Bytes>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(now, _)| now == id);
        let Some((_, waiting)) = current else {
            let error = json!({ "errorType": "InvalidRequestID", "errorMessage": "Invalid request ID" });
            return status(StatusCode::BAD_REQUEST, &error);
        };
        // Nobody waits any more for an invocation that timed out.
        let _ = waiting.send(answer);
        response.unwrap_or_else(accepted)
    }
}

/// The body, or its length (as far as it was read) when it is over [`RESPONSE_MAX`].
async fn body(request: Request<Incoming>) -> Result<Bytes, u64> {
    let said = request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    match Limited::new(request.into_body(), RESPONSE_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(said.unwrap_or(RESPONSE_MAX as u64 + 1)),
    }
}

fn accepted() -> Response<Full<Bytes>> {
    status(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn status(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response
}
