//! How much an instance holds in its temporary folder, which is its `/tmp`.
//!
//! Lambda gives an instance a disk of that size. A process without root can give none: it can look, often, and end what
//! has taken more. Between two looks an instance may write as much as the disk takes; a file that it deleted counts for
//! as long as it is open.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files that a look counts at most: a folder with more is as good as full.
const FILES_MAX: usize = 100_000;

/// Bytes on the disk that the process `pid` holds in `folder`.
pub(super) fn used(folder: &Path, pid: i32) -> u64 {
    let mut files = 0;
    let mut used = 0_u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            files += 1;
            if files > FILES_MAX {
                return u64::MAX;
            }
            // Of a link, not of what it points at.
            let Ok(metadata) = entry.metadata() else { continue };
            used = used.saturating_add(bytes(&metadata));
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    used.saturating_add(deleted(folder, pid))
}

/// Bytes of files below `folder` that have no name any more and are still open.
fn deleted(folder: &Path, pid: i32) -> u64 {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let gone = |path: &PathBuf| path.starts_with(folder) && path.to_string_lossy().ends_with(" (deleted)");
    open.filter(|file| fs::read_link(file.path()).is_ok_and(|path| gone(&path)))
        .filter_map(|file| fs::metadata(file.path()).ok())
        .map(|metadata| bytes(&metadata))
        .sum()
}

/// What a file takes, which is less than its length when it has holes.
fn bytes(metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    #[test]
    fn what_lies_there_counts_and_what_is_open_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let here = std::process::id() as i32;
        let empty = used(&path, here);
        fs::create_dir(path.join("deep")).unwrap();
        let mut file = File::create(path.join("deep/file")).unwrap();
        file.write_all(&vec![1; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        assert!(used(&path, here) - empty >= 1 << 20);
        File::create(path.join("hole")).unwrap().set_len(1 << 40).unwrap();
        assert!(used(&path, here) - empty < 2 << 20);
        fs::remove_file(path.join("deep/file")).unwrap();
        if cfg!(target_os = "linux") {
            assert!(used(&path, here) - empty >= 1 << 20);
        }
        drop(file);
        assert!(used(&path, here) - empty < 1 << 20);
    }
}
