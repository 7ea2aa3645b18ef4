//! What single values may be.

use std::fmt;

use serde::Serialize;

/// The kinds of place that a lake can live in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TargetKind {
    /// This machine.
    #[default]
    Local,
    Aws,
}

impl TargetKind {
    pub(super) const ALL: [(&'static str, Self); 2] = [("local", Self::Local), ("aws", Self::Aws)];
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Aws => "aws",
        })
    }
}

/// How the function travels to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PackageKind {
    /// An OCI image in ECR.
    Image,
    /// A zip file in the lake's bucket.
    Zip,
}

/// A folder in object storage: `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Folder {
    pub bucket: String,
    /// Empty, or ends in `/`.
    pub prefix: String,
}

impl fmt::Display for S3Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}
