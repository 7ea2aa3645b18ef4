//! The per-user cache: what was built or fetched, addressed by content, shared by all projects.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The cache's folder: `QUACK_CACHE_DIR`, else `quackctl` in the system's place for caches.
pub fn root() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    set("QUACK_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|caches| caches.join("quackctl")))
        .or_else(|| set("HOME").map(|home| home.join(".cache").join("quackctl")))
        .unwrap_or_else(|| env::temp_dir().join("quackctl-cache"))
}

/// Makes the folder `place` with whatever `fill` puts into it, all or nothing; when it exists already, `fill` is not
/// called. Of several processes one does the work, the others wait for it.
pub fn folder<E: From<io::Error>>(place: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    if place.is_dir() {
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

/// Makes `folder` and keeps other processes from changing what is in it until the returned file is dropped.
pub fn lock(folder: &Path) -> io::Result<fs::File> {
    fs::create_dir_all(folder)?;
    let file = fs::File::create(folder.join(".lock"))?;
    file.lock()?;
    Ok(file)
}
