//! MiniStack, an emulator of AWS that runs the real function, for one test alone: installed once for a user, started in
//! a fifth of a second on a port of its own.

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

const VERSION: &str = "1.5.33";

/// What the emulator takes as keys: it checks no signature.
pub(crate) const DUMMY_KEY: &str = "test";

/// The kernel ends it with the thread that started it, so that a test that is killed leaves nothing behind.
const MAIN: &str = "import ctypes, signal
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
from ministack.app import main
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

impl Emulator {
    pub(crate) fn start() -> Self {
        Self::run(MAIN, "false")
    }

    /// One that asks IAM about every call, but for those with [`DUMMY_KEY`], and remembers what was [`asked`](Self::asked).
    pub(crate) fn strict() -> Self {
        Self::run(&format!("{WATCH}{MAIN}"), "true")
    }

    fn run(main: &str, auth: &str) -> Self {
        let python = install();
        // The port may be taken between its being found and the emulator's listening there.
        (0..5).find_map(|_| Self::try_start(&python, main, auth)).expect("MiniStack starts on one of five free ports")
    }

    fn try_start(python: &Path, main: &str, auth: &str) -> Option<Self> {
        let dir = TempDir::new().expect("a temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let log = File::create(dir.path().join("log")).expect("a file for the emulator's log");
        let child = Command::new(python)
            .args(["-c", main])
            // Functions inherit its environment, so nothing of the tester's is in it.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", dir.path())
            .env("TMPDIR", dir.path())
            .env("STATE_DIR", dir.path().join("state"))
            .env("S3_DATA_DIR", dir.path().join("s3"))
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("AUTH", auth)
            // These listen on fixed ports, which two emulators cannot share.
            .envs([("IOT_MTLS_ENABLED", "0"), ("SFTP_ENABLED", "0")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("one file for both streams"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("Python starts");
        let mut emulator = Self { child, dir, endpoint: format!("http://127.0.0.1:{port}") };
        let deadline = Instant::now() + Duration::from_secs(60);
        // Its own word for it: on a port that was taken in the meantime, somebody else would answer a request.
        while !emulator.log().contains("Running on http") {
            if emulator.child.try_wait().expect("a child to ask for").is_some() {
                eprintln!("MiniStack ended:\n{}", emulator.log());
                return None;
            }
            assert!(Instant::now() < deadline, "MiniStack does not start:\n{}", emulator.log());
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

/// The Python of an environment that has MiniStack, in the cache.
fn install() -> PathBuf {
    let place = quack_pinned::cache::root().join("emulators").join(format!("ministack-{VERSION}"));
    // Made in place, as a virtual environment knows its own path, and marked when done.
    let done = place.join("complete");
    if !done.is_file() {
        let _lock = quack_pinned::cache::lock(&place).expect("a lock on the emulator's folder");
        if !done.is_file() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&place));
            let mut pip = Command::new(place.join("bin/pip"));
            run(pip.args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                &format!("ministack[full]=={VERSION}"),
            ]));
            File::create(&done).expect("a mark in the emulator's folder");
        }
    }
    place.join("bin/python")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", super::text(&output));
}
