//! Where the shell's history is kept: in the user's state folder, for the user's eyes only.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::context::Context;

/// The history file, made if need be; `None`, and said so, where it cannot be.
pub fn prepare(context: &Context) -> Option<PathBuf> {
    let path =
        path(std::env::var_os("XDG_STATE_HOME").map(PathBuf::from), std::env::var_os("HOME").map(PathBuf::from))?;
    match make_private(&path) {
        Ok(()) => Some(path),
        Err(error) => {
            context.say(format_args!("no history: {} cannot be written: {error}", path.display()));
            None
        }
    }
}

/// As the XDG base directory specification has it.
fn path(state: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let state = state.filter(|state| state.is_absolute()).or_else(|| Some(home?.join(".local/state")))?;
    Some(state.join("quackctl/history"))
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
    fn follows_xdg() {
        let home = Some(PathBuf::from("/home/u"));
        assert_eq!(path(None, home.clone()).unwrap(), Path::new("/home/u/.local/state/quackctl/history"));
        assert_eq!(path(Some("/s".into()), home.clone()).unwrap(), Path::new("/s/quackctl/history"));
        assert_eq!(path(Some("relative".into()), home).unwrap(), Path::new("/home/u/.local/state/quackctl/history"));
        assert_eq!(path(None, None), None);
    }

    #[test]
    fn is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quackctl/history");
        make_private(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        make_private(&path).unwrap();
    }
}
