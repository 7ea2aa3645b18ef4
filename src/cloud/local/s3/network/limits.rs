//! The two limits, as functions of time: what waits for them is elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A link of constant bandwidth that carries one thing after the other, faster as long as a burst lasts.
#[derive(Debug)]
pub(super) struct Link {
    /// Bytes a second in the long run.
    bandwidth: f64,
    burst: Burst,
    state: Mutex<State>,
}

/// What a link carries beyond its bandwidth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burst {
    /// Bytes that there are of it at the start, half of them once and for all.
    pub size: f64,
    /// Bytes a second while it lasts.
    pub bandwidth: f64,
}

#[derive(Debug)]
struct State {
    /// When all that was given to it is through.
    free: Instant,
    /// Bytes of the burst that do not come back, as of then.
    once: f64,
    /// Bytes of that which does, as of then.
    again: f64,
}

impl Link {
    pub(super) fn new(bandwidth: u64, burst: Burst, now: Instant) -> Self {
        let half = burst.size / 2.0;
        Self { bandwidth: bandwidth as f64, burst, state: Mutex::new(State { free: now, once: half, again: half }) }
    }

    /// When `bytes`, which can go from `ready` on, are through.
    pub(super) fn carry(&self, bytes: usize, ready: Instant) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = ready.max(state.free);
        let idle = begin.duration_since(state.free).as_secs_f64();
        state.again = (state.again + idle * self.bandwidth).min(self.burst.size / 2.0);
        let fast = self.fast(bytes as f64, state.once + state.again);
        let fast_for = if fast > 0.0 { fast / self.burst.bandwidth } else { 0.0 };
        // What comes back meanwhile is used, too.
        let used = (fast - fast_for * self.bandwidth).max(0.0);
        let once = used.min(state.once);
        state.once -= once;
        state.again = (state.again - (used - once)).max(0.0);
        state.free = begin + Duration::from_secs_f64(fast_for + (bytes as f64 - fast) / self.bandwidth);
        state.free
    }

    /// How many of `bytes` go at the burst's bandwidth when there are `left` of it.
    fn fast(&self, bytes: f64, left: f64) -> f64 {
        if self.burst.bandwidth <= self.bandwidth {
            return 0.0;
        }
        bytes.min(left / (1.0 - self.bandwidth / self.burst.bandwidth))
    }

    pub(super) fn is_busy(&self, now: Instant) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).free > now
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
    const NONE: Burst = Burst { size: 0.0, bandwidth: 0.0 };

    /// Milliseconds that each of `loads` takes, bytes after so many milliseconds from the start.
    fn taken(link: &Link, start: Instant, loads: &[(u64, usize)]) -> Vec<u128> {
        let take = |(at, bytes): &(u64, usize)| {
            let ready = start + Duration::from_millis(*at);
            (link.carry(*bytes, ready) - ready + MS / 2).as_millis()
        };
        loads.iter().map(take).collect()
    }

    /// The trace that `aws` is made after: 305 MB in 160 ms, then 8 MB each 100 ms; later half of it again.
    #[test]
    fn a_burst_goes_first_and_half_of_it_comes_back_while_nothing_goes() {
        let start = Instant::now();
        let (mb, burst) = (1_000_000, Burst { size: 300e6, bandwidth: 2_000e6 });
        let link = Link::new(100_000_000, burst, start);
        // 300 MB of the burst, and the 15.8 that the link carries meanwhile.
        assert_eq!(taken(&link, start, &[(0, 200 * mb), (100, 115_789_474), (158, 10 * mb)]), [100, 58, 100]);
        // Idle for half a second from 258 ms on: 50 MB came back, and carry 2.6 with them.
        assert_eq!(taken(&link, start, &[(758, 52_631_579), (784, 10 * mb)]), [26, 100]);
        // Idle for a minute: the half that comes back, and no more.
        assert_eq!(taken(&link, start, &[(60_000, 157_894_737), (60_079, 10 * mb)]), [79, 100]);
    }

    #[test]
    fn a_burst_may_be_without_a_limit_or_of_no_use() {
        let start = Instant::now();
        let at_once = Link::new(1_000_000, Burst { size: 4e6, bandwidth: f64::INFINITY }, start);
        assert_eq!(taken(&at_once, start, &[(0, 3_000_000), (0, 1_500_000)]), [0, 500]);
        let slower = Link::new(1_000_000, Burst { size: 4e6, bandwidth: 1e6 }, start);
        assert_eq!(taken(&slower, start, &[(0, 3_000_000)]), [3_000]);
    }

    #[test]
    fn a_link_carries_its_bandwidth_and_saves_nothing_up() {
        let start = Instant::now();
        let link = Link::new(1_000_000, NONE, start);
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
