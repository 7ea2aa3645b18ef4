//! Pages as they are shown on this machine: a small web server, for a browser here and nobody else.

mod answer;
mod assets;
mod changes;
mod edit;
mod estimates;
mod response;
mod shapes;
mod site;
mod titles;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{RwLock, Semaphore};

use self::site::Site;
use super::file;
use super::page::{self, FOLDER};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error::usage;
use crate::lake::catalog::{self, Scope};

/// Most connections at once.
const MOST_CONNECTIONS: usize = 256;

/// How long queries have to end when the server does.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a browser may take for the head of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shows the project's pages on `listen` until Ctrl-C; `opens` has a browser show them.
///
/// # Errors
/// An address that is not this machine's alone, or is taken; an engine that is not up; a project without pages.
pub(crate) async fn serve(context: &Context, listen: SocketAddr, opens: bool) -> Result<()> {
    if !listen.ip().is_loopback() {
        return Err(usage(
            format!("others could reach {listen}, and pages are shown to anybody who asks"),
            "listen on 127.0.0.1",
        ));
    }
    if page::names(&context.config.dir)?.is_empty() {
        return Err(file::none(&context.config.dir));
    }
    // What is not up is better told now than on each tile.
    let target = Target::open(context).await?;
    catalog::read_in(&target.bucket, Scope::NONE).await?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        usage(format!("cannot listen on {listen}: {error}"), "--listen takes another address, e.g. 127.0.0.1:8081")
    })?;
    let address = listener.local_addr()?;
    let over = context.branch.as_ref().map(|branch| format!(" over the branch `{branch}`")).unwrap_or_default();
    context.say(format_args!("showing {FOLDER}/{over} at http://{address}/, as it is saved; Ctrl-C ends"));
    if let Some(note) = file::strayed(&file::below(&context.config.dir)) {
        context.say(format_args!("note: {note}"));
    }
    if opens && context.interactive() && open::that_detached(format!("http://{address}/")).is_err() {
        context.say("note: no browser was found to open it in");
    }
    let quiet = Context { quiet: true, json: false, verbose: false, ..context.clone() };
    let interrupt = Interrupt::listen();
    let site = Arc::new(Site::new(quiet, target, address, interrupt.token.clone()));
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    // Read by who answers, written by the end: some of what is asked would not outlive the runtime.
    let busy = Arc::new(RwLock::new(()));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = interrupt.token.cancelled() => break,
        };
        let Ok((socket, _)) = accepted else {
            // Too many files, say: it may be better in a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Who comes when there is no room is let go.
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let (site, busy) = (site.clone(), busy.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (site, busy) = (site.clone(), busy.clone());
                async move {
                    let _busy = busy.read().await;
                    Ok::<_, Infallible>(site.answer(request).await)
                }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 << 10);
            _ = http.serve_connection(TokioIo::new(socket), service).await;
            drop(permit);
        });
    }
    // What runs is told to end, which takes a request each.
    _ = tokio::time::timeout(DRAIN, async { tokio::join!(site.ended(), busy.write()) }).await;
    Ok(())
}
