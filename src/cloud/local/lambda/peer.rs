//! Whose the other end of a connection on this machine is.
//!
//! The kernel knows: `/proc/net/tcp` has the socket of each end with its user and its inode, and the owner's
//! `/proc/PID/fd` has the inode again. Another process cannot make that so unless the owner hands it a socket.
//!
//! A process that lets nobody look into it (`PR_SET_DUMPABLE`, as the function does) hides its files from all but root.
//! Then it counts as the owner if the socket is this user's and none of the user's processes that can be looked into has
//! it: other users are kept out, and so is every process of this user that does not hide in the same way.

use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use std::{fs, io, path::Path};

/// A row of the kernel's table of sockets.
#[cfg(target_os = "linux")]
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    user: u32,
    inode: u64,
}

/// True if the connection from `peer` to `own` is one of the process `pid`.
#[cfg(target_os = "linux")]
pub(super) fn is_of(pid: i32, own: SocketAddr, peer: SocketAddr) -> bool {
    let Ok(table) = fs::read_to_string("/proc/net/tcp") else { return false };
    let Some(socket) = find(&table, peer, own) else { return false };
    match holds(pid, socket.inode) {
        Ok(holds) => holds,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            socket.user == rustix::process::geteuid().as_raw() && !held_by_another(pid, socket.inode)
        }
        Err(_) => false,
    }
}

/// Elsewhere the system does not tell: whoever runs as this user may ask.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_of(_: i32, _: SocketAddr, _: SocketAddr) -> bool {
    true
}

/// The established socket from `local` to `remote` in a table of the form of `/proc/net/tcp`.
/// Source: <https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt>.
#[cfg(target_os = "linux")]
fn find(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<Socket> {
    const ESTABLISHED: &str = "01";
    let (local, remote) = (address(local)?, address(remote)?);
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if fields.get(1..4)? != [local.as_str(), remote.as_str(), ESTABLISHED] {
            return None;
        }
        let socket = Socket { user: fields.get(7)?.parse().ok()?, inode: fields.get(9)?.parse().ok()? };
        // One that nobody holds any more has none.
        (socket.inode != 0).then_some(socket)
    })
}

/// An address as the table has it: in the machine's own order of bytes.
#[cfg(target_os = "linux")]
fn address(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}

/// True if the process has the socket.
#[cfg(target_os = "linux")]
fn holds(pid: i32, inode: u64) -> io::Result<bool> {
    let socket = format!("socket:[{inode}]");
    let mut open = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
    Ok(open.any(|file| fs::read_link(file.path()).is_ok_and(|link| link == Path::new(&socket))))
}

/// True if a process that can be looked into, and is not `pid`, has the socket.
#[cfg(target_os = "linux")]
fn held_by_another(pid: i32, inode: u64) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| *id != pid).any(|id| holds(id, inode).unwrap_or(false))
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_connection_is_its_process_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let client = TcpStream::connect(own).unwrap();
        let (_server, peer) = listener.accept().unwrap();
        let here = std::process::id() as i32;
        assert!(is_of(here, own, peer));
        let mut other = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        assert!(!is_of(other.id() as i32, own, peer));
        let socket = find(&fs::read_to_string("/proc/net/tcp").unwrap(), peer, own).unwrap();
        assert_eq!(socket.user, rustix::process::geteuid().as_raw());
        assert!(held_by_another(other.id() as i32, socket.inode) && !held_by_another(here, socket.inode));
        drop(client);
        assert!(!is_of(here, own, peer), "it has ended");
        drop(other.stdin.take());
        other.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        other.wait().unwrap();
    }
}
