//! An S3 server on loopback, over a folder.

use super::BUCKET;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) const KEY_ID: &str = "AKIAQUACKTEST";
pub(crate) const SECRET: &str = "quack-test-secret";

/// A server with one bucket; it and its objects end with this value.
pub(crate) struct ObjectStore {
    pub endpoint: String,
    root: TempDir,
    _runtime: Runtime,
}

impl ObjectStore {
    pub(crate) fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        for bucket in [BUCKET, "other"] {
            std::fs::create_dir(root.path().join(bucket)).unwrap();
        }
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let service = service.build();

        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let service = service.clone();
                tokio::spawn(async move {
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { endpoint, root, _runtime: runtime }
    }

    /// The file behind an `s3://` address.
    pub(crate) fn path(&self, uri: &str) -> PathBuf {
        self.root.path().join(uri.strip_prefix("s3://").expect("an s3:// address"))
    }

    /// Puts an object behind the function's back.
    pub(crate) fn put(&self, uri: &str, content: &str) {
        let path = self.path(uri);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Every file of every bucket, with its size.
    pub(crate) fn everything(&self) -> Vec<(PathBuf, u64)> {
        fn walk(dir: &std::path::Path, found: &mut Vec<(PathBuf, u64)>) {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                match entry.metadata().unwrap() {
                    metadata if metadata.is_dir() => walk(&entry.path(), found),
                    metadata => found.push((entry.path(), metadata.len())),
                }
            }
        }
        let mut found = Vec::new();
        walk(self.root.path(), &mut found);
        found.sort();
        found
    }

    /// Objects under a prefix of the bucket, one level deep.
    pub(crate) fn list(&self, prefix: &str) -> Vec<String> {
        let dir = self.root.path().join(BUCKET).join(prefix);
        let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect()
    }
}
