//! A project of the test's own in a temporary folder, taken down when the test ends, however it ends.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Account, Call, DUMMY_KEY, Moment, block_on, layer, libraries, push_image, skip};

/// Where a project's lake lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Local,
    Aws,
}

/// Makes of each function that takes a [`Place`] a test on every target: `local::NAME` and `aws::NAME`.
#[macro_export]
macro_rules! on_every_target {
    ($($name:ident),* $(,)?) => {
        mod local {
            $(
                #[test]
                fn $name() {
                    super::$name($crate::support::Place::Local)
                }
            )*
        }
        mod aws {
            $(
                #[test]
                fn $name() {
                    super::$name($crate::support::Place::Aws)
                }
            )*
        }
    };
}

/// A folder called `lake` with a `quack.toml`.
pub(crate) struct Project {
    parent: TempDir,
    account: Option<Account>,
    settings: Vec<(&'static str, String)>,
}

impl Project {
    /// A project of the local target that is not up. `settings` is the text of its `quack.toml`.
    pub(crate) fn new(settings: &str) -> Self {
        Self::at(Place::Local, settings)
    }

    /// A project that is not up.
    pub(crate) fn at(place: Place, settings: &str) -> Self {
        Self::within((place == Place::Aws).then(Account::open), settings)
    }

    /// A project on AWS that is not up, in an account in which nobody may do anything unless a policy allows it.
    pub(crate) fn strict(settings: &str) -> Self {
        Self::within(Some(Account::strict()), settings)
    }

    /// A project on an AWS that is as strict about what it is sent as the real one, and cannot run functions; nothing where
    /// there is none.
    pub(crate) fn on_localemu(settings: &str) -> Option<Self> {
        Some(Self::within(Some(Account::localemu()?), settings))
    }

    fn within(account: Option<Account>, settings: &str) -> Self {
        let mut project = Self { parent: TempDir::new().expect("a temporary folder"), account, settings: Vec::new() };
        if let Some(account) = &project.account {
            project.settings = vec![
                ("AWS_ENDPOINT_URL", account.proxy.endpoint.clone()),
                ("AWS_ACCESS_KEY_ID", DUMMY_KEY.to_owned()),
                ("AWS_SECRET_ACCESS_KEY", DUMMY_KEY.to_owned()),
                ("AWS_REGION", "us-east-1".to_owned()),
                // A container's or a machine's own credentials are looked for nowhere.
                ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
                ("QUACK_TARGET", "aws".to_owned()),
            ];
            // What the emulator can run on this machine.
            project.set("QUACK_PACKAGE", "zip");
            project.set("QUACK_ARCH", std::env::consts::ARCH);
        }
        std::fs::create_dir(project.dir()).expect("a folder for the project");
        project.write("quack.toml", settings);
        project
    }

    /// A project that is up on the local target.
    pub(crate) fn up(settings: &str) -> Self {
        Self::up_at(Place::Local, settings)
    }

    /// A project that is up.
    pub(crate) fn up_at(place: Place, settings: &str) -> Self {
        let project = Self::at(place, settings);
        project.quackctl(["up"]).assert().success();
        project
    }

    /// Sets an environment variable for every command from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    /// Has the function travel as an image, on a base in the account's registry that has what it needs of this machine;
    /// the emulator makes a function of it and cannot run it.
    pub(crate) fn use_image(&mut self) {
        let built = self.json(["build", "--json"]);
        let artifact = Path::new(built["dir"].as_str().expect("the artifact's folder"));
        let programs = ["bootstrap", "lib/libduckdb.so", "extensions/httpfs.duckdb_extension"];
        let base = layer(&libraries(&programs.map(|program| artifact.join(program))));
        let account = self.account();
        let name = format!("{}/base:1", account.proxy.endpoint.trim_start_matches("http://"));
        block_on(async {
            let ecr = aws_sdk_ecr::Client::new(&account.emulator.sdk());
            ecr.create_repository().repository_name("base").send().await.expect("a repository for the base");
            push_image(&name, vec![base], json!({})).await;
        });
        self.set("QUACK_PACKAGE", "image");
        self.set("QUACK_BASE_IMAGE", &name);
    }

    /// The account of a project on AWS.
    pub(crate) fn account(&self) -> &Account {
        self.account.as_ref().expect("a project on AWS")
    }

    /// AWS's clients for the stage that `status` describes, with all rights.
    pub(crate) fn sdk(&self, status: &Value) -> aws_config::SdkConfig {
        if let Some(account) = &self.account {
            return account.emulator.sdk();
        }
        let text = |name: &str| status[name].as_str().expect("a local stage's place");
        let keys = std::fs::read_to_string(text("credentials_file")).expect("a local stage's keys");
        let value = |name: &str| keys.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        let key = |name: &str| value(name).expect("a key");
        super::sdk(text("endpoint"), key("aws_access_key_id"), key("aws_secret_access_key"))
    }

    /// Fails unless nothing of the project is left but what lies in its folder, which is `files`.
    pub(crate) fn assert_gone(&self, files: &[&str]) {
        assert_eq!(self.files(), files);
        assert!(!self.dir().join(".quack").exists());
        if let Some(account) = &self.account {
            assert_eq!(account.left(), [""; 0]);
        }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.parent.path().join("lake")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir().join(name);
        std::fs::write(&path, text).expect("a file of the project");
        path
    }

    /// `quackctl` in the project's folder, with none of the tester's own settings but where the cache is.
    pub(crate) fn quackctl<const N: usize>(&self, arguments: [&str; N]) -> Command {
        Command::from_std(self.process(arguments))
    }

    /// The same, to be started in the background.
    pub(crate) fn process<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> std::process::Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_quackctl"));
        command.args(arguments);
        command
    }

    /// A program in the project's folder, with the same settings: it may run `quackctl`.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> std::process::Command {
        let mut command = std::process::Command::new(program);
        command.current_dir(self.dir()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if (text.starts_with("QUACK_") && text != "QUACK_CACHE_DIR") || text.starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the command, which must succeed; `what` went before is said if it does not.
    pub(crate) fn succeed<const N: usize>(&self, arguments: [&str; N], what: &str) {
        let output = self.quackctl(arguments).output().expect("quackctl runs");
        assert!(output.status.success(), "{arguments:?}, {what}: {}", text(&output));
    }

    /// Runs the command until it has made `skip` calls, and kills it, the hard way, at the next: which one that was, or
    /// `None` when it ended before. The call is then lost: before the server hears of it, or when it was done.
    pub(crate) fn kill_at_call<const N: usize>(
        &self,
        arguments: [&str; N],
        skip: usize,
        moment: Moment,
    ) -> Option<Call> {
        let proxy = &self.account().proxy;
        let held = proxy.hold(skip, moment);
        let mut command = self.process(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("quackctl starts");
        let call = loop {
            if let Some(call) = held.call() {
                child.kill().expect("a command to kill");
                break Some(call);
            }
            if child.try_wait().expect("a child to ask for").is_some() {
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        child.wait().expect("a child to wait for");
        proxy.heal();
        call
    }

    /// What the command prints, which must be JSON; it must succeed.
    pub(crate) fn json<const N: usize>(&self, arguments: [&str; N]) -> Value {
        let output = self.quackctl(arguments).output().expect("quackctl runs");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&output)))
    }

    /// The rows of a query.
    pub(crate) fn rows(&self, sql: &str) -> Value {
        self.json(["query", "--all", "--format", "json", sql])
    }

    /// Names of the Parquet files that lie under the tables' folders, and of all that lies among the results.
    pub(crate) fn objects(&self) -> Vec<String> {
        let status = self.json(["status", "--json"]);
        let client = super::s3(&self.sdk(&status));
        let bucket = status["bucket"].as_str().expect("a bucket").to_owned();
        let listed = block_on(client.list_objects_v2().bucket(bucket).send()).expect("a list");
        let keys = listed.contents().iter().filter_map(|object| object.key()).map(str::to_owned);
        let is_data = |key: &String| key.starts_with("tables/") && !key.contains("/metadata/");
        keys.filter(|key| is_data(key) || key.starts_with("_quack/results/")).collect()
    }

    /// The daemon's process id.
    pub(crate) fn pid(&self) -> i32 {
        let status = self.json(["status", "--json"]);
        status["pid"].as_i64().unwrap_or_else(|| panic!("status tells no pid: {status}")) as i32
    }

    /// Everything in the project's folder, by relative path, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.dir(), &self.dir(), &mut found);
        found.sort();
        found
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // An account ends with all that is in it.
        if self.account.is_some() {
            return;
        }
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

/// What a person sees who runs `quackctl` in a terminal of 80 columns, both streams in one; it must succeed. Each of
/// `typed` is a text that the person waits for, and what is typed then.
pub(crate) fn on_terminal(project: &Project, arguments: &[&str], typed: &[(&str, &str)]) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let words: Vec<_> = [env!("CARGO_BIN_EXE_quackctl")].iter().chain(arguments).map(|word| quoted(word)).collect();
    // `script` gives what it runs a terminal of its own.
    let mut terminal = std::process::Command::new("script");
    terminal.current_dir(project.dir());
    for (name, value) in project.process([]).env("NO_COLOR", "1").get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let line = format!("stty cols 80; {}", words.join(" "));
    let terminal = terminal.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut terminal = terminal.spawn().expect("script runs");
    let (mut keys, mut screen) = (terminal.stdin.take().expect("keys"), terminal.stdout.take().expect("a screen"));
    let (mut shown, mut seen) = (Vec::new(), 0);
    for (awaited, text) in typed {
        loop {
            let found = String::from_utf8_lossy(&shown[seen..]).contains(awaited);
            if found {
                break;
            }
            let mut piece = [0; 1024];
            let read = screen.read(&mut piece).expect("a screen to read");
            assert!(read > 0, "{awaited:?} never came: {}", String::from_utf8_lossy(&shown));
            shown.extend_from_slice(&piece[..read]);
        }
        seen = shown.len();
        keys.write_all(text.as_bytes()).expect("somebody reads what is typed");
    }
    screen.read_to_end(&mut shown).expect("a screen to read");
    drop(keys);
    let shown = String::from_utf8_lossy(&shown).replace('\r', "");
    assert!(terminal.wait().expect("script ends").success(), "{arguments:?}: {shown}");
    shown
}

/// Both streams of a command, for messages of failed assertions.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The real trips that lie beside some checkouts; tests that need them are skipped elsewhere.
pub(crate) fn taxis() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/taxis.csv");
    if path.exists() {
        return Some(path);
    }
    skip("taxis", &format!("there is no {}", path.display()));
    None
}

/// True while a process with this id runs (a zombie does not).
pub(crate) fn is_running(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}

/// Ends a process the hard way.
pub(crate) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("a process to kill");
}

/// Rounds of tests that draw what they do, for a thorough run: `QUACK_TEST_ROUNDS`.
pub(crate) fn rounds() -> Option<u64> {
    let set = std::env::var("QUACK_TEST_ROUNDS").ok()?;
    Some(set.parse().unwrap_or_else(|_| panic!("QUACK_TEST_ROUNDS is no number: {set}")))
}
