//! Whose turn it is: callers of one process that the function's concurrency limit turned away stand in a line, and each
//! invocation that ends lets the next of them go. Nobody sleeps past a free place, and nobody is overtaken for long.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// The callers of one process.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Invocations under way.
    running: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// Leave to invoke once. The next in line has it when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// None once it is given back.
    of: Option<Arc<Turns>>,
    /// Whether it was waited for.
    waited: bool,
}

impl Turns {
    /// A turn without waiting: for who keeps to the limit by other means.
    pub(crate) fn take(self: &Arc<Self>) -> Turn {
        self.state().running += 1;
        self.turn()
    }

    /// A turn once those before have had theirs: at once, unless there is a line. Waits for `most`, then has one anyway:
    /// whether there is room after all must be seen from time to time.
    pub(crate) async fn next(self: &Arc<Self>, most: Duration) -> Turn {
        let waits = {
            let mut state = self.state();
            state.waiting.retain(|waiting| !waiting.is_closed());
            (!state.waiting.is_empty()).then(|| state.wait(false))
        };
        self.wait(waits, most).await
    }

    /// A turn for one that was refused: when an invocation of this process has ended; when there is none, after `pause`.
    /// Whoever had waited for the turn that was refused is the next.
    pub(crate) async fn again(self: &Arc<Self>, refused: Turn, pause: Duration, most: Duration) -> Turn {
        let waited = refused.waited;
        refused.refused();
        let waits = {
            let mut state = self.state();
            (state.running > 0).then(|| state.wait(waited))
        };
        if waits.is_none() {
            tokio::time::sleep(pause).await;
        }
        self.wait(waits, most).await
    }

    async fn wait(self: &Arc<Self>, waits: Option<oneshot::Receiver<Turn>>, most: Duration) -> Turn {
        let Some(waits) = waits else { return self.take() };
        match timeout(most, waits).await {
            Ok(Ok(turn)) => turn,
            // A sender is dropped only when its receiver is gone.
            Ok(Err(_)) | Err(_) => self.take(),
        }
    }

    fn turn(self: &Arc<Self>) -> Turn {
        Turn { of: Some(Arc::clone(self)), waited: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, at_the_front: bool) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        match at_the_front {
            true => self.waiting.push_front(sender),
            false => self.waiting.push_back(sender),
        }
        receiver
    }
}

impl Turn {
    /// The function's limit refused it: no place has become free.
    pub(crate) fn refused(mut self) {
        if let Some(of) = self.of.take() {
            of.state().running -= 1;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        while let Some(of) = self.of.take() {
            let next = {
                let mut state = of.state();
                let next = state.waiting.pop_front();
                if next.is_none() {
                    state.running -= 1;
                }
                next
            };
            let Some(next) = next else { return };
            // Should it go away before it takes it, the turn is dropped there, and goes to the next.
            let turn = Turn { of: Some(of), waited: true };
            if let Err(mut back) = next.send(turn) {
                self.of = back.of.take();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures::FutureExt as _;
    use futures::future::join_all;
    use tokio::task::yield_now;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// Has all others go as far as they can.
    async fn others() {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn those_refused_go_in_the_order_they_came() {
        let turns = Arc::new(Turns::default());
        let (one, two) = (turns.next(LONG).await, turns.take());
        let order = Mutex::new(Vec::new());
        let callers = (0..4).map(|at| {
            let (turns, order) = (&turns, &order);
            async move {
                let mut turn = turns.again(turns.take(), Duration::ZERO, LONG).await;
                // The first is refused once more, by somebody else's doing: it stays before those behind it.
                if at == 0 {
                    turn = turns.again(turn, Duration::ZERO, LONG).await;
                }
                order.lock().unwrap().push(at);
                drop(turn);
            }
        });
        let newcomer = async {
            others().await;
            let turn = turns.next(LONG).await;
            order.lock().unwrap().push(99);
            drop(turn);
        };
        let ends = async {
            others().await;
            others().await;
            drop(one);
            others().await;
            assert!(order.lock().unwrap().is_empty());
            drop(two);
        };
        tokio::join!(join_all(callers), newcomer, ends);
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 99]);
        assert_eq!(turns.state().running, 0);
    }

    #[tokio::test]
    async fn a_turn_goes_on_when_who_has_it_is_gone() {
        let turns = Arc::new(Turns::default());
        let running = turns.take();
        let mut gone = Box::pin(turns.again(turns.take(), Duration::ZERO, LONG));
        let mut next = Box::pin(turns.again(turns.take(), Duration::ZERO, LONG));
        for waits in [&mut gone, &mut next] {
            assert!(waits.now_or_never().is_none());
        }
        drop(running);
        drop(gone);
        drop(next.now_or_never().unwrap());
        assert_eq!(turns.state().running, 0);
    }

    #[tokio::test]
    async fn without_an_own_invocation_a_pause_is_all() {
        let turns = Arc::new(Turns::default());
        let (started, short) = (Instant::now(), Duration::from_millis(20));
        let turn = turns.again(turns.take(), short, LONG).await;
        assert!(started.elapsed() >= short);
        // Nobody ends: it is looked all the same, after a time.
        drop(turns.again(turns.take(), LONG, short).await);
        turn.refused();
        assert_eq!(turns.state().running, 0);
        assert!(turns.state().waiting.iter().all(oneshot::Sender::is_closed));
    }
}
