//! Which files the process may open: its own few, told to the kernel by Landlock.
//!
//! DuckDB's own wall knows the files that go through DuckDB. What an extension opens past it, GDAL say, meets this one. A
//! kernel that lacks Landlock (before Linux 5.13, AWS Lambda's own among them) leaves it out; there is nothing of
//! anybody's in Lambda's sandbox but this function.

use quack_function::engine::Settings;
use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What the C library and DuckDB look up as they go: the places of libraries, names of hosts, certificates, the time zone,
/// memory and processors. Most are there on some systems only.
const READABLE: &[&str] = &[
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/localtime",
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self/cgroup",
    "/proc/self/maps",
    "/proc/sys/vm",
    "/sys/devices/system",
    "/sys/fs/cgroup",
];

const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// Everything that Landlock knew of at first.
const ALL: u64 = (1 << 13) - 1;
/// Since its third version.
const TRUNCATE: u64 = 1 << 14;

/// The flag that asks for the version, and the kind of a rule; <linux/landlock.h>.
const VERSION: u32 = 1;
const PATH_BENEATH: u32 = 1;

#[repr(C)]
struct Ruleset {
    handled_access_fs: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// Confines this thread, and all that it starts, to the files of `settings` and those of the system that it needs.
pub(crate) fn confine(settings: &Settings) {
    let temporary = settings.temp_dir.parent();
    let read = READABLE.iter().map(Path::new).chain(settings.extension_dirs.iter().map(AsRef::as_ref));
    match confine_to(read, temporary.into_iter()) {
        Ok(()) => {}
        // The other walls stand without it: a kernel that lacks it is no reason to serve nobody.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::EPERM)) => {}
        Err(error) => eprintln!("the process may open any file: {error}"),
    }
}

fn confine_to<'p>(read: impl Iterator<Item = &'p Path>, write: impl Iterator<Item = &'p Path>) -> io::Result<()> {
    // SAFETY: asks for the version, as a null pointer and no length say.
    let version = checked(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, VERSION) })?;
    let handled = if version >= 3 { ALL | TRUNCATE } else { ALL };
    let ruleset = Ruleset { handled_access_fs: handled };
    // SAFETY: `ruleset` outlives the call, and has the length that is told.
    let made = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const ruleset, size_of::<Ruleset>(), 0) };
    // SAFETY: the kernel has just given the descriptor to nobody else.
    let ruleset = unsafe { OwnedFd::from_raw_fd(i32::try_from(checked(made)?).map_err(io::Error::other)?) };
    let rules = read.map(|path| (path, READ_FILE | READ_DIR)).chain(write.map(|path| (path, handled)));
    for (path, access) in rules {
        let Some(place) = open(path) else { continue };
        let of_a_file = READ_FILE | WRITE_FILE | TRUNCATE;
        let access = if path.is_dir() { access } else { access & of_a_file };
        let rule = PathBeneath { allowed_access: access & handled, parent_fd: place.as_raw_fd() };
        let (number, kind) = (libc::SYS_landlock_add_rule, PATH_BENEATH);
        // SAFETY: `rule` outlives the call, and both descriptors are open.
        checked(unsafe { libc::syscall(number, ruleset.as_raw_fd(), kind, &raw const rule, 0) })?;
    }
    // SAFETY: takes numbers only.
    checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
    // SAFETY: the descriptor is open.
    checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) }).map(drop)
}

/// A descriptor that names a place, if it is there.
fn open(path: &Path) -> Option<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: `path` is a C string that outlives the call.
    let opened = unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
    // SAFETY: the kernel has just given the descriptor to nobody else.
    (opened >= 0).then(|| unsafe { OwnedFd::from_raw_fd(opened) })
}

fn checked(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::ErrorKind;

    #[test]
    fn files_of_others_stay_shut() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = other.path().join("secret");
        fs::write(&secret, "x").unwrap();
        let link = own.path().join("link");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        // In a thread of its own: it holds for the thread and all that it starts.
        let confined = || -> bool {
            match confine_to([Path::new("/etc/hosts")].into_iter(), [own.path()].into_iter()) {
                Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => return false,
                confined => confined.unwrap(),
            }
            let denied = |result: io::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
            denied(fs::read(&secret).map(drop));
            denied(fs::read(&link).map(drop));
            denied(fs::write(&secret, "y"));
            denied(fs::write(other.path().join("new"), "y"));
            denied(fs::remove_file(&secret));
            denied(fs::read_dir(other.path()).map(drop));
            denied(fs::read("/etc/passwd").map(drop));
            denied(fs::read("/proc/self/environ").map(drop));
            denied(std::thread::scope(|scope| scope.spawn(|| fs::read(&secret)).join().unwrap()).map(drop));
            fs::read("/etc/hosts").unwrap();
            let file = own.path().join("folder/file");
            fs::create_dir(own.path().join("folder")).unwrap();
            fs::write(&file, "y").unwrap();
            fs::write(&file, "").unwrap();
            fs::remove_dir_all(own.path().join("folder")).unwrap();
            true
        };
        if !std::thread::scope(|scope| scope.spawn(confined).join().unwrap()) {
            eprintln!("skipped: this kernel has no Landlock");
        }
        assert_eq!(fs::read_to_string(&secret).unwrap(), "x");
    }
}
