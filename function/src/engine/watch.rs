//! Whether the caller still wants the answer. A caller that goes away says so with an object in the folder of the result that
//! it named; a query that runs for long looks for it, and ends.

use super::Failure;
use super::raw::{Connection, Database};
use crate::sql::literal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is looked; what takes less time is not looked after.
const EVERY: Duration = Duration::from_secs(2);

/// How often a query is told to end once its caller has gone: it may be between two statements.
const AGAIN: Duration = Duration::from_millis(50);

/// Looks after one invocation.
pub(super) struct Watch {
    looked: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to look into `folder`; when the caller has gone, what runs on `connection` is interrupted.
    pub(super) fn start(database: &Database, connection: &Connection, folder: &str) -> Self {
        let (looked, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (stop, stopped) = mpsc::channel();
        let (database, interrupt, folder) = (database.clone(), connection.interrupter(), folder.to_owned());
        let (has_looked, is_gone) = (Arc::clone(&looked), Arc::clone(&gone));
        let look_after = move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                has_looked.store(true, Ordering::Relaxed);
                // What cannot be looked at is looked at again.
                if is_left(&database, &folder).unwrap_or(false) {
                    is_gone.store(true, Ordering::Relaxed);
                    while stopped.recv_timeout(AGAIN) == Err(RecvTimeoutError::Timeout) {
                        interrupt.interrupt();
                    }
                    return;
                }
            }
        };
        // Without a thread nobody looks, and the query runs to its end.
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(look_after).ok();
        Self { looked, gone, stop: Some(stop), thread }
    }

    /// Ends the looking. Whether it is known that the caller has gone; and whether that is to be looked for once more, as
    /// the caller may have gone since.
    pub(super) fn end(mut self) -> (bool, bool) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Whatever became of it, it looks no more.
            let _ = thread.join();
        }
        (self.gone.load(Ordering::Relaxed), self.looked.load(Ordering::Relaxed))
    }
}

/// Whether the caller has left its word in the folder.
///
/// # Errors
/// When the bucket does not answer.
pub(super) fn is_left(database: &Database, folder: &str) -> Result<bool, Failure> {
    let connection = database.connect()?;
    // With a pattern in it, the address is looked for rather than believed.
    let pattern = literal(&format!("{folder}/{}*", crate::wire::LEFT));
    let mut rows = connection.prepare(&format!("FROM glob({pattern})"))?.stream()?;
    Ok(rows.fetch()?.is_some())
}
