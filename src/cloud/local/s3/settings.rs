//! What a bucket is told about itself: whether it keeps versions, and for how long.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::private;

/// A bucket's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BucketSettings {
    pub versioned: bool,
    pub rules: Vec<Rule>,
}

/// How long versions are kept that are no longer the latest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub id: Option<String>,
    /// Of the keys that it is for.
    pub prefix: String,
    pub noncurrent_days: u32,
}

/// The settings of all buckets, a file each.
#[derive(Debug)]
pub(super) struct AllSettings {
    folder: PathBuf,
    known: RwLock<HashMap<String, BucketSettings>>,
}

impl AllSettings {
    /// Reads what is kept in `folder`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        private::dir(&folder)?;
        let mut known = HashMap::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let Some(bucket) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else { continue };
            known.insert(bucket.to_owned(), serde_json::from_slice(&fs::read(&path)?)?);
        }
        Ok(Self { folder, known: RwLock::new(known) })
    }

    /// True if the bucket keeps versions.
    pub(super) fn versioned(&self, bucket: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(bucket).is_some_and(|settings| settings.versioned)
    }

    pub(super) fn of(&self, bucket: &str) -> BucketSettings {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned().unwrap_or_default()
    }

    /// Changes a bucket's settings, on the disk first.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn change(&self, bucket: &str, change: impl FnOnce(&mut BucketSettings)) -> io::Result<()> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut settings = known.get(bucket).cloned().unwrap_or_default();
        change(&mut settings);
        private::dir(&self.folder)?;
        private::write(&file(&self.folder, bucket), &serde_json::to_vec(&settings)?)?;
        known.insert(bucket.to_owned(), settings);
        Ok(())
    }

    /// Forgets a bucket.
    pub(super) fn remove(&self, bucket: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(bucket);
        // It may never have had any.
        let _ = fs::remove_file(file(&self.folder, bucket));
    }
}

fn file(folder: &Path, bucket: &str) -> PathBuf {
    folder.join(format!("{bucket}.json"))
}
