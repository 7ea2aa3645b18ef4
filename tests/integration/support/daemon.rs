//! A daemon of the local target in a temporary folder, and AWS's clients for it.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_sdk_lambda::types::{Environment, FunctionCode, PackageType};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::sdk;

pub(crate) const KEY_ID: &str = "QUAKTESTTESTTESTTEST";
pub(crate) const SECRET: &str = "a secret of tests";

/// A daemon that is killed, and its folder removed, when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    pub dir: TempDir,
    pub endpoint: String,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), 300)
    }

    /// Starts a daemon on what is in `dir` already. Instances end after `idle_s` seconds without work.
    pub(crate) fn start_in(dir: TempDir, idle_s: u32) -> Self {
        Self::start_with(dir, json!({ "idle_s": idle_s }))
    }

    /// Starts a daemon with a network before its S3.
    pub(crate) fn start_behind(network: Value) -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), json!({ "idle_s": 300, "network": network }))
    }

    /// Starts a daemon whose function has these grants.
    pub(crate) fn start_granting(grants: Value) -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), json!({ "idle_s": 300, "grants": grants }))
    }

    /// The keys of its function: id and secret.
    pub(crate) fn function_keys(&self) -> (String, String) {
        let text = std::fs::read_to_string(self.dir.path().join("function-credentials")).unwrap();
        let mut values = text.lines().filter_map(|line| Some(line.split_once(" = ")?.1.to_owned()));
        (values.next().unwrap(), values.next().unwrap())
    }

    fn start_with(dir: TempDir, mut settings: Value) -> Self {
        for (name, value) in
            [("dir", json!(dir.path())), ("port", 0.into()), ("build", "test".into()), ("id", 1.into())]
        {
            settings[name] = value;
        }
        let credentials = format!("[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n");
        std::fs::write(dir.path().join("credentials"), credentials).unwrap();
        let mut lock = File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(dir.path().join("daemon.lock"))
            .unwrap();
        lock.write_all(settings.to_string().as_bytes()).unwrap();
        lock.rewind().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_quackctl"))
            .arg("daemon")
            .stdin(lock)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let greeting: Value = serde_json::from_str(&line).unwrap();
        let endpoint = format!("http://127.0.0.1:{}", greeting["ready"]["endpoint"]["port"]);
        Self { child, dir, endpoint }
    }

    /// Kills the daemon as `kill -9` does and starts another on its folder.
    pub(crate) fn kill_and_restart(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        drop(self);
        Self::start_in(dir, 300)
    }

    /// Kills the daemon as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        self.s3_as(KEY_ID, SECRET)
    }

    pub(crate) fn s3_as(&self, key_id: &str, secret: &str) -> aws_sdk_s3::Client {
        super::s3(&sdk(&self.endpoint, key_id, secret))
    }

    pub(crate) fn lambda(&self) -> aws_sdk_lambda::Client {
        self.lambda_as(KEY_ID, SECRET)
    }

    pub(crate) fn lambda_as(&self, key_id: &str, secret: &str) -> aws_sdk_lambda::Client {
        aws_sdk_lambda::Client::new(&sdk(&self.endpoint, key_id, secret))
    }

    /// Makes the function `test` of the artifact in `tests/support`, with `INIT` set to `init`.
    pub(crate) async fn create_function(&self, memory_mb: i32, timeout_s: i32, init: &str) -> aws_sdk_lambda::Client {
        let lambda = self.lambda();
        lambda
            .create_function()
            .function_name("test")
            .role("arn:aws:iam::000000000000:role/test")
            .package_type(PackageType::Image)
            .code(FunctionCode::builder().image_uri(format!("dir:{}", artifact().display())).build())
            .memory_size(memory_mb)
            .timeout(timeout_s)
            .environment(Environment::builder().variables("INIT", init).build())
            .send()
            .await
            .unwrap();
        lambda
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Gone already in tests that kill it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn artifact() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/support/artifact")
}
