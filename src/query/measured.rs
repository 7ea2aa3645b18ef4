//! What queries took on this stage before: what an estimate of the same query goes by.
//!
//! Each run is a line of a file beside the stage's record: which query it was, by a digest, and what it took. Cold starts are left out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::coordinator::Coordinator;
use crate::config::Config;
use crate::{digest, private};

/// Beside the stage's record.
const FILE: &str = "measured.jsonl";

/// How long the file may get, bytes: some thousand runs. Then its older half goes.
const FILE_BYTES: u64 = 256 << 10;

/// How many runs tell what the next takes: the newest.
const NEWEST: usize = 5;

/// One over tables of this many times the bytes tells nothing.
const OTHERWISE: f64 = 1.25;

/// One run of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    /// Tells its SQL from others, and functions from what they were before.
    query: String,
    /// Bytes of the tables that it reads.
    bytes: u64,
    functions: usize,
    /// From the first byte sent to the first row that could be taken.
    ms: f64,
    usd: f64,
}

/// What a query took on so many functions, none of which was started for it: medians of its newest runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Measured {
    /// From the first byte sent to the first row that could be taken.
    pub ms: f64,
    pub usd: f64,
    /// Of how many runs.
    pub runs: usize,
}

/// Takes note of what an answer over tables of `bytes` took. What cannot be kept is not: it is an estimate that is worse for it, nothing else.
pub(super) fn note(coordinator: &Coordinator<'_>, sql: &str, bytes: u64, account: &Account) {
    let Some(usd) = account.cost_usd.filter(|_| account.facts.warm) else { return };
    let functions = account.divided.as_ref().map_or(1, |stats| stats.functions);
    let ms = account.tally().elapsed.as_secs_f64() * 1000.0;
    let run = Run { query: told_apart(coordinator, sql), bytes, functions, ms, usd };
    let _ = append(&coordinator.context.config.beside_record(FILE), &run);
}

/// What the newest runs of a query took over tables of about so many `bytes`, by the number of functions.
pub(super) fn of(coordinator: &Coordinator<'_>, sql: &str, bytes: u64) -> BTreeMap<usize, Measured> {
    let (query, now) = (told_apart(coordinator, sql), bytes as f64);
    let mut known: BTreeMap<usize, Vec<Run>> = BTreeMap::new();
    for run in runs(&coordinator.context.config.beside_record(FILE)) {
        let then = run.bytes as f64;
        if run.query == query && now <= then * OTHERWISE && then <= now * OTHERWISE {
            known.entry(run.functions).or_default().push(run);
        }
    }
    let told = known.into_iter().filter_map(|(functions, runs)| Some((functions, medians(&runs)?)));
    told.collect()
}

fn told_apart(coordinator: &Coordinator<'_>, sql: &str) -> String {
    let Config { memory_mb, network, cpu_share, .. } = &coordinator.context.config;
    digest::short(format!("{memory_mb} {network:?} {cpu_share} {sql}"))
}

fn medians(runs: &[Run]) -> Option<Measured> {
    let newest = runs.get(runs.len().saturating_sub(NEWEST)..)?;
    let median = |of: fn(&Run) -> f64| {
        let mut all: Vec<f64> = newest.iter().map(of).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    Some(Measured { ms: median(|run| run.ms)?, usd: median(|run| run.usd)?, runs: newest.len() })
}

fn append(path: &Path, run: &Run) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|file| file.len() > FILE_BYTES) {
        let runs = runs(path);
        let newer = runs.get(runs.len() / 2..).unwrap_or_default();
        let lines = newer.iter().map(line).collect::<io::Result<Vec<_>>>()?;
        private::write(path, &lines.concat())?;
    }
    // In one piece: others may write at the same time.
    private::append(path)?.write_all(&line(run)?)
}

fn line(run: &Run) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(run)?;
    line.push(b'\n');
    Ok(line)
}

/// All runs that are kept, the oldest first; lines that are none are passed over.
fn runs(path: &Path) -> Vec<Run> {
    let text = fs::read(path).unwrap_or_default();
    let sound = |run: &Run| [run.ms, run.usd].iter().all(|told| told.is_finite() && *told >= 0.0);
    text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).filter(sound).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(query: &str, ms: f64) -> Run {
        Run { query: query.to_owned(), bytes: 7, functions: 1, ms, usd: ms / 1e6 }
    }

    #[test]
    fn the_newest_runs_tell() {
        let runs: Vec<Run> = [900.0, 1.0, 2.0, 30.0, 4.0, 5.0].map(|ms| run("q", ms)).into();
        assert_eq!(medians(&runs), Some(Measured { ms: 4.0, usd: 4e-6, runs: 5 }));
        assert_eq!(medians(&[]), None);
    }

    #[test]
    fn the_file_stays_short_and_what_is_no_run_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measured.jsonl");
        fs::write(&path, "no run\n{\"query\":\"q\",\"bytes\":7,\"functions\":1,\"ms\":-1,\"usd\":0}\n\u{0}").unwrap();
        assert!(runs(&path).is_empty());
        fs::remove_file(&path).unwrap();
        for ms in 0..6_000 {
            append(&path, &run("q", f64::from(ms))).unwrap();
        }
        let kept = runs(&path);
        assert!(fs::metadata(&path).unwrap().len() <= FILE_BYTES + 200 && kept.len() > 1_000, "{}", kept.len());
        assert_eq!(kept.last(), Some(&run("q", 5_999.0)));
        assert!(kept.windows(2).all(|pair| pair[0].ms + 1.0 == pair[1].ms), "the newest, each of them");
    }
}
