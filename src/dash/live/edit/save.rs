//! A page's file, written: whole or not at all, and never over what somebody else wrote meanwhile.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use hyper::StatusCode;

use super::super::super::file::{self, FOLDER};
use crate::digest;
use crate::error::{failure, unwritable};
use crate::private;

/// Why nothing was written.
pub(super) type Refused = (StatusCode, anyhow::Error);

/// The text of a page that was read with this digest, or, without one, of a page that is not there yet.
///
/// # Errors
/// A page that is another by now; a folder or a file that is none; a name that is none.
pub(super) fn read(dir: &Path, name: &str, digest: Option<&str>) -> Result<String, Refused> {
    let path = file::path(dir, name);
    let text = file::text(&path, name).map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error));
    // A link would lead out of the project.
    if !fs::symlink_metadata(dir.join(FOLDER)).is_ok_and(|data| data.is_dir()) {
        let error = failure(format!("{FOLDER}/ is no folder of its own"), "put the folder itself there, no link");
        return Err((StatusCode::UNPROCESSABLE_ENTITY, error));
    }
    let Some(digest) = digest else {
        return match fs::symlink_metadata(&path) {
            _ if !file::is_name(name) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            _ => Err(taken(name)),
        };
    };
    match text {
        Ok(text) if digest::short(&text) != digest => Err((
            StatusCode::CONFLICT,
            failure(
                format!("`{FOLDER}/{name}.md` was changed after it was opened here, and nothing was written"),
                "copy what you wrote, and load this page again",
            ),
        )),
        text => text,
    }
}

/// Writes the page whose text [`read`] gave for this digest.
///
/// # Errors
/// As there; a folder that cannot be written to.
pub(super) fn write(dir: &Path, name: &str, digest: Option<&str>, text: &str) -> Result<(), Refused> {
    // What is no name leads nowhere before anything is made.
    read(dir, name, digest)?;
    let (folder, path) = (dir.join(FOLDER), file::path(dir, name));
    let cannot = |error: io::Error| {
        let error = unwritable(path.display(), &error, "see to the folder's rights");
        (StatusCode::INTERNAL_SERVER_ERROR, error)
    };
    let rights = match digest {
        Some(_) => fs::metadata(&path).map_err(cannot)?.permissions(),
        // Of which the umask takes its own.
        None => Permissions::from_mode(0o666),
    };
    let mut beside = tempfile::Builder::new();
    let new = beside.prefix(".page-").permissions(rights.clone()).tempfile_in(&folder);
    let mut new = new.map_err(cannot)?;
    if digest.is_some() {
        new.as_file().set_permissions(rights).map_err(cannot)?;
    }
    new.write_all(text.as_bytes()).and_then(|()| new.as_file().sync_all()).map_err(cannot)?;
    // As late as it can be.
    read(dir, name, digest)?;
    match digest {
        Some(_) => new.persist(&path).map_err(|error| cannot(error.error))?,
        None => new.persist_noclobber(&path).map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => taken(name),
            _ => cannot(error.error),
        })?,
    };
    private::sync(&folder).map_err(cannot)
}

fn taken(name: &str) -> Refused {
    let words = format!("there is a page `{FOLDER}/{name}.md` already, and nothing was written");
    (StatusCode::CONFLICT, failure(words, "choose it above, or give another name"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        let refused = |name: &str, digest: Option<&str>| {
            let (status, error) = write(dir.path(), name, digest, "new").unwrap_err();
            (status.as_u16(), format!("{error:#}"))
        };
        write(dir.path(), "a", None, "one").unwrap();
        assert_eq!(refused("a", None).0, 409);
        let digest = digest::short("one");
        fs::set_permissions(folder.join("a.md"), Permissions::from_mode(0o640)).unwrap();
        write(dir.path(), "a", Some(&digest), "two").unwrap();
        assert_eq!(fs::metadata(folder.join("a.md")).unwrap().permissions().mode() & 0o777, 0o640);
        let (status, words) = refused("a", Some(&digest));
        assert!(status == 409 && words.contains("was changed"), "{words}");
        fs::write(dir.path().join("secret"), "one").unwrap();
        symlink(dir.path().join("secret"), folder.join("b.md")).unwrap();
        symlink(dir.path().join("gone"), folder.join("c.md")).unwrap();
        assert_eq!((refused("b", Some(&digest)).0, refused("b", None).0, refused("c", None).0), (422, 409, 409));
        for name in ["../secret", "../x", "A", "", "edit", "a/b", ".x"] {
            assert_eq!((refused(name, None).0, refused(name, Some(&digest)).0), (422, 422), "{name}");
        }
        assert_eq!(fs::read_to_string(dir.path().join("secret")).unwrap(), "one");
        assert_eq!(fs::read_to_string(folder.join("a.md")).unwrap(), "two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    }
}
