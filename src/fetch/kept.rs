//! What the cache keeps, by kind; and what of it has not been used for long.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use quack_pinned::cache;

/// What of one kind lies in the cache.
pub(crate) struct Kind {
    /// Its folder in the cache.
    pub folder: &'static str,
    /// What lies there.
    pub what: &'static str,
    /// How deep in the folder one that is used or removed by itself lies; 0: all of it is one.
    depth: usize,
}

const KINDS: &[Kind] = &[
    Kind { folder: "functions", what: "functions with what they need", depth: 1 },
    Kind { folder: "bootstraps", what: "functions alone", depth: 1 },
    Kind { folder: "fetched", what: "DuckDB's library and extensions", depth: 1 },
    Kind { folder: "zips", what: "functions as zips", depth: 1 },
    Kind { folder: "layers", what: "functions as layers of images", depth: 2 },
    Kind { folder: "blobs", what: "base images", depth: 1 },
    Kind { folder: "images", what: "names of base images", depth: 1 },
    Kind { folder: "metadata", what: "metadata of tables", depth: 1 },
    Kind { folder: "downloads", what: "downloads", depth: 1 },
    Kind { folder: "identities", what: "accounts of AWS profiles", depth: 1 },
    Kind { folder: "python", what: "cargo-lambda, which builds functions", depth: 0 },
    Kind { folder: "target", what: "compiled crates of functions", depth: 0 },
];

/// One thing in the cache.
pub(crate) struct Kept {
    pub kind: &'static Kind,
    pub path: PathBuf,
    /// What it takes on the disk that no other does, bytes: files are shared by links, and counted where they come first.
    pub bytes: u64,
    /// When it was last used, as far as is known.
    pub used: SystemTime,
}

impl Kept {
    /// How long it has not been used.
    pub(crate) fn idle(&self) -> Duration {
        SystemTime::now().duration_since(self.used).unwrap_or_default()
    }

    /// Removes it, unless somebody is just making one of its kind: then the command waits.
    ///
    /// # Errors
    /// When the disk does not let it.
    pub(crate) fn remove(&self) -> Result<()> {
        let folder = self.path.parent().filter(|_| self.kind.depth > 0);
        let _lock = folder.map(cache::lock).transpose()?;
        let removed = match self.path.is_dir() {
            true => fs::remove_dir_all(&self.path),
            false => fs::remove_file(&self.path),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// All that the cache keeps, in the order of the kinds.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn all() -> Result<Vec<Kept>> {
    all_in(&cache::root())
}

fn all_in(root: &Path) -> Result<Vec<Kept>> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for kind in KINDS {
        let mut paths = vec![root.join(kind.folder)];
        for _ in 0..kind.depth {
            paths = paths.iter().map(|path| entries(path)).collect::<io::Result<Vec<_>>>()?.concat();
        }
        for path in paths.into_iter().filter(|path| path.exists()) {
            let (bytes, used) = measure(&path, &mut seen)?;
            kept.push(Kept { kind, path, bytes, used });
        }
    }
    Ok(kept)
}

/// What lies in a folder, but for locks and drafts.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let read = match fs::read_dir(folder) {
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
            return Ok(Vec::new());
        }
        read => read?,
    };
    let mut paths = read.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    Ok(paths)
}

/// How many bytes below `path` are not in `seen` yet; and when it was used: each use touches it, builds touch what is in it.
fn measure(path: &Path, seen: &mut HashSet<(u64, u64)>) -> io::Result<(u64, SystemTime)> {
    let about = fs::symlink_metadata(path)?;
    let used = about.modified()?;
    if !about.is_dir() {
        let is_new = seen.insert((about.dev(), about.ino()));
        return Ok((if is_new { disk_bytes(&about) } else { 0 }, used));
    }
    let (mut bytes, mut newest) = (0, used);
    for entry in fs::read_dir(path)? {
        let (more, used) = measure(&entry?.path(), seen)?;
        bytes += more;
        newest = newest.max(used);
    }
    Ok((bytes, newest))
}

/// What a file takes, holes left out.
fn disk_bytes(about: &Metadata) -> u64 {
    about.blocks() * 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_files_count_once_and_use_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["functions/a/lib", "bootstraps/b", "layers/engine/c", "history"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("bootstraps/b/bootstrap"), vec![7; 100_000]).unwrap();
        fs::hard_link(at("bootstraps/b/bootstrap"), at("functions/a/bootstrap")).unwrap();
        fs::write(at("layers/engine/c/layer"), vec![7; 50_000]).unwrap();
        fs::write(at("functions/.lock"), "").unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(90 * 86_400);
        for path in
            ["layers/engine/c/layer", "layers/engine/c", "functions/a/lib", "functions/a/bootstrap", "functions/a"]
        {
            fs::File::open(at(path)).unwrap().set_modified(long_ago).unwrap();
        }
        let found = || -> Vec<(String, bool, bool)> {
            let all = all_in(root.path()).unwrap().into_iter();
            let name = |kept: &Kept| kept.path.strip_prefix(root.path()).unwrap().display().to_string();
            all.map(|kept| (name(&kept), kept.bytes > 40_000, kept.idle() > Duration::from_secs(86_400))).collect()
        };
        let expected = |function_is_idle: bool| {
            vec![
                ("functions/a".to_owned(), true, function_is_idle),
                // Its only file is the function's, too.
                ("bootstraps/b".to_owned(), false, false),
                ("layers/engine/c".to_owned(), true, true),
            ]
        };
        assert_eq!(found(), expected(true));
        cache::folder(&at("functions/a"), |_| -> io::Result<()> { unreachable!("it is there") }).unwrap();
        assert_eq!(found(), expected(false));
        for kept in all_in(root.path()).unwrap() {
            kept.remove().unwrap();
            kept.remove().unwrap();
        }
        assert_eq!(found(), []);
        assert!(at("history").exists());
    }
}
