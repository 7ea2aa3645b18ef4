//! What a table's metadata says, and where it is.

use std::fmt;
use std::sync::Arc;

use quack_function::iceberg::manifest::Manifest;
use quack_function::iceberg::metadata::Metadata;

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
