//! The daemon: one port on loopback that serves S3 and the Lambda API until it is told to end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{Body, HttpError};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::connections::{Connections, Guest};
use super::credentials::Credentials;
use super::door::{Door, Refusal};
use super::grants::Role;
use super::lambda::{self, Lambda};
use super::meter::Meter;
use super::paths::Paths;
use super::process::{self, Endpoint, Greeting, Settings};
use super::s3;
use super::stalled::Watched;
use crate::error;
use crate::private;

/// How long a client may be silent: between requests, in the middle of a request's head, and in the middle of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes that the head of a request may have. The same buffer takes bodies in.
const HEAD_MAX: usize = 128 << 10;

/// The most headers that a request may have.
const HEADERS_MAX: usize = 100;

/// How often it is looked whether the daemon's lock is there, and its files.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How long requests in progress may take to end once the daemon is told to.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the daemon with the settings on standard input (see [`super::process`]) and tells the starter, on standard
/// output, when it is ready or why it cannot be. Returns when it was told to end.
///
/// # Errors
/// When it cannot start; the starter was told.
pub(crate) fn run() -> Result<()> {
    // Its own session: the terminal that started it can go.
    rustix::process::setsid().context("cannot leave the terminal's session")?;
    // Whatever the daemon and its instances make is for their owner alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match Daemon::start().await {
            Ok((daemon, note)) => {
                greet(&Greeting::Ready { endpoint: daemon.endpoint.clone(), note })?;
                daemon.serve().await
            }
            Err(error) => {
                let help = "if the reason is not plain, look into daemon.log beside it";
                let help = error::help(&error).unwrap_or(help);
                greet(&Greeting::Failed { error: format!("{error:#}"), help: help.to_owned() })?;
                Err(error)
            }
        }
    })
}

/// Tells the starter, who then stops listening.
fn greet(greeting: &Greeting) -> Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, greeting)?;
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    rustix::stdio::dup2_stdout(std::fs::File::options().write(true).open("/dev/null")?)?;
    Ok(())
}

struct Daemon {
    listener: TcpListener,
    endpoint: Endpoint,
    services: Arc<Services>,
    guard: Guard,
}

/// What is behind the port.
struct Services {
    door: Door,
    s3: s3::Service,
    lambda: Arc<Lambda>,
}

impl Daemon {
    async fn start() -> Result<(Self, Option<String>)> {
        let mut text = String::new();
        // The open file is the lock: standard input stays open to the end.
        io::stdin().lock().read_to_string(&mut text)?;
        let settings: Settings = serde_json::from_str(&text).context("cannot read the daemon's settings")?;
        let paths = Paths { dir: settings.dir.clone() };
        let role = |file: PathBuf, grants| Credentials::load_or_create(&file).map(|keys| Role { keys, grants });
        let engine = role(paths.function_credentials(), settings.grants).context("cannot make the function's keys")?;
        let page = role(paths.page_credentials(), settings.page).context("cannot make the page function's keys")?;
        let keys = s3::Keys {
            owner: Credentials::load(&paths.credentials()).context("cannot read the keys")?,
            roles: vec![engine.clone(), page.clone()],
        };
        let (listener, note) = listen(settings.port, Endpoint::read(&paths).map(|before| before.port)).await?;
        let endpoint = Endpoint {
            port: listener.local_addr()?.port(),
            pid: i32::try_from(std::process::id())?,
            id: settings.id,
            started_at: Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        };
        let meter = Meter::default();
        let s3 = s3::service(&paths.storage(), &keys, settings.network, meter.clone())
            .with_context(|| format!("cannot open {}", paths.storage().display()))?;
        let host = lambda::Host {
            paths: paths.clone(),
            owner: keys.owner,
            engine: engine.keys,
            page,
            endpoint: endpoint.url(),
            idle: Duration::from_secs(settings.idle_s.into()),
            cpu_share: settings.cpu_share,
            meter,
        };
        let lambda = Lambda::open(host).context("cannot open the functions")?;
        let guard = Guard { paths, keys: lambda.host.owner.clone(), endpoint: endpoint.clone() };
        guard.put_back()?;
        // The folder of the stage, that of all stages, the project's: each is a name in the one above.
        for folder in guard.paths.dir.ancestors().take(3) {
            private::sync(folder)?;
        }
        let door = Door::new(endpoint.port);
        Ok((Self { listener, endpoint, services: Arc::new(Services { door, s3, lambda }), guard }, note))
    }

    async fn serve(self) -> Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (stop, stopped) = watch::channel(());
        let connections = Connections::new();
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    if !process::is_there(&io::stdin(), &self.guard.paths) {
                        eprintln!("{} is gone, so that nobody finds this process: it ends", self.guard.paths.lock().display());
                        break;
                    }
                    if let Err(error) = self.guard.put_back().and_then(|()| self.services.lambda.put_back()) {
                        eprintln!("cannot put back what was removed: {error}");
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (services, stopped) = (self.services.clone(), stopped.clone());
                        let run = connections.run(|guest| connection(stream, guest, services, stopped));
                        // A daemon that is full of connections still ends when it is told to.
                        tokio::select! {
                            () = run => {}
                            _ = terminate.recv() => break,
                            _ = interrupt.recv() => break,
                        }
                    }
                    Err(error) => {
                        eprintln!("cannot accept a connection: {error}");
                        // Out of file descriptors, most likely: some connection will end.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        drop((self.listener, stopped));
        stop.send_replace(());
        // Each connection holds a receiver until it has ended.
        let _ = tokio::time::timeout(GRACE, stop.closed()).await;
        self.services.lambda.close();
        Ok(())
    }
}

/// The files by which others find the daemon.
struct Guard {
    paths: Paths,
    keys: Credentials,
    endpoint: Endpoint,
}

impl Guard {
    /// Writes those of them that are not there, or are another daemon's.
    fn put_back(&self) -> io::Result<()> {
        if Endpoint::read(&self.paths).is_none_or(|there| there.id != self.endpoint.id) {
            private::write(&self.paths.endpoint(), &serde_json::to_vec(&self.endpoint)?)?;
        }
        if !Credentials::load(&self.paths.credentials()).is_ok_and(|there| there == self.keys) {
            self.keys.save(&self.paths.credentials())?;
        }
        Ok(())
    }
}

/// Listens on the port that is asked for; without one on the port `before`, or else on any.
async fn listen(port: u16, before: Option<u16>) -> Result<(TcpListener, Option<String>)> {
    let bind = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    if port != 0 {
        let deadline = Instant::now() + LOOK_INTERVAL * 3;
        return loop {
            match bind(port).await {
                Ok(listener) => break Ok((listener, None)),
                // The daemon before may have lost its lock, and be about to see it.
                Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => break Err(process::port_taken(port)),
                Err(error) => break Err(error).with_context(|| format!("cannot listen on port {port}")),
            }
        };
    }
    let Some(before) = before else { return Ok((bind(0).await?, None)) };
    match bind(before).await {
        Ok(listener) => Ok((listener, None)),
        Err(_) => {
            let listener = bind(0).await?;
            let now = listener.local_addr()?.port();
            Ok((listener, Some(format!("port {before} was taken by another program: the endpoint is on {now} now"))))
        }
    }
}

/// Serves one connection until its client, or the daemon, is done.
async fn connection(stream: TcpStream, guest: Arc<Guest>, services: Arc<Services>, mut stopped: watch::Receiver<()>) {
    // Without it, an answer in two pieces waits for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("cannot set TCP_NODELAY: {error}");
    }
    let service = service_fn(move |request| {
        let (services, guest) = (services.clone(), guest.clone());
        async move {
            let response = services.answer(request).await;
            response.inspect(|response| guest.answered(response.status())).map(|response| dated(response, Utc::now()))
        }
    });
    let connection = protocol().serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A client that goes away is none of the daemon's business.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// HTTP as the daemon speaks it.
fn protocol() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD_MAX).max_headers(HEADERS_MAX);
    http.auto_date_header(false);
    http
}

/// Tells the time, which clients correct theirs by when they sign. What `hyper` tells stands still when the clock is set
/// back: requests would be signed for a time that is yet to come.
fn dated<B>(mut response: Response<B>, now: DateTime<Utc>) -> Response<B> {
    // Nothing in it that a header cannot hold.
    if let Ok(date) = HeaderValue::from_str(&now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        response.headers_mut().insert("date", date);
    }
    response
}

impl Services {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
        let for_lambda = lambda::is_lambda(request.uri().path());
        if let Err(refusal) = self.door.check(&request) {
            return Ok(refused(refusal, for_lambda));
        }
        let request = request.map(|body| Watched::new(body, PATIENCE));
        if for_lambda {
            return Ok(self.lambda.answer(request).await.map(Body::from));
        }
        self.s3.call(request.map(Body::http_body)).await
    }
}

/// The answer to a request that was not let in, as the client that sent it reads errors.
fn refused(refusal: Refusal, for_lambda: bool) -> Response<Body> {
    let (status, code, message) = refusal.parts();
    let (kind, text) = match for_lambda {
        true => ("application/json", serde_json::json!({ "message": message }).to_string()),
        false => (
            "application/xml",
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            ),
        ),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(kind));
    headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// One connection, as an SDK holds it, on which the clock is set back between two requests.
    #[tokio::test]
    async fn a_clock_that_was_set_back_is_told_as_it_is() {
        let times = [TimeDelta::zero(), TimeDelta::hours(-1)].map(|back| Utc::now() + back);
        let (mut client, server) = tokio::io::duplex(4096);
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let service = service_fn(move |_| {
            let now = times[asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed)];
            async move { Ok::<_, std::convert::Infallible>(dated(Response::new(Body::empty()), now)) }
        });
        tokio::spawn(protocol().serve_connection(TokioIo::new(server), service));
        for time in times {
            client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut answer = [0; 1024];
            let length = client.read(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
            let told: Vec<_> = answer.lines().filter_map(|line| line.strip_prefix("date: ")).collect();
            assert_eq!(told, [time.format("%a, %d %b %Y %H:%M:%S GMT").to_string().to_lowercase()], "{answer}");
        }
    }
}
