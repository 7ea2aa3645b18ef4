//! Whose the other end of a connection on this machine is.
//!
//! The kernel knows: `/proc/net/tcp` has the socket of each end with its inode, and the owner's `/proc/PID/fd` has the
//! inode again. Another process cannot make that so, whoever it runs as, unless the owner hands it a socket.

use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use std::{fs, path::Path};

/// True if the connection from `peer` to `own` is one of the process `pid`.
#[cfg(target_os = "linux")]
pub(super) fn is_of(pid: i32, own: SocketAddr, peer: SocketAddr) -> bool {
    let Ok(table) = fs::read_to_string("/proc/net/tcp") else { return false };
    inode(&table, peer, own).is_some_and(|inode| holds(pid, &format!("socket:[{inode}]")))
}

/// Elsewhere the system does not tell: whoever runs as this user may ask.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_of(_: i32, _: SocketAddr, _: SocketAddr) -> bool {
    true
}

/// The inode of the established socket from `local` to `remote` in a table of the form of `/proc/net/tcp`.
/// Source: <https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt>.
#[cfg(target_os = "linux")]
fn inode(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u64> {
    const ESTABLISHED: &str = "01";
    let (local, remote) = (address(local)?, address(remote)?);
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let found = fields.get(1..4)? == [local.as_str(), remote.as_str(), ESTABLISHED];
        found.then(|| fields.get(9)?.parse().ok().filter(|inode| *inode != 0)).flatten()
    })
}

/// An address as the table has it: in the machine's own order of bytes.
#[cfg(target_os = "linux")]
fn address(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}

/// True if the process has this open.
#[cfg(target_os = "linux")]
fn holds(pid: i32, what: &str) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|link| link == Path::new(what)))
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
        drop(client);
        assert!(!is_of(here, own, peer), "it has ended");
        drop(other.stdin.take());
        other.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        other.wait().unwrap();
    }
}
