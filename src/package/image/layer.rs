//! A layer of the function's own: a gzip'd tar in which nothing depends on when, where or by whom it was made.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use super::gzip::Gzip;
use quack_pinned::cache;

/// Changes when layers are made in another way, so that those in the cache are made anew.
const FORMAT: u32 = 1;

/// A layer in the cache.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// The compressed tar.
    pub path: PathBuf,
    pub facts: Facts,
}

/// What a manifest and a configuration say of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// `sha256:...` of the compressed tar.
    pub digest: String,
    /// `sha256:...` of the tar.
    pub diff_id: String,
    /// Of the compressed tar.
    pub bytes: u64,
}

/// Something in a layer.
#[derive(Debug)]
pub(super) struct Entry {
    /// Relative to the root.
    pub path: String,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Folder,
    /// A copy of this file; `true` for one that can be run.
    File(PathBuf, bool),
}

/// The layer `name` with `entries`, which are folders before what is in them; `key` changes whenever the entries do. Made only
/// when the cache has none under that key.
///
/// # Errors
/// A file cannot be read, or the cache cannot be written.
pub(super) fn layer(name: &str, key: &str, entries: &[Entry]) -> Result<Layer> {
    let place = cache::root().join("layers").join(name).join(format!("{key}-{FORMAT}"));
    let facts = place.join("layer.json");
    cache::folder(&place, |draft| -> Result<()> {
        let made = write(&draft.join("blob"), entries).with_context(|| format!("cannot make the layer `{name}`"))?;
        Ok(fs::write(draft.join("layer.json"), serde_json::to_vec(&made)?)?)
    })?;
    let read = fs::read(&facts).with_context(|| format!("cannot read {}", facts.display()))?;
    let facts = serde_json::from_slice(&read).with_context(|| format!("{} is broken: delete it", place.display()))?;
    Ok(Layer { path: place.join("blob"), facts })
}

/// Writes a layer to `path`.
fn write(path: &Path, entries: &[Entry]) -> io::Result<Facts> {
    let packed = Hashing::new(BufWriter::new(File::create(path)?));
    let mut tar = tar::Builder::new(Hashing::new(Gzip::new(packed)?));
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        match &entry.content {
            Content::Folder => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(0o755);
                header.set_size(0);
                tar.append_data(&mut header, &entry.path, io::empty())?;
            }
            Content::File(from, runs) => {
                let file = File::open(from)?;
                header.set_mode(if *runs { 0o755 } else { 0o644 });
                header.set_size(file.metadata()?.len());
                tar.append_data(&mut header, &entry.path, file)?;
            }
        }
    }
    let unpacked = tar.into_inner()?;
    let (gzip, diff_id, _) = unpacked.end();
    let (file, digest, bytes) = gzip.finish()?.end();
    file.into_inner()?;
    Ok(Facts { digest, diff_id, bytes })
}

/// Passes bytes on, and knows their digest and number.
struct Hashing<W: Write> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    /// Where the bytes went, `sha256:...` of them, and how many there were.
    fn end(self) -> (W, String, u64) {
        (self.inner, format!("sha256:{:x}", self.hasher.finalize()), self.bytes)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::SystemTime;

    use super::*;

    /// A layer made of two files in `dir`, which were written at `time` with `mode`.
    fn make(dir: &Path, time: SystemTime, mode: u32) -> (Facts, Vec<u8>) {
        let file = |name: &str, bytes: usize| {
            let path = dir.join(name);
            fs::write(&path, vec![b'x'; bytes]).unwrap();
            let opened = File::open(&path).unwrap();
            opened.set_times(FileTimes::new().set_modified(time)).unwrap();
            opened.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let entries = [
            Entry { path: "var/task/".to_owned(), content: Content::Folder },
            Entry { path: "var/task/data".to_owned(), content: Content::File(file("data", 3_000_000), false) },
            Entry { path: "var/task/program".to_owned(), content: Content::File(file("program", 10), true) },
        ];
        let path = dir.join("blob");
        (write(&path, &entries).unwrap(), fs::read(path).unwrap())
    }

    #[test]
    fn a_layer_depends_on_nothing_but_names_and_contents() {
        let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (facts, blob) = make(one.path(), SystemTime::UNIX_EPOCH, 0o600);
        assert!((facts.clone(), blob.clone()) == make(other.path(), SystemTime::now(), 0o775));

        assert_eq!(facts.digest, format!("sha256:{:x}", Sha256::digest(&blob)));
        assert_eq!(facts.bytes, blob.len() as u64);
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(blob.as_slice()).read_to_end(&mut tar).unwrap();
        assert_eq!(facts.diff_id, format!("sha256:{:x}", Sha256::digest(&tar)));
        let mut archive = tar::Archive::new(tar.as_slice());
        let found = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap(), header.size().unwrap())
        });
        let expected = [("var/task/", 0o755, 0), ("var/task/data", 0o644, 3_000_000), ("var/task/program", 0o755, 10)];
        assert_eq!(found.collect::<Vec<_>>(), expected.map(|(path, mode, size)| (path.to_owned(), mode, size)));
    }
}
