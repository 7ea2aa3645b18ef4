//! Output files that are there whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tempfile::NamedTempFile;

use super::place::cannot_write;
use crate::error::usage;

/// How the names of files in the making begin and end.
const PREFIX: &str = ".quackctl-";
const SUFFIX: &str = ".part";

/// A file in the making. Dropped before [`OutputFile::keep`], it leaves nothing behind, and a file that was there
/// before as it was.
pub(crate) enum OutputFile {
    /// Written beside its place, moved there when complete.
    Atomic { temporary: NamedTempFile, place: PathBuf },
    /// A device or a pipe, which has no beside.
    Direct { file: File, place: PathBuf },
}

impl OutputFile {
    /// # Errors
    /// A usage error for a place that cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let refuse = |error: io::Error| {
            usage(
                format!("cannot write `{}`: {error}", path.display()),
                "give -o a file in a folder that you may write to",
            )
        };
        // A link stays a link: what it points at is replaced.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match std::fs::metadata(&place) {
            Ok(existing) if existing.is_dir() => return Err(refuse(io::ErrorKind::IsADirectory.into())),
            Ok(existing) if !existing.is_file() => {
                let file = OpenOptions::new().write(true).open(&place).map_err(refuse)?;
                return Ok(Self::Direct { file, place: path.to_owned() });
            }
            _ => {}
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if folder.exists() && !folder.is_dir() {
            return Err(usage(
                format!("cannot write `{}`: `{}` is no folder", path.display(), folder.display()),
                "give -o a file in a folder that you may write to",
            ));
        }
        if !folder.is_dir() {
            return Err(usage(
                format!("cannot write `{}`: there is no folder `{}`", path.display(), folder.display()),
                "make the folder first",
            ));
        }
        sweep(folder);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file: the umask takes its share.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let temporary = builder.tempfile_in(folder).map_err(|error| match error.get_ref() {
            // `tempfile` puts its own path in front of the cause.
            Some(_) => refuse(error.kind().into()),
            None => refuse(error),
        })?;
        // For as long as it is being written: how the next tells one that was left behind. Where there are no locks, none is swept.
        _ = temporary.as_file().try_lock();
        Ok(Self::Atomic { temporary, place })
    }

    /// Whether both would be one file.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        let place = |file: &Self| match file {
            Self::Atomic { temporary, place } => {
                // The temporary file's folder is the place's, and it is there.
                let folder = temporary.path().parent().and_then(|folder| folder.canonicalize().ok());
                Some(folder?.join(place.file_name()?))
            }
            Self::Direct { .. } => None,
        };
        place(self).is_some_and(|own| Some(own) == place(other))
    }

    /// Puts the complete file in its place.
    ///
    /// # Errors
    /// A rename that the file system refuses.
    pub(crate) fn keep(self) -> Result<()> {
        if let Self::Atomic { temporary, place } = self {
            temporary.persist(&place).map_err(|error| named(&place)(error.error))?;
        }
        Ok(())
    }
}

/// Tells of an error with the place that it is of.
fn named(place: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| cannot_write(&format!("`{}`", place.display()), &error)
}

/// How long a file is left alone, which may have no lock yet.
const FRESH: Duration = Duration::from_secs(60);

/// Removes what killed ones left in `folder`; best effort. Nothing but plain files of our own, by their names.
fn sweep(folder: &Path) {
    let is_old = |found: &fs::Metadata| found.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > FRESH));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !is_ours || !entry.metadata().is_ok_and(|found| found.is_file() && is_old(&found)) {
            continue;
        }
        let is_held =
            File::open(entry.path()).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if !is_held {
            _ = fs::remove_file(entry.path());
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Atomic { temporary, place } => temporary.write(bytes).map_err(named(place)),
            Self::Direct { file, place } => file.write(bytes).map_err(named(place)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Atomic { temporary, place } => temporary.flush().map_err(named(place)),
            Self::Direct { file, place } => file.flush().map_err(named(place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn is_there_only_when_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        let mut file = OutputFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert!(names(dir.path()).is_empty());
        let mut file = OutputFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        file.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(dir.path()), ["out.csv"]);
    }

    #[test]
    fn one_place_is_one_place_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        let file = |name: &str| OutputFile::create(&dir.path().join(name)).unwrap();
        assert!(file("a").is_at(&file("in/../a")) && file("a").is_at(&file("./a")));
        assert!(!file("a").is_at(&file("b")) && !file("a").is_at(&file("in/a")));
    }

    #[test]
    fn what_a_killed_one_left_is_swept_and_what_is_being_written_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let old = |name: &str| {
            let path = dir.path().join(name);
            let file = File::options().create(true).append(true).open(&path).unwrap();
            file.set_times(fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).unwrap();
        };
        let mut living = OutputFile::create(&dir.path().join("living.csv")).unwrap();
        living.write_all(b"half").unwrap();
        old(&names(dir.path())[0]);
        for name in [".quackctl-killed.part", "mine.part", ".quackctl-mine"] {
            old(name);
        }
        File::create(dir.path().join(".quackctl-fresh.part")).unwrap();
        OutputFile::create(&dir.path().join("next.csv")).unwrap().keep().unwrap();
        living.keep().unwrap();
        let mut left = names(dir.path());
        left.sort();
        assert_eq!(left, [".quackctl-fresh.part", ".quackctl-mine", "living.csv", "mine.part", "next.csv"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        std::fs::write(&path, "old").unwrap();
        OutputFile::create(&path).unwrap().write_all(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_and_links_kept() {
        OutputFile::create(Path::new("/dev/null")).unwrap().keep().unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut file = OutputFile::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        file.keep().unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn says_which_place_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("missing/out.csv")] {
            let error = OutputFile::create(&path).err().unwrap();
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }
}
