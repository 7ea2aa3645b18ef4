//! Metadata on this machine: none of it is ever changed, so what was read once is not fetched again.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use quack_pinned::cache;

use crate::bucket::Bucket;
use crate::{digest, private};

/// Bytes in front that tell how many follow: a file that was cut off by a loss of power is none.
const HEAD: usize = size_of::<u64>();

/// Where objects of a bucket are kept.
fn folder(bucket: &str) -> PathBuf {
    cache::root().join("metadata").join(digest::short(bucket))
}

/// Where an object is kept. Its key has a number in it that nobody guesses, so that no other bucket's of the same name, elsewhere,
/// is taken for it.
fn place(bucket: &Bucket, key: &str) -> PathBuf {
    folder(&bucket.name).join(digest::short(key))
}

/// Removes what is kept of a bucket that is gone, as far as the disk lets it.
pub(crate) fn forget(bucket: &str) {
    let _ = fs::remove_dir_all(folder(bucket));
}

/// The object, if it is here.
pub(super) fn get(bucket: &Bucket, key: &str) -> Option<Bytes> {
    let bytes = Bytes::from(fs::read(place(bucket, key)).ok()?);
    let (head, _) = bytes.split_first_chunk::<HEAD>()?;
    let whole = bytes.slice(HEAD..);
    (u64::from_le_bytes(*head) == whole.len() as u64).then_some(whole)
}

/// An object that does change, as it was when it had the tag that is also given.
pub(crate) fn tagged(bucket: &Bucket, key: &str) -> Option<(String, Bytes)> {
    let kept = get(bucket, key)?;
    let end = kept.iter().position(|byte| *byte == b'\n')?;
    let tag = std::str::from_utf8(&kept[..end]).ok()?.to_owned();
    Some((tag, kept.slice(end + 1..)))
}

/// Keeps an object that does change, with its tag.
pub(crate) fn put_tagged(bucket: &Bucket, key: &str, tag: &str, bytes: &[u8]) {
    put(bucket, key, &[tag.as_bytes(), b"\n", bytes].concat());
}

/// Keeps an object, where the disk lets it.
pub(super) fn put(bucket: &Bucket, key: &str, bytes: &[u8]) {
    let place = place(bucket, key);
    let keep = || {
        let folder = place.parent()?;
        private::dir(folder).ok()?;
        // For its owner alone: it tells what is in columns.
        let draft = folder.join(format!(".{}", private::name()));
        let written = private::append(&draft).and_then(|mut file| {
            use std::io::Write as _;
            file.write_all(&(bytes.len() as u64).to_le_bytes())?;
            file.write_all(bytes)?;
            fs::rename(&draft, &place)
        });
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.ok()
    };
    let _ = keep();
}
