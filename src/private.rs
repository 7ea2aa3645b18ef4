//! For their owner's eyes only: folders and files (keys, logs, history), and names that nobody else can know.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// A name that nobody guesses and nothing else has: 32 hexadecimal digits.
pub(crate) fn name() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Makes a folder, and those above it, that only their owner can enter.
pub(crate) fn dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file that only its owner can read, for appending.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Waits until the names in a folder are on the disk.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a file that only its owner can read, so that a reader finds the old text or the new one, whole, also after a
/// loss of power.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let replace = || {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    replace().inspect_err(|_| drop(fs::remove_file(&new)))?;
    path.parent().map_or(Ok(()), sync)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_may_look() {
        let temporary = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let folder = temporary.path().join("quackctl");
        dir(&folder).unwrap();
        dir(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        let (log, text) = (folder.join("log"), folder.join("text"));
        append(&log).unwrap().write_all(b"one\n").unwrap();
        append(&log).unwrap().write_all(b"two\n").unwrap();
        write(&text, b"three").unwrap();
        write(&text, b"four").unwrap();
        assert_eq!((mode(&log), mode(&text)), (0o600, 0o600));
        assert_eq!((fs::read(&log).unwrap(), fs::read(&text).unwrap()), (b"one\ntwo\n".to_vec(), b"four".to_vec()));
    }
}
