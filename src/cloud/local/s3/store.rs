//! Objects on disk. An object is one plain file, `<bucket>/<key>`, that appears by one `rename`: a reader sees the old
//! object or the new one, whole, whatever is killed when.
//!
//! What S3 says of an object lives in that same file, so that it changes with it: the ETag is made of the file's
//! modification time, which the store sets itself and never sets twice the same, and its size; headers that the writer
//! gave are an extended attribute. Nothing is hashed to answer a HEAD or a listing.

use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use super::conditions::Precondition;
use super::deleted::{Deleted, clear};
use super::durable::Disk;
use super::failure::failed;
use super::headers::{self, Headers};
use super::keys::key_to_path;
use super::settings::AllSettings;
use super::stat::Stat;
use crate::private;

/// Buckets, uploads in progress and half-written files below one folder.
#[derive(Debug)]
pub(super) struct Store {
    buckets: PathBuf,
    /// What was overwritten or deleted, in buckets that keep it.
    pub(super) versions: PathBuf,
    pub(super) settings: AllSettings,
    /// Keys that begin with one of these stand for what is fetched once: it expires, and no versions of it are kept.
    pub(super) fleeting: Vec<String>,
    pub(super) uploads: PathBuf,
    scratch: PathBuf,
    pub(super) disk: Disk,
    /// Last modification time given out, in nanoseconds since 1970.
    last_modified_ns: AtomicU64,
    scratch_files: AtomicU64,
    /// Held while conditions are checked and an object appears or goes: what makes conditional writes atomic.
    commit: Mutex<()>,
}

/// A file being written. It vanishes unless [`Store::commit`] makes an object of it.
#[derive(Debug)]
pub(super) struct Scratch {
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
    pub(super) fn open(root: &Path, fleeting: Vec<String>) -> io::Result<Self> {
        let scratch = root.join("scratch");
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        let (buckets, uploads, versions) = (root.join("buckets"), root.join("uploads"), root.join("versions"));
        for folder in [&buckets, &uploads, &versions, &scratch] {
            private::dir(folder)?;
        }
        let disk = Disk::default();
        disk.folders(&buckets, root)?;
        // Made by a version that left it open.
        fs::set_permissions(root, Permissions::from_mode(0o700))?;
        Ok(Self {
            buckets,
            versions,
            settings: AllSettings::open(root.join("settings"))?,
            fleeting,
            uploads,
            scratch,
            disk,
            last_modified_ns: AtomicU64::new(0),
            scratch_files: AtomicU64::new(0),
            commit: Mutex::new(()),
        })
    }

    pub(super) fn create_bucket(&self, bucket: &str) -> S3Result<()> {
        // Somebody may have removed them.
        for folder in [&self.buckets, &self.uploads, &self.versions, &self.scratch] {
            private::dir(folder).map_err(failed)?;
        }
        fs::create_dir(self.buckets.join(bucket)).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => s3_error!(BucketAlreadyOwnedByYou),
            _ => failed(error),
        })?;
        self.disk.folders(&self.buckets, &self.buckets).map_err(failed)
    }

    pub(super) fn delete_bucket(&self, bucket: &str) -> S3Result<()> {
        let _commit = self.committing();
        let path = self.bucket_path(bucket)?;
        for folder in [self.versions.join(bucket), path] {
            match fs::remove_dir(folder) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => return Err(s3_error!(BucketNotEmpty)),
                Err(error) => return Err(failed(error)),
            }
        }
        self.settings.remove(bucket);
        Ok(())
    }

    /// Names and creation times of all buckets, by name.
    pub(super) fn list_buckets(&self) -> io::Result<Vec<(String, SystemTime)>> {
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
    pub(super) fn bucket_path(&self, bucket: &str) -> S3Result<PathBuf> {
        let path = self.buckets.join(bucket);
        if path.is_dir() { Ok(path) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Opens an object for reading.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchKey`.
    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<(File, Stat)> {
        let missing = |_| match self.bucket_path(bucket) {
            Ok(_) => s3_error!(NoSuchKey),
            Err(no_bucket) => no_bucket,
        };
        let file = File::open(self.buckets.join(bucket).join(key_to_path(key)?)).map_err(missing)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(s3_error!(NoSuchKey));
        }
        Ok((file, Stat::of(&metadata)))
    }

    /// A new file to write an object's bytes to.
    pub(super) fn scratch(&self) -> S3Result<Scratch> {
        let path = self.scratch.join(self.scratch_files.fetch_add(1, Ordering::Relaxed).to_string());
        let open = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = match open() {
            Err(error) if error.kind() == ErrorKind::NotFound => private::dir(&self.scratch).and_then(|()| open()),
            opened => opened,
        };
        Ok(Scratch { file: file.map_err(failed)?, path })
    }

    /// Makes `scratch` the object `key`, if `precondition` holds of what is there now.
    ///
    /// # Errors
    /// `NoSuchBucket`, `PreconditionFailed`, `KeyTooLongError`.
    pub(super) fn commit(
        &self,
        scratch: Scratch,
        bucket: &str,
        key: &str,
        headers: &Headers,
        precondition: &Precondition,
    ) -> S3Result<Stat> {
        headers::write(&scratch.file, headers)?;
        let root = self.bucket_path(bucket)?;
        let path = root.join(key_to_path(key)?);
        let folder = path.parent().unwrap_or(&path);
        let lasts = !self.is_fleeting(key);
        if lasts {
            // Here writers do not wait for each other.
            self.disk.file(&scratch.file, &scratch.path).map_err(failed)?;
        }
        let commit = self.committing();
        let now = self.object(bucket, key).ok().map(|(_, stat)| stat);
        precondition.check(now.as_ref())?;
        if let Some(now) = now.filter(|_| self.keeps_versions(bucket, key)) {
            self.keep(bucket, key, &path, &now)?;
            self.disk.folders(&self.versions_folder(bucket, key)?, &self.versions).map_err(failed)?;
        }
        let stat = self.finish(&scratch.file)?;
        fs::create_dir_all(folder).and_then(|()| scratch.keep_as(&path)).map_err(|error| match error.kind() {
            ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => s3_error!(
                InvalidRequest,
                "`{key}` cannot be both an object and the folder of others on the local target"
            ),
            _ => failed(error),
        })?;
        self.disk.named(&path);
        drop(commit);
        if lasts {
            // Once more for its time, which the ETag is made of.
            let on_disk = self.disk.file(&scratch.file, &path).and_then(|()| self.disk.folders(folder, &root));
            on_disk.map_err(failed)?;
        }
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
        Ok(Stat::of(&file.metadata().map_err(failed)?))
    }

    /// Copies an object's bytes to a new file, in the kernel where it can.
    pub(super) fn copy(&self, source: &mut impl io::Read) -> S3Result<Scratch> {
        let mut scratch = self.scratch()?;
        io::copy(source, &mut scratch.file).map_err(failed)?;
        Ok(scratch)
    }

    /// Deletes an object, and the folders that only it kept; deleting what is not there is well.
    ///
    /// # Errors
    /// `NoSuchBucket`, `PreconditionFailed`.
    pub(super) fn delete(&self, bucket: &str, key: &str, if_match: Option<ETagCondition>) -> S3Result<Deleted> {
        let folder = self.bucket_path(bucket)?;
        let path = folder.join(key_to_path(key)?);
        let _commit = self.committing();
        if if_match.is_some() {
            let now = self.object(bucket, key).ok().map(|(_, stat)| stat);
            Precondition { if_match, if_none_match: None }.check(now.as_ref())?;
        }
        let keeps = self.keeps_versions(bucket, key);
        if keeps && let Ok((_, now)) = self.object(bucket, key) {
            self.keep(bucket, key, &path, &now)?;
        }
        match fs::remove_file(&path) {
            Ok(()) => clear(&path, &folder),
            Err(error) if missing(&error) => {}
            Err(error) => return Err(failed(error)),
        }
        if keeps { self.mark_deleted(bucket, key) } else { Ok(Deleted::default()) }
    }

    /// A poisoned lock guards nothing that could be half done: the commit itself is one `rename`.
    pub(super) fn committing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.commit.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

#[cfg(test)]
mod tests {
    use s3s::dto::ETag;

    use super::*;
    use crate::cloud::local::s3::durable::Step;

    fn put(store: &Store, key: &str, bytes: &[u8], precondition: &Precondition) -> S3Result<Stat> {
        let scratch = store.copy(&mut &*bytes)?;
        store.commit(scratch, "bucket", key, &Headers::default(), precondition)
    }

    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), Vec::new()).unwrap();
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
        let again = Store::open(root.path(), Vec::new()).unwrap().object("bucket", "a").unwrap().1;
        assert_eq!(again.e_tag, two.e_tag);
    }

    #[test]
    fn deleting_the_last_object_removes_its_folders() {
        let (_root, store) = store();
        put(&store, "a/b/c", b"", &Precondition::default()).unwrap();
        store.delete("bucket", "a/b/c", None).unwrap();
        store.delete("bucket", "a/b/c", None).unwrap();
        store.delete_bucket("bucket").unwrap();
    }

    /// A loss of power at any moment: what is on the disk then is what was told to be, so the order of that is all.
    #[test]
    fn what_is_acknowledged_is_on_the_disk_in_the_right_order() {
        let (root, store) = store();
        store.settings.change("bucket", |settings| settings.versioned = true).unwrap();
        let bucket = root.path().join("buckets/bucket");
        let (object, folder) = (bucket.join("a/b"), bucket.join("a"));
        let steps = |body: &[u8]| {
            store.disk.told.lock().unwrap().clear();
            put(&store, "a/b", body, &Precondition::default()).unwrap();
            std::mem::take(&mut *store.disk.told.lock().unwrap())
        };
        let committed = |steps: &[(Step, PathBuf)]| {
            let [(Step::File, scratch), rest @ ..] = steps else { panic!("its bytes are not the first: {steps:?}") };
            assert!(scratch.starts_with(root.path().join("scratch")), "{steps:?}");
            let end = [
                (Step::Named, object.clone()),
                (Step::File, object.clone()),
                (Step::Folder, folder.clone()),
                (Step::Folder, bucket.clone()),
            ];
            assert!(rest.ends_with(&end), "{steps:?}");
            rest[..rest.len() - end.len()].to_vec()
        };
        assert_eq!(committed(&steps(b"one")), []);
        // What was there is kept for sure before something else takes its place.
        let kept = committed(&steps(b"two"));
        let versions = root.path().join("versions");
        assert!(kept[0].0 == Step::Named && kept[0].1.starts_with(versions.join("bucket/a/b")), "{kept:?}");
        let folders = ["bucket/a/b", "bucket/a", "bucket", ""].map(|folder| (Step::Folder, versions.join(folder)));
        assert_eq!(kept[1..], folders, "{kept:?}");
    }

    #[test]
    fn what_is_fetched_once_waits_for_no_disk() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), vec!["results/".to_owned()]).unwrap();
        store.create_bucket("bucket").unwrap();
        store.disk.told.lock().unwrap().clear();
        put(&store, "results/1", b"rows", &Precondition::default()).unwrap();
        let told = std::mem::take(&mut *store.disk.told.lock().unwrap());
        assert_eq!(told, [(Step::Named, root.path().join("buckets/bucket/results/1"))]);
    }
}
