//! Parts that were measured one at a time, put side by side: what the caller does next and when, in a time that only the model has.
//!
//! Which part is sent when, how fast after a refusal, and what is sent a second time is decided by the very code that decides it for
//! a query ([`Tasks`], [`Window`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::cloud::{Cloud, Fleet, Prefix, S3};
use super::trace::Chance;
use crate::query::scheduled::{Tasks, Window};

/// What one part takes by itself, on an instance of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Work {
    /// From the event to the answer, inside Lambda.
    pub run: Duration,
    /// The start of the process, which is billed too.
    pub init: Duration,
    /// What it asked S3 for; nothing where that is not known.
    pub requests: u64,
}

/// How long a refusal takes to come; assumed.
const REFUSAL: Duration = Duration::from_millis(10);

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Outcome {
    /// From the first event sent to the answer's last row.
    pub latency: Duration,
    /// What Lambda bills, of all invocations, those in vain too.
    pub billed: Duration,
    pub invocations: u64,
    pub cold_starts: u64,
    /// Invocations that Lambda refused.
    pub throttled: u64,
    /// Parts that S3 had ask again.
    pub slowed: u64,
    /// Parts that were sent a second time as they took too long.
    pub stragglers: u64,
    /// A part failed too often, and with it the query.
    pub failed: bool,
}

/// How an invocation ends.
#[derive(Debug, Clone, Copy)]
enum Came {
    Answer,
    Throttled,
    Failed,
}

/// An invocation under way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    index: usize,
    sent: Instant,
    came: Came,
}

struct Model<'a> {
    works: &'a [Work],
    cloud: &'a Cloud,
    fleet: Fleet<'a>,
    prefix: Prefix<'a>,
    chance: Chance,
    tasks: Tasks,
    window: Window,
    /// What the model's times are added to.
    base: Instant,
    now: Duration,
    /// When the caller may send the next.
    sends: Duration,
    flights: Vec<Flight>,
    /// When the flights end, by their places.
    ends: BinaryHeap<Reverse<(Duration, usize)>>,
    /// Of each part, how many copies are under way.
    copies: Vec<u32>,
    outcome: Outcome,
}

/// Has all `works` done side by side, and after the last of them what takes `finish`.
pub(crate) fn run(works: &[Work], finish: Duration, cloud: &Cloud, seed: u64) -> Outcome {
    let mut model = Model {
        works,
        cloud,
        fleet: Fleet::new(cloud),
        prefix: Prefix::new(cloud),
        chance: Chance::new(seed),
        tasks: Tasks::new(works.len()),
        window: Window::new(works.len()),
        base: Instant::now(),
        now: Duration::ZERO,
        sends: Duration::ZERO,
        flights: Vec::new(),
        ends: BinaryHeap::new(),
        copies: vec![0; works.len()],
        outcome: Outcome::default(),
    };
    model.go_on();
    model.outcome.latency = model.now + finish;
    model.outcome
}

impl Model<'_> {
    fn go_on(&mut self) {
        while !self.tasks.all_done() && !self.outcome.failed {
            let nothing = self.send_more();
            let room = self.has_room().then(|| match nothing {
                true => self.tasks.wake(self.clock()).map(|pause| self.now + pause),
                false => Some(self.sends),
            });
            let end = self.ends.peek().map(|Reverse((at, _))| *at);
            let Some(next) = room.flatten().into_iter().chain(end).min() else { return };
            self.now = next.max(self.now);
            if end.is_some_and(|end| end <= self.now)
                && let Some(Reverse((_, flight))) = self.ends.pop()
            {
                self.take(flight);
            }
        }
    }

    fn clock(&self) -> Instant {
        self.base + self.now
    }

    fn has_room(&self) -> bool {
        self.ends.len() < self.window.size()
    }

    /// Sends as many as may be sent now; true if there is nothing to send, for now.
    fn send_more(&mut self) -> bool {
        while self.has_room() && self.now >= self.sends {
            let Some(index) = self.tasks.next(self.clock()) else { return true };
            self.send(index);
            self.sends = self.now + self.cloud.sending;
        }
        false
    }

    fn send(&mut self, index: usize) {
        if let Some(copies) = self.copies.get_mut(index) {
            self.outcome.stragglers += u64::from(*copies > 0);
            *copies += 1;
        }
        let (taken, came) = self.invoke(index);
        self.ends.push(Reverse((self.now + taken, self.flights.len())));
        self.flights.push(Flight { index, sent: self.clock(), came });
    }

    /// How long an invocation takes, and how it ends.
    fn invoke(&mut self, index: usize) -> (Duration, Came) {
        let Some(work) = self.works.get(index) else { return (Duration::ZERO, Came::Answer) };
        let Some(start) = self.fleet.take(self.now, &mut self.chance) else {
            self.outcome.throttled += 1;
            return (REFUSAL, Came::Throttled);
        };
        self.outcome.invocations += 1;
        self.outcome.cold_starts += u64::from(start.is_some());
        let begun = self.now + start.unwrap_or_default();
        let (run, came) = match self.prefix.ask(begun, work.requests, work.run, &mut self.chance) {
            S3::Later(later, slowed) => {
                self.outcome.slowed += u64::from(slowed);
                (work.run + later, Came::Answer)
            }
            S3::Refused(after) => {
                self.outcome.slowed += 1;
                (after, Came::Failed)
            }
        };
        self.outcome.billed += run + if start.is_some() { work.init } else { Duration::ZERO };
        (start.unwrap_or_default() + run, came)
    }

    /// An invocation has come to its end.
    fn take(&mut self, flight: usize) {
        let Some(Flight { index, sent, came }) = self.flights.get(flight).copied() else { return };
        let now = self.clock();
        if let Some(copies) = self.copies.get_mut(index) {
            *copies = copies.saturating_sub(1);
        }
        match came {
            Came::Answer => {
                self.fleet.done();
                self.window.answered();
                self.tasks.answered(index, sent, now);
            }
            Came::Throttled => {
                self.window.throttled(self.ends.len(), now);
                let refused = u32::try_from(self.outcome.throttled).unwrap_or(u32::MAX);
                let pause = Tasks::pause_after_refusal(refused, self.chance.next());
                self.tasks.throttled(index, sent, now + pause);
            }
            Came::Failed => {
                self.fleet.done();
                self.window.answered();
                let pause = self.tasks.pause_after_failure(index, self.chance.next());
                self.outcome.failed |= !self.tasks.failed(index, sent, now + pause);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A cloud without limits, starts and sending.
    fn ideal() -> Cloud {
        let (concurrency, s3_per_s) = (usize::MAX, f64::INFINITY);
        Cloud { concurrency, s3_per_s, cold: false, sending: Duration::ZERO, ..Cloud::default() }
    }

    fn works(times: &[u32]) -> Vec<Work> {
        times.iter().map(|ms| Work { run: *ms * MS, init: 30 * MS, requests: 10 }).collect()
    }

    #[test]
    fn one_function_takes_what_was_measured() {
        let outcome = run(&works(&[700]), 40 * MS, &ideal(), 1);
        let expected = Outcome { latency: 740 * MS, billed: 700 * MS, invocations: 1, ..Outcome::default() };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn without_limits_the_slowest_counts_and_all_are_billed() {
        let outcome = run(&works(&[700, 900, 800]), 40 * MS, &ideal(), 1);
        let expected = Outcome { latency: 940 * MS, billed: 2_400 * MS, invocations: 3, ..Outcome::default() };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn starts_and_sending_come_before() {
        let cold = Cloud { cold: true, ..ideal() };
        let outcome = run(&works(&[700; 8]), Duration::ZERO, &cold, 7);
        assert!(outcome.latency > 846 * MS && outcome.latency < 1_983 * MS, "{outcome:?}");
        assert_eq!((outcome.cold_starts, outcome.billed), (8, 8 * 730 * MS));
        let slowly = Cloud { sending: 50 * MS, ..ideal() };
        assert_eq!(run(&works(&[700; 8]), Duration::ZERO, &slowly, 7).latency, (700 + 7 * 50) * MS);
    }

    #[test]
    fn above_a_thousand_the_ramp_bites() {
        let unlimited = Cloud { concurrency: 10_000, cold: true, sending: Duration::ZERO, ..ideal() };
        let latency = |functions: usize| run(&works(&vec![60_000; functions]), Duration::ZERO, &unlimited, 3);
        let (thousand, more) = (latency(1_000), latency(1_500));
        assert_eq!((thousand.throttled, thousand.invocations), (0, 1_000));
        assert!(more.throttled > 0 && more.invocations >= 1_500, "{more:?}");
        // 500 more are there after five seconds at the earliest.
        assert!(more.latency > 65_000 * MS && more.latency > thousand.latency + 3_000 * MS, "{more:?}");
    }

    #[test]
    fn what_the_account_has_no_room_for_waits_and_is_sent_again() {
        let narrow = Cloud { concurrency: 2, ..ideal() };
        let outcome = run(&works(&[500; 6]), Duration::ZERO, &narrow, 5);
        assert!(outcome.throttled > 0 && !outcome.failed, "{outcome:?}");
        assert!(outcome.latency >= 1_500 * MS && outcome.billed >= 3_000 * MS, "{outcome:?}");
    }

    #[test]
    fn too_many_requests_are_made_again_and_those_that_are_much_too_many_fail_the_part() {
        let few = Cloud { s3_per_s: 100.0, ..ideal() };
        let outcome = run(&works(&[200; 15]), Duration::ZERO, &few, 5);
        assert!(outcome.slowed > 0 && outcome.latency >= 300 * MS && !outcome.failed, "{outcome:?}");
        let fewer = Cloud { s3_per_s: 20.0, ..ideal() };
        let outcome = run(&works(&[200; 15]), Duration::ZERO, &fewer, 5);
        assert!(outcome.invocations > 15, "some were sent again: {outcome:?}");
        let none = Cloud { s3_per_s: 0.5, ..ideal() };
        assert!(run(&works(&[200; 15]), Duration::ZERO, &none, 5).failed);
    }

    #[test]
    fn a_straggler_is_sent_twice_and_billed_twice() {
        let mut parts = works(&[200; 9]);
        parts.push(Work { run: 9_000 * MS, ..parts[0] });
        let outcome = run(&parts, Duration::ZERO, &ideal(), 5);
        // The same part takes as long the second time: the first copy wins.
        assert_eq!((outcome.latency, outcome.stragglers, outcome.invocations), (9_000 * MS, 1, 11));
        assert_eq!(outcome.billed, (9 * 200 + 2 * 9_000) * MS);
    }

    #[test]
    fn a_seed_gives_the_same_again() {
        let of =
            |seed| run(&works(&[300; 100]), 10 * MS, &Cloud { first_byte: Some(20 * MS), ..Cloud::default() }, seed);
        assert_eq!(of(11), of(11));
        assert_ne!(of(11), of(12));
    }
}
