//! A document as a PDF: what a Chromium of this machine prints of it.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::error::{failure, interrupted, usage};

/// What names the program, where it is none of [`NAMES`].
const VARIABLE: &str = "CHROMIUM";
const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// How long printing may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long its processes may take to be gone.
const GRACE: Duration = Duration::from_secs(2);

/// How long the page has, by its own clock, until it is printed, milliseconds: it loads nothing, so that this passes at once.
const CLOCK_MS: u32 = 10_000;

/// Longest address of a folder that Chromium makes a socket in, bytes: the system bounds that of a socket.
const LONGEST_FOLDER: usize = 60;

/// What stands in the address of a file as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A Chromium.
pub(super) struct Printer {
    program: PathBuf,
}

impl Printer {
    /// What `$CHROMIUM` names, or one in `PATH`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn find() -> Result<Self> {
        if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
            let program = PathBuf::from(named);
            return match program.is_file() {
                true => Ok(Self { program }),
                false => Err(usage(
                    format!("{VARIABLE} is {}, and that is no file", program.display()),
                    "have it name the program of a Chromium, or unset it",
                )),
            };
        }
        let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let mut known = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        known.find(|path| path.is_file()).map(|program| Self { program }).ok_or_else(|| {
            failure(
                "a PDF is printed by Chromium, and none is installed",
                format!("install it (Debian: `apt install chromium`), or have {VARIABLE} name its program; --html needs none"),
            )
        })
    }

    /// Writes what it prints of an HTML document to `out`. Its profile is a folder of its own, which is removed.
    ///
    /// # Errors
    /// A Chromium that fails, or takes longer than two minutes; `cancel`.
    pub(super) async fn print(&self, document: &str, out: &mut dyn Write, cancel: &CancellationToken) -> Result<()> {
        let folder = tempfile::Builder::new().prefix("quackctl-print-").tempdir().context("cannot make a folder")?;
        let (page, printed) = (folder.path().join("page.html"), folder.path().join("page.pdf"));
        std::fs::write(&page, document).with_context(|| format!("cannot write {}", page.display()))?;
        let mut chromium = Command::new(&self.program);
        chromium.args(arguments(folder.path(), &page, &printed));
        // Whatever it keeps, it keeps there.
        chromium.env("HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path()).env("XDG_CACHE_HOME", folder.path());
        if folder.path().as_os_str().len() <= LONGEST_FOLDER {
            chromium.env("TMPDIR", folder.path());
        }
        chromium.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        // Of its own, so that all of its processes end with it.
        #[cfg(unix)]
        chromium.process_group(0);
        let failed = |words: String| {
            failure(
                format!("{} does not print the page: {words}", self.program.display()),
                "--html writes it without a Chromium",
            )
        };
        let mut child = chromium.spawn().map_err(|error| failed(error.to_string()))?;
        let run = tokio::time::timeout(PATIENCE, ended(&mut child));
        let done = tokio::select! {
            done = run => done.map_err(|_| failed(format!("it took longer than {} seconds", PATIENCE.as_secs()))),
            () = cancel.cancelled() => Err(interrupted("interrupted: no PDF was written")),
        };
        if done.is_err() {
            end(&mut child).await;
        }
        let (status, said) = done?.map_err(|error| failed(error.to_string()))?;
        let said = String::from_utf8_lossy(&said);
        let said = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        match File::open(&printed) {
            Ok(mut file) if status.success() => std::io::copy(&mut file, out).map(drop)?,
            _ => return Err(failed(said.chars().take(300).collect())),
        }
        Ok(out.flush()?)
    }
}

/// How a process ended, and what it said of errors.
async fn ended(child: &mut Child) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut said = Vec::new();
    if let Some(errors) = &mut child.stderr {
        errors.read_to_end(&mut said).await?;
    }
    Ok((child.wait().await?, said))
}

/// Ends a process with those that it has started, and waits for it: what goes on writes into a folder that is about to go.
async fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
        _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    _ = child.kill().await;
    // Those it has started are nobody's to wait for: they have let go of this when the last of them is gone.
    if let Some(errors) = &mut child.stderr {
        _ = tokio::time::timeout(GRACE, errors.read_to_end(&mut Vec::new())).await;
    }
}

fn arguments(profile: &Path, page: &Path, printed: &Path) -> Vec<OsString> {
    let named = |name: &str, value: &Path| {
        let mut argument = OsString::from(name);
        argument.push(value);
        argument
    };
    let fixed = [
        "--headless=new",
        "--disable-gpu",
        "--disable-extensions",
        "--disable-sync",
        "--disable-component-update",
        "--disable-background-networking",
        "--no-first-run",
        "--no-default-browser-check",
        "--no-pdf-header-footer",
        // The page asks for nothing, and nothing else of the browser is to.
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--run-all-compositor-stages-before-draw",
    ];
    let mut arguments: Vec<OsString> = fixed.iter().map(OsString::from).collect();
    // Its sandbox is of rights that root does not give up: Chromium refuses to start then.
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        arguments.push("--no-sandbox".into());
    }
    arguments.push(format!("--virtual-time-budget={CLOCK_MS}").into());
    arguments.push(named("--user-data-dir=", &profile.join("profile")));
    arguments.push(named("--print-to-pdf=", printed));
    let address: String = utf8_percent_encode(&page.to_string_lossy(), PLAIN).collect();
    arguments.push(format!("file://{address}").into());
    arguments
}
