//! Parts of a work as tasks: which wait, which run and since when, which are done. Each is counted exactly once,
//! however often it was sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::invoke::call::pause;

/// Times that a part is sent because of failures before the whole fails.
pub(super) const ATTEMPTS: u32 = 5;

/// A part is a straggler when it takes this much longer than the median of those that are done, and at least so long.
const SLOWER: u32 = 3;
const LEAST: Duration = Duration::from_millis(500);

/// The longest a throttled part waits before it is sent again.
const THROTTLED_FOR: Duration = Duration::from_millis(800);

#[derive(Debug, Default)]
struct State {
    done: bool,
    /// When each of the copies that are under way was sent.
    running: Vec<Instant>,
    failures: u32,
    /// It may not be sent again before this.
    not_before: Option<Instant>,
}

/// All tasks of a work, by their places.
#[derive(Debug)]
pub(crate) struct Tasks {
    states: Vec<State>,
    waiting: VecDeque<usize>,
    /// How long each took that is done.
    times: Vec<Duration>,
    done: usize,
}

impl Tasks {
    pub(crate) fn new(count: usize) -> Self {
        let states = (0..count).map(|_| State::default()).collect();
        Self { waiting: (0..count).collect(), states, times: Vec::new(), done: 0 }
    }

    pub(crate) fn done(&self) -> usize {
        self.done
    }

    pub(crate) fn all_done(&self) -> bool {
        self.done == self.states.len()
    }

    /// The next to be sent at `now`: one that waits, else a straggler a second time.
    pub(crate) fn next(&mut self, now: Instant) -> Option<usize> {
        let ready = |index: &usize| self.states[*index].not_before.is_none_or(|time| time <= now);
        if let Some(position) = self.waiting.iter().position(ready) {
            let index = self.waiting.remove(position)?;
            self.states[index].running.push(now);
            return Some(index);
        }
        if !self.waiting.is_empty() {
            return None;
        }
        let straggler = self.straggler(now)?;
        self.states[straggler].running.push(now);
        Some(straggler)
    }

    /// A part that is not done, runs once, and should have been done long ago.
    fn straggler(&self, now: Instant) -> Option<usize> {
        let bound = self.patience()?;
        let late = |state: &State| matches!(state.running[..], [since] if now.duration_since(since) > bound);
        self.states.iter().position(|state| !state.done && late(state))
    }

    /// How long a part may take before it counts as a straggler; nothing until half of them are done.
    fn patience(&self) -> Option<Duration> {
        if self.times.len() * 2 < self.states.len() {
            return None;
        }
        let mut times = self.times.clone();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        Some((*median * SLOWER).max(LEAST))
    }

    /// When to look again though nothing came: a pause ends, or a part becomes a straggler.
    pub(crate) fn wake(&self, now: Instant) -> Option<Duration> {
        let pauses = self.waiting.iter().filter_map(|index| self.states[*index].not_before);
        let late = self.patience().into_iter().flat_map(|bound| {
            let running = self.states.iter().filter(|state| !state.done && state.running.len() == 1);
            running.filter_map(move |state| state.running.first().map(|since| *since + bound))
        });
        let next = pauses.chain(late.filter(|_| self.waiting.is_empty())).min()?;
        Some(next.saturating_duration_since(now) + Duration::from_millis(1))
    }

    /// An answer came. True when it is the first for its part, and counts.
    pub(crate) fn answered(&mut self, index: usize, sent: Instant, now: Instant) -> bool {
        let state = &mut self.states[index];
        state.running.retain(|since| *since != sent);
        if std::mem::replace(&mut state.done, true) {
            return false;
        }
        self.done += 1;
        self.waiting.retain(|waiting| *waiting != index);
        self.times.push(now.duration_since(sent));
        true
    }

    /// A copy was throttled: it waits for its turn again, and was no attempt.
    pub(crate) fn throttled(&mut self, index: usize, sent: Instant, not_before: Instant) {
        self.again(index, sent, not_before);
    }

    /// A copy failed. True when the part may be sent again, which it then will be.
    pub(crate) fn failed(&mut self, index: usize, sent: Instant, not_before: Instant) -> bool {
        let state = &mut self.states[index];
        state.failures += 1;
        if state.done || state.failures < ATTEMPTS {
            self.again(index, sent, not_before);
            return true;
        }
        self.gave_up(index, sent)
    }

    /// A copy failed in a way that does not get better. True when that does not matter: the part is done, or another
    /// copy may still bring it.
    pub(crate) fn gave_up(&mut self, index: usize, sent: Instant) -> bool {
        let state = &mut self.states[index];
        state.running.retain(|since| *since != sent);
        state.done || !state.running.is_empty()
    }

    /// How long a part waits that has just failed, by a `chance` of 0 to 1.
    pub(crate) fn pause_after_failure(&self, index: usize, chance: f64) -> Duration {
        pause(self.states[index].failures + 1, chance)
    }

    /// How long a part waits that has just been refused, as `refused` of the work's have been.
    pub(crate) fn pause_after_refusal(refused: u32, chance: f64) -> Duration {
        pause(refused, chance).min(THROTTLED_FOR)
    }

    fn again(&mut self, index: usize, sent: Instant, not_before: Instant) {
        let state = &mut self.states[index];
        state.running.retain(|since| *since != sent);
        if !state.done && state.running.is_empty() && !self.waiting.contains(&index) {
            state.not_before = Some(not_before);
            self.waiting.push_back(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straggler_runs_twice_and_counts_once() {
        let start = Instant::now();
        let mut tasks = Tasks::new(4);
        let sent: Vec<usize> = std::iter::from_fn(|| tasks.next(start)).collect();
        assert_eq!(sent, [0, 1, 2, 3]);
        let later = start + Duration::from_millis(400);
        assert!((0..3).all(|index| tasks.answered(index, start, later)));
        assert_eq!(tasks.next(later), None, "it is not late yet");
        let late = start + Duration::from_secs(2);
        assert!(start + Duration::from_secs(1) < later + tasks.wake(later).unwrap());
        assert_eq!(tasks.next(late), Some(3));
        assert_eq!(tasks.next(late), None, "two copies are enough");
        assert!(tasks.answered(3, late, late));
        assert!(!tasks.answered(3, start, late), "the first copy comes too late");
        assert!(tasks.all_done());
    }

    #[test]
    fn failures_are_tried_again_and_end() {
        let start = Instant::now();
        let mut tasks = Tasks::new(1);
        for attempt in 1..=ATTEMPTS {
            assert_eq!(tasks.next(start), Some(0));
            assert_eq!(tasks.failed(0, start, start), attempt < ATTEMPTS);
        }
        assert_eq!(tasks.states[0].failures, ATTEMPTS);
    }

    #[test]
    fn a_copy_that_fails_for_good_leaves_it_to_the_other() {
        let start = Instant::now();
        let mut tasks = Tasks::new(2);
        assert_eq!((tasks.next(start), tasks.next(start)), (Some(0), Some(1)));
        assert!(tasks.answered(0, start, start));
        let late = start + LEAST * 2;
        assert_eq!(tasks.next(late), Some(1));
        assert!(tasks.gave_up(1, start), "a second copy is under way");
        assert!(tasks.answered(1, late, late));
        assert!(tasks.gave_up(0, start), "it is done");
        let mut alone = Tasks::new(1);
        assert_eq!(alone.next(start), Some(0));
        assert!(!alone.gave_up(0, start));
    }

    #[test]
    fn what_was_throttled_waits_and_is_no_failure() {
        let start = Instant::now();
        let pause = Duration::from_millis(50);
        let mut tasks = Tasks::new(2);
        assert_eq!(tasks.next(start), Some(0));
        tasks.throttled(0, start, start + pause);
        assert_eq!(tasks.next(start), Some(1));
        assert_eq!(tasks.next(start), None);
        assert!(tasks.wake(start).is_some_and(|wait| wait >= pause));
        assert_eq!(tasks.next(start + pause), Some(0));
        assert_eq!(tasks.states[0].failures, 0);
    }
}
