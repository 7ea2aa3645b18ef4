//! The function as Lambda runs it: the real `bootstrap` process, a Runtime API that feeds it, and an S3 server.

mod object_store;

pub(crate) use object_store::ObjectStore;
use quack_function::testing::RuntimeApi;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use tempfile::TempDir;

/// The bucket of every test.
pub(crate) const BUCKET: &str = "lake";

/// An instance of the function; it ends with this value.
pub(crate) struct Function {
    child: Child,
    api: RuntimeApi,
    root: TempDir,
}

impl Function {
    /// An instance without extensions, which reaches no object storage.
    pub(crate) fn start() -> Self {
        Self::spawn(&[("QUACK_EXTENSIONS", ""), ("QUACK_BUCKET", BUCKET)], None)
    }

    /// An instance on `store`, or `None` (and a word why) when this machine has no httpfs extension to test with.
    pub(crate) fn start_on(store: &ObjectStore) -> Option<Self> {
        Self::start_with(store, &[])
    }

    /// The same, with more environment variables.
    pub(crate) fn start_with(store: &ObjectStore, more: &[(&str, &str)]) -> Option<Self> {
        let Some(extensions) = std::env::var_os("QUACK_EXTENSION_DIR").map(PathBuf::from) else {
            eprintln!(
                "skipped: QUACK_EXTENSION_DIR, the folder of httpfs.duckdb_extension, is not set: see `make test`"
            );
            return None;
        };
        let mut variables = vec![
            ("QUACK_BUCKET", BUCKET),
            ("AWS_ENDPOINT_URL_S3", &store.endpoint),
            ("AWS_ACCESS_KEY_ID", object_store::KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", object_store::SECRET),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048"),
        ];
        variables.extend(more);
        Some(Self::spawn(&variables, Some(&extensions)))
    }

    /// An instance with the environment `variables` and nothing else.
    pub(crate) fn spawn(variables: &[(&str, &str)], extensions: Option<&Path>) -> Self {
        let root = tempfile::tempdir().unwrap();
        if let Some(extensions) = extensions {
            std::os::unix::fs::symlink(extensions, root.path().join("extensions")).unwrap();
        }
        let api = RuntimeApi::start();
        let log = std::fs::File::create(root.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "quack")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_REGION", "us-east-1")
            .env("LAMBDA_TASK_ROOT", root.path())
            .env("TMPDIR", root.path())
            .envs(variables.iter().copied())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, api, root }
    }

    /// Sends an event and returns the response, or the error.
    pub(crate) fn invoke_text(&self, event: &str) -> Result<Value, Value> {
        self.api.invoke(event)
    }

    /// Sends an event and returns the response, or the error.
    pub(crate) fn invoke(&self, event: Value) -> Result<Value, Value> {
        self.invoke_text(&event.to_string())
    }

    /// The rows of `sql`, all of them.
    #[track_caller]
    pub(crate) fn rows(&self, sql: &str) -> Value {
        let response = self.invoke(json!({"q": sql, "all": true})).unwrap_or_else(|error| panic!("{sql}: {error}"));
        response["data"]["records"].clone()
    }

    /// Type and message of the error of `sql`.
    #[track_caller]
    pub(crate) fn error(&self, sql: &str) -> (String, String) {
        let error = self.invoke(json!({"q": sql})).expect_err(sql);
        (error["errorType"].as_str().unwrap().to_owned(), error["errorMessage"].as_str().unwrap().to_owned())
    }

    /// The initialization error that the process reported before it ended, and how it ended.
    pub(crate) fn init_error(&mut self) -> (Value, ExitStatus) {
        (self.api.reply().expect_err("an error"), self.child.wait().unwrap())
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the process has written to its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap()
    }

    /// Most memory that the process has used, MiB.
    pub(crate) fn peak_memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
