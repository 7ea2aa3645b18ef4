//! Ctrl-C in the middle of blocking work: the work is told, and waited for, so that it cleans up after itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use duckdb::InterruptHandle;

use crate::console::interrupt;
use crate::error::interrupted;

/// How often running work is told again to stop: a query may begin just after it was told.
const NUDGE: Duration = Duration::from_millis(50);

/// Shared by a command and its blocking work.
#[derive(Clone, Default)]
pub(super) struct Stop {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    stopped: AtomicBool,
    query: Mutex<Option<Arc<InterruptHandle>>>,
}

impl Stop {
    /// Names the connection whose queries end when work has to stop.
    pub(super) fn watch(&self, handle: Arc<InterruptHandle>) {
        *self.inner.query.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
    }

    /// Fails once work has to stop: for work to call now and then.
    pub(super) fn check(&self) -> Result<()> {
        if self.inner.stopped.load(Ordering::Relaxed) { Err(interrupted("interrupted")) } else { Ok(()) }
    }

    fn stop(&self) {
        self.inner.stopped.store(true, Ordering::Relaxed);
        if let Some(query) = &*self.inner.query.lock().unwrap_or_else(PoisonError::into_inner) {
            query.interrupt();
        }
    }
}

/// Runs `work` on a thread of its own until it is done, or until Ctrl-C: then it is told to stop and waited for.
///
/// # Errors
/// Those of `work`; exit code 130 when it was stopped.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce(&Stop) -> Result<T> + Send + 'static) -> Result<T> {
    let stop = Stop::default();
    let inside = stop.clone();
    let mut running = tokio::task::spawn_blocking(move || work(&inside));
    tokio::select! {
        done = &mut running => return done.context("a thread of the load died")?,
        () = interrupt::requested() => {}
    }
    loop {
        stop.stop();
        if tokio::time::timeout(NUDGE, &mut running).await.is_ok() {
            return Err(interrupted("interrupted: nothing was loaded"));
        }
    }
}
