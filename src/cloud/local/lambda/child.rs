//! An instance's process: born with its parent's death in mind, killed with all that it started.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::{oneshot, watch};

/// A process that runs, or ran. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    handle: Handle,
    exit: watch::Receiver<Option<ExitStatus>>,
}

/// A process, by which it is told something and asked about itself.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    pid: Pid,
    /// True once the process id may belong to another.
    reaped: Arc<Mutex<bool>>,
}

impl Handle {
    /// Sends a signal to the process and all that it started.
    pub(super) fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // Gone by itself meanwhile.
            let _ = kill_process_group(self.pid, signal);
        }
    }

    /// CPU time that all threads of the process have taken so far; nothing where the system does not tell, or once it has gone.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        (!*reaped).then(|| cpu_time(self.pid.as_raw_nonzero().get()))?
    }
}

impl Child {
    /// Starts `command` in a process group of its own.
    pub(super) async fn spawn(mut command: Command) -> io::Result<Self> {
        command.process_group(0);
        die_with_parent(&mut command);
        let (started, start) = oneshot::channel();
        let (exited, exit) = watch::channel(None);
        let reaped = Arc::new(Mutex::new(false));
        let reaping = Arc::clone(&reaped);
        // The kernel counts the thread that starts a process as its parent: this one lives as long as the process.
        std::thread::Builder::new().name("instance".to_owned()).spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(started.send(Err(error))),
            };
            // Holds the write end of the log's pipe, whose reader waits for its end.
            drop(command);
            let pid = Pid::from_child(&child);
            let _ = started.send(Ok(pid));
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let mut reaped = reaping.lock().unwrap_or_else(PoisonError::into_inner);
            // What it started ends with it.
            let _ = kill_process_group(pid, Signal::KILL);
            let status = child.wait();
            *reaped = true;
            exited.send_replace(Some(status.unwrap_or_default()));
        })?;
        let pid = start.await.map_err(io::Error::other)??;
        Ok(Self { handle: Handle { pid, reaped }, exit })
    }

    pub(super) fn pid(&self) -> i32 {
        self.handle.pid.as_raw_nonzero().get()
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the process and all that it started, at once.
    pub(super) fn kill(&self) {
        self.handle.signal(Signal::KILL);
    }

    pub(super) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Waits for the process to end and says how, in Lambda's words: `exit status 1`, `signal: killed`.
    pub(super) async fn exit(&self) -> String {
        let mut exit = self.exit.clone();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        status.map_or_else(|| "exit status unknown".to_owned(), describe)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn describe(status: ExitStatus) -> String {
    if let Some(code) = status.code() {
        return format!("exit status {code}");
    }
    let signal = status.signal().unwrap_or_default();
    let name = match Signal::from_named_raw(signal) {
        Some(Signal::KILL) => "killed",
        Some(Signal::SEGV) => "segmentation fault",
        Some(Signal::ABORT) => "aborted",
        Some(Signal::TERM) => "terminated",
        Some(Signal::ILL) => "illegal instruction",
        Some(Signal::BUS) => "bus error",
        Some(Signal::FPE) => "floating point exception",
        _ => return format!("signal: {signal}"),
    };
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    format!("signal: {name}{core}")
}

/// Has the kernel kill the process when the daemon is gone, even by SIGKILL.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};
    let daemon = getpid();
    let setup = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Gone between the fork and here.
        if getppid() == Some(daemon) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec, `setup` makes two system calls and nothing else: no allocation, no lock.
    unsafe { command.pre_exec(setup) };
}

/// Elsewhere, an instance ends when it next asks a runtime API that is gone.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}

/// The CPU time of the process `pid`. `/proc` has it in hundredths of a second, which is too coarse to hold a process by.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn cpu_time(pid: i32) -> Option<Duration> {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_getcpuclockid(pid: i32, clock: *mut i32) -> i32;
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }
    let (mut clock, mut time) = (0, Timespec { seconds: 0, nanoseconds: 0 });
    // SAFETY: both write to the place that they are given, which is of the type that POSIX says where pointers have 64 bits, and keep
    // nothing of it.
    let told = unsafe { clock_getcpuclockid(pid, &mut clock) == 0 && clock_gettime(clock, &mut time) == 0 };
    told.then_some(Duration::new(u64::try_from(time.seconds).ok()?, u32::try_from(time.nanoseconds).ok()?))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn cpu_time(_: i32) -> Option<Duration> {
    None
}

/// Memory that a process holds, and the most it ever held, in bytes; nothing where the system does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    pub now: u64,
    pub most: u64,
}

impl Memory {
    pub(super) fn of(pid: i32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let kib = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
            kib.unwrap_or(0_u64) * 1024
        };
        Self { now: field("VmRSS:"), most: field("VmHWM:") }
    }
}
