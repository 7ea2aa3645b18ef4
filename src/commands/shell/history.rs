//! Where the shell's history is kept: in the user's cache, for the user's eyes only.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::package::cache;

/// The history file, made if need be; `None`, and said so, where it cannot be.
pub fn prepare(context: &Context) -> Option<PathBuf> {
    let path = cache::root().join("history");
    match make_private(&path) {
        Ok(()) => Some(path),
        Err(error) => {
            context.say(format_args!("no history: {} cannot be written: {error}", path.display()));
            None
        }
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quackctl/history");
        make_private(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        make_private(&path).unwrap();
    }
}
