//! Headers that an object's writer gave: an extended attribute of its file, so that they appear and go with it.

use std::collections::HashMap;
use std::fs::File;

use rustix::fs::XattrFlags;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::failure::failed;

/// Name of the extended attribute.
const HEADERS_XATTR: &str = "user.quackctl.headers";

/// Headers that come back with an object as its writer gave them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `x-amz-meta-*`.
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    pub metadata: HashMap<String, String>,
}

/// The headers that were given with an object.
pub(super) fn read(file: &File) -> Headers {
    let mut buffer = [0_u8; 4096];
    match rustix::fs::fgetxattr(file, HEADERS_XATTR, &mut buffer) {
        Ok(length) => serde_json::from_slice(&buffer[..length]).unwrap_or_default(),
        Err(_) => Headers::default(),
    }
}

/// Puts the headers beside the bytes of an object.
///
/// # Errors
/// `MetadataTooLarge`, or `NotImplemented` for metadata where the filesystem cannot keep it.
pub(super) fn write(file: &File, headers: &Headers) -> S3Result<()> {
    if *headers == Headers::default() {
        return Ok(());
    }
    let text = serde_json::to_vec(headers).map_err(S3Error::internal_error)?;
    match rustix::fs::fsetxattr(file, HEADERS_XATTR, &text, XattrFlags::empty()) {
        Ok(()) => Ok(()),
        // A filesystem without extended attributes loses content types; losing metadata silently would be a lie.
        Err(rustix::io::Errno::NOTSUP) if headers.metadata.is_empty() => Ok(()),
        Err(rustix::io::Errno::NOTSUP) => {
            Err(s3_error!(NotImplemented, "the filesystem below .quack keeps no extended attributes for metadata"))
        }
        Err(rustix::io::Errno::NOSPC | rustix::io::Errno::TOOBIG | rustix::io::Errno::RANGE) => {
            Err(s3_error!(MetadataTooLarge))
        }
        Err(error) => Err(failed(error.into())),
    }
}
