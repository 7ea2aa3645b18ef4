//! `quackctl cache`: what this user's cache keeps, and the removal of what has not been used for long.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use indicatif::{HumanBytes, HumanDuration};
use quack_pinned::cache;
use serde::Serialize;

use crate::cli::CacheCommand;
use crate::console::context::Context;
use crate::fetch::kept::{self, Kept};
use crate::output::grid::grid;

/// Lists what there is, or removes what is old.
pub(crate) fn run(context: &Context, command: Option<CacheCommand>) -> Result<()> {
    match command {
        None => context.print(&List::of(&kept::all()?)),
        Some(CacheCommand::Prune { unused_for }) => {
            let old: Vec<Kept> = kept::all()?.into_iter().filter(|kept| kept.idle() >= unused_for).collect();
            old.iter().try_for_each(Kept::remove)?;
            context.print(&Pruned { removed: List::of(&old), unused_for })
        }
    }
}

/// What there is of each kind.
#[derive(Serialize)]
struct List {
    folder: String,
    bytes: u64,
    kinds: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    what: &'static str,
    count: usize,
    bytes: u64,
    /// Since the last use of any, seconds.
    idle_s: u64,
}

impl List {
    fn of(kept: &[Kept]) -> Self {
        let kinds = kept.chunk_by(|one, next| std::ptr::eq(one.kind, next.kind)).map(|kept| Line {
            kind: kept[0].kind.folder,
            what: kept[0].kind.what,
            count: kept.len(),
            bytes: kept.iter().map(|kept| kept.bytes).sum(),
            idle_s: kept.iter().map(|kept| kept.idle().as_secs()).min().unwrap_or_default(),
        });
        let kinds: Vec<_> = kinds.collect();
        let bytes = kinds.iter().map(|line| line.bytes).sum();
        Self { folder: cache::root().display().to_string(), bytes, kinds }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.kinds.is_empty() {
            let mut grid = grid(&["folder", "what is in it", "items", "size", "last used"], &[2, 3, 4]);
            for line in &self.kinds {
                grid.add_row([
                    line.kind.to_owned(),
                    line.what.to_owned(),
                    line.count.to_string(),
                    HumanBytes(line.bytes).to_string(),
                    format!("{} ago", HumanDuration(Duration::from_secs(line.idle_s))),
                ]);
            }
            writeln!(f, "{grid}")?;
        }
        writeln!(f, "{} in {}", HumanBytes(self.bytes), self.folder)
    }
}

/// What was removed.
#[derive(Serialize)]
struct Pruned {
    removed: List,
    #[serde(skip)]
    unused_for: Duration,
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.removed.kinds.iter().map(|line| line.count).sum();
        match count {
            0 => {
                writeln!(f, "nothing in {} has been unused for {}", self.removed.folder, HumanDuration(self.unused_for))
            }
            1 => writeln!(f, "removed one item, {}, from {}", HumanBytes(self.removed.bytes), self.removed.folder),
            _ => writeln!(f, "removed {count} items, {}, from {}", HumanBytes(self.removed.bytes), self.removed.folder),
        }
    }
}
