//! Ends what a client runs: because it says so on another connection, because its time is up, or because it has gone away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::SecretKey;
use tokio_util::sync::CancellationToken;

/// What a client was told to cancel with: a number, and a secret.
type Key = (i32, Vec<u8>);

/// What each client runs now.
type Clients = HashMap<Key, Arc<Current>>;

/// What runs now, of all clients.
#[derive(Default)]
pub(super) struct Running(Mutex<Clients>);

/// What one client runs now.
#[derive(Default)]
pub(super) struct Current(Mutex<CancellationToken>);

impl Current {
    /// A token for what is run next.
    pub(super) fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        token
    }

    pub(super) fn cancel(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

/// A client that may be cancelled, until this is dropped.
pub(super) struct Registered {
    running: Arc<Running>,
    key: Key,
    pub current: Arc<Current>,
}

impl Running {
    fn all(&self) -> MutexGuard<'_, Clients> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(self: &Arc<Self>, pid: i32, secret: &SecretKey) -> Registered {
        let (key, current) = (key(pid, secret), Arc::new(Current::default()));
        self.all().insert(key.clone(), current.clone());
        Registered { running: self.clone(), key, current }
    }

    /// Ends what all clients run.
    pub(super) fn cancel_all(&self) {
        self.all().values().for_each(|current| current.cancel());
    }

    /// Ends what a client runs, if somebody knows its secret. Who does not is told nothing.
    pub(super) fn cancel(&self, request: &CancelRequest) {
        let found = self.all().get(&key(request.pid, &request.secret_key)).cloned();
        if let Some(current) = found {
            current.cancel();
        }
    }
}

fn key(pid: i32, secret: &SecretKey) -> Key {
    let bytes = match secret {
        SecretKey::I32(number) => number.to_be_bytes().to_vec(),
        SecretKey::Bytes(bytes) => bytes.to_vec(),
    };
    (pid, bytes)
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.running.all().remove(&self.key);
    }
}
