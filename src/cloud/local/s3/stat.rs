//! What is known of an object without reading it.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

use s3s::dto::ETag;

/// Size, time and identity of an object.
#[derive(Debug, Clone)]
pub(super) struct Stat {
    /// Bytes.
    pub size: u64,
    pub modified: SystemTime,
    pub e_tag: String,
}

impl Stat {
    /// What `metadata` of an object's file says of the object.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
        let ns = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // The `-1` is S3's own mark of an ETag that is not the MD5 of the object.
        Self { size: metadata.len(), modified, e_tag: format!("{ns:016x}{:016x}-1", metadata.len()) }
    }

    pub(super) fn e_tag(&self) -> ETag {
        ETag::Strong(self.e_tag.clone())
    }

    /// The version that the object is: its time, which no two share, in hexadecimal digits.
    pub(super) fn version(&self) -> &str {
        self.e_tag.get(..16).unwrap_or_default()
    }

    /// The size as S3's shapes have it.
    pub(super) fn length(&self) -> Option<i64> {
        i64::try_from(self.size).ok()
    }
}
