//! How many invocations may be under way: fewer when the function is throttled, more again while it is not.

use std::time::{Duration, Instant};

/// After a throttled invocation the window stays as it is for so long: those that were sent with it say nothing new.
const REST: Duration = Duration::from_millis(200);

/// Additive increase, multiplicative decrease, as TCP has it.
#[derive(Debug)]
pub(crate) struct Window {
    size: f64,
    most: f64,
    shrunk: Option<Instant>,
}

impl Window {
    /// A window that never lets more than `most` through.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self { size: most, most, shrunk: None }
    }

    /// Invocations that may be under way now.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// One was answered.
    pub(crate) fn answered(&mut self) {
        self.size = (self.size + 1.0 / self.size).min(self.most);
    }

    /// One was throttled while `running` others were not.
    pub(crate) fn throttled(&mut self, running: usize, now: Instant) {
        if self.shrunk.is_none_or(|shrunk| now.duration_since(shrunk) > REST) {
            self.size = (self.size.min(running as f64 + 1.0) / 2.0).max(1.0);
            self.shrunk = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_shrinks_it_once_and_answers_open_it_again() {
        let mut window = Window::new(16);
        let now = Instant::now();
        (0..13).for_each(|_| window.throttled(3, now));
        assert_eq!(window.size(), 2);
        (0..4).for_each(|_| window.answered());
        assert_eq!(window.size(), 3);
        (0..1000).for_each(|_| window.answered());
        assert_eq!(window.size(), 16);
    }

    #[test]
    fn one_always_gets_through() {
        let mut window = Window::new(0);
        let now = Instant::now();
        (0..9).for_each(|n| window.throttled(0, now + REST * 2 * n));
        assert_eq!(window.size(), 1);
    }
}
