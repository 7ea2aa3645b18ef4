//! The process around DuckDB: what it is allowed to ask of the system, and what others may read of it.
//!
//! Nothing here is needed while the sandbox holds. It is for the day when it does not.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
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

/// Gives up, for all threads and for good, what the function never asks of the system: other programs, other processes'
/// memory, the kernel's own matters, and sockets but those of the Internet.
pub(crate) fn give_up_rights() {
    let given_up = filter()
        .map_err(|error| error.to_string())
        .and_then(|filter| seccompiler::apply_filter_all_threads(&filter).map_err(|error| error.to_string()));
    // The other walls stand without it: a kernel that lacks it is no reason to serve nobody.
    if let Err(error) = given_up {
        eprintln!("the process keeps its rights: {error}");
    }
}

const DENIED: &[i64] = &[
    // other programs
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_memfd_create,
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    // ways around the filter, and large parts of the kernel that are often broken into
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // the system as a whole
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    // serving others
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
];

/// On x86-64, the same calls by their numbers for 32-bit pointers.
const X32: i64 = 0x4000_0000;

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let condition = |argument, operator, value: i32| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value.cast_unsigned().into())
    };
    let other_family = SeccompRule::new(vec![
        condition(0, SeccompCmpOp::Ne, libc::AF_INET)?,
        condition(0, SeccompCmpOp::Ne, libc::AF_INET6)?,
    ])?;
    // A new process rather than a new thread.
    let no_thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD.cast_unsigned().into());
    let new_process = SeccompRule::new(vec![condition(0, no_thread, 0)?])?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, vec![other_family]);
    rules.insert(libc::SYS_clone, vec![new_process]);
    if cfg!(target_arch = "x86_64") {
        let x32: Vec<_> = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
        rules.extend(x32);
    }
    let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let arch: TargetArch = env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_given_up_for_good() {
        // In a thread of its own, which has no other to share the filter with.
        std::thread::spawn(|| {
            seccompiler::apply_filter(&filter().unwrap()).unwrap();
            let refused = |result: std::io::Result<()>| {
                assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EPERM));
            };
            refused(std::process::Command::new("/bin/true").spawn().map(drop));
            refused(std::os::unix::net::UnixDatagram::unbound().map(drop));
            refused(std::net::TcpListener::bind("127.0.0.1:0").map(drop));
            // SAFETY: the C library's `errno` says what comes of it; no memory is touched.
            refused(match unsafe { libc::syscall(libc::SYS_ptrace, 0, 0, 0, 0) } {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
            // SAFETY: as above; a descriptor is left to the end of the process.
            assert!(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) } >= 0);
            std::thread::spawn(|| ()).join().unwrap();
        })
        .join()
        .unwrap();
    }
}
