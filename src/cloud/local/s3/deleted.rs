//! What a deletion comes to.

use std::fs;
use std::path::Path;

/// What became of a deletion.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    /// The version that was made (a mark) or deleted.
    pub version: Option<String>,
    /// True if that is the mark of a deletion.
    pub marker: bool,
}

/// Removes the folders above `path`, below `root`, that are empty.
pub(super) fn clear(path: &Path, root: &Path) {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != root) {
        if fs::remove_dir(parent).is_err() {
            break;
        }
    }
}
