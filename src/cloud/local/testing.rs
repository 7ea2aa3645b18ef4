//! The local target's storage inside a test's own process, on a free port of loopback, gone when the test ends.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::Body;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::credentials::Credentials;
use super::meter::Meter;
use super::s3;
use crate::cloud::Target;
use crate::cloud::local::provision;
use crate::config::{Config, FILE, Network, Overrides};
use crate::console::context::{Caller, Context};

/// A bucket, and a project's folder to work in.
pub(crate) struct Lake {
    pub target: Target,
    pub context: Context,
    pub dir: TempDir,
    /// Method and path of each request so far.
    requests: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Lake {
    pub(crate) async fn new() -> Self {
        Self::of("").await
    }

    /// A lake as the text of a `quack.toml` wants it.
    pub(crate) async fn of(toml: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), toml).unwrap();
        let credentials = Credentials::load_or_create(&dir.path().join("credentials")).unwrap();
        let keys = s3::Keys { owner: credentials.clone(), roles: Vec::new() };
        let service = s3::service(&dir.path().join("storage"), &keys, Network::default(), Meter::default()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, noted) = (service.clone(), Arc::clone(&noted));
                let answer = service_fn(move |request: hyper::Request<Incoming>| {
                    noted.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
                    let service = service.clone();
                    async move { service.call(request.map(Body::from)).await }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        let overrides = Overrides { dir: Some(dir.path().to_owned()), ..Overrides::default() };
        let config = Config::load(&overrides).unwrap();
        let keys = aws_credential_types::Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            None,
            None,
            "test",
        );
        let target = Target::connect(&config, &endpoint, keys);
        provision::bucket(&target).await.unwrap();
        let context = Context {
            config,
            json: false,
            quiet: true,
            verbose: false,
            flags: String::new(),
            caller: Caller::default(),
            branch: None,
        };
        Self { target, context, dir, requests, server }
    }

    /// Method and path of each request since this was asked last.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    /// Puts a file into the project's folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.dir.path().join(name), content).unwrap();
    }

    /// Puts an object into the bucket.
    pub(crate) async fn put(&self, key: &str, body: Vec<u8>) {
        let put = self.target.bucket.s3.put_object().bucket(&self.target.bucket.name).key(key);
        put.body(body.into()).send().await.unwrap();
    }

    /// All keys in the bucket that begin with `prefix`.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self
            .target
            .bucket
            .s3
            .list_objects_v2()
            .bucket(&self.target.bucket.name)
            .prefix(prefix)
            .send()
            .await
            .unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// An object's bytes.
    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let object = self.target.bucket.s3.get_object().bucket(&self.target.bucket.name).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    }
}

impl Drop for Lake {
    fn drop(&mut self) {
        self.server.abort();
    }
}
