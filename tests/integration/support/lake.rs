//! Files of others in a bucket, and what becomes of them as tables.

use aws_sdk_s3::Client;
use duckdb::Connection;
use serde_json::{Value, json};

use super::{Place, Project, block_on, s3, text};

/// A project that is up, and who owns its bucket.
pub(crate) struct Lake {
    pub(crate) project: Project,
    status: Value,
    pub(crate) client: Client,
    pub(crate) bucket: String,
    pub(crate) duckdb: Connection,
}

impl Lake {
    pub(crate) fn new(place: Place) -> Self {
        Self::of(Project::up_at(place, ""))
    }

    pub(crate) fn of(project: Project) -> Self {
        let status = project.json(["status", "--json"]);
        let client = s3(&project.sdk(&status));
        let bucket = status["bucket"].as_str().unwrap().to_owned();
        Self { project, status, client, bucket, duckdb: Connection::open_in_memory().unwrap() }
    }

    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) {
        self.put_in(&self.bucket, key, bytes);
    }

    pub(crate) fn put_in(&self, bucket: &str, key: &str, bytes: Vec<u8>) {
        block_on(self.client.put_object().bucket(bucket).key(key).body(bytes.into()).send()).unwrap();
    }

    /// A Parquet file with the rows of a query.
    pub(crate) fn parquet(&self, select: &str) -> Vec<u8> {
        let path = self.project.dir().join("made.parquet");
        self.duckdb.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    }

    /// Puts the rows of a query at a key.
    pub(crate) fn write(&self, key: &str, select: &str) {
        self.put(key, self.parquet(select));
    }

    pub(crate) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Registers what `key` names as a table; more arguments may follow. Gives what is told as JSON.
    pub(crate) fn register<const N: usize>(&self, key: &str, table: &str, more: [&str; N]) -> Value {
        let mut command = self.project.process(["register", &self.address(key), "--table", table, "--json"]);
        let output = command.args(more).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn refused(&self, address: &str, told: &str) {
        let output = self.project.quackctl(["register", address, "--table", "never"]).output().unwrap();
        assert!(!output.status.success() && text(&output).contains(told), "{address}: {}", text(&output));
        assert!(!text(&output).contains("as it should be"), "{}", text(&output));
        let known = self.project.json(["tables", "--json"]);
        assert!(known["tables"].as_array().unwrap().iter().all(|table| table["name"] != "never"), "{known}");
    }

    pub(crate) fn sql(&self, sql: &str) {
        self.project.succeed(["query", sql], sql);
    }

    /// Keys and tags of all objects below a prefix.
    pub(crate) fn objects(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let listed = block_on(self.client.list_objects_v2().bucket(bucket).prefix(prefix).send()).unwrap();
        listed.contents().iter().map(|object| format!("{} {:?}", object.key().unwrap(), object.e_tag())).collect()
    }

    /// What the function answers that is sent nothing but SQL.
    pub(crate) fn bare(&self, sql: &str) -> Value {
        let name = self.status["function"].as_str().unwrap();
        let answer = block_on(async {
            let lambda = aws_sdk_lambda::Client::new(&self.project.sdk(&self.status));
            let payload = json!({"q": sql}).to_string().into_bytes();
            lambda.invoke().function_name(name).payload(payload.into()).send().await.unwrap()
        });
        serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap()
    }
}
