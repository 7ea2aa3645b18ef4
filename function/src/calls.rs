//! What the process may ask of the kernel once DuckDB is open: the calls of a list, and no other. A call that is not on it
//! fails as if the user had no right to it, and ends nothing: another C library or kernel may try one and do without.
//!
//! Nothing here is needed while the sandbox holds. It is for the day when it does not.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::env;

/// Gives up, for all threads and for good, every call that the function has no use for: other programs, other processes'
/// memory, the kernel's own matters, and sockets but those of the Internet.
pub(crate) fn give_up() {
    let install = |filter: Result<BpfProgram, BackendError>| {
        let filter = filter.map_err(|error| error.to_string())?;
        seccompiler::apply_filter_all_threads(&filter).map_err(|error| error.to_string())
    };
    // The list itself comes last: it leaves no way to add another filter.
    // The other walls stand without it: a kernel that lacks it is no reason to serve nobody.
    if let Err(error) = install(without_clone3()).and_then(|()| install(listed())) {
        eprintln!("the process keeps its rights: {error}");
    }
}

/// Calls that are made whatever their arguments.
const ALLOWED: &[i64] = &[
    // memory
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mincore,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // files, which Landlock and DuckDB look after
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat2,
    libc::SYS_sendfile,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_truncate,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    libc::SYS_write,
    libc::SYS_writev,
    // connections, which `network.rs` looks after
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    // waiting
    libc::SYS_clock_nanosleep,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_restart_syscall,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    // threads, signals and the end
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    // what the process is, and what time it is
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_getcpu,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_umask,
    libc::SYS_uname,
];

/// The older forms of some of them, which only this processor has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getdents,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_sync_file_range,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// What a thread may say of itself; to be looked into again (`PR_SET_DUMPABLE`) is not among it.
const PRCTL: &[i32] = &[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA, libc::PR_GET_DUMPABLE];

/// What may be asked of a descriptor: how much there is to read, whether it is a terminal. Writing to a terminal's input is not
/// among it.
const IOCTL: &[u64] = &[libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX, libc::TCGETS, libc::TIOCGWINSZ];

fn compare(argument: u8, operator: SeccompCmpOp, value: i32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value.cast_unsigned().into())
}

/// The list.
fn listed() -> Result<BpfProgram, BackendError> {
    let only = |argument, value| SeccompRule::new(vec![compare(argument, SeccompCmpOp::Eq, value)?]);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    let internet = [libc::AF_INET, libc::AF_INET6].map(|family| only(0, family));
    rules.insert(libc::SYS_socket, internet.into_iter().collect::<Result<_, _>>()?);
    // Two ends of one socket reach nobody else; the Runtime API's client wakes itself so.
    rules.insert(libc::SYS_socketpair, vec![only(0, libc::AF_UNIX)?]);
    rules.insert(libc::SYS_prctl, PRCTL.iter().map(|what| only(0, *what)).collect::<Result<_, _>>()?);
    let asked = IOCTL.iter().map(|what| {
        let what = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *what)?;
        SeccompRule::new(vec![what])
    });
    rules.insert(libc::SYS_ioctl, asked.collect::<Result<_, _>>()?);
    // A new thread, no new process.
    let thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD.cast_unsigned().into());
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![compare(0, thread, libc::CLONE_THREAD)?])?]);
    // The process's own limits, and its own signals: both name it by its number.
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let limits = [0, own].map(|process| {
        let new = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
        SeccompRule::new(vec![compare(0, SeccompCmpOp::Eq, process)?, new])
    });
    rules.insert(libc::SYS_prlimit64, limits.into_iter().collect::<Result<_, _>>()?);
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        rules.insert(call, vec![only(0, own)?]);
    }
    let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    SeccompFilter::new(rules, denied, SeccompAction::Allow, arch()?)?.try_into()
}

/// What `clone3` is to do lies in memory, where no filter looks: as if the kernel did not have it, the C library takes `clone`.
fn without_clone3() -> Result<BpfProgram, BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let missing = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    SeccompFilter::new(rules, SeccompAction::Allow, missing, arch()?)?.try_into()
}

fn arch() -> Result<TargetArch, BackendError> {
    env::consts::ARCH.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn rights_are_given_up_for_good() {
        // In a thread of its own, which has no other to share the filter with.
        std::thread::spawn(|| {
            seccompiler::apply_filter(&without_clone3().unwrap()).unwrap();
            seccompiler::apply_filter(&listed().unwrap()).unwrap();
            let refused = |result: io::Result<()>| {
                assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EPERM));
            };
            refused(std::process::Command::new("/bin/true").spawn().map(drop));
            refused(std::os::unix::net::UnixDatagram::unbound().map(drop));
            refused(std::net::TcpListener::bind("127.0.0.1:0").map(drop));
            let call = |number: i64, first: i64| {
                // SAFETY: no call that is made here gets as far as memory; each is refused by its number or its first argument.
                match unsafe { libc::syscall(number, first, 0, 0, 0, 0) } {
                    -1 => Err(io::Error::last_os_error()),
                    _ => Ok(()),
                }
            };
            for number in [
                libc::SYS_ptrace,
                libc::SYS_bpf,
                libc::SYS_mount,
                libc::SYS_io_uring_setup,
                libc::SYS_memfd_create,
                libc::SYS_process_vm_readv,
                libc::SYS_seccomp,
                libc::SYS_setuid,
                libc::SYS_symlinkat,
                libc::SYS_chroot,
            ] {
                refused(call(number, 0));
            }
            refused(call(libc::SYS_kill, 1));
            refused(call(libc::SYS_prctl, libc::PR_SET_DUMPABLE.into()));
            // A number of no call, and on x86-64 one for 32-bit pointers.
            refused(call(100_000, 0));
            refused(call(libc::SYS_getpid | 0x4000_0000, 0));
            // A process; then a thread, which the C library makes without clone3.
            refused(call(libc::SYS_clone, libc::SIGCHLD.into()));
            assert_eq!(call(libc::SYS_clone3, 0).unwrap_err().raw_os_error(), Some(libc::ENOSYS));
            std::thread::spawn(|| ()).join().unwrap();
            // SAFETY: the C library's `errno` says what comes of it; a descriptor is left to the end of the process.
            assert!(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) } >= 0);
            drop(std::os::unix::net::UnixStream::pair().unwrap());
        })
        .join()
        .unwrap();
    }
}
