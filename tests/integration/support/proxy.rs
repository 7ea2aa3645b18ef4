//! A proxy before the emulator that records every call, can hold a chosen one, and lets a share of them go wrong as they
//! do in a cloud.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, EXPECT};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::call::{Call, Refusal};

type Body = BoxBody<Bytes, Error>;
type Error = Box<dyn std::error::Error + Send + Sync>;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Refuse(Refusal),
    Delay(Duration),
    /// The connection ends and the server never hears of the call.
    CutBefore,
    /// The server does what it was asked to, and the caller never hears of it.
    CutAfter,
    /// The connection ends in the middle of the response.
    Truncate,
}

/// Where a call is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the server hears of it.
    Before,
    /// When the server has answered, before the caller hears of that.
    After,
}

/// Told when the call to be held has come; the call goes no further, and is lost when the proxy is healed.
pub(crate) struct Held(mpsc::Receiver<Call>);

impl Held {
    /// Waits for the call.
    pub(crate) fn wait(&self) -> Call {
        self.0.recv_timeout(Duration::from_secs(60)).expect("the call to be held")
    }

    /// The call, if it has come.
    pub(crate) fn call(&self) -> Option<Call> {
        self.0.try_recv().ok()
    }
}

/// A call to be held: how many come before it, and whom to tell.
struct Hold {
    skip: usize,
    count: fn(&Call) -> bool,
    moment: Moment,
    told: mpsc::Sender<Call>,
}

/// Which calls go wrong: of those to `service`, or of all, this share.
struct Storm {
    service: Option<&'static str>,
    share: f64,
    seed: u64,
}

/// What the connections share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    healed: Notify,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    storm: Option<Storm>,
    hold: Option<Hold>,
    /// An action, and what it is always refused with.
    refusal: Option<(&'static str, Refusal)>,
    /// Calls that went wrong.
    faulty: usize,
}

/// A proxy on a port of its own, gone when this is dropped.
pub(crate) struct Proxy {
    pub endpoint: String,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// A proxy that lets everything through to `upstream` (`http://host:port`).
    pub(crate) fn start(upstream: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        let upstream: Arc<str> = upstream.trim_start_matches("http://").into();
        runtime.spawn(accept(listener, upstream, shared.clone()));
        Self { endpoint, shared, runtime: Some(runtime) }
    }

    /// From now on, `share` of the calls (0 to 1) goes wrong. Which, and how, follows from the seed, the call and how
    /// often it came, not from the order in which concurrent calls arrive.
    pub(crate) fn fail(&self, share: f64, seed: u64) {
        self.rage(Storm { service: None, share, seed });
    }

    /// The same for calls to one service alone, such as `s3`.
    pub(crate) fn fail_at(&self, service: &'static str, share: f64, seed: u64) {
        self.rage(Storm { service: Some(service), share, seed });
    }

    fn rage(&self, storm: Storm) {
        eprintln!("faults: {} of the calls to {}, seed {}", storm.share, storm.service.unwrap_or("all"), storm.seed);
        self.shared.state.lock().unwrap().storm = Some(storm);
    }

    /// From now on, each call of `action` is refused.
    pub(crate) fn refuse(&self, action: &'static str, refusal: Refusal) {
        self.shared.state.lock().unwrap().refusal = Some((action, refusal));
    }

    /// From now on, nothing goes wrong and nothing is held; what was held is lost. Returns how many calls went wrong.
    pub(crate) fn heal(&self) -> usize {
        self.shared.healed.notify_waiters();
        let mut state = self.shared.state.lock().unwrap();
        (state.storm, state.hold, state.refusal) = (None, None, None);
        std::mem::take(&mut state.faulty)
    }

    /// Holds the call that comes after `skip` others.
    pub(crate) fn hold(&self, skip: usize, moment: Moment) -> Held {
        self.hold_after(skip, |_| true, moment)
    }

    /// Holds the call that comes after `skip` others that `count`.
    pub(crate) fn hold_after(&self, skip: usize, count: fn(&Call) -> bool, moment: Moment) -> Held {
        let (told, held) = mpsc::channel();
        self.shared.state.lock().unwrap().hold = Some(Hold { skip, count, moment, told });
        Held(held)
    }

    /// The calls that came since this was asked last, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.state.lock().unwrap().calls)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A runtime must not wait for its threads inside another, as that of a test.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: std::net::TcpListener, upstream: Arc<str>, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (upstream, shared) = (upstream.clone(), shared.clone());
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let serve = service_fn(|request| serve(request, &upstream, &shared));
            // A caller that is killed, or a cut, ends a connection before its time.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
        });
    }
}

/// Passes one call on. An error ends the connection.
async fn serve(request: Request<Incoming>, upstream: &str, shared: &Shared) -> Result<Response<Body>, Error> {
    let (parts, body) = request.into_parts();
    // The query protocol has the action in a form, which is small.
    let is_form =
        parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"));
    let (form, body) = if is_form {
        let form = body.collect().await?.to_bytes();
        (form.clone(), Full::new(form).map_err(never).boxed())
    } else {
        (Bytes::new(), body.map_err(Error::from).boxed())
    };
    let call = Call::new(&parts, &form);
    let (fault, held) = shared.state.lock().unwrap().admit(&call);
    if let Some(hold) = held.as_ref().filter(|hold| hold.moment == Moment::Before) {
        return hold.stay(call, shared).await;
    }
    match fault {
        Some(Fault::CutBefore) => return Err("the call is cut off".into()),
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        Some(Fault::Refuse(refusal)) => {
            // A client may still be sending: one that has read an answer early would find the connection broken.
            body.collect().await?;
            return Ok(refusal.response(&call).map(|text| Full::from(text).map_err(never).boxed()));
        }
        _ => {}
    }
    let response = forward(Request::from_parts(parts, body), upstream).await?;
    if let Some(hold) = held {
        response.into_body().collect().await?;
        return hold.stay(call, shared).await;
    }
    match fault {
        Some(Fault::CutAfter) => {
            response.into_body().collect().await?;
            Err("the answer is lost".into())
        }
        Some(Fault::Truncate) => truncate(response).await,
        _ => Ok(response.map(|body| body.map_err(Error::from).boxed())),
    }
}

impl State {
    /// Takes note of a call and says what is to become of it.
    fn admit(&mut self, call: &Call) -> (Option<Fault>, Option<Hold>) {
        let before = self.calls.iter().filter(|other| *other == call).count();
        self.calls.push(call.clone());
        let held = match &mut self.hold {
            Some(hold) if hold.skip > 0 => {
                hold.skip -= usize::from((hold.count)(call));
                None
            }
            _ => self.hold.take(),
        };
        let refusal = self.refusal.filter(|(action, _)| call.action == *action);
        let drawn = || self.storm.as_ref().and_then(|storm| Fault::draw(storm, call, before));
        let fault = refusal.map(|(_, refusal)| Fault::Refuse(refusal)).or_else(drawn);
        self.faulty += usize::from(fault.is_some());
        (fault, held)
    }
}

impl Fault {
    fn draw(storm: &Storm, call: &Call, before: usize) -> Option<Self> {
        if storm.service.is_some_and(|service| service != call.service) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (storm.seed, &call.service, &call.action, before).hash(&mut hasher);
        let mut random = StdRng::seed_from_u64(hasher.finish());
        if !random.random_bool(storm.share) {
            return None;
        }
        Some(match random.random_range(0..8) {
            0 => Self::Refuse(Refusal::Internal),
            1 => Self::Refuse(Refusal::Unavailable),
            2 | 3 => Self::Refuse(Refusal::Throttled),
            4 => Self::Delay(Duration::from_millis(random.random_range(50..800))),
            5 => Self::CutBefore,
            6 => Self::CutAfter,
            _ => Self::Truncate,
        })
    }
}

impl Hold {
    /// Tells that the call has come, and ends its connection when the proxy is healed.
    async fn stay(&self, call: Call, shared: &Shared) -> Result<Response<Body>, Error> {
        let healed = shared.healed.notified();
        // Nobody waits when the caller ended first.
        let _ = self.told.send(call);
        healed.await;
        Err("the call is lost".into())
    }
}

/// Sends the call to the emulator, with the host as the caller has it: the emulator writes that into addresses.
async fn forward(mut request: Request<Body>, upstream: &str) -> Result<Response<Incoming>, Error> {
    // Our own server has answered it.
    request.headers_mut().remove(EXPECT);
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

/// The response as far as its middle.
async fn truncate(response: Response<Incoming>) -> Result<Response<Body>, Error> {
    let (parts, body) = response.into_parts();
    let whole = body.collect().await?.to_bytes();
    if whole.is_empty() {
        return Err("nothing to truncate: the answer is lost".into());
    }
    let half = whole.slice(..whole.len() / 2);
    let rest = futures::stream::once(async {
        // After the half is on its way: an error that comes with it would keep it back.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(Error::from("the rest is lost"))
    });
    let frames = futures::stream::iter([Ok(Frame::data(half))]).chain(rest);
    Ok(Response::from_parts(parts, BodyExt::boxed(StreamBody::new(frames))))
}

fn never(error: Infallible) -> Error {
    match error {}
}
