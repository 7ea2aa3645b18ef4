//! Whose turn it is: callers of one process that the function's concurrency limit turned away stand in a line in the order they
//! came, and each invocation that ends lets the first of them go. Whether there is room without that, the first alone looks.

use std::collections::BTreeMap;
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
    /// The ticket of the next who comes.
    next: u64,
    /// Who waits, by their tickets.
    waiting: BTreeMap<u64, oneshot::Sender<Turn>>,
}

/// Leave to invoke once. The first in line has it when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// None once it is given back.
    of: Option<Arc<Turns>>,
    /// Its place in the line, which stays however often it is refused.
    ticket: u64,
}

impl Turns {
    /// A turn behind those who wait; at once, where nobody does. Once it is the first, it has one after `pause` in any case.
    pub(crate) async fn next(self: &Arc<Self>, pause: Duration) -> Turn {
        let (ticket, is_free) = {
            let mut state = self.state();
            state.next += 1;
            (state.next, state.first().is_none())
        };
        if is_free { self.turn(ticket) } else { self.wait(ticket, pause).await }
    }

    /// A turn for one that was refused, in its old place: when an invocation of this process has ended, or once it is the first and
    /// has waited for `pause`.
    pub(crate) async fn again(self: &Arc<Self>, refused: Turn, pause: Duration) -> Turn {
        let ticket = refused.ticket;
        refused.refused();
        self.wait(ticket, pause).await
    }

    async fn wait(self: &Arc<Self>, ticket: u64, pause: Duration) -> Turn {
        let (sender, mut waits) = oneshot::channel();
        self.state().waiting.insert(ticket, sender);
        loop {
            match timeout(pause, &mut waits).await {
                Ok(Ok(turn)) => return turn,
                // No sender goes without a turn while somebody waits.
                Ok(Err(_)) => return self.turn(ticket),
                Err(_) => {
                    let mut state = self.state();
                    if state.first() == Some(ticket) {
                        state.waiting.remove(&ticket);
                        drop(state);
                        return self.turn(ticket);
                    }
                }
            }
        }
    }

    fn turn(self: &Arc<Self>, ticket: u64) -> Turn {
        self.state().running += 1;
        Turn { of: Some(Arc::clone(self)), ticket }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The ticket of the first who waits still.
    fn first(&mut self) -> Option<u64> {
        while let Some(first) = self.waiting.first_entry() {
            if !first.get().is_closed() {
                return Some(*first.key());
            }
            first.remove();
        }
        None
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
                let next = state.waiting.pop_first();
                if next.is_none() {
                    state.running -= 1;
                }
                next
            };
            let Some((ticket, next)) = next else { return };
            // Should it go away before it takes it, the turn is dropped there, and goes to the next.
            if let Err(mut back) = next.send(Turn { of: Some(of), ticket }) {
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
    const SHORT: Duration = Duration::from_millis(20);

    /// Has all others go as far as they can.
    async fn others() {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn those_refused_go_in_the_order_they_came() {
        let turns = Arc::new(Turns::default());
        let (one, two) = (turns.next(LONG).await, turns.next(LONG).await);
        let order = Mutex::new(Vec::new());
        let callers = (0..4).map(|at| {
            let (turns, order) = (&turns, &order);
            async move {
                let refused = turns.turn(10 + at);
                let mut turn = turns.again(refused, LONG).await;
                // The first two are refused once more, by somebody else's doing: they stay before those behind them.
                if at < 2 {
                    others().await;
                    turn = turns.again(turn, LONG).await;
                }
                order.lock().unwrap().push(at);
                drop(turn);
            }
        });
        let newcomer = async {
            others().await;
            turns.state().next = 20;
            let turn = turns.next(LONG).await;
            order.lock().unwrap().push(99);
            drop(turn);
        };
        let third = turns.next(LONG).await;
        let ends = async {
            others().await;
            others().await;
            drop(one);
            drop(two);
            others().await;
            others().await;
            assert!(order.lock().unwrap().is_empty());
            drop(third);
        };
        tokio::join!(join_all(callers), newcomer, ends);
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 99]);
        assert_eq!(turns.state().running, 0);
    }

    #[tokio::test]
    async fn a_turn_goes_on_when_who_has_it_is_gone() {
        let turns = Arc::new(Turns::default());
        let running = turns.next(LONG).await;
        let (one, two) = (turns.next(LONG).await, turns.next(LONG).await);
        let mut gone = Box::pin(turns.again(one, LONG));
        let mut next = Box::pin(turns.again(two, LONG));
        for waits in [&mut gone, &mut next] {
            assert!(waits.now_or_never().is_none());
        }
        drop(running);
        drop(gone);
        drop(next.now_or_never().unwrap());
        assert_eq!(turns.state().running, 0);
    }

    #[tokio::test]
    async fn the_first_alone_looks_whether_there_is_room() {
        let turns = Arc::new(Turns::default());
        let running = turns.next(LONG).await;
        let (one, two) = (turns.next(LONG).await, turns.next(LONG).await);
        let (started, order) = (Instant::now(), Mutex::new(Vec::new()));
        let look = async |refused: Turn, at: u8, pause: Duration| {
            let turn = turns.again(refused, pause).await;
            order.lock().unwrap().push(at);
            turn
        };
        let (one, two) = tokio::join!(look(one, 1, SHORT * 3), look(two, 2, SHORT));
        assert!(started.elapsed() >= SHORT * 3);
        assert_eq!(*order.lock().unwrap(), [1, 2]);
        assert_eq!(turns.state().running, 3);
        [one, two, running].into_iter().for_each(Turn::refused);
        // Where nothing runs, too; and who has gone away is not the first.
        drop(Box::pin(turns.next(LONG)).now_or_never());
        let refused = turns.next(LONG).await;
        let mut gone = Box::pin(turns.again(refused, LONG));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        let refused = turns.turn(99);
        turns.again(refused, SHORT).await.refused();
        assert_eq!(turns.state().running, 0);
        assert_eq!(turns.state().first(), None);
    }
}
