//! Ctrl-C, and SIGTERM: the first one asks for an orderly end, which removes half-written files; the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::INTERRUPTED;

/// A token that the next request to end cancels; it listens for as long as the returned guard lives.
pub(crate) struct Interrupt {
    pub token: CancellationToken,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupt {
    pub(crate) fn listen() -> Self {
        let token = CancellationToken::new();
        let cancel = token.clone();
        let listener = tokio::spawn(async move {
            loop {
                requested().await;
                if cancel.is_cancelled() {
                    std::process::exit(INTERRUPTED.into());
                }
                cancel.cancel();
            }
        });
        Self { token, listener }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Completes when the user wants the command to end: Ctrl-C, or SIGTERM.
pub(crate) async fn requested() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => if pressed.is_err() { std::future::pending().await },
        () = terminated => {}
    }
}
