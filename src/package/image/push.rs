//! An image to a registry: what is missing there, side by side, and the manifest last.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use hyper::header::HeaderValue;
use indicatif::{HumanBytes, ProgressBar};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use tokio_util::io::ReaderStream;

use super::parts::{Blob, Image, Source};
use super::registry::{Deed, Registry, is_repository_missing, status};
use crate::console::context::Context;
use crate::console::progress;

/// Blobs under way at once.
const WINDOW: usize = 4;

/// What is read of a file at a time.
const READ_BYTES: usize = 256 * 1024;

/// What a push had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pushed {
    pub blobs_sent: usize,
    pub bytes_sent: u64,
    /// Blobs that were there already; none is asked for when the manifest is there.
    pub blobs_present: usize,
}

impl fmt::Display for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = HumanBytes(self.bytes_sent);
        write!(f, "{} blobs sent ({bytes}), {} were there already", self.blobs_sent, self.blobs_present)
    }
}

/// Sends `image` to `repository`, under its digest and a tag made of that: the blobs that are missing there, and the
/// manifest.
///
/// # Errors
/// The registry cannot be reached, does not let us, or has no such repository; each with what to do.
pub(crate) async fn push(context: &Context, image: &Image, registry: &Registry, repository: &str) -> Result<Pushed> {
    let by_digest = Reference::with_digest(registry.host.clone(), repository.to_owned(), image.digest.clone());
    let to = Destination { client: registry.client(&by_digest).await?, registry, by_digest };
    let there: Vec<(&Blob, bool)> =
        stream::iter(&image.blobs).map(|blob| to.has_blob(blob)).buffer_unordered(WINDOW).try_collect().await?;
    let missing: Vec<&Blob> = there.iter().filter(|(_, there)| !there).map(|(blob, _)| *blob).collect();
    let bytes_sent = missing.iter().map(|blob| blob.bytes).sum();
    let bar = progress::bytes(context, "Pushing the image", bytes_sent);
    let sent: Result<()> =
        stream::iter(&missing).map(|blob| to.send_blob(blob, &bar)).buffer_unordered(WINDOW).try_collect().await;
    bar.finish_and_clear();
    sent?;
    to.send_manifest(image).await?;
    let blobs_present = there.len() - missing.len();
    Ok(Pushed { blobs_sent: missing.len(), bytes_sent, blobs_present })
}

/// A repository that is pushed to.
struct Destination<'a> {
    client: Client,
    registry: &'a Registry,
    by_digest: Reference,
}

impl Destination<'_> {
    async fn has_manifest(&self, digest: &str) -> Result<bool> {
        let anybody = RegistryAuth::Anonymous;
        self.call(|| async {
            match self.client.fetch_manifest_digest(&self.by_digest, &anybody).await {
                Ok(found) => Ok(found == digest),
                Err(error) if status(&error) == Some(404) && !is_repository_missing(&error) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// `blob`, and whether it is there.
    async fn has_blob<'b>(&self, blob: &'b Blob) -> Result<(&'b Blob, bool)> {
        Ok((blob, self.call(|| self.client.blob_exists(&self.by_digest, &blob.digest)).await?))
    }

    /// Streams a blob; what a failed attempt sent is taken off the bar again.
    async fn send_blob(&self, blob: &Blob, bar: &ProgressBar) -> Result<()> {
        let sent = Arc::new(AtomicU64::new(0));
        self.call(|| async {
            bar.dec(sent.swap(0, Ordering::Relaxed));
            let (bar, sent) = (bar.clone(), sent.clone());
            let content = content(blob).await?.inspect_ok(move |bytes| {
                sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                bar.inc(bytes.len() as u64);
            });
            self.client.push_blob_stream(&self.by_digest, content, &blob.digest, Some(blob.bytes)).await
        })
        .await?;
        Ok(())
    }

    /// Sends the manifest under a tag: one that has only a digest would be the first that ECR's lifecycle rules remove.
    async fn send_manifest(&self, image: &Image) -> Result<()> {
        let tag = image.digest.trim_start_matches("sha256:").chars().take(12).collect();
        let repository = self.by_digest.repository().to_owned();
        let tagged = Reference::with_tag(self.registry.host.clone(), repository, tag);
        let kind = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        let sent = self.call(|| self.client.push_manifest_raw(&tagged, image.manifest.clone(), kind.clone())).await;
        match sent {
            Ok(_) => Ok(()),
            // Somebody else pushed the same image at the same time, and an immutable tag is taken once only.
            Err(error) => match self.has_manifest(&image.digest).await {
                Ok(true) => Ok(()),
                _ => Err(error),
            },
        }
    }

    async fn call<T, F>(&self, call: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        self.registry.call(Deed::Push, &format!("repository `{}`", self.by_digest.repository()), call).await
    }
}

/// The bytes of a blob, a piece at a time.
async fn content(
    blob: &Blob,
) -> Result<BoxStream<'static, Result<bytes::Bytes, OciDistributionError>>, OciDistributionError> {
    Ok(match &blob.source {
        Source::Memory(content) => {
            let content = bytes::Bytes::from(content.clone());
            stream::once(async { Ok(content) }).boxed()
        }
        Source::File(path) => {
            let file = tokio::fs::File::open(path).await?;
            ReaderStream::with_capacity(file, READ_BYTES).map_err(OciDistributionError::from).boxed()
        }
    })
}
