//! What S3 was asked for by instances that are looked at: each signs with a token of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one instance asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub requests: u64,
    /// Bytes of the bodies of what it was answered.
    pub received: u64,
}

/// The instances that are looked at, by session token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<HashMap<Vec<u8>, Traffic>>>);

impl Meter {
    /// Begins to look at the instance with `token`.
    pub(crate) fn begin(&self, token: &str) {
        self.all().insert(token.as_bytes().to_vec(), Traffic::default());
    }

    /// Ends that, and tells what it asked for meanwhile.
    pub(crate) fn end(&self, token: &str) -> Traffic {
        self.all().remove(token.as_bytes()).unwrap_or_default()
    }

    /// Takes note of a request, and of an answer of so many bytes.
    pub(crate) fn count(&self, token: &[u8], received: u64) {
        if let Some(traffic) = self.all().get_mut(token) {
            traffic.requests += 1;
            traffic.received += received;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Traffic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_instances_that_are_looked_at_are_counted() {
        let meter = Meter::default();
        meter.count(b"a", 5);
        meter.begin("a");
        meter.count(b"a", 7);
        meter.count(b"b", 9);
        meter.count(b"a", 0);
        assert_eq!(meter.end("a"), Traffic { requests: 2, received: 7 });
        assert_eq!(meter.end("a"), Traffic::default());
    }
}
