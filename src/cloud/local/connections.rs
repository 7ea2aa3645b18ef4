//! The daemon's connections: only so many at once, and those that have shown no right key make room for others.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// File descriptors that the daemon asks for: a connection has its socket, and a file that it reads or writes.
const DESCRIPTORS: u64 = 8192;

/// The fewest that there is room for, however few files the process may have open.
const CONNECTIONS_MIN: usize = 512;

/// All connections that there are.
#[derive(Debug)]
pub(super) struct Connections {
    room: Arc<Semaphore>,
    /// The most connections on which no request with a right signature has come; the oldest of more is closed. Those of a
    /// process that has just started are such, each until its first answer.
    strangers_max: usize,
    strangers: Mutex<VecDeque<(u64, AbortHandle)>>,
    next: AtomicU64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Guest {
    id: u64,
    known: AtomicBool,
    all: Arc<Connections>,
}

impl Connections {
    /// Room for half as many as the process may have files open.
    pub(super) fn new() -> Arc<Self> {
        let mut limit = getrlimit(Resource::Nofile);
        let most = limit.maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
        if limit.current.is_some_and(|current| current < most)
            && setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limit.maximum }).is_ok()
        {
            limit.current = Some(most);
        }
        let descriptors = limit.current.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
        let room = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(CONNECTIONS_MIN);
        Arc::new(Self {
            room: Arc::new(Semaphore::new(room)),
            strangers_max: room / 2,
            strangers: Mutex::default(),
            next: AtomicU64::new(0),
        })
    }

    /// Serves a connection with what `serve` makes of it, once there is room.
    pub(super) async fn run<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        serve: impl FnOnce(Arc<Guest>) -> F,
    ) {
        // The semaphore is never closed.
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let guest = Arc::new(Guest { id, known: AtomicBool::new(false), all: Arc::clone(self) });
        let (entered, enter) = tokio::sync::oneshot::channel::<()>();
        let serving = serve(Arc::clone(&guest));
        let task = tokio::spawn(async move {
            // Not before it is on the list, from which its end takes it.
            let _ = enter.await;
            let _leaves = Leaving(guest);
            serving.await;
            drop(room);
        });
        let oldest = {
            let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
            strangers.push_back((id, task.abort_handle()));
            if strangers.len() > self.strangers_max { strangers.pop_front() } else { None }
        };
        let _ = entered.send(());
        if let Some((_, oldest)) = oldest {
            oldest.abort();
        }
    }

    fn remove(&self, id: u64) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.retain(|(stranger, _)| *stranger != id);
    }
}

impl Guest {
    /// Takes note of an answer: one that only a right signature gets makes the connection a known one.
    pub(super) fn answered(&self, status: StatusCode) {
        let refused = matches!(status.as_u16(), 400..=403 | 405 | 408 | 411 | 413 | 414 | 431 | 500..);
        if !refused && !self.known.swap(true, Ordering::Relaxed) {
            self.all.remove(self.id);
        }
    }
}

/// Takes the connection off the list when it ends, however it does.
struct Leaving(Arc<Guest>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.0.known.load(Ordering::Relaxed) {
            self.0.all.remove(self.0.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn strangers_make_room_and_the_known_stay() {
        let connections = Connections::new();
        let ended = Arc::new(Mutex::new(Vec::new()));
        struct Ends(usize, Arc<Mutex<Vec<usize>>>);
        impl Drop for Ends {
            fn drop(&mut self) {
                self.1.lock().unwrap().push(self.0);
            }
        }
        for n in 0..connections.strangers_max + 3 {
            let ends = Ends(n, Arc::clone(&ended));
            let serve = |guest: Arc<Guest>| async move {
                let _ends = ends;
                guest.answered(if n == 0 { StatusCode::OK } else { StatusCode::FORBIDDEN });
                pending::<()>().await
            };
            connections.run(serve).await;
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*ended.lock().unwrap(), [1, 2]);
        assert_eq!(connections.strangers.lock().unwrap().len(), connections.strangers_max);
    }
}
