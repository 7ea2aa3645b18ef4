//! What was acknowledged outlives a loss of power: the bytes of an object are on the disk before it has its name, its name
//! is before its writer hears of it. Not so what is there to be fetched once, and deletions: one that comes back loses
//! nothing.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::private;

/// The disk below a store. In tests it notes what it was told, in order.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub told: std::sync::Mutex<Vec<(Step, std::path::PathBuf)>>,
}

/// A step to an object that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A file's bytes, attributes and times are on the disk.
    File,
    /// What is in a folder is on the disk.
    Folder,
    /// A file has a name, or one more, in memory.
    Named,
}

impl Disk {
    /// Waits until all of `file`, which is at `path`, is on the disk.
    pub(super) fn file(&self, file: &File, path: &Path) -> io::Result<()> {
        file.sync_all()?;
        self.note(Step::File, path);
        Ok(())
    }

    /// Waits until the names in `folder` are on the disk, and that of each folder from it up to `root`: somebody else may
    /// have made one of them just now, and not waited yet.
    pub(super) fn folders(&self, folder: &Path, root: &Path) -> io::Result<()> {
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(root)) {
            match private::sync(folder) {
                // Its last object was deleted meanwhile.
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => self.note(Step::Folder, folder),
            }
        }
        Ok(())
    }

    /// Takes note that a file has got its name.
    pub(super) fn named(&self, path: &Path) {
        self.note(Step::Named, path);
    }

    #[cfg(test)]
    fn note(&self, step: Step, path: &Path) {
        self.told.lock().unwrap().push((step, path.to_owned()));
    }

    #[cfg(not(test))]
    fn note(&self, _: Step, _: &Path) {}
}
