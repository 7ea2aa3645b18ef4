//! Images in a registry: a base that has what the function needs of this machine, and what was pushed, pulled back and run.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciImageManifest,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::Header;
use tempfile::TempDir;

use super::skip;
use quack_function::testing::RuntimeApi;

/// Goes into the root `$0` and its folder `$1`, with the machine's `/proc`, and becomes `$2`.
const ENTER: &str = r#"mount --rbind /proc "$0/proc" && exec unshare --root="$0" --wd="$1" "$2""#;

/// What a layer is made of: each file's place in the image, and which file of this machine that is.
pub(crate) type Files = Vec<(String, PathBuf)>;

/// What `programs` need of this machine to run in a root of their own: each library, the loader among them, in its place.
pub(crate) fn libraries(programs: &[PathBuf]) -> Files {
    let mut found = BTreeSet::new();
    for program in programs {
        let output = Command::new("ldd").arg(program).output().expect("ldd runs");
        let text = String::from_utf8(output.stdout).expect("ldd's words");
        // `name => /path (address)`, or `/path (address)` for the loader.
        let paths = text.lines().filter_map(|line| line.rsplit(" => ").next()?.trim().split(" (").next());
        found.extend(paths.filter(|path| path.starts_with('/')).map(str::to_owned));
    }
    found.into_iter().map(|path| (path.trim_start_matches('/').to_owned(), PathBuf::from(path))).collect()
}

/// A gzip'd tar of `files`, all of which can be run, and the folders that a system has.
pub(crate) fn layer(files: &Files) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let header = |kind, size| {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(size);
        header
    };
    for folder in ["proc/", "tmp/"] {
        let mut header = header(tar::EntryType::Directory, 0);
        tar.append_data(&mut header, folder, std::io::empty()).expect("a folder in a layer");
    }
    for (name, path) in files {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let bytes = file.metadata().expect("a file's size").len();
        tar.append_data(&mut header(tar::EntryType::Regular, bytes), name, file).expect("a file in a layer");
    }
    tar.into_inner().and_then(GzEncoder::finish).expect("a layer")
}

/// Pushes an image of `layers` for this machine's processor, whose configuration has `run`, to a registry without TLS, as
/// `host:port/repository:tag`; the repository must be there. Returns the image's digest.
pub(crate) async fn push_image(name: &str, layers: Vec<Vec<u8>>, run: Value) -> String {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| {
            let mut hasher = Sha256::new();
            std::io::copy(&mut GzDecoder::new(layer.as_slice()), &mut hasher).expect("a layer's tar");
            format!("sha256:{:x}", hasher.finalize())
        })
        .collect();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = Config::new(config.to_string().into_bytes(), IMAGE_CONFIG_MEDIA_TYPE.to_owned(), None);
    let gzip = |layer| ImageLayer::new(layer, IMAGE_LAYER_GZIP_MEDIA_TYPE.to_owned(), None);
    let layers: Vec<ImageLayer> = layers.into_iter().map(gzip).collect();
    let (client, reference) = connect(name);
    let anybody = RegistryAuth::Anonymous;
    client.push(&reference, &layers, config, &anybody, None).await.expect("an image to push");
    client.fetch_manifest_digest(&reference, &anybody).await.expect("the image's digest")
}

/// An image that lies unpacked in a folder.
pub(crate) struct Unpacked {
    pub root: TempDir,
    /// The image's configuration.
    pub config: Value,
}

/// Pulls `host:port/repository@sha256:...`; what does not have the digest that names it is refused.
pub(crate) async fn pull_back(name: &str) -> Unpacked {
    let (client, reference) = connect(name);
    let anybody = RegistryAuth::Anonymous;
    let (manifest, _) =
        client.pull_manifest_raw(&reference, &anybody, &[OCI_IMAGE_MEDIA_TYPE]).await.expect("the image's manifest");
    let manifest: OciImageManifest = serde_json::from_slice(&manifest).expect("a manifest");
    let mut config = Vec::new();
    client.pull_blob(&reference, &manifest.config, &mut config).await.expect("the image's configuration");
    let root = TempDir::new().expect("a temporary folder");
    for layer in &manifest.layers {
        let mut blob = Vec::new();
        client.pull_blob(&reference, layer, &mut blob).await.expect("a layer");
        let mut tar = tar::Archive::new(GzDecoder::new(blob.as_slice()));
        tar.set_preserve_permissions(true);
        tar.unpack(root.path()).expect("a layer that unpacks");
    }
    Unpacked { root, config: serde_json::from_slice(&config).expect("the configuration as JSON") }
}

impl Unpacked {
    /// Runs the image as Lambda would, in its own root, with these environment variables too. `None`, and a word why,
    /// where this machine lets nobody do that.
    pub(crate) fn run(&self, variables: &[(&str, &str)]) -> Option<Instance> {
        let permitted = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).status();
        if !permitted.is_ok_and(|status| status.success()) {
            skip("image", "this machine does not permit `unshare --map-root-user --mount`");
            return None;
        }
        let run = &self.config["config"];
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {run}")).to_owned();
        let api = RuntimeApi::start();
        let child = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", ENTER])
            .arg(self.root.path())
            .args([text(&run["WorkingDir"]), text(&run["Entrypoint"][0])])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(run["Env"].as_array().into_iter().flatten().filter_map(|pair| pair.as_str()?.split_once('=')))
            .env("LAMBDA_TASK_ROOT", "/var/task")
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "quack")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_REGION", "us-east-1")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("unshare starts");
        Some(Instance { child, api })
    }
}

/// A function that runs in its image; it ends with this value.
pub(crate) struct Instance {
    child: Child,
    api: RuntimeApi,
}

impl Instance {
    /// The rows of `sql`.
    #[track_caller]
    pub(crate) fn rows(&self, sql: &str) -> Value {
        let response = self.api.invoke(&json!({ "q": sql }).to_string());
        let response = response.unwrap_or_else(|error| panic!("{sql}: {error}"));
        response["data"]["records"].clone()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of the registry on this machine that `name` names.
fn connect(name: &str) -> (Client, Reference) {
    // A second installation is refused and does no harm.
    _ = rustls::crypto::ring::default_provider().install_default();
    let config = ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() };
    (Client::try_from(config).expect("a client"), name.parse().expect("an image's name"))
}
