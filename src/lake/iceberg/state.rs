//! What a table's metadata says, and where it is.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use quack_function::iceberg::manifest::Manifest;
use quack_function::iceberg::metadata::Metadata;
use serde::{Deserialize, Serialize};

use crate::bucket::layout::Layout;

/// What the catalog says of a table: where the rest is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pointer {
    /// Key of its metadata.
    pub metadata: String,
    /// What the table was called before, as far as files of it are still in the folder of that name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<String>,
}

impl Pointer {
    /// Whether the metadata lies where that of a table called `name` may.
    pub(crate) fn is_sound(&self, name: &str, layout: &Layout) -> bool {
        let mut folders = std::iter::once(name).chain(self.formerly.iter().map(String::as_str));
        folders.any(|folder| layout.is_of_table(folder, &self.metadata))
    }
}

/// The snapshot of another program's table that a table of the lake shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Foreign {
    /// Address of that table's metadata.
    pub metadata: String,
    /// Number of the snapshot, and when it was made, milliseconds since 1970.
    pub snapshot: i64,
    pub made_ms: i64,
}

/// Property that says of which other program's table a table shows a snapshot, JSON.
pub(super) const FOREIGN: &str = "quack.foreign";

impl Foreign {
    /// What the metadata says of that, if it does.
    pub(super) fn of(metadata: &Metadata) -> Result<Option<Self>, String> {
        let Some(text) = metadata.properties.get(FOREIGN) else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|error| format!("its property {FOREIGN:?}: {error}"))
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metadata, snapshot, made_ms } = self;
        let made = DateTime::from_timestamp_millis(*made_ms).unwrap_or_default();
        let made = made.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "another's Iceberg table, read-only: snapshot {snapshot} of {made}, by {metadata}")
    }
}

/// A table's metadata, as it was stored.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Key of the metadata.
    pub key: String,
    pub metadata: Metadata,
    /// Of the snapshot that the table is at.
    pub manifests: Vec<Manifest>,
}

/// Where a table was read from; nothing for one that was not stored yet. It is no part of what the table is.
#[derive(Clone, Default)]
pub(crate) struct Origin(pub Option<Arc<State>>);

impl Origin {
    /// Whether both were read from the same metadata.
    pub(crate) fn is(&self, other: &Self) -> bool {
        matches!((&self.0, &other.0), (Some(own), Some(other)) if own.key == other.key)
    }
}

impl Origin {
    /// Whether it was read from the metadata with this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.as_ref().is_some_and(|state| state.key == key)
    }

    /// Whether it was read from the metadata with this key, or from one that came after it.
    pub(crate) fn had(&self, key: &str) -> bool {
        let before = |state: &State| {
            state
                .metadata
                .metadata_log
                .iter()
                .any(|log| log.metadata_file.strip_suffix(key).is_some_and(|rest| rest.ends_with('/')))
        };
        self.has(key) || self.0.as_ref().is_some_and(|state| before(state))
    }
}

/// Manifests of a table that were not read: the files in them are the table's, and none of those that it lists.
#[derive(Clone, Default)]
pub(crate) struct Unread {
    pub manifests: Vec<Manifest>,
    /// Bytes of all files in them.
    pub bytes: u64,
}

impl Unread {
    pub(crate) fn is_empty(&self) -> bool {
        self.manifests.is_empty()
    }

    /// How many files are in them.
    pub(crate) fn files(&self) -> u64 {
        self.manifests.iter().map(|manifest| u64::try_from(manifest.live_files()).unwrap_or(0)).sum()
    }

    /// How many rows are in these.
    pub(crate) fn rows(&self) -> u64 {
        self.manifests.iter().map(|manifest| u64::try_from(manifest.live_rows()).unwrap_or(0)).sum()
    }

    /// Whether the manifest at this address is one of them.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.manifests.iter().any(|manifest| manifest.path == path)
    }
}

/// Manifests do not change: by their addresses they are told apart.
impl PartialEq for Unread {
    fn eq(&self, other: &Self) -> bool {
        self.manifests.iter().map(|manifest| &manifest.path).eq(other.manifests.iter().map(|manifest| &manifest.path))
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.manifests.iter().map(|manifest| &manifest.path)).finish()
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.0.as_ref().map(|state| &state.key)).finish()
    }
}
