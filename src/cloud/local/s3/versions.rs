//! Versions: what was overwritten or deleted in a bucket that keeps them.
//!
//! A version is the object's own file, linked or moved to `versions/<bucket>/<key>/`, so that keeping it copies nothing
//! and an overwriting writer still needs one `rename`: the link to the old file is made before. Its id is the file's
//! modification time, which no two files share. Whatever is killed when, the old object is there as itself, as a version
//! or as both, and then it is listed once. The mark of a deletion is an empty file.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use s3s::{S3Result, s3_error};

use super::deleted::{Deleted, clear};
use super::failure::failed;
use super::keys::{key_to_path, name_to_part};
use super::stat::Stat;
use super::store::Store;
use crate::private;

/// What a version's file is called before its id. No part of a key is: their `%` is always followed by a digit.
const VERSION: &str = "%v";

/// The same, for the mark of a deletion.
const MARKER: &str = "%d";

/// One of the things that a key has stood for.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub stat: Stat,
    /// True for the mark of a deletion.
    pub marker: bool,
    pub(super) path: PathBuf,
}

impl Store {
    /// True if what `key` stands for is kept when it is overwritten or deleted. What is there to be fetched once is not.
    pub(super) fn keeps_versions(&self, bucket: &str, key: &str) -> bool {
        self.settings.versioned(bucket) && !self.is_fleeting(key)
    }

    /// True if what `key` stands for is there to be fetched once.
    pub(super) fn is_fleeting(&self, key: &str) -> bool {
        self.fleeting.iter().any(|prefix| key.starts_with(prefix.as_str()))
    }

    pub(super) fn versions_folder(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        Ok(self.versions.join(bucket).join(key_to_path(key)?))
    }

    /// Makes the object at `path` a version, too. The commit lock is held.
    pub(super) fn keep(&self, bucket: &str, key: &str, path: &Path, stat: &Stat) -> S3Result<()> {
        let folder = self.versions_folder(bucket, key)?;
        let kept = folder.join(format!("{VERSION}{}", stat.version()));
        let link = || fs::hard_link(path, &kept);
        // The folder is there but for the first version.
        let linked = match link() {
            Err(error) if error.kind() == ErrorKind::NotFound => private::dir(&folder).and_then(|()| link()),
            linked => linked,
        };
        match linked {
            // A writer that was killed behind the link has made it already.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
            _ => {
                self.disk.named(&kept);
                Ok(())
            }
        }
    }

    /// Marks `key`, which is gone, as deleted. The commit lock is held.
    pub(super) fn mark_deleted(&self, bucket: &str, key: &str) -> S3Result<Deleted> {
        match self.history(bucket, key)?.first() {
            Some(latest) if latest.marker => {
                return Ok(Deleted { version: Some(latest.stat.version().to_owned()), marker: true });
            }
            Some(_) => {}
            // It never was.
            None => return Ok(Deleted::default()),
        }
        let scratch = self.scratch()?;
        let stat = self.finish(&scratch.file)?;
        let mark = self.versions_folder(bucket, key)?.join(format!("{MARKER}{}", stat.version()));
        scratch.keep_as(&mark).map_err(failed)?;
        Ok(Deleted { version: Some(stat.version().to_owned()), marker: true })
    }

    /// Everything that `key` stands for and stood for, the latest first.
    pub(super) fn history(&self, bucket: &str, key: &str) -> S3Result<Vec<Version>> {
        let mut versions = Vec::new();
        let path = self.bucket_path(bucket)?.join(key_to_path(key)?);
        if let Ok(metadata) = fs::symlink_metadata(&path)
            && metadata.is_file()
        {
            versions.push(Version { stat: Stat::of(&metadata), marker: false, path });
        }
        let folder = self.versions_folder(bucket, key)?;
        versions.extend(kept(&folder).map_err(failed)?);
        versions.sort_by(|a, b| b.stat.version().cmp(a.stat.version()));
        // The object itself comes first of two names for one file: sorting keeps their order.
        versions.dedup_by(|a, b| a.stat.version() == b.stat.version());
        Ok(versions)
    }

    /// Opens an object, as it is or as it was.
    ///
    /// # Errors
    /// Those of [`Store::object`] and [`Store::version`].
    pub(super) fn read(&self, bucket: &str, key: &str, version: Option<&str>) -> S3Result<(File, Stat)> {
        match version {
            None => self.object(bucket, key),
            Some(id) => self.version(bucket, key, id),
        }
    }

    /// Opens the version `id` of an object.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchVersion`, `InvalidArgument`; `MethodNotAllowed` for the mark of a deletion.
    fn version(&self, bucket: &str, key: &str, id: &str) -> S3Result<(File, Stat)> {
        checked(id)?;
        let folder = self.versions_folder(bucket, key)?;
        let current = || self.object(bucket, key).ok().filter(|(_, stat)| stat.version() == id);
        if let Some(current) = current() {
            return Ok(current);
        }
        match File::open(folder.join(format!("{VERSION}{id}"))) {
            Ok(file) => {
                let stat = Stat::of(&file.metadata().map_err(failed)?);
                Ok((file, stat))
            }
            Err(_) if folder.join(format!("{MARKER}{id}")).exists() => Err(s3_error!(MethodNotAllowed)),
            // Put back in between, or never there.
            Err(_) => current().ok_or_else(|| match self.bucket_path(bucket) {
                Ok(_) => s3_error!(NoSuchVersion),
                Err(no_bucket) => no_bucket,
            }),
        }
    }

    /// Deletes one version for good. If it was the latest, the key stands for the one before it again.
    ///
    /// # Errors
    /// `NoSuchBucket`, `InvalidArgument`.
    pub(super) fn delete_version(&self, bucket: &str, key: &str, id: &str) -> S3Result<Deleted> {
        checked(id)?;
        let _commit = self.committing();
        let history = self.history(bucket, key)?;
        let Some(at) = history.iter().position(|version| version.stat.version() == id) else {
            // Deleting what is not there is well.
            return Ok(Deleted { version: Some(id.to_owned()), marker: false });
        };
        let folder = self.versions_folder(bucket, key)?;
        // Both names, if a writer was killed between them.
        for path in [&history[at].path, &folder.join(format!("{VERSION}{id}"))] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        let root = self.bucket_path(bucket)?;
        let path = root.join(key_to_path(key)?);
        match history.get(at + 1) {
            Some(before) if at == 0 && !before.marker => {
                let parent = path.parent().unwrap_or(&path);
                let put_back = private::dir(parent).and_then(|()| fs::rename(&before.path, &path));
                put_back.and_then(|()| self.disk.folders(parent, &root)).map_err(failed)?;
            }
            _ if at == 0 => clear(&path, &root),
            _ => {}
        }
        clear(&folder.join(VERSION), &self.versions.join(bucket));
        Ok(Deleted { version: Some(id.to_owned()), marker: history[at].marker })
    }

    /// All keys below `prefix` that have versions besides themselves, in order.
    pub(super) fn versioned_keys(&self, bucket: &str, prefix: &str) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        // The bucket's own folder is no part of a key.
        let mut folders = vec![(self.versions.join(bucket), None::<String>)];
        while let Some((folder, key)) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                // Its last version is gone meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let mut versions = false;
            for entry in entries {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                if !entry.file_type()?.is_dir() {
                    versions = true;
                    continue;
                }
                let part = name_to_part(&name);
                let key = key.as_ref().map_or_else(|| part.clone(), |key| format!("{key}/{part}"));
                if key.starts_with(prefix) || prefix.starts_with(&key) {
                    folders.push((entry.path(), Some(key)));
                }
            }
            keys.extend(key.filter(|key| versions && key.starts_with(prefix)));
        }
        keys.sort();
        Ok(keys)
    }

    /// Deletes versions that have not been the latest for as long as the bucket's rules say, and marks of deletions that
    /// are alone.
    pub(super) fn expire_versions(&self, bucket: &str, now: SystemTime) -> S3Result<()> {
        let rules = self.settings.of(bucket).rules;
        for rule in rules {
            let old = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age > days(rule.noncurrent_days));
            for key in self.versioned_keys(bucket, &rule.prefix).map_err(failed)? {
                let _commit = self.committing();
                let history = self.history(bucket, &key)?;
                // A version is no longer the latest since the next one came.
                let gone = history.windows(2).filter(|pair| old(pair[0].stat.modified)).map(|pair| &pair[1]);
                let gone: Vec<&Version> = gone.collect();
                let alone = history
                    .first()
                    .filter(|latest| latest.marker && old(latest.stat.modified) && gone.len() + 1 == history.len());
                for version in gone.into_iter().chain(alone) {
                    fs::remove_file(&version.path).map_err(failed)?;
                }
                clear(&self.versions_folder(bucket, &key)?.join(VERSION), &self.versions.join(bucket));
            }
        }
        Ok(())
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3600)
}

/// # Errors
/// `InvalidArgument` for what cannot be a version's id.
fn checked(id: &str) -> S3Result<&str> {
    let hex = id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex { Ok(id) } else { Err(s3_error!(InvalidArgument, "Invalid version id specified")) }
}

/// The versions in a key's folder.
fn kept(folder: &Path) -> io::Result<Vec<Version>> {
    let mut versions = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(versions),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let marker = name.starts_with(MARKER);
        if !marker && !name.starts_with(VERSION) {
            continue;
        }
        // Deleted meanwhile, or a folder of longer keys.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            versions.push(Version { stat: Stat::of(&metadata), marker, path: entry.path() });
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;

    use super::*;
    use crate::cloud::local::s3::conditions::Precondition;
    use crate::cloud::local::s3::headers::Headers;
    use crate::cloud::local::s3::settings::Rule;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), vec!["results/".to_owned()]).unwrap();
        store.create_bucket("bucket").unwrap();
        store.settings.change("bucket", |settings| settings.versioned = true).unwrap();
        (root, store)
    }

    fn put(store: &Store, key: &str, text: &str) -> String {
        let scratch = store.copy(&mut text.as_bytes()).unwrap();
        let stat = store.commit(scratch, "bucket", key, &Headers::default(), &Precondition::default()).unwrap();
        stat.version().to_owned()
    }

    fn get(store: &Store, key: &str, version: Option<&str>) -> Result<String, String> {
        let (file, _) = store.read("bucket", key, version).map_err(|error| error.code().as_str().to_owned())?;
        Ok(io::read_to_string(file).unwrap())
    }

    /// What is there of a key, the latest first, `-` for the mark of a deletion.
    fn history(store: &Store, key: &str) -> Vec<String> {
        let text = |version: Version| match version.marker {
            true => "-".to_owned(),
            false => fs::read_to_string(version.path).unwrap(),
        };
        store.history("bucket", key).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn what_was_is_kept_and_comes_back() {
        let (root, store) = store();
        let one = put(&store, "a", "1");
        let two = put(&store, "a", "2");
        let deleted = store.delete("bucket", "a", None).unwrap();
        assert!(deleted.marker);
        assert_eq!(get(&store, "a", None), Err("NoSuchKey".to_owned()));
        assert_eq!(get(&store, "a", Some(&one)), Ok("1".to_owned()));
        assert_eq!(get(&store, "a", deleted.version.as_deref()), Err("MethodNotAllowed".to_owned()));
        assert_eq!(get(&store, "a", Some("0000000000000000")), Err("NoSuchVersion".to_owned()));
        for id in ["", "null", "../../bucket/a", "000000000000000g", "%v"] {
            assert_eq!(get(&store, "a", Some(id)), Err("InvalidArgument".to_owned()), "{id}");
        }
        assert_eq!(history(&store, "a"), ["-", "2", "1"]);
        // Deleting twice marks once; what never was gets no mark.
        assert_eq!(store.delete("bucket", "a", None).unwrap().version, deleted.version);
        assert!(!store.delete("bucket", "never", None).unwrap().marker);
        drop(store);
        let store = Store::open(root.path(), Vec::new()).unwrap();
        let undone = store.delete_version("bucket", "a", &deleted.version.unwrap()).unwrap();
        assert!(undone.marker);
        assert_eq!((get(&store, "a", None), history(&store, "a")), (Ok("2".into()), vec!["2".into(), "1".into()]));
        store.delete_version("bucket", "a", &two).unwrap();
        assert_eq!(get(&store, "a", None), Ok("1".to_owned()));
        assert!(store.delete_bucket("bucket").is_err());
        store.delete_version("bucket", "a", &one).unwrap();
        store.delete_bucket("bucket").unwrap();
    }

    #[test]
    fn keys_that_look_like_versions_are_none_and_results_have_none() {
        let (_root, store) = store();
        let keys = ["a", "a-", "b/a", "b/%v0000000000000000", "%v1/x", "/", "b//c", "../a"];
        for key in keys {
            put(&store, key, "1");
            put(&store, key, "2");
            assert_eq!(history(&store, key), ["2", "1"], "{key}");
        }
        let mut sorted: Vec<String> = keys.map(str::to_owned).into();
        sorted.sort();
        assert_eq!(store.versioned_keys("bucket", "").unwrap(), sorted);
        assert_eq!(store.versioned_keys("bucket", "b/").unwrap(), ["b/%v0000000000000000", "b//c", "b/a"]);
        put(&store, "results/1", "1");
        put(&store, "results/1", "2");
        store.delete("bucket", "results/1", None).unwrap();
        assert_eq!(history(&store, "results/1"), [""; 0]);
    }

    #[test]
    fn a_writer_that_was_killed_leaves_one_of_each() {
        let (_root, store) = store();
        put(&store, "a", "1");
        let (_, stat) = store.object("bucket", "a").unwrap();
        let path = store.bucket_path("bucket").unwrap().join("a");
        // Linked, and not yet overwritten.
        store.keep("bucket", "a", &path, &stat).unwrap();
        assert_eq!(history(&store, "a"), ["1"]);
        let two = put(&store, "a", "2");
        assert_eq!(history(&store, "a"), ["2", "1"]);
        // Unlinked, and not yet marked: gone, and what was is there.
        store.keep("bucket", "a", &path, &store.object("bucket", "a").unwrap().1).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(get(&store, "a", None), Err("NoSuchKey".to_owned()));
        assert_eq!(get(&store, "a", Some(&two)), Ok("2".to_owned()));
        put(&store, "a", "3");
        assert_eq!(history(&store, "a"), ["3", "2", "1"]);
    }

    #[test]
    fn versions_go_when_they_have_not_been_the_latest_for_days() {
        let (_root, store) = store();
        let rule = Rule { id: None, prefix: String::new(), noncurrent_days: 7 };
        store.settings.change("bucket", |settings| settings.rules = vec![rule]).unwrap();
        let now = SystemTime::now();
        // Ten days, eight, and one ago; the second has not been the latest since yesterday.
        for (text, days) in [("1", 10), ("2", 8), ("3", 1)] {
            put(&store, "a", text);
            let path = store.bucket_path("bucket").unwrap().join("a");
            let times = FileTimes::new().set_modified(now - DAY * days);
            File::options().write(true).open(path).unwrap().set_times(times).unwrap();
        }
        put(&store, "gone", "1");
        store.delete("bucket", "gone", None).unwrap();
        store.expire_versions("bucket", now).unwrap();
        assert_eq!(history(&store, "a"), ["3", "2"]);
        assert_eq!(history(&store, "gone"), ["-", "1"]);
        store.expire_versions("bucket", now + DAY * 8).unwrap();
        assert_eq!((history(&store, "a"), history(&store, "gone")), (vec!["3".to_owned()], vec![]));
        assert_eq!(store.versions.join("bucket").read_dir().unwrap().count(), 0);
    }

    #[test]
    fn readers_and_writers_of_one_key_find_every_version_whole() {
        let (_root, store) = store();
        put(&store, "a", "0");
        std::thread::scope(|scope| {
            for n in 1..5 {
                let store = &store;
                scope.spawn(move || (0..50).for_each(|_| drop(put(store, "a", &n.to_string().repeat(100)))));
            }
            for _ in 0..200 {
                let text = get(&store, "a", None).unwrap();
                assert!(text == "0" || text.len() == 100);
                for version in store.history("bucket", "a").unwrap() {
                    let text = get(&store, "a", Some(version.stat.version())).unwrap();
                    assert!(text == "0" || text.len() == 100, "{text}");
                }
            }
        });
        assert_eq!(history(&store, "a").len(), 201);
    }
}
