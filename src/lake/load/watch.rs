//! What is looked at while DuckDB writes: how much there is by now, and whether it is too much.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use duckdb::InterruptHandle;
use indicatif::{HumanBytes, ProgressBar};

use super::partition;
use super::way::{self, Way};

/// How often the staging folder is measured.
const LOOK: Duration = Duration::from_millis(250);

/// Why a query was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMuch {
    Partitions,
    Memory,
}

/// Runs `copy` while another thread shows how far it is by what is in `data`, with partitions `depth` folders down, and ends the
/// `query` when it makes too many folders or takes more memory than `way` may: of this it tells, too.
pub(super) fn beside<T>(
    way: Way,
    data: &Path,
    depth: usize,
    query: &InterruptHandle,
    bar: &ProgressBar,
    copy: impl FnOnce() -> T,
) -> (T, Option<TooMuch>) {
    std::thread::scope(|scope| {
        let (running, ended) = mpsc::channel::<()>();
        let watcher = scope.spawn(move || watch(way, data, depth, query, bar, &ended));
        let copied = copy();
        drop(running);
        (copied, watcher.join().unwrap_or_default())
    })
}

/// Measures `data` and memory until `ended` says so. Tells of what it ended the query for.
fn watch(
    way: Way,
    data: &Path,
    depth: usize,
    query: &InterruptHandle,
    bar: &ProgressBar,
    ended: &Receiver<()>,
) -> Option<TooMuch> {
    let mut too_much = None;
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let (folders, bytes) = measure(data, depth);
        bar.set_message(if depth == 0 {
            HumanBytes(bytes).to_string()
        } else {
            format!("{} in {folders} partitions", HumanBytes(bytes))
        });
        if folders > partition::MOST {
            too_much = Some(TooMuch::Partitions);
        } else if way.process_bytes().is_some_and(|most| way::resident_bytes() > most) {
            too_much = too_much.or(Some(TooMuch::Memory));
        }
        if too_much.is_some() {
            query.interrupt();
        }
    }
    if measure(data, depth).0 > partition::MOST { Some(TooMuch::Partitions) } else { too_much }
}

/// Folders at `depth` below `folder`, and the size of all files in it.
fn measure(folder: &Path, depth: usize) -> (usize, u64) {
    let mut pending: Vec<(PathBuf, usize)> = vec![(folder.to_owned(), 0)];
    let (mut folders, mut bytes) = (0, 0);
    while let Some((folder, level)) = pending.pop() {
        folders += usize::from(depth > 0 && level == depth);
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => pending.push((entry.path(), level + 1)),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    (folders, bytes)
}
