//! What a stage's functions may do: the local target's word for the roles that they have on AWS (`templates/engine.yaml`).

use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use crate::bucket::layout::Layout;
use crate::cloud::target::local_name;
use crate::config::Config;

/// A function's own keys, and what they are good for.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub keys: Credentials,
    pub grants: Grants,
}

/// Nothing, unless it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Grants {
    /// The lake's bucket, which the function may read and list.
    pub bucket: String,
    /// What it may read of it, keys and key prefixes, if it is not all; then it lists nothing.
    pub only: Option<Vec<String>>,
    /// Key prefixes in that bucket under which it reads nothing.
    pub hidden: Vec<String>,
    /// Key prefixes in that bucket under which it may write.
    pub write: Vec<String>,
    /// Key prefixes in that bucket under which it may delete.
    pub delete: Vec<String>,
    /// Folders of other buckets that it may read and list.
    pub read: Vec<Folder>,
    /// The function that it may invoke.
    pub invoke: Option<String>,
}

/// A folder of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Folder {
    pub bucket: String,
    /// Empty, or ends in `/`.
    pub prefix: String,
}

impl Grants {
    /// The engine's: it writes results, which it also deletes, and what SQL exports. Whoever asks it something is not to read what
    /// sessions of pages are signed with.
    pub(super) fn of(config: &Config) -> Self {
        let layout = Layout::new(&config.lake);
        Self {
            bucket: local_name(config),
            only: None,
            hidden: vec![layout.dash.clone()],
            write: layout.writable().map(str::to_owned).into(),
            delete: vec![layout.results],
            read: config
                .lake
                .read
                .iter()
                .map(|folder| Folder { bucket: folder.bucket.clone(), prefix: folder.prefix.clone() })
                .collect(),
            invoke: None,
        }
    }

    /// The page function's: it asks the engine, and reads what that spilled, the catalog, and what is deployed; it writes what it
    /// keeps of answers.
    pub(super) fn of_page(config: &Config) -> Self {
        let Layout { catalog, results, dash, .. } = Layout::new(&config.lake);
        let own = ["site.json", "key", "oidc", "assets/", "shapes/", "cache/"].map(|name| format!("{dash}{name}"));
        Self {
            bucket: local_name(config),
            only: Some([vec![catalog, results], own.into()].concat()),
            write: vec![format!("{dash}cache/")],
            invoke: Some(local_name(config)),
            ..Self::default()
        }
    }

    /// Where the function may write, as it is told: `s3://bucket/prefix/`, with commas between.
    pub(super) fn write_list(&self) -> String {
        let folders: Vec<String> = self.write.iter().map(|prefix| format!("s3://{}/{prefix}", self.bucket)).collect();
        folders.join(",")
    }
}
