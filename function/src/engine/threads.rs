//! How many threads a query has.
//!
//! DuckDB 1.5 waits for each of its reads: so many requests are under way as there are threads, and two cores would read at a
//! fraction of what the link carries. But with more threads than cores rows are grouped in more partitions, for up to twice the time.
//! So a query has many threads until it was seen to compute rather than to wait; and it has no more than its memory is enough for.

use super::raw::{Connection, Database};
use crate::failure::Failure;
use std::cell::RefCell;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Most threads: more requests bring no more of S3's bytes through one function's link.
const MOST: u64 = 32;

/// What the first threads have of DuckDB's memory, and what each other one has, MiB. Distinct counts, sorts and joins of 3,000,000
/// rows, and groups as many as rows, ended within 104 MiB with 2 threads, 309 with 10 and 719 with 32; with 3, 12 they did not.
const FIRST_MIB: u64 = 104;
const EACH_MIB: u64 = 19;

/// So many queries are known that compute.
const REMEMBERED: usize = 10_000;

/// The threads that queries of an instance have.
pub(super) struct Threads {
    connection: Connection,
    /// As many as cores.
    few: u64,
    many: u64,
    /// Queries that compute.
    computing: RefCell<HashSet<u64>>,
}

/// As many threads as one computes best with.
pub(super) fn few() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u64)
}

impl Threads {
    /// Threads of an instance with so much memory for DuckDB; `near` where S3 answers at once, and nobody waits for it.
    ///
    /// # Errors
    /// When there is no connection to be had.
    pub(super) fn new(database: &Database, memory_mib: u64, near: bool) -> Result<Self, Failure> {
        let few = few();
        let many = if near { few } else { (memory_mib.saturating_sub(FIRST_MIB) / EACH_MIB).clamp(few, MOST.max(few)) };
        Ok(Self { connection: database.connect()?, few, many, computing: RefCell::default() })
    }

    /// What tells a query from others, if it is to have more threads than there are cores: `digest` gives that, where it reads files.
    pub(super) fn wanted(&self, digest: impl FnOnce() -> Option<u64>) -> Option<u64> {
        if self.many == self.few {
            return None;
        }
        digest().filter(|digest| !self.computing.borrow().contains(digest))
    }

    /// Runs a query, with many threads if it is [`wanted`](Self::wanted), and remembers one that computes, or has too little memory for
    /// so many.
    ///
    /// # Errors
    /// The query's.
    pub(super) fn run<T>(&self, wanted: Option<u64>, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let Some(digest) = wanted else { return run() };
        self.set(self.many)?;
        let (begun, cpu) = (Instant::now(), cpu_time());
        let outcome = run();
        let (wall, cpu) = (begun.elapsed(), cpu_time().saturating_sub(cpu));
        self.set(self.few)?;
        // Half of what there was of the cores.
        let computes = cpu * 2 > wall * u32::try_from(self.few).unwrap_or(1);
        if computes || matches!(&outcome, Err(failure) if failure.is_out_of_memory()) {
            let mut computing = self.computing.borrow_mut();
            if computing.len() >= REMEMBERED {
                computing.clear();
            }
            computing.insert(digest);
        }
        outcome
    }

    fn set(&self, threads: u64) -> Result<(), Failure> {
        self.connection.execute(&format!("SET GLOBAL threads = {threads}")).map(drop)
    }
}

/// What the process has computed so far, on all cores.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a place for the time, which is as it was if there is no such clock.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
