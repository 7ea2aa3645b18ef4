//! Emulators of AWS, one for one test alone, on a port of its own; each installed once for a user. MiniStack runs the real
//! function and starts in a fifth of a second. LocalEmu cannot run functions here, takes seconds to start, and refuses
//! what MiniStack lets through.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::StackStatus;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::sdk;

/// What the emulator takes as keys: it checks no signature.
pub(crate) const DUMMY_KEY: &str = "test";

/// The kernel ends it with the thread that started it, so that a test that is killed leaves nothing behind.
const END_WITH_PARENT: &str = "import ctypes, signal
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
";

const MINISTACK: &str = "from ministack.app import main
main()";

/// With a word of the standard library that is younger than Python 3.12. It runs functions in Docker: here they are made,
/// and cannot be called.
const LOCALEMU: &str = "import warnings, typing_extensions
warnings.deprecated = getattr(warnings, 'deprecated', typing_extensions.deprecated)
from localemu.services.lambda_.invocation.docker_runtime_executor import DockerRuntimeExecutor
for step in ('prepare_version', 'cleanup_version'):
    setattr(DockerRuntimeExecutor, step, classmethod(lambda cls, version: None))
from localemu.runtime.main import main
main()";

/// Has each question of the emulator's IAM, and the answer, written to its log. Calls count as made with TLS, which our
/// buckets insist on.
const WATCH: &str = "import ministack.core.iam_evaluator as iam
decide = iam.enforce
def enforce(key, action, *rest, **more):
    refusal = decide(key, action, *rest, **more)
    print('iam:', key, action, 'denied' if refusal else 'allowed', flush=True)
    return refusal
iam.enforce = enforce
pin = iam.pin_request_origin
iam.pin_request_origin = lambda address, tls: pin(address, True)
";

/// An emulator without any data, killed with the functions that it runs when this is dropped.
pub(crate) struct Emulator {
    child: Child,
    dir: TempDir,
    pub endpoint: String,
}

/// How an emulator is started.
struct Recipe {
    python: PathBuf,
    /// Python's own program.
    main: String,
    /// What it says when it listens.
    ready: &'static str,
    /// Its settings.
    settings: Vec<(&'static str, &'static str)>,
    /// The setting that has its port, and the text before the port.
    port: (&'static str, &'static str),
}

impl Emulator {
    pub(crate) fn start() -> Self {
        Self::run(&ministack(MINISTACK, false))
    }

    /// One that asks IAM about every call, but for those with [`DUMMY_KEY`], and remembers what was [`asked`](Self::asked).
    pub(crate) fn strict() -> Self {
        Self::run(&ministack(&format!("{WATCH}{MINISTACK}"), true))
    }

    /// One that is as strict about what it is sent as AWS is; nothing where it cannot be installed.
    pub(crate) fn localemu() -> Option<Self> {
        let Some(python) = python_for_localemu() else {
            super::skip("strict-emulator", "LocalEmu needs Python 3.12 or 3.13");
            return None;
        };
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/support/localemu.txt");
        let requirements = requirements.to_string_lossy();
        let python = install("localemu-1.3.2", &python, &["--no-deps", "--require-hashes", "-r", &requirements]);
        Some(Self::run(&Recipe {
            python,
            main: LOCALEMU.to_owned(),
            ready: "Ready.",
            // It would tell its makers of its use.
            settings: vec![("DISABLE_EVENTS", "1")],
            port: ("GATEWAY_LISTEN", "127.0.0.1:"),
        }))
    }

    fn run(recipe: &Recipe) -> Self {
        // The port may be taken between its being found and the emulator's listening there.
        (0..5).find_map(|_| Self::try_start(recipe)).expect("the emulator starts on one of five free ports")
    }

    fn try_start(recipe: &Recipe) -> Option<Self> {
        let dir = TempDir::new().expect("a temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let log = File::create(dir.path().join("log")).expect("a file for the emulator's log");
        let child = Command::new(&recipe.python)
            .args(["-u", "-c", &format!("{END_WITH_PARENT}{}", recipe.main)])
            // Functions inherit its environment, so nothing of the tester's is in it.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", dir.path())
            .env("TMPDIR", dir.path())
            .env("STATE_DIR", dir.path().join("state"))
            .env("S3_DATA_DIR", dir.path().join("s3"))
            .envs(recipe.settings.iter().copied())
            .env(recipe.port.0, format!("{}{port}", recipe.port.1))
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("one file for both streams"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("Python starts");
        let mut emulator = Self { child, dir, endpoint: format!("http://127.0.0.1:{port}") };
        let deadline = Instant::now() + Duration::from_secs(120);
        // Its own word for it: on a port that was taken in the meantime, somebody else would answer a request.
        while !emulator.log().contains(recipe.ready) {
            if emulator.child.try_wait().expect("a child to ask for").is_some() {
                eprintln!("the emulator ended:\n{}", emulator.log());
                return None;
            }
            assert!(Instant::now() < deadline, "the emulator does not start:\n{}", emulator.log());
            sleep(Duration::from_millis(10));
        }
        Some(emulator)
    }

    /// What it wrote until now.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.dir.path().join("log")).expect("the emulator's log");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The actions that were asked of IAM for whoever has access key `key`, which it allowed or denied.
    pub(crate) fn asked(&self, key: &str, allowed: bool) -> BTreeSet<String> {
        let answer = if allowed { "allowed" } else { "denied" };
        let log = self.log();
        let questions = log.lines().filter_map(|line| line.strip_prefix("iam: "));
        let words = questions.map(|question| question.split(' ').collect::<Vec<_>>());
        let of_key = words.filter(|words| words.first() == Some(&key) && words.last() == Some(&answer));
        of_key.map(|words| words[1].to_owned()).collect()
    }

    /// Configuration of any AWS client.
    pub(crate) fn sdk(&self) -> SdkConfig {
        sdk(&self.endpoint, DUMMY_KEY, DUMMY_KEY)
    }

    /// Everything that is there, of all services that a stage uses: `"bucket NAME"`, `"role NAME"`, ... in order.
    pub(crate) async fn inventory(&self) -> BTreeSet<String> {
        let sdk = self.sdk();
        let mut found = BTreeSet::new();
        let mut add = |kind: &str, name: Option<&str>| {
            found.insert(format!("{kind} {}", name.expect("a name in a list")));
        };
        let stacks = aws_sdk_cloudformation::Client::new(&sdk).list_stacks().send().await.expect("a list of stacks");
        for stack in stacks.stack_summaries() {
            // CloudFormation lists what it deleted for 90 days more.
            if stack.stack_status() != Some(&StackStatus::DeleteComplete) {
                add("stack", stack.stack_name());
            }
        }
        let buckets = aws_sdk_s3::Client::new(&sdk).list_buckets().send().await.expect("a list of buckets");
        buckets.buckets().iter().for_each(|bucket| add("bucket", bucket.name()));
        let functions = aws_sdk_lambda::Client::new(&sdk).list_functions().send().await.expect("a list of functions");
        functions.functions().iter().for_each(|function| add("function", function.function_name()));
        let ecr = aws_sdk_ecr::Client::new(&sdk);
        let repositories = ecr.describe_repositories().send().await.expect("a list of repositories");
        repositories.repositories().iter().for_each(|repository| add("repository", repository.repository_name()));
        let roles = aws_sdk_iam::Client::new(&sdk).list_roles().send().await.expect("a list of roles");
        roles.roles().iter().for_each(|role| add("role", Some(role.role_name())));
        let logs = aws_sdk_cloudwatchlogs::Client::new(&sdk);
        let groups = logs.describe_log_groups().send().await.expect("a list of log groups");
        groups.log_groups().iter().for_each(|group| add("log group", group.log_group_name()));
        found
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let skip = log.lines().count().saturating_sub(60);
            eprintln!("The emulator's last words:\n{}", log.lines().skip(skip).collect::<Vec<_>>().join("\n"));
        }
        // Ended already where it could not start.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// MiniStack, that runs `main` and, with `auth`, asks IAM.
fn ministack(main: &str, auth: bool) -> Recipe {
    Recipe {
        python: install("ministack-1.5.33", Path::new("python3"), &["ministack[full]==1.5.33"]),
        main: main.to_owned(),
        ready: "Running on http",
        // The last two listen on fixed ports, which two emulators cannot share.
        settings: vec![
            ("BIND_HOST", "127.0.0.1"),
            ("AUTH", if auth { "true" } else { "false" }),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
        ],
        port: ("GATEWAY_PORT", ""),
    }
}

/// A Python that LocalEmu runs on: the system's own, or one that pyenv made.
fn python_for_localemu() -> Option<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    let made = fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().filter_map(Result::ok);
    let candidates = ["python3", "python3.13", "python3.12"].map(PathBuf::from).into_iter();
    let fits = |python: &PathBuf| {
        let asked = Command::new(python)
            .args(["-c", "import sys; raise SystemExit(not (3, 12) <= sys.version_info[:2] <= (3, 13))"])
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    candidates.chain(made.map(|version| version.path().join("bin/python3"))).find(fits)
}

/// The Python of an environment called `name` in the cache, made with `python`, where pip has installed `requirements`.
fn install(name: &str, python: &Path, requirements: &[&str]) -> PathBuf {
    let place = quack_pinned::cache::root().join("emulators").join(name);
    // Made in place, as a virtual environment knows its own path, and marked when done.
    let done = place.join("complete");
    if !done.is_file() {
        let _lock = quack_pinned::cache::lock(&place).expect("a lock on the emulator's folder");
        if !done.is_file() {
            run(Command::new(python).args(["-m", "venv"]).arg(&place));
            let mut pip = Command::new(place.join("bin/pip"));
            run(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(requirements));
            File::create(&done).expect("a mark in the emulator's folder");
        }
    }
    place.join("bin/python")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", super::text(&output));
}
