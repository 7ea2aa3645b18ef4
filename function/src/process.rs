//! The process around DuckDB: what others may read of it.
//!
//! Nothing here is needed while the sandbox holds. It is for the day when it does not.

use std::env;
use std::ffi::{CStr, OsStr, OsString, c_char};

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// Parts of the names of environment variables that hold keys.
const KEYS: &[&str] = &["SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY"];

/// Takes the keys out of the environment, now that the settings have them: DuckDB's extensions copy what they find there
/// into settings that SQL can read, and the system shows to others what the process was started with.
pub(crate) fn hide_keys() {
    let is_key = |name: &OsStr| KEYS.iter().any(|part| name.to_string_lossy().contains(part));
    let kept: Vec<(OsString, OsString)> = env::vars_os().filter(|(name, _)| !is_key(name)).collect();
    // SAFETY: the process has no other thread yet; the texts are those that the process was started with or that were set
    // since, each a C string of its own, and nobody holds one of them.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            let len = CStr::from_ptr(*entry).count_bytes();
            (*entry).write_bytes(0, len);
            entry = entry.add(1);
        }
        libc::clearenv();
    }
    for (name, value) in kept {
        // SAFETY: the process has no other thread yet.
        unsafe { env::set_var(name, value) };
    }
}

/// Has nobody look into the process's memory, and no memory written out when it crashes.
pub(crate) fn close_memory() {
    // SAFETY: takes numbers only.
    let done = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    if done != 0 {
        eprintln!("the process's memory stays readable: {}", std::io::Error::last_os_error());
    }
}
