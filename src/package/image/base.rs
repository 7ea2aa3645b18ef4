//! The image that the function's own layers lie on: pulled once, kept in the cache by digest.
//!
//! `images/` has which image a name stood for when it was last asked; `blobs/` has manifests, configurations and layers, each
//! under its digest.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor, OciImageIndex, OciImageManifest,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::registry::{Deed, Registry};
use crate::arch::Arch;
use crate::console::context::Context;
use crate::console::progress;
use crate::error::{failure, usage};
use quack_pinned::cache;

/// Blobs under way at once.
const WINDOW: usize = 4;

/// What a registry may answer with: images and lists of images, by Docker's names and by OCI's.
const ACCEPTED: &[&str] =
    &[OCI_IMAGE_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];

/// An image in the cache.
#[derive(Debug, Clone)]
pub(super) struct Base {
    /// As `base_image` names it.
    pub name: String,
    /// `sha256:...` of the manifest for one architecture.
    pub digest: String,
    /// The image's configuration: JSON.
    pub config: serde_json::Value,
    /// From the bottom up.
    pub layers: Vec<OciDescriptor>,
}

/// What a name stood for when it was asked.
#[derive(Serialize, Deserialize)]
struct Resolved {
    name: String,
    digest: String,
}

/// Where a blob lies in the cache, once it was pulled.
pub(super) fn blob(digest: &str) -> PathBuf {
    cache::root().join("blobs").join(digest.replace(':', "-"))
}

/// The image that `name` stands for on `arch`, pulled unless it is in the cache. The cache also knows what a tag stands for,
/// so that an unchanged function stays an unchanged image; with `refresh` the registry is asked. `login` is used when the
/// image lies in that registry.
///
/// # Errors
/// A name that makes no sense, an image that is not there or not for `arch`, a registry that cannot be reached.
pub(super) async fn pull(
    context: &Context,
    name: &str,
    arch: Arch,
    login: Option<&Registry>,
    refresh: bool,
) -> Result<Base> {
    let known = known_as(name, arch);
    let resolved = fs::read(&known).ok().and_then(|read| serde_json::from_slice::<Resolved>(&read).ok());
    if let Some(resolved) = resolved.filter(|_| !refresh)
        && let Ok(base) = read(name, &resolved.digest)
        && base.layers.iter().all(|layer| blob(&layer.digest).is_file())
    {
        cache::touch(&known);
        base.layers.iter().for_each(|layer| cache::touch(&blob(&layer.digest)));
        return Ok(base);
    }
    // Not earlier: the first name that a process parses costs a tenth of a second.
    let reference: Reference = name.trim_start_matches("http://").parse().map_err(|error| {
        usage(
            format!("`{name}` names no image: {error}"),
            "write base_image = \"registry/repository:tag\" under [function] in quack.toml",
        )
    })?;
    let registry = match login {
        Some(login) if login.host == reference.registry() => login.clone(),
        _ if name.starts_with("http://") => Registry::new(&format!("http://{}", reference.registry())),
        _ => Registry::new(reference.registry()),
    };
    let puller = Puller { client: registry.client(&reference).await?, registry, reference, name };
    let blobs = cache::root().join("blobs");
    let _lock = tokio::task::spawn_blocking(move || cache::lock(&blobs)).await??;
    let digest = puller.manifest(arch).await?;
    puller.config(&digest).await?;
    let base = read(name, &digest)?;
    puller.layers(context, &base.layers).await?;
    if let Some(folder) = known.parent() {
        fs::create_dir_all(folder)?;
    }
    replace(&known, &serde_json::to_vec(&Resolved { name: name.to_owned(), digest })?)?;
    Ok(base)
}

/// Where the cache says what `name` stands for on `arch`.
fn known_as(name: &str, arch: Arch) -> PathBuf {
    cache::root().join("images").join(format!("{:x}.json", Sha256::digest(format!("{name} {arch}"))))
}

/// The image with this digest, as far as its manifest and configuration are in the cache.
fn read(name: &str, digest: &str) -> Result<Base> {
    let manifest = manifest(&fs::read(blob(digest))?)?;
    let config = serde_json::from_slice(&fs::read(blob(&manifest.config.digest))?)
        .with_context(|| format!("the configuration of image {name} is no JSON"))?;
    Ok(Base { name: name.to_owned(), digest: digest.to_owned(), config, layers: manifest.layers })
}

fn manifest(read: &[u8]) -> Result<OciImageManifest> {
    serde_json::from_slice(read).context("the registry's answer is no image manifest")
}

/// Writes a file so that a reader finds all of it or nothing.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, content)?;
    fs::rename(draft, path)
}

/// Pulls one image, with the cache locked.
struct Puller<'a> {
    client: Client,
    registry: Registry,
    reference: Reference,
    /// As the user gave it.
    name: &'a str,
}

impl Puller<'_> {
    /// Pulls the manifest for `arch`, out of a list if there is one, and returns its digest.
    async fn manifest(&self, arch: Arch) -> Result<String> {
        let anybody = RegistryAuth::Anonymous;
        // Asked for here, where a failure in passing is made good: later the client takes it for "none is needed".
        self.call(|| self.client.auth(&self.reference, &anybody, RegistryOperation::Pull)).await?;
        let (content, digest) = self.raw_manifest(&self.reference).await?;
        let Ok(index) = serde_json::from_slice::<OciImageIndex>(&content) else {
            replace(&blob(&digest), &content)?;
            return Ok(digest);
        };
        let entry = index.manifests.iter().find(|entry| {
            entry.platform.as_ref().is_some_and(|platform| {
                platform.os.to_string() == "linux" && platform.architecture.to_string() == architecture(arch)
            })
        });
        let Some(entry) = entry else {
            return Err(failure(
                format!("the base image `{}` is not made for Linux on {arch}", self.name),
                "write another base_image, or another arch, under [function] in quack.toml",
            ));
        };
        let (content, _) = self.raw_manifest(&self.reference.clone_with_digest(entry.digest.clone())).await?;
        replace(&blob(&entry.digest), &content)?;
        Ok(entry.digest.clone())
    }

    /// A manifest and its digest, which was compared with the content.
    async fn raw_manifest(&self, reference: &Reference) -> Result<(bytes::Bytes, String)> {
        let anybody = RegistryAuth::Anonymous;
        self.call(|| self.client.pull_manifest_raw(reference, &anybody, ACCEPTED)).await
    }

    /// Pulls the configuration that the manifest with this digest names.
    async fn config(&self, digest: &str) -> Result<()> {
        let config = manifest(&fs::read(blob(digest))?)?.config;
        if blob(&config.digest).is_file() {
            return Ok(());
        }
        self.call(|| self.save(&config, ProgressBar::hidden())).await
    }

    /// Pulls those of `layers` that the cache lacks.
    async fn layers(&self, context: &Context, layers: &[OciDescriptor]) -> Result<()> {
        let missing: Vec<&OciDescriptor> = layers.iter().filter(|layer| !blob(&layer.digest).is_file()).collect();
        let total = missing.iter().map(|layer| layer.size.unsigned_abs()).sum();
        let bar = progress::bytes(context, "Pulling the base image", total);
        let done: Result<()> = stream::iter(missing)
            .map(|layer| self.call(|| self.save(layer, bar.clone())))
            .buffer_unordered(WINDOW)
            .try_collect()
            .await;
        bar.finish_and_clear();
        done
    }

    /// Pulls one blob, which is in the cache only when all of it came and its digest is right.
    async fn save(&self, descriptor: &OciDescriptor, bar: ProgressBar) -> Result<(), OciDistributionError> {
        let place = blob(&descriptor.digest);
        let draft = place.with_extension("draft");
        let mut file = tokio::fs::File::from_std(File::create(&draft)?);
        let mut content = self.client.pull_blob_stream(&self.reference, descriptor).await?.stream;
        let mut got = 0;
        let pulled = async {
            while let Some(bytes) = content.try_next().await? {
                file.write_all(&bytes).await?;
                got += bytes.len() as u64;
                bar.inc(bytes.len() as u64);
            }
            file.flush().await
        };
        if let Err(error) = pulled.await {
            bar.dec(got);
            return Err(error.into());
        }
        Ok(tokio::fs::rename(draft, place).await?)
    }

    async fn call<T, F>(&self, call: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        self.registry.call(Deed::Pull, &format!("image `{}`", self.name), call).await
    }
}

/// What OCI calls `arch`.
pub(super) fn architecture(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "amd64",
        Arch::Arm64 => "arm64",
    }
}

impl Base {
    /// The digests of the layers' tars, from the bottom up.
    ///
    /// # Errors
    /// The configuration is for another architecture, or is not that of the layers.
    pub(super) fn diff_ids(&self, arch: Arch) -> Result<Vec<String>> {
        let made_for = self.config["architecture"].as_str().unwrap_or_default();
        if made_for != architecture(arch) {
            return Err(failure(
                format!("the base image `{}` is made for {made_for}, and the function is built for {arch}", self.name),
                "write another base_image, or another arch, under [function] in quack.toml",
            ));
        }
        let ids = self.config["rootfs"]["diff_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<String> = ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        ensure!(ids.len() == self.layers.len(), "the configuration of image {} is not that of its layers", self.name);
        Ok(ids)
    }
}
