//! The browser that dashboards are tried in: this machine's, or Debian's, unpacked into the cache without being root.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{skip, text};

/// What Chromium is called on machines that have one.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A Chromium and, where it is none of this machine's, the folder of its libraries.
pub(crate) struct Chromium {
    pub(crate) program: PathBuf,
    pub(crate) libraries: Option<PathBuf>,
}

impl Chromium {
    /// Has a command find it.
    pub(crate) fn named_in<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("CHROMIUM", &self.program);
        // One of them has a library in a folder below, which it finds only where it is installed.
        let paths = self.libraries.iter().filter_map(|all| env::join_paths([all.clone(), all.join("pulseaudio")]).ok());
        paths.fold(command, |command, paths| command.env("LD_LIBRARY_PATH", paths))
    }

    /// Runs `tests/browser/NAME.mjs` with the packages in `modules` and more arguments; fails unless all of its scenes are as they should be.
    pub(crate) fn scenes(&self, name: &str, modules: &Path, more: &[&OsStr]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/browser/{name}.mjs"));
        let mut node = Command::new("node");
        let output = self.named_in(node.arg(script).arg(modules).args(more)).output().expect("node runs");
        assert!(output.status.success() && text(&output).contains("\n# fail 0\n"), "{}", text(&output));
    }
}

/// What `CHROMIUM` names, or one that is installed, or Debian's; nothing where there is none of them.
pub(crate) fn chromium() -> Option<Chromium> {
    let installed = |program| Some(Chromium { program, libraries: None });
    if let Some(program) = env::var_os("CHROMIUM") {
        return installed(PathBuf::from(program));
    }
    let folders: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let mut known = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    if let Some(program) = known.find(|path| path.is_file()) {
        return installed(program);
    }
    unpacked().map_err(|why| skip("chromium", &why)).ok()
}

/// Debian's package, with those that it needs and this machine lacks, each as apt's signed lists have it by its digest.
fn unpacked() -> Result<Chromium, String> {
    let folder = quack_pinned::cache::root().join("browser-tests");
    let root = folder.join("root");
    let program = root.join("usr/lib/chromium/chromium");
    let triple = format!("{}-linux-gnu", env::consts::ARCH);
    let libraries = Some(root.join("usr/lib").join(triple));
    let done = folder.join("complete");
    if !done.is_file() {
        let _lock = quack_pinned::cache::lock(&folder).map_err(|error| error.to_string())?;
        if !done.is_file() {
            let packages = download(&folder.join("apt")).map_err(|why| format!("none is installed, and {why}"))?;
            let _ = fs::remove_dir_all(&root);
            for package in packages {
                run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&root))?;
            }
            if !program.is_file() {
                return Err("none is installed, and this system's package has none in it".to_owned());
            }
            let _ = fs::remove_dir_all(folder.join("apt"));
            fs::write(&done, "").map_err(|error| error.to_string())?;
        }
    }
    Ok(Chromium { program, libraries })
}

/// The packages' files, in a folder of apt's own: what this system knows and has is read, and not changed.
fn download(place: &Path) -> Result<Vec<PathBuf>, String> {
    let archives = place.join("archives");
    for folder in [archives.join("partial"), place.join("lists/partial")] {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        for (name, folder) in [("Cache", "."), ("State::lists", "lists"), ("Log", "log")] {
            apt.arg("-o").arg(format!("Dir::{name}={}", place.join(folder).display()));
        }
        // No locks, and no other user to fetch as: nothing here is root's.
        apt.args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "--quiet=2", "--yes"]);
        run(apt.args(arguments))
    };
    apt(&["update"])?;
    apt(&["install", "--download-only", "--no-install-recommends", "chromium"])?;
    let files = fs::read_dir(archives).map_err(|error| error.to_string())?;
    let files = files.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    Ok(files.filter(|path| path.extension().is_some_and(|ending| ending == "deb")).collect())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?} cannot run: {error}", command.get_program()))?;
    if output.status.success() { Ok(()) } else { Err(format!("{:?}: {}", command.get_program(), text(&output))) }
}
