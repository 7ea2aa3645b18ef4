//! The processes of functions on the local target, and waiting for what they do.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a process is doing, as the kernel has it (`R`, `S`, `T`, ...), and its parent.
pub(crate) fn state(pid: i32) -> Option<(char, i32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// The processes of the project's instances. One that has yet to become the bootstrap has another name.
fn instances(daemon: i32) -> Vec<i32> {
    let is_bootstrap =
        |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "bootstrap\n");
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let of_daemon = |pid: i32| matches!(state(pid), Some((state, parent)) if parent == daemon && state != 'Z');
    pids.filter(|pid| of_daemon(*pid) && is_bootstrap(*pid)).collect()
}

/// Waits until there are so many instances, which is when that many splits are under way.
pub(crate) fn wait_for(daemon: i32, count: usize) -> Vec<i32> {
    until("instances of the query", || Some(instances(daemon)).filter(|found| found.len() >= count))
}

/// Asks until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        sleep(Duration::from_millis(10));
    }
}
