//! The sandbox's outer wall: the process reaches object storage and Lambda's Runtime API, nothing else.
//!
//! An `s3://` address may name another endpoint in its query (`?s3_endpoint=...`), in text that SQL puts together as it
//! runs; DuckDB has no setting that forbids this and leaves globs. So this file defines the C library's `connect` and
//! `getaddrinfo`: the dynamic linker prefers a program's own, for DuckDB and its extensions too.

use libc::{addrinfo, c_char, c_int, sockaddr, socklen_t};
use quack_function::engine::{Partition, Settings};
use std::collections::HashSet;
use std::env;
use std::ffi::{CStr, c_void};
use std::mem::transmute;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{OnceLock, PoisonError, RwLock};

static WALL: OnceLock<Wall> = OnceLock::new();

/// Who may be reached.
#[derive(Debug)]
struct Wall {
    peers: Vec<Peer>,
    /// What the names of the peers were found to stand for.
    found: RwLock<HashSet<SocketAddr>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Peer {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(String),
    S3(AwsNames),
}

/// The names of AWS's own S3 under which the function's buckets are reached.
///
/// A name says which bucket it leads to, but for the one of the path style, which leads to every bucket of its region:
/// that one is let through only where the function has to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AwsNames {
    buckets: Vec<String>,
    /// In another partition, a bucket of the same name would be somebody else's.
    partition: Partition,
    path_style: bool,
}

/// Allows the Runtime API, which the environment names, and the object storage of `settings`. Until then nobody may be
/// reached.
pub(crate) fn confine(settings: Option<&Settings>) {
    let runtime_api = env::var("AWS_LAMBDA_RUNTIME_API").ok();
    // It can only have been set by an earlier call, from the same environment.
    let _ = WALL.set(Wall { peers: peers(runtime_api, settings), found: RwLock::default() });
}

fn peers(runtime_api: Option<String>, settings: Option<&Settings>) -> Vec<Peer> {
    let storage = settings.map(|settings| match &settings.s3.endpoint {
        Some(endpoint) => Peer::at(endpoint),
        None => Peer { host: Host::S3(AwsNames::of(settings)), port: 443 },
    });
    runtime_api.map(|address| Peer::at(&format!("http://{address}"))).into_iter().chain(storage).collect()
}

impl AwsNames {
    fn of(settings: &Settings) -> Self {
        let buckets = settings.read.iter().map(|folder| &folder.bucket).chain([&settings.bucket]).cloned().collect();
        let partition = Partition::of(settings.s3.region.as_deref().unwrap_or_default());
        Self { buckets, partition, path_style: settings.s3.path_style }
    }

    /// Whether `name` is S3's in a region of the partition, and leads to one of the buckets.
    fn contain(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let Some(rest) = name.strip_suffix(self.partition.domain).and_then(|rest| rest.strip_suffix('.')) else {
            return false;
        };
        let of_bucket = |bucket: &String| rest.strip_prefix(bucket.as_str())?.strip_prefix('.');
        let service = match self.buckets.iter().find_map(of_bucket) {
            Some(service) => service,
            None if self.path_style => rest,
            None => return false,
        };
        let region = match service.strip_prefix("s3.") {
            Some(region) => region.strip_prefix("dualstack.").unwrap_or(region),
            // The name without a region, which only the first partition has.
            None => return service == "s3" && self.partition == Partition::of(""),
        };
        let plain = !region.is_empty() && region.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        plain && Partition::of(region) == self.partition
    }
}

impl Peer {
    /// The peer at a URL, which is taken for https without a scheme, as DuckDB takes it.
    fn at(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let authority = rest.split('/').next().unwrap_or(rest);
        let default = if scheme == "http" { 80 } else { 443 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(default)),
            _ => (authority, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip);
        Self { host, port }
    }

    fn is_named(&self, name: &str) -> bool {
        match &self.host {
            Host::Ip(_) => false,
            Host::Name(own) => own.eq_ignore_ascii_case(name),
            Host::S3(names) => names.contain(name),
        }
    }
}

impl Wall {
    fn lets_through(&self, address: SocketAddr) -> bool {
        let given = |peer: &Peer| peer.host == Host::Ip(address.ip()) && peer.port == address.port();
        self.peers.iter().any(given) || self.found.read().unwrap_or_else(PoisonError::into_inner).contains(&address)
    }

    /// The ports of the peers that are called `name`.
    fn ports(&self, name: &str) -> Vec<u16> {
        self.peers.iter().filter(|peer| peer.is_named(name)).map(|peer| peer.port).collect()
    }
}

/// The C library's own function `name`, null if it has none.
fn original(name: &CStr) -> *mut c_void {
    // SAFETY: `name` is a C string.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

/// The address that a `sockaddr` holds; `None` unless it is one of the Internet's.
///
/// # Safety
/// `address` points at `len` bytes of a socket address.
unsafe fn internet_address(address: *const sockaddr, len: socklen_t) -> Option<SocketAddr> {
    let holds = |size: usize| usize::try_from(len).is_ok_and(|len| len >= size);
    if address.is_null() || !holds(size_of::<sockaddr>()) {
        return None;
    }
    // SAFETY: not null, and long enough for its family.
    match c_int::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            // SAFETY: the family says what it is; Linux has no shorter address of this family.
            let v4 = unsafe { &*address.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::from((ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 if holds(size_of::<libc::sockaddr_in6>()) => {
            // SAFETY: the family says what it is, and it is long enough.
            let v6 = unsafe { &*address.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddr::from((ip.to_canonical(), u16::from_be(v6.sin6_port))))
        }
        _ => None,
    }
}

/// The C library's `connect`, for those who may be reached; `EACCES` for the others.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn connect(socket: c_int, address: *const sockaddr, len: socklen_t) -> c_int {
    type Connect = unsafe extern "C" fn(c_int, *const sockaddr, socklen_t) -> c_int;
    // SAFETY: the caller's promise.
    let wanted = unsafe { internet_address(address, len) };
    let allowed = wanted.zip(WALL.get()).is_some_and(|(wanted, wall)| wall.lets_through(wanted));
    let connect = original(c"connect");
    if !allowed || connect.is_null() {
        // SAFETY: the thread's own `errno`.
        unsafe { *libc::__errno_location() = libc::EACCES };
        return -1;
    }
    // SAFETY: the C library's function has this type.
    unsafe { transmute::<*mut c_void, Connect>(connect)(socket, address, len) }
}

/// The C library's `getaddrinfo`, for names of those who may be reached; `EAI_NONAME` for the others.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    type GetAddrInfo = unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;
    let getaddrinfo = original(c"getaddrinfo");
    let (Some(wall), false) = (WALL.get(), node.is_null() || getaddrinfo.is_null()) else { return libc::EAI_NONAME };
    // SAFETY: not null, so a C string by the caller's promise.
    let name = unsafe { CStr::from_ptr(node) }.to_string_lossy();
    let ports = wall.ports(&name);
    // An address in figures is looked at when it is connected to.
    if ports.is_empty() && name.parse::<IpAddr>().is_err() {
        return libc::EAI_NONAME;
    }
    // SAFETY: the C library's function has this type.
    let code = unsafe { transmute::<*mut c_void, GetAddrInfo>(getaddrinfo)(node, service, hints, result) };
    // SAFETY: the C library wrote the list's beginning there.
    let mut entry = if code == 0 { unsafe { *result } } else { std::ptr::null_mut() };
    let mut found = wall.found.write().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the list that the C library made, up to its null.
    while let Some(info) = unsafe { entry.as_ref() } {
        // SAFETY: an entry's address and its length.
        if let Some(address) = unsafe { internet_address(info.ai_addr, info.ai_addrlen) } {
            found.extend(ports.iter().map(|port| SocketAddr::new(address.ip(), *port)));
        }
        entry = info.ai_next;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use quack_function::engine::{Folder, S3Access};

    fn settings(endpoint: Option<&str>, region: &str, bucket: &str, read: &[&str]) -> Settings {
        let s3 = S3Access {
            endpoint: endpoint.map(str::to_owned),
            region: Some(region.to_owned()),
            path_style: read.iter().chain([&bucket]).any(|bucket| bucket.contains('.')),
            ..S3Access::default()
        };
        Settings {
            bucket: bucket.to_owned(),
            read: read.iter().map(|bucket| Folder::whole(bucket)).collect(),
            write: Vec::new(),
            results: String::new(),
            catalog: String::new(),
            tables: String::new(),
            memory_mib: 0,
            extensions: Vec::new(),
            extension_dirs: Vec::new(),
            temp_dir: env::temp_dir(),
            temp_mib: 0,
            s3_is_near: false,
            log_sql: true,
            s3,
        }
    }

    fn wall(settings: &Settings) -> Wall {
        Wall { peers: peers(Some("127.0.0.1:9001".to_owned()), Some(settings)), found: RwLock::default() }
    }

    #[test]
    fn an_endpoint_is_its_host_and_port() {
        let wall = wall(&settings(Some("http://127.0.0.1:4000/"), "us-east-1", "lake", &["other"]));
        for (address, allowed) in [
            ("127.0.0.1:9001", true),
            ("127.0.0.1:4000", true),
            ("127.0.0.1:4001", false),
            ("127.0.0.2:4000", false),
            ("169.254.169.254:80", false),
            ("[::1]:4000", false),
        ] {
            assert_eq!(wall.lets_through(address.parse().unwrap()), allowed, "{address}");
        }
        assert!(wall.ports("lake.s3.us-east-1.amazonaws.com").is_empty());
        let name = |url: &str| Peer::at(url);
        assert_eq!(name("https://minio"), Peer { host: Host::Name("minio".to_owned()), port: 443 });
        assert_eq!(name("http://[::1]:9000"), Peer { host: Host::Ip(Ipv6Addr::LOCALHOST.into()), port: 9000 });
        assert_eq!(name("http://[::1]").port, 80);
    }

    #[track_caller]
    fn names(settings: &Settings, allowed: &[&str], refused: &[&str]) {
        let wall = wall(settings);
        allowed.iter().for_each(|name| assert_eq!(wall.ports(name), [443], "{name}"));
        refused.iter().for_each(|name| assert!(wall.ports(name).is_empty(), "{name}"));
    }

    #[test]
    fn without_an_endpoint_they_are_the_buckets_own_names() {
        names(
            &settings(None, "eu-central-1", "lake", &["other"]),
            &[
                "lake.s3.eu-central-1.amazonaws.com",
                "Lake.S3.eu-central-1.amazonaws.com",
                "lake.s3.dualstack.eu-central-1.amazonaws.com",
                "lake.s3.amazonaws.com",
                "other.s3.us-east-2.amazonaws.com",
            ],
            &[
                "s3.eu-central-1.amazonaws.com",
                "s3.amazonaws.com",
                "third.s3.eu-central-1.amazonaws.com",
                "s3.lake.s3.eu-central-1.amazonaws.com",
                "lake.s3.third.s3.amazonaws.com",
                "lake.third.s3.eu-central-1.amazonaws.com",
                "lake.s3.cn-north-1.amazonaws.com.cn",
                "lake.s3.us-gov-west-1.amazonaws.com",
                "lake.s3.example.com",
                "lake.s3.eu-central-1.amazonaws.com.example.com",
                "lake.ec2.eu-central-1.amazonaws.com",
                "lake.s3..amazonaws.com",
                "lake.amazonaws.com",
                "amazonaws.com",
                "lake",
                "example.com",
            ],
        );
    }

    #[test]
    fn a_bucket_with_a_dot_is_named_in_the_path() {
        names(
            &settings(None, "eu-central-1", "lake", &["logs.example.org"]),
            &["s3.eu-central-1.amazonaws.com", "lake.s3.eu-central-1.amazonaws.com", "s3.us-east-1.amazonaws.com"],
            &["third.s3.eu-central-1.amazonaws.com", "s3.third.s3.amazonaws.com", "s3.us-gov-west-1.amazonaws.com"],
        );
    }

    #[test]
    fn each_partition_has_its_own_domain() {
        names(
            &settings(None, "cn-north-1", "lake", &[]),
            &["lake.s3.cn-north-1.amazonaws.com.cn", "lake.s3.cn-northwest-1.amazonaws.com.cn"],
            &["lake.s3.cn-north-1.amazonaws.com", "lake.s3.us-east-1.amazonaws.com.cn", "lake.s3.amazonaws.com"],
        );
        names(
            &settings(None, "us-gov-west-1", "lake", &[]),
            &["lake.s3.us-gov-west-1.amazonaws.com", "lake.s3.us-gov-east-1.amazonaws.com"],
            &["lake.s3.us-east-1.amazonaws.com", "lake.s3.amazonaws.com"],
        );
    }

    /// The library that the test is linked with has its `getaddrinfo` replaced as the function has.
    #[test]
    fn names_are_really_resolved_and_their_addresses_let_through() {
        let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        confine(Some(&settings(Some(&format!("http://localhost:{port}")), "us-east-1", "lake", &[])));
        let reach = |host: &str, port: u16| std::net::TcpStream::connect((host, port)).map(drop);
        reach("localhost", port).unwrap();
        assert!(reach("localhost.localdomain", port).is_err(), "another name");
        let refused = reach("localhost", stranger.local_addr().unwrap().port()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied, "another port");
    }
}
