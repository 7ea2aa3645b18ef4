//! What an image is made of.

use std::path::PathBuf;

/// An image that is ready to be pushed.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// `sha256:...` of the manifest: what the function is pinned to.
    pub digest: String,
    /// An OCI image manifest, JSON.
    pub manifest: Vec<u8>,
    /// What the manifest names: the configuration and the layers.
    pub blobs: Vec<Blob>,
}

/// A part of an image.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub digest: String,
    pub bytes: u64,
    pub source: Source,
}

/// Where a blob's content is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Memory(Vec<u8>),
}
