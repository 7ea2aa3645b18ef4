//! The two limits, as functions of time: what waits for them is elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A link of constant bandwidth that carries one thing after the other.
#[derive(Debug)]
pub(super) struct Link {
    /// Bytes a second.
    bandwidth: u64,
    /// When all that was given to it is through.
    free: Mutex<Instant>,
}

impl Link {
    pub(super) fn new(bandwidth: u64, now: Instant) -> Self {
        Self { bandwidth, free: Mutex::new(now) }
    }

    /// When `bytes`, which can go from `ready` on, are through.
    pub(super) fn carry(&self, bytes: usize, ready: Instant) -> Instant {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = ready.max(*free) + Duration::from_secs_f64(bytes as f64 / self.bandwidth as f64);
        *free
    }

    pub(super) fn is_busy(&self, now: Instant) -> bool {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) > now
    }
}

/// A token bucket: so many requests a second, a second's worth of them at once.
#[derive(Debug)]
pub(super) struct Rate {
    /// Time in which one more is allowed.
    interval: Duration,
    /// When the bucket is full again.
    full: Instant,
}

impl Rate {
    pub(super) fn new(requests_per_s: u32, now: Instant) -> Self {
        Self { interval: Duration::from_secs(1) / requests_per_s, full: now }
    }

    /// Takes a token if there is one.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let full = self.full.max(now) + self.interval;
        let admitted = full <= now + Duration::from_secs(1);
        if admitted {
            self.full = full;
        }
        admitted
    }

    pub(super) fn is_busy(&self, now: Instant) -> bool {
        self.full > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_link_carries_its_bandwidth_and_saves_nothing_up() {
        let start = Instant::now();
        let link = Link::new(1_000_000, start);
        let through: Vec<Duration> = (0..4).map(|_| link.carry(250_000, start) - start).collect();
        assert_eq!(through, [250 * MS, 500 * MS, 750 * MS, 1000 * MS]);
        assert!(link.is_busy(start + 999 * MS) && !link.is_busy(start + 1000 * MS));
        let later = start + 5000 * MS;
        assert_eq!(link.carry(1000, later) - later, MS);
    }

    #[test]
    fn requests_above_the_rate_are_refused_until_there_is_room_again() {
        let start = Instant::now();
        let mut rate = Rate::new(10, start);
        let mut admitted = |at: Duration, asked: u32| (0..asked).filter(|_| rate.admit(start + at)).count();
        assert_eq!(admitted(Duration::ZERO, 25), 10);
        assert_eq!(admitted(99 * MS, 1), 0);
        assert_eq!(admitted(100 * MS, 2), 1);
        assert_eq!(admitted(600 * MS, 9), 5);
        assert_eq!(admitted(60_000 * MS, 25), 10);
    }
}
