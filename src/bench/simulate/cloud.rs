//! The limits of Lambda and of S3, as functions of time.

use std::time::Duration;

use super::trace::{COLD_START, Chance, S3_GET};

/// What the cloud is like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cloud {
    /// Instances that may work at once: an account's quota is 1,000 unless it was raised.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
    pub concurrency: usize,
    /// Instances that a function may start at once, and how many more it may each second: "1,000 execution environment instances every
    /// 10 seconds", refilled continuously. Source: <https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html>.
    pub starts: f64,
    pub starts_per_s: f64,
    /// Whether instances have to be started at all.
    pub cold: bool,
    /// GET requests a second that S3 answers for one prefix, which a whole table is taken for: a bucket that was used little has no more.
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.
    pub s3_per_s: f64,
    /// Time to S3's first byte that is in what was measured; what takes longer than that comes on top. Nothing where S3 itself was.
    pub first_byte: Option<Duration>,
    /// The caller's CPU for each invocation, one after the other; as `make bench` measured it for 1,000 splits.
    pub sending: Duration,
}

impl Default for Cloud {
    fn default() -> Self {
        Self {
            concurrency: 1_000,
            starts: 1_000.0,
            starts_per_s: 100.0,
            cold: true,
            s3_per_s: 5_500.0,
            first_byte: None,
            sending: Duration::from_micros(1_120),
        }
    }
}

/// A bucket of tokens. It may owe some.
#[derive(Debug)]
struct Bucket {
    most: f64,
    per_s: f64,
    level: f64,
    at: Duration,
}

impl Bucket {
    fn new(most: f64, per_s: f64) -> Self {
        Self { most, per_s, level: most, at: Duration::ZERO }
    }

    fn level(&mut self, now: Duration) -> f64 {
        self.level = (self.level + now.saturating_sub(self.at).as_secs_f64() * self.per_s).min(self.most);
        self.at = now;
        self.level
    }
}

/// The function's instances.
#[derive(Debug)]
pub(super) struct Fleet<'a> {
    cloud: &'a Cloud,
    idle: usize,
    busy: usize,
    starts: Bucket,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(cloud: &'a Cloud) -> Self {
        Self { cloud, idle: 0, busy: 0, starts: Bucket::new(cloud.starts, cloud.starts_per_s) }
    }

    /// Takes an invocation: how long its instance takes to start, if it has to; nothing when the invocation is refused.
    pub(super) fn take(&mut self, now: Duration, chance: &mut Chance) -> Option<Option<Duration>> {
        if self.busy >= self.cloud.concurrency {
            return None;
        }
        let start = if !self.cloud.cold {
            None
        } else if self.idle > 0 {
            self.idle -= 1;
            None
        } else if self.starts.level(now) >= 1.0 {
            self.starts.level -= 1.0;
            Some(ms(chance.of(COLD_START)))
        } else {
            return None;
        };
        self.busy += 1;
        Some(start)
    }

    /// An invocation has ended.
    pub(super) fn done(&mut self) {
        self.busy = self.busy.saturating_sub(1);
        self.idle += 1;
    }
}

/// When DuckDB asks S3 again that was refused, from the first time on: 100 ms, then four times as long each, three times in all.
/// Source: <https://duckdb.org/docs/stable/core_extensions/httpfs/overview> (`http_retries`, `http_retry_wait_ms`, `http_retry_backoff`).
const AGAIN: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_millis(2_100)];

/// How S3 answers what a part asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum S3 {
    /// So much later than it was measured; and whether that is for too many requests.
    Later(Duration, bool),
    /// Too many requests, for longer than DuckDB tries again: after so long it fails.
    Refused(Duration),
}

/// The prefix that all requests are for.
#[derive(Debug)]
pub(super) struct Prefix<'a> {
    cloud: &'a Cloud,
    requests: Bucket,
}

impl<'a> Prefix<'a> {
    pub(super) fn new(cloud: &'a Cloud) -> Self {
        Self { cloud, requests: Bucket::new(cloud.s3_per_s, cloud.s3_per_s) }
    }

    /// A part that runs for `run` begins, and asks for so many objects, or parts of them, meanwhile.
    pub(super) fn ask(&mut self, now: Duration, requests: u64, run: Duration, chance: &mut Chance) -> S3 {
        let left = self.requests.level(now) - requests as f64;
        // Requests are spread over the run: what comes back meanwhile is there for them.
        let late = Duration::from_secs_f64((-left / self.cloud.s3_per_s).max(0.0)).saturating_sub(run);
        if late > AGAIN[2] {
            return S3::Refused(AGAIN[2]);
        }
        self.requests.level = left;
        let again = if late.is_zero() { None } else { AGAIN.into_iter().find(|pause| *pause >= late) };
        // The slowest of them is waited for; others are under way at the same time.
        let tail = self.cloud.first_byte.map_or(Duration::ZERO, |measured| {
            let slowest = (0..requests).map(|_| chance.of(S3_GET)).fold(0.0, f64::max);
            ms(slowest).saturating_sub(measured)
        });
        S3::Later(again.unwrap_or_default() + tail, again.is_some())
    }
}

pub(super) fn ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_function_grows_by_a_thousand_in_ten_seconds_and_no_further_than_the_account() {
        let cloud = Cloud { concurrency: 1_500, ..Cloud::default() };
        let (mut fleet, mut chance) = (Fleet::new(&cloud), Chance::new(1));
        let mut taken =
            |now: Duration, asked: usize| (0..asked).filter(|_| fleet.take(now, &mut chance).is_some()).count();
        assert_eq!((taken(Duration::ZERO, 1_200), taken(S, 1_200), taken(11 * S, 1_200)), (1_000, 100, 400));
        fleet.done();
        assert_eq!(fleet.take(11 * S, &mut chance), Some(None), "it is warm");
        assert_eq!(fleet.take(60 * S, &mut chance), None);
    }

    #[test]
    fn s3_refuses_what_is_too_much_and_answers_later() {
        let cloud = Cloud::default();
        let (mut prefix, mut chance) = (Prefix::new(&cloud), Chance::new(1));
        let mut ask = |now, requests, run| prefix.ask(now, requests, run, &mut chance);
        assert_eq!(ask(Duration::ZERO, 5_500, S / 10), S3::Later(Duration::ZERO, false));
        // 550 too many: a tenth of a second's, which this one takes anyway.
        assert_eq!(ask(Duration::ZERO, 550, S / 10), S3::Later(Duration::ZERO, false));
        assert_eq!(ask(Duration::ZERO, 550, S / 10), S3::Later(AGAIN[0], true));
        assert_eq!(ask(Duration::ZERO, 1_100, S / 10), S3::Later(AGAIN[1], true));
        assert_eq!(ask(Duration::ZERO, 11_000, S / 10), S3::Refused(AGAIN[2]));
        assert_eq!(ask(10 * S, 5_500, S / 10), S3::Later(Duration::ZERO, false));
    }

    #[test]
    fn only_what_takes_longer_than_was_measured_comes_on_top() {
        let all_of = |first_byte| {
            let cloud = Cloud { first_byte, ..Cloud::default() };
            let (mut prefix, mut chance) = (Prefix::new(&cloud), Chance::new(1));
            let ask = |n: u32| prefix.ask(n * S, 10, S, &mut chance);
            (0..1_000)
                .map(ask)
                .map(|came| if let S3::Later(later, _) = came { later } else { Duration::ZERO })
                .sum::<Duration>()
        };
        assert_eq!(all_of(None), Duration::ZERO);
        let (far, near) = (all_of(Some(S / 10)), all_of(Some(S / 100)));
        assert!(far > Duration::ZERO && near > far + 20 * S, "{far:?} {near:?}");
    }
}
