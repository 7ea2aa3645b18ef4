//! A function's instances: as many as requests at once, the warmest first, none kept for long without work.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::error::ApiError;
use super::function::Function;
use super::host::Host;
use super::instance::{Instance, Outcome};

/// Most instances of a function that has no limit of its own, as of a new AWS account.
const ACCOUNT_MAX: u32 = 1000;

/// One function's instances.
#[derive(Debug)]
pub(super) struct Pool {
    function: Mutex<Function>,
    /// Without work, the one used last at the end.
    idle: Mutex<Vec<Instance>>,
    busy: AtomicU32,
    /// Told each time that one may run more.
    freed: Notify,
}

/// Leave to run one request, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Pool>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
        self.0.freed.notify_one();
    }
}

impl Pool {
    pub(super) fn new(function: Function) -> Self {
        Self { function: Mutex::new(function), idle: Mutex::default(), busy: AtomicU32::new(0), freed: Notify::new() }
    }

    pub(super) fn function(&self) -> Function {
        self.function.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the function. Instances of what it was serve nobody any more.
    pub(super) fn replace(&self, function: Function) {
        *self.function.lock().unwrap_or_else(PoisonError::into_inner) = function;
        let revision = self.function().revision_id;
        self.idle().retain(|instance| instance.revision == revision);
    }

    /// Leave to run one more request.
    ///
    /// # Errors
    /// `TooManyRequestsException` when as many run as may.
    pub(super) fn permit(self: &Arc<Self>) -> Result<Permit, ApiError> {
        let most = self.function().concurrency.unwrap_or(ACCOUNT_MAX);
        let more = |busy| (busy < most).then_some(busy + 1);
        match self.busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
            Ok(_) => Ok(Permit(Arc::clone(self))),
            Err(_) => Err(ApiError::too_many_requests()),
        }
    }

    /// The same, for who waits `patience` for it.
    ///
    /// # Errors
    /// `TooManyRequestsException` when as many run as may all the time.
    pub(super) async fn permit_within(self: &Arc<Self>, patience: Duration) -> Result<Permit, ApiError> {
        let permit = async {
            loop {
                match self.permit() {
                    Ok(permit) => return permit,
                    Err(_) => self.freed.notified().await,
                }
            }
        };
        timeout(patience, permit).await.map_err(|_| ApiError::too_many_requests())
    }

    /// Runs one request on a warm instance, or else on a new one.
    ///
    /// # Errors
    /// When no process could be started.
    pub(super) async fn invoke(
        &self,
        host: &Host,
        id: &str,
        payload: Bytes,
        _permit: Permit,
    ) -> Result<Outcome, ApiError> {
        let function = self.function();
        let (mut instance, started) = match self.warm(&function.revision_id) {
            Some(instance) => (instance, None),
            None => {
                let started = Instant::now();
                let start = Instance::start(host, &function).await;
                (start.map_err(|error| ApiError::service(format!("cannot start an instance: {error}")))?, Some(started))
            }
        };
        let outcome = instance.invoke(&function, id, payload, started).await;
        if outcome.reusable && !host.idle.is_zero() && instance.revision == self.function().revision_id {
            instance.idle_since = Instant::now();
            self.idle().push(instance);
        }
        Ok(outcome)
    }

    fn warm(&self, revision: &str) -> Option<Instance> {
        let mut idle = self.idle();
        loop {
            let instance = idle.pop()?;
            if instance.is_alive() && instance.revision == revision {
                return Some(instance);
            }
        }
    }

    /// Ends instances that had no work for `idle`, or that ended by themselves.
    pub(super) fn reap(&self, idle: Duration) {
        self.idle().retain(|instance| instance.is_alive() && instance.idle_since.elapsed() < idle);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one request. It runs to its end even when nobody waits for it any more.
///
/// # Errors
/// When no process could be started.
pub(super) async fn run(permit: Permit, host: &Host, id: &str, payload: Bytes) -> Result<Outcome, ApiError> {
    let (pool, host, id) = (Arc::clone(&permit.0), host.clone(), id.to_owned());
    let run = async move { pool.invoke(&host, &id, payload, permit).await };
    tokio::spawn(run).await.map_err(ApiError::service)?
}
