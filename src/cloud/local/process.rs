//! The daemon as a process: started, found and stopped by the commands.
//!
//! A lock, not a process id, tells whether it lives: the starter locks `daemon.lock` and hands the open file down as
//! the daemon's standard input, so that the kernel frees it when the daemon ends, however it ends. The file's text is
//! the daemon's settings.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::credentials::Credentials;
use super::grants::Grants;
use super::paths::Paths;
use crate::cloud::change::Property;
use crate::config::{Config, Network};
use crate::error::{failure, unwritable};
use crate::private;

/// How long a daemon may take to be ready or to go.
const PATIENCE: Duration = Duration::from_secs(15);

/// Everything that the daemon is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// The stage's folder, absolute.
    pub dir: PathBuf,
    /// The port to listen on; 0 for the one it had before, or else any.
    pub port: u16,
    /// Seconds after which an instance without work ends.
    pub idle_s: u32,
    /// Whether instances have no more than the share of a core that Lambda gives their memory.
    #[serde(default)]
    pub cpu_share: bool,
    /// The network between S3 and those who ask it.
    #[serde(default)]
    pub network: Network,
    /// What the engine's function may do.
    #[serde(default)]
    pub grants: Grants,
    /// What the page function may do.
    #[serde(default)]
    pub page: Grants,
    /// Version of the program that the daemon runs.
    pub build: String,
    /// Tells this daemon from those before it.
    pub id: u64,
}

/// Where a daemon listens, in its own words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Endpoint {
    pub port: u16,
    pub pid: i32,
    /// [`Settings::id`].
    pub id: u64,
    /// When it was ready, RFC 3339.
    pub started_at: String,
}

impl Endpoint {
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn read(paths: &Paths) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(paths.endpoint()).ok()?).ok()
    }
}

/// What a daemon says on its standard output, once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Greeting {
    Ready { endpoint: Endpoint, note: Option<String> },
    Failed { error: String, help: String },
}

/// A daemon that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub endpoint: Endpoint,
    /// True if it was this call that started it.
    pub started: bool,
    /// Something that the user should know of the start.
    pub note: Option<String>,
}

impl Settings {
    pub(super) fn new(config: &Config, paths: &Paths) -> Result<Self> {
        let exe = std::env::current_exe().context("cannot find this program's own file")?;
        let changed = exe.metadata().and_then(|metadata| metadata.modified()).unwrap_or(UNIX_EPOCH);
        let changed_ns = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(Self {
            dir: paths.dir.clone(),
            port: config.port,
            idle_s: config.idle_s,
            cpu_share: config.cpu_share,
            network: config.network,
            grants: Grants::of(config),
            page: Grants::of_page(config),
            build: format!("{}+{changed_ns}", env!("CARGO_PKG_VERSION")),
            id: rand::random(),
        })
    }

    /// What a daemon with `self` does not do as one with `wanted` would.
    fn differences(&self, wanted: &Self) -> Result<Vec<Property>> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (found, wanted) = (serde_json::to_value(self)?, serde_json::to_value(wanted)?);
        let all = wanted.as_object().into_iter().flatten().filter(|(name, _)| *name != "id");
        let changed = all.filter(|(name, value)| found.get(name) != Some(value)).map(|(name, value)| Property {
            name: name.clone(),
            before: found.get(name).map(text),
            after: Some(text(value)),
            replaces: false,
        });
        Ok(changed.collect())
    }
}

/// That the port of `quack.toml` belongs to another program.
pub(super) fn port_taken(port: u16) -> anyhow::Error {
    failure(
        format!("port {port} on 127.0.0.1 is taken by another program"),
        "set another `port` under [local] in quack.toml, or 0 for any free one",
    )
}

/// The daemon that runs, if one does and is ready.
pub(super) fn find(paths: &Paths) -> Option<Endpoint> {
    let mut lock = File::open(paths.lock()).ok()?;
    if flock(&lock, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    let settings: Settings = serde_json::from_str(&text).ok()?;
    Endpoint::read(paths).filter(|endpoint| endpoint.id == settings.id)
}

/// Whether the daemon was halted, as by SIGSTOP: its port still takes connections, and nobody answers. False where the system
/// does not tell.
pub(super) fn is_halted(endpoint: &Endpoint) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", endpoint.pid)).unwrap_or_default();
    // The state comes after the name, which is in brackets and may have any in it.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('T' | 't'))
}

/// Whether a daemon holds the lock, ready or not.
pub(super) fn is_held(paths: &Paths) -> bool {
    File::open(paths.lock()).is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_err())
}

/// Whether `lock`, which this process holds, is the file that others look at: not when the stage's folder, or only the
/// lock, was removed or put in another's place.
pub(super) fn is_there(lock: &impl AsFd, paths: &Paths) -> bool {
    let there = paths.lock().metadata().map(|there| (there.dev(), there.ino()));
    matches!((there, rustix::fs::fstat(lock)), (Ok(there), Ok(own)) if there == (own.st_dev, own.st_ino))
}

/// As [`find`], and it takes connections: one that is being killed keeps its lock a moment longer than its port.
pub(super) fn serving(paths: &Paths) -> Option<Endpoint> {
    let address = |endpoint: &Endpoint| SocketAddr::from((Ipv4Addr::LOCALHOST, endpoint.port));
    // Keys that were removed are put back by the daemon, soon.
    find(paths)
        .filter(|_| paths.credentials().exists())
        .filter(|endpoint| TcpStream::connect_timeout(&address(endpoint), PATIENCE).is_ok())
}

fn cannot_write(path: &Path, error: &io::Error) -> anyhow::Error {
    unwritable(path.display(), error, "the stage's folder in .quack, and all in it, has to be yours to write to")
}

/// Finds the daemon or starts one.
///
/// # Errors
/// When it cannot start: its port is taken, its folder not writable.
pub(super) fn ensure_running(config: &Config, paths: &Paths) -> Result<Running> {
    let cannot = |error: io::Error| cannot_write(&paths.dir, &error);
    paths.create().map_err(cannot)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(lock) = try_lock(paths).map_err(|error| cannot_write(&paths.lock(), &error))? {
            // Not while a daemon runs: it has its keys, and puts them back.
            let keys = paths.credentials();
            Credentials::load_or_create(&keys)
                .with_context(|| format!("cannot make the local target's keys, {}", keys.display()))?;
            return start(lock, &Settings::new(config, paths)?, paths);
        }
        if let Some(endpoint) = serving(paths) {
            return Ok(Running { endpoint, started: false, note: None });
        }
        // The folder may have gone meanwhile, with a daemon that ends for it.
        paths.create().map_err(cannot)?;
        if Instant::now() > deadline {
            let help = format!("look into {}, then run `quackctl down` and `quackctl up`", paths.log().display());
            return Err(failure("the local target's process runs but does not become ready", help));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The daemon that runs and is to be another, with what of its settings is not as in `config`; a changed program counts,
/// too.
///
/// # Errors
/// When this program's own file cannot be found.
pub(super) fn outdated(config: &Config, paths: &Paths) -> Result<Option<(Endpoint, Vec<Property>)>> {
    let settings = std::fs::read(paths.lock()).ok().and_then(|text| serde_json::from_slice::<Settings>(&text).ok());
    let (Some(settings), Some(endpoint)) = (settings, find(paths)) else { return Ok(None) };
    let differences = settings.differences(&Settings::new(config, paths)?)?;
    Ok((!differences.is_empty()).then_some((endpoint, differences)))
}

/// Stops an [`outdated`] daemon. True if it did.
///
/// # Errors
/// When the next could not listen where it is to: the one that runs goes on.
pub(super) fn stop_if_outdated(config: &Config, paths: &Paths) -> Result<bool> {
    let Some((endpoint, _)) = outdated(config, paths)? else { return Ok(false) };
    if config.port != 0 && config.port != endpoint.port {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(port_taken(config.port)),
            // What else is wrong with it, the daemon says.
            _ => {}
        }
    }
    drop(stop(paths)?);
    Ok(true)
}

/// Stops a daemon whose stage's folder was moved: it looks for its files where they were.
pub(super) fn stop_if_moved(paths: &Paths) -> Result<()> {
    let settings = std::fs::read(paths.lock()).ok().and_then(|text| serde_json::from_slice::<Settings>(&text).ok());
    if settings.is_some_and(|settings| settings.dir != paths.dir) && find(paths).is_some() {
        drop(stop(paths)?);
    }
    Ok(())
}

/// Stops the daemon, if one runs. While the result is held, no other can start.
///
/// # Errors
/// When it does not go even when killed.
pub(super) fn stop(paths: &Paths) -> Result<Lock> {
    let started = Instant::now();
    let mut signal = Some(Signal::TERM);
    loop {
        if let Some(lock) = try_lock(paths)? {
            return Ok(lock);
        }
        if let (Some(endpoint), Some(now)) = (find(paths), signal) {
            if let Some(pid) = Pid::from_raw(endpoint.pid) {
                // Gone meanwhile: the lock will tell.
                let _ = kill_process(pid, now);
            }
            signal = None;
        }
        if started.elapsed() > PATIENCE * 2 {
            return Err(failure("the local target's process does not end", "end it by hand, then run this again"));
        }
        if started.elapsed() > PATIENCE
            && let Some(pid) = find(paths).and_then(|endpoint| Pid::from_raw(endpoint.pid))
        {
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `daemon.lock`, locked.
#[derive(Debug)]
pub(super) struct Lock(File);

fn try_lock(paths: &Paths) -> io::Result<Option<Lock>> {
    let path = paths.lock();
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // `down` may have removed the file between the opening and the locking: then this lock keeps nobody out.
        Ok(()) => Ok(is_there(&file, paths).then_some(Lock(file))),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn start(Lock(mut file): Lock, settings: &Settings, paths: &Paths) -> Result<Running> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(settings)?)?;
    file.rewind()?;
    let log = private::append(&paths.log()).map_err(|error| cannot_write(&paths.log(), &error))?;
    let mut daemon = Command::new(std::env::current_exe()?)
        .arg("daemon")
        .current_dir("/")
        .stdin(Stdio::from(file))
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .context("cannot start the local target's process")?;
    let mut line = String::new();
    if let Some(stdout) = daemon.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    match serde_json::from_str(&line) {
        Ok(Greeting::Ready { endpoint, note }) => Ok(Running { endpoint, started: true, note }),
        Ok(Greeting::Failed { error, help }) => {
            let _ = daemon.wait();
            Err(failure(error, help))
        }
        Err(_) => {
            let _ = daemon.wait();
            let log = std::fs::read_to_string(paths.log()).unwrap_or_default();
            let last = log.lines().last().unwrap_or("it said nothing").to_owned();
            Err(failure(
                format!("the local target's process ended at once: {last}"),
                format!("all it said is in {}", paths.log().display()),
            ))
        }
    }
}
