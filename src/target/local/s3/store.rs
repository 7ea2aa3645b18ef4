//! Objects on disk. An object is one plain file, `<bucket>/<key>`, that appears by one `rename`: a reader sees the old
//! object or the new one, whole, whatever is killed when.
//!
//! What S3 says of an object lives in that same file, so that it changes with it: the ETag is made of the file's
//! modification time, which the store sets itself and never sets twice the same, and its size; headers that the writer
//! gave are an extended attribute. Nothing is hashed to answer a HEAD or a listing.

use std::collections::HashMap;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use rustix::fs::XattrFlags;
use s3s::dto::{ETag, ETagCondition};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// Name of the extended attribute that holds an object's [`Headers`].
const HEADERS_XATTR: &str = "user.quackctl.headers";

/// The longest name of a file that common filesystems take.
const NAME_MAX: usize = 255;

/// Buckets, uploads in progress and half-written files below one folder.
#[derive(Debug)]
pub struct Store {
    buckets: PathBuf,
    pub(super) uploads: PathBuf,
    scratch: PathBuf,
    /// Last modification time given out, in nanoseconds since 1970.
    last_modified_ns: AtomicU64,
    scratch_files: AtomicU64,
    /// Held while conditions are checked and an object appears or goes: what makes conditional writes atomic.
    commit: Mutex<()>,
}

/// Headers that come back with an object as its writer gave them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `x-amz-meta-*`.
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    pub metadata: HashMap<String, String>,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone)]
pub struct Stat {
    pub size: u64,
    pub modified: SystemTime,
    pub e_tag: String,
}

/// What must hold of the object that a write replaces.
#[derive(Debug, Default)]
pub struct Precondition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

/// A file being written. It vanishes unless [`Store::commit`] makes an object of it.
#[derive(Debug)]
pub struct Scratch {
    pub file: File,
    path: PathBuf,
}

impl Scratch {
    /// Puts the file where it belongs.
    pub(super) fn keep_as(&self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What was kept is not here any more.
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// Opens the store below `root`, making its folders and clearing what a killed writer left behind.
    pub fn open(root: &Path) -> io::Result<Self> {
        let scratch = root.join("scratch");
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        let (buckets, uploads) = (root.join("buckets"), root.join("uploads"));
        for folder in [&buckets, &uploads, &scratch] {
            fs::create_dir_all(folder)?;
        }
        Ok(Self {
            buckets,
            uploads,
            scratch,
            last_modified_ns: AtomicU64::new(0),
            scratch_files: AtomicU64::new(0),
            commit: Mutex::new(()),
        })
    }

    pub fn create_bucket(&self, bucket: &str) -> S3Result<()> {
        fs::create_dir(self.buckets.join(bucket)).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => s3_error!(BucketAlreadyOwnedByYou),
            _ => failed(error),
        })
    }

    pub fn delete_bucket(&self, bucket: &str) -> S3Result<()> {
        let _commit = self.committing();
        fs::remove_dir(self.bucket_path(bucket)?).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty => s3_error!(BucketNotEmpty),
            _ => failed(error),
        })
    }

    /// Names and creation times of all buckets, by name.
    pub fn list_buckets(&self) -> io::Result<Vec<(String, SystemTime)>> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(&self.buckets)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if let Ok(name) = entry.file_name().into_string() {
                buckets.push((name, metadata.created().or_else(|_| metadata.modified())?));
            }
        }
        buckets.sort();
        Ok(buckets)
    }

    /// A bucket's folder.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub fn bucket_path(&self, bucket: &str) -> S3Result<PathBuf> {
        let path = self.buckets.join(bucket);
        if path.is_dir() { Ok(path) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Opens an object for reading.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchKey`.
    pub fn object(&self, bucket: &str, key: &str) -> S3Result<(File, Stat)> {
        let missing = |_| match self.bucket_path(bucket) {
            Ok(_) => s3_error!(NoSuchKey),
            Err(no_bucket) => no_bucket,
        };
        let file = File::open(self.buckets.join(bucket).join(key_to_path(key)?)).map_err(missing)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(s3_error!(NoSuchKey));
        }
        Ok((file, stat(&metadata)))
    }

    /// A new file to write an object's bytes to.
    pub fn scratch(&self) -> S3Result<Scratch> {
        let path = self.scratch.join(self.scratch_files.fetch_add(1, Ordering::Relaxed).to_string());
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        Ok(Scratch { file: file.map_err(failed)?, path })
    }

    /// Makes `scratch` the object `key`, if `precondition` holds of what is there now.
    ///
    /// # Errors
    /// `NoSuchBucket`, `PreconditionFailed`, `KeyTooLongError`.
    pub fn commit(
        &self,
        scratch: Scratch,
        bucket: &str,
        key: &str,
        headers: &Headers,
        precondition: &Precondition,
    ) -> S3Result<Stat> {
        write_headers(&scratch.file, headers)?;
        let path = self.bucket_path(bucket)?.join(key_to_path(key)?);
        let _commit = self.committing();
        precondition.check(self.object(bucket, key).ok().map(|(_, stat)| stat).as_ref())?;
        let stat = self.finish(&scratch.file)?;
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).and_then(|()| scratch.keep_as(&path)).map_err(|error| match error.kind() {
            ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => s3_error!(
                InvalidRequest,
                "`{key}` cannot be both an object and the folder of others on the local target"
            ),
            _ => failed(error),
        })?;
        Ok(stat)
    }

    /// Gives a finished file its modification time, and with it the ETag that nothing else has.
    pub(super) fn finish(&self, file: &File) -> S3Result<Stat> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let next = |last: u64| now_ns.max(last + 1);
        let last = self.last_modified_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let modified = UNIX_EPOCH + Duration::from_nanos(next(last.unwrap_or_default()));
        file.set_times(FileTimes::new().set_modified(modified)).map_err(failed)?;
        Ok(stat(&file.metadata().map_err(failed)?))
    }

    /// Copies an object's bytes to a new file, in the kernel where it can.
    pub fn copy(&self, source: &mut impl io::Read) -> S3Result<Scratch> {
        let mut scratch = self.scratch()?;
        io::copy(source, &mut scratch.file).map_err(failed)?;
        Ok(scratch)
    }

    /// Deletes an object, and the folders that only it kept; deleting what is not there is well.
    ///
    /// # Errors
    /// `NoSuchBucket`, `PreconditionFailed`.
    pub fn delete(&self, bucket: &str, key: &str, if_match: Option<ETagCondition>) -> S3Result<()> {
        let folder = self.bucket_path(bucket)?;
        let path = folder.join(key_to_path(key)?);
        let _commit = self.committing();
        if if_match.is_some() {
            let now = self.object(bucket, key).ok().map(|(_, stat)| stat);
            Precondition { if_match, if_none_match: None }.check(now.as_ref())?;
        }
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if missing(&error) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        for parent in path.ancestors().skip(1).take_while(|parent| *parent != folder) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// A poisoned lock guards nothing that could be half done: the commit itself is one `rename`.
    fn committing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.commit.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Precondition {
    fn check(&self, now: Option<&Stat>) -> S3Result<()> {
        let matches = |condition: &ETagCondition, stat: &Stat| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(e_tag) => e_tag.value() == stat.e_tag,
        };
        match (&self.if_match, now) {
            (Some(ETagCondition::ETag(_)), None) => return Err(s3_error!(NoSuchKey)),
            (Some(_), None) => return Err(s3_error!(PreconditionFailed)),
            (Some(condition), Some(stat)) if !matches(condition, stat) => return Err(s3_error!(PreconditionFailed)),
            _ => {}
        }
        match (&self.if_none_match, now) {
            (Some(condition), Some(stat)) if matches(condition, stat) => Err(s3_error!(PreconditionFailed)),
            _ => Ok(()),
        }
    }
}

impl Stat {
    pub fn e_tag(&self) -> ETag {
        ETag::Strong(self.e_tag.clone())
    }
}

/// What `metadata` of an object's file says of the object.
pub fn stat(metadata: &fs::Metadata) -> Stat {
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let ns = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    // The `-1` is S3's own mark of an ETag that is not the MD5 of the object.
    Stat { size: metadata.len(), modified, e_tag: format!("{ns:016x}{:016x}-1", metadata.len()) }
}

/// The headers that were given with an object.
pub fn read_headers(file: &File) -> Headers {
    let mut buffer = [0_u8; 4096];
    match rustix::fs::fgetxattr(file, HEADERS_XATTR, &mut buffer) {
        Ok(length) => serde_json::from_slice(&buffer[..length]).unwrap_or_default(),
        Err(_) => Headers::default(),
    }
}

fn write_headers(file: &File, headers: &Headers) -> S3Result<()> {
    if *headers == Headers::default() {
        return Ok(());
    }
    let text = serde_json::to_vec(headers).map_err(S3Error::internal_error)?;
    match rustix::fs::fsetxattr(file, HEADERS_XATTR, &text, XattrFlags::empty()) {
        Ok(()) => Ok(()),
        // A filesystem without extended attributes loses content types; losing metadata silently would be a lie.
        Err(rustix::io::Errno::NOTSUP) if headers.metadata.is_empty() => Ok(()),
        Err(rustix::io::Errno::NOTSUP) => {
            Err(s3_error!(NotImplemented, "the filesystem below .quack keeps no extended attributes for metadata"))
        }
        Err(rustix::io::Errno::NOSPC | rustix::io::Errno::TOOBIG | rustix::io::Errno::RANGE) => {
            Err(s3_error!(MetadataTooLarge))
        }
        Err(error) => Err(failed(error.into())),
    }
}

/// Where below a bucket's folder an object is. Parts of a key that mean something to a filesystem are escaped.
fn key_to_path(key: &str) -> S3Result<PathBuf> {
    if key.contains('\0') {
        return Err(s3_error!(InvalidArgument, "a key cannot contain NUL"));
    }
    let mut path = PathBuf::new();
    for part in key.split('/') {
        let name = match part {
            "" => "%".to_owned(),
            "." => "%2E".to_owned(),
            ".." => "%2E%2E".to_owned(),
            part => part.replace('%', "%25"),
        };
        if name.len() > NAME_MAX {
            return Err(s3_error!(KeyTooLongError, "`{part}` is longer than a file's name can be"));
        }
        path.push(name);
    }
    Ok(path)
}

/// The part of a key that a file's name stands for: the other way of [`key_to_path`].
pub(super) fn name_to_part(name: &str) -> String {
    match name {
        "%" => String::new(),
        "%2E" => ".".to_owned(),
        "%2E%2E" => "..".to_owned(),
        name => name.replace("%25", "%"),
    }
}

fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

/// An error of the disk, in S3's terms.
pub(super) fn failed(error: io::Error) -> S3Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            // Not a 5xx that clients retry: space does not come back by asking again.
            let code = S3ErrorCode::Custom("InsufficientStorage".into());
            let mut full = S3Error::with_message(code, "no space left on the disk that holds the local target's data");
            full.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
            full
        }
        ErrorKind::InvalidFilename => s3_error!(KeyTooLongError),
        _ => S3Error::internal_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &Store, key: &str, bytes: &[u8], precondition: &Precondition) -> S3Result<Stat> {
        let scratch = store.copy(&mut &*bytes)?;
        store.commit(scratch, "bucket", key, &Headers::default(), precondition)
    }

    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        store.create_bucket("bucket").unwrap();
        (root, store)
    }

    fn if_match(e_tag: &str) -> Precondition {
        Precondition { if_match: Some(ETagCondition::ETag(ETag::Strong(e_tag.to_owned()))), if_none_match: None }
    }

    #[test]
    fn of_many_conditional_writers_one_wins() {
        let (_root, store) = store();
        let first = put(&store, "catalog", b"0", &Precondition::default()).unwrap();
        let won = std::thread::scope(|scope| {
            let writers: Vec<_> = (1..=8_u8)
                .map(|n| {
                    scope.spawn({
                        let (store, first) = (&store, &first);
                        move || put(store, "catalog", &[n], &if_match(&first.e_tag)).is_ok()
                    })
                })
                .collect();
            writers.into_iter().filter_map(|writer| writer.join().ok()).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
    }

    #[test]
    fn e_tags_differ_for_the_same_bytes_and_outlive_the_store() {
        let (root, store) = store();
        let one = put(&store, "a", b"same", &Precondition::default()).unwrap();
        let two = put(&store, "a", b"same", &Precondition::default()).unwrap();
        assert_ne!(one.e_tag, two.e_tag);
        drop(store);
        let again = Store::open(root.path()).unwrap().object("bucket", "a").unwrap().1;
        assert_eq!(again.e_tag, two.e_tag);
    }

    #[test]
    fn keys_stay_inside_their_bucket_and_come_back() {
        for key in ["a", "a/b", "../../etc/passwd", "/abs", "a//b", "trailing/", "100%", "%2E", ".", "a/./b"] {
            let path = key_to_path(key).unwrap();
            assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{key}");
            let back: Vec<_> = path.iter().map(|name| name_to_part(name.to_str().unwrap())).collect();
            assert_eq!(back.join("/"), key);
        }
    }

    #[test]
    fn deleting_the_last_object_removes_its_folders() {
        let (_root, store) = store();
        put(&store, "a/b/c", b"", &Precondition::default()).unwrap();
        store.delete("bucket", "a/b/c", None).unwrap();
        store.delete("bucket", "a/b/c", None).unwrap();
        store.delete_bucket("bucket").unwrap();
    }
}
