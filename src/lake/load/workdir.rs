//! The folder that a load writes into before it uploads, and a query's rows on their way: removed when either ends, and when
//! it was killed by the next.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use crate::error::unwritable;

const PREFIX: &str = "quackctl-work-";
const LOCK: &str = "lock";

/// A folder of this process's own, in the system's temporary folder (`TMPDIR`).
pub(crate) struct Staging {
    dir: TempDir,
    /// Held for as long as the folder is in use: how the next process tells a leftover.
    _lock: File,
}

impl Staging {
    /// Makes a folder, after removing those that killed ones left behind.
    ///
    /// # Errors
    /// When the temporary folder cannot be written to.
    pub(crate) fn new() -> Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    /// The same in the folder `parent`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn within(parent: &Path) -> Result<Self> {
        sweep(parent);
        loop {
            let cannot = |error: &io::Error| {
                let help = "set TMPDIR to a folder that you may write to, with room for the data";
                unwritable(format_args!("to {} (TMPDIR)", parent.display()), error, help)
            };
            let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).map_err(|error| cannot(&error))?;
            let path = dir.path().join(LOCK);
            // Another one's sweep may take the folder before it is locked; then try again.
            match File::create(&path) {
                Ok(lock) if lock.try_lock().is_ok() && path.exists() => return Ok(Self { dir, _lock: lock }),
                Err(error) if dir.path().exists() => {
                    return Err(cannot(&error));
                }
                _ => {}
            }
        }
    }

    /// Where Parquet files go.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where a CSV with long lines lies in pieces.
    pub(crate) fn pieces(&self) -> PathBuf {
        self.dir.path().join("pieces")
    }

    /// Where DuckDB spills.
    pub(crate) fn spill(&self) -> PathBuf {
        self.dir.path().join("spill")
    }

    /// The whole folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes the folders in `parent` that no living process holds; best effort.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let dir = entry.path();
        match File::open(dir.join(LOCK)) {
            Ok(lock) => {
                if !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
                    _ = std::fs::remove_dir_all(&dir);
                }
            }
            // Killed, or only just made: removed only if empty, and its maker then makes another.
            Err(_) => _ = std::fs::remove_dir(&dir),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_loads_folder_is_swept_and_a_living_ones_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let killed = parent.path().join(format!("{PREFIX}killed"));
        std::fs::create_dir_all(killed.join("data")).unwrap();
        std::fs::write(killed.join(LOCK), "").unwrap();
        std::fs::write(parent.path().join("other"), "").unwrap();

        let first = Staging::within(parent.path()).unwrap();
        assert!(!killed.exists());
        let second = Staging::within(parent.path()).unwrap();
        assert!(first.path().exists() && second.path().exists() && first.path() != second.path());

        drop((first, second));
        let left: Vec<_> = std::fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["other"]);
    }
}
