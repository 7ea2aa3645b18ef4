//! Ctrl-C: the first one asks for an orderly end, which removes half-written files; the second ends at once.

use tokio_util::sync::CancellationToken;

use crate::error::INTERRUPTED;

/// A token that the next Ctrl-C cancels; it listens for as long as the returned guard lives.
pub struct Interrupt {
    pub token: CancellationToken,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupt {
    pub fn listen() -> Self {
        let token = CancellationToken::new();
        let cancel = token.clone();
        let listener = tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
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
