//! The lake's bucket: where things lie in it, small objects read whole, files uploaded.

pub(crate) mod copy;
pub(crate) mod layout;
pub(crate) mod object;
pub(crate) mod upload;

use self::layout::Layout;

/// The lake's bucket, and how to reach it.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub s3: aws_sdk_s3::Client,
    pub name: String,
    /// Where things lie in it.
    pub layout: Layout,
}
