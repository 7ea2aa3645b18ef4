//! The per-user cache: what was built or fetched, addressed by content, shared by all projects.

use std::ffi::OsString;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;
use std::{env, fmt, fs, io};

/// The cache's folder: `QUACK_CACHE_DIR`, else `quackctl` in the system's place for caches.
pub fn root() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    set("QUACK_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|caches| caches.join("quackctl")))
        // Without HOME the one that the system has for the user.
        .or_else(|| env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache").join("quackctl")))
        .unwrap_or_else(|| {
            static PLACE: OnceLock<PathBuf> = OnceLock::new();
            PLACE.get_or_init(|| own_folder(&env::temp_dir())).clone()
        })
}

/// A folder in one that everybody may write to: what lies in it is run, so that nobody else may have put it there.
fn own_folder(shared: &Path) -> PathBuf {
    let uid = fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or_default();
    let place = shared.join(format!("quackctl-cache-{uid}"));
    // It may be there; whose it is comes next.
    let _ = fs::DirBuilder::new().mode(0o700).create(&place);
    let is_own = |there: fs::Metadata| there.is_dir() && there.uid() == uid && there.mode() & 0o077 == 0;
    if fs::symlink_metadata(&place).is_ok_and(is_own) {
        return place;
    }
    // Somebody was here before: one that nobody can guess, for this process alone.
    let chance = RandomState::new().build_hasher().finish();
    let place = shared.join(format!("quackctl-cache-{uid}-{chance:016x}"));
    let _ = fs::DirBuilder::new().mode(0o700).create(&place);
    place
}

/// A folder of the cache that cannot be written to: what [`folder`] and [`lock`] fail with, inside an [`io::Error`].
#[derive(Debug)]
pub struct Unwritable(PathBuf, io::Error);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to the cache, {}: {}", self.0.display(), self.1)
    }
}

impl std::error::Error for Unwritable {}

/// Makes the folder `place` with whatever `fill` puts into it, all or nothing; when it exists already, `fill` is not
/// called. Of several processes one does the work, the others wait for it.
pub fn folder<E: From<io::Error>>(place: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    if place.is_dir() {
        touch(place);
        return Ok(());
    }
    let parent = place.parent().unwrap_or(Path::new("."));
    let _lock = lock(parent)?;
    if place.is_dir() {
        return Ok(());
    }
    let draft = parent.join(".draft");
    match fs::remove_dir_all(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir(&draft)?,
    }
    fill(&draft)?;
    Ok(fs::rename(&draft, place)?)
}

/// Notes that something in the cache is used now.
pub fn touch(place: &Path) {
    // Where it cannot be noted, it counts as unused sooner.
    let _ = fs::File::open(place).and_then(|place| place.set_modified(SystemTime::now()));
}

/// Makes `folder` and keeps other processes from changing what is in it until the returned file is dropped.
pub fn lock(folder: &Path) -> io::Result<fs::File> {
    let made = || {
        fs::create_dir_all(folder)?;
        let file = fs::File::create(folder.join(".lock"))?;
        file.lock()?;
        Ok(file)
    };
    made().map_err(|error: io::Error| io::Error::new(error.kind(), Unwritable(folder.to_owned(), error)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn in_a_shared_folder_nobody_elses_is_taken_for_the_cache() {
        let shared = env::temp_dir().join(format!("quackctl-test-{}", std::process::id()));
        let _ = fs::remove_dir_all(&shared);
        fs::create_dir(&shared).unwrap();
        let own = own_folder(&shared);
        assert_eq!(own.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(own_folder(&shared), own);
        fs::set_permissions(&own, fs::Permissions::from_mode(0o777)).unwrap();
        let other = own_folder(&shared);
        assert!(other != own && other.metadata().unwrap().mode() & 0o777 == 0o700);
        fs::remove_dir(&own).unwrap();
        symlink(&other, &own).unwrap();
        assert!(![&own, &other].contains(&&own_folder(&shared)));
        fs::remove_dir_all(&shared).unwrap();
    }
}
