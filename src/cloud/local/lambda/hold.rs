//! An instance held to the share of a core that its memory has in Lambda.
//!
//! The kernel's own way (`cpu.max` of a cgroup) takes rights that a user need not have. What it does is done here by a thread: it
//! looks every few milliseconds at the CPU time that the process has taken, and halts it for as long as that is more than its share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::child::Handle;

/// How often the CPU time is looked at, and the longest that it is not looked at whether the work is done.
const LOOK: Duration = Duration::from_millis(2);
const HALT: Duration = Duration::from_millis(5);

/// What was not used counts for so long: a process that waited may compute that much at full speed.
const SAVED: Duration = Duration::from_millis(20);

/// Holds a process as long as it lives.
#[derive(Debug)]
pub(super) struct Hold(Arc<AtomicBool>);

impl Hold {
    /// Holds `process` to `share` of a core. Nothing holds it where the system does not tell CPU times, or has no more cores.
    pub(super) fn start(process: Handle, share: f64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        if share < cores {
            let watched = Arc::clone(&over);
            // Without a thread it runs as fast as it can, which its CPU time shows.
            let _ = std::thread::Builder::new().name("hold".to_owned()).spawn(move || hold(&process, share, &watched));
        }
        Self(over)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn hold(process: &Handle, share: f64, over: &AtomicBool) {
    let is_over = || over.load(Ordering::Acquire);
    let (Some(mut taken), mut looked) = (process.cpu_time(), Instant::now()) else { return };
    let most = SAVED.as_secs_f64() * share;
    let mut credit = most;
    while !is_over() {
        std::thread::sleep(LOOK);
        let (Some(now), at) = (process.cpu_time(), Instant::now()) else { return };
        let earned = (at - looked).as_secs_f64() * share;
        credit = (credit + earned).min(most) - now.saturating_sub(taken).as_secs_f64();
        (taken, looked) = (now, at);
        if credit >= 0.0 {
            continue;
        }
        process.signal(Signal::STOP);
        let until = at + Duration::from_secs_f64(-credit / share);
        while !is_over() && Instant::now() < until {
            std::thread::sleep(HALT.min(until.saturating_duration_since(Instant::now())));
        }
        process.signal(Signal::CONT);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::super::child::Child;
    use super::*;

    /// A process that only computes has no more CPU time than its share of the time that it was held for.
    #[tokio::test]
    async fn a_process_gets_its_share_and_goes_on() {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]);
        let child = Child::spawn(command).await.unwrap();
        let (begun, before) = (Instant::now(), child.handle().cpu_time().unwrap());
        let hold = Hold::start(child.handle(), 0.25);
        tokio::time::sleep(Duration::from_millis(600)).await;
        let took = child.handle().cpu_time().unwrap() - before;
        // What it had saved, and what it takes between two looks, which a busy machine may have further apart.
        let most = begun.elapsed().mul_f64(0.25) + Duration::from_millis(100);
        assert!(took <= most, "{took:?} of {:?}", begun.elapsed());
        drop(hold);
        let held = child.handle().cpu_time().unwrap();
        // It is let go: its time goes on, as fast as the machine has any.
        while child.handle().cpu_time().unwrap() < held + Duration::from_millis(50) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
