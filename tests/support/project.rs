//! A project of the test's own in a temporary folder, taken down when the test ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A folder called `lake` with a `quack.toml`.
pub struct Project {
    parent: TempDir,
}

impl Project {
    /// A project that is not up. `settings` is the text of its `quack.toml`.
    pub fn new(settings: &str) -> Self {
        let project = Self { parent: TempDir::new().expect("a temporary folder") };
        std::fs::create_dir(project.dir()).expect("a folder for the project");
        project.write("quack.toml", settings);
        project
    }

    /// A project that is up.
    pub fn up(settings: &str) -> Self {
        let project = Self::new(settings);
        project.quackctl(["up"]).assert().success();
        project
    }

    pub fn dir(&self) -> PathBuf {
        self.parent.path().join("lake")
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir().join(name);
        std::fs::write(&path, text).expect("a file of the project");
        path
    }

    /// `quackctl` in the project's folder, with none of the tester's own settings but where the cache is.
    pub fn quackctl<const N: usize>(&self, arguments: [&str; N]) -> Command {
        Command::from_std(self.process(arguments))
    }

    /// The same, to be started in the background.
    pub fn process<const N: usize>(&self, arguments: [&str; N]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_quackctl"));
        command.current_dir(self.dir()).args(arguments).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if (text.starts_with("QUACK_") && text != "QUACK_CACHE_DIR") || text.starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// What the command prints, which must be JSON; it must succeed.
    pub fn json<const N: usize>(&self, arguments: [&str; N]) -> Value {
        let output = self.quackctl(arguments).output().expect("quackctl runs");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&output)))
    }

    /// The rows of a query.
    pub fn rows(&self, sql: &str) -> Value {
        self.json(["query", "--all", "--format", "json", sql])
    }

    /// The daemon's process id.
    pub fn pid(&self) -> i32 {
        let status = self.json(["status", "--json"]);
        status["pid"].as_i64().unwrap_or_else(|| panic!("status tells no pid: {status}")) as i32
    }

    /// Everything in the project's folder, by relative path, in order.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.dir(), &self.dir(), &mut found);
        found.sort();
        found
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let stages: Vec<_> = std::fs::read_dir(self.dir().join(".quack"))
            .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect())
            .unwrap_or_default();
        for stage in stages {
            let down = ["down", "--yes", "--quiet", "--stage", &stage.to_string_lossy()].map(str::to_owned);
            let _ = self.quackctl([&down[0], &down[1], &down[2], &down[3], &down[4]]).ok();
        }
    }
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("a folder of the project").filter_map(Result::ok) {
        if entry.path().is_dir() {
            collect(root, &entry.path(), found);
        } else if let Ok(path) = entry.path().strip_prefix(root) {
            found.push(path.display().to_string());
        }
    }
}

/// Both streams of a command, for messages of failed assertions.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The real trips that lie beside some checkouts; tests that need them are skipped, saying so, elsewhere.
pub fn taxis() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/taxis.csv");
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {}", path.display());
    None
}

/// True while a process with this id runs (a zombie does not).
pub fn is_running(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}

/// Ends a process the hard way.
pub fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("a process to kill");
}
