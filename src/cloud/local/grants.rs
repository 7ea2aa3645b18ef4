//! What a stage's function may do with S3: the local target's word for the role that a function has on AWS
//! (`templates/stack.yaml`).

use serde::{Deserialize, Serialize};

use crate::bucket::layout::Layout;
use crate::cloud::target::local_name;
use crate::config::Config;

/// Nothing, unless it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Grants {
    /// The lake's bucket, which the function may read and list.
    pub bucket: String,
    /// Key prefixes in that bucket under which it may write.
    pub write: Vec<String>,
    /// Key prefixes in that bucket under which it may delete.
    pub delete: Vec<String>,
    /// Folders of other buckets that it may read and list.
    pub read: Vec<Folder>,
}

/// A folder of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Folder {
    pub bucket: String,
    /// Empty, or ends in `/`.
    pub prefix: String,
}

impl Grants {
    /// As `config` wants it: results, which it also deletes, and what SQL exports.
    pub(super) fn of(config: &Config) -> Self {
        let layout = Layout::new(&config.lake);
        Self {
            bucket: local_name(config),
            write: layout.writable().map(str::to_owned).into(),
            delete: vec![layout.results],
            read: config
                .lake
                .read
                .iter()
                .map(|folder| Folder { bucket: folder.bucket.clone(), prefix: folder.prefix.clone() })
                .collect(),
        }
    }

    /// Where the function may write, as it is told: `s3://bucket/prefix/`, with commas between.
    pub(super) fn write_list(&self) -> String {
        let folders: Vec<String> = self.write.iter().map(|prefix| format!("s3://{}/{prefix}", self.bucket)).collect();
        folders.join(",")
    }
}
