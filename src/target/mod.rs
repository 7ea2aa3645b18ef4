//! Where a lake lives. A [`Target`] is endpoints, credentials and names; everything after it is plain AWS SDK, so that
//! no other room can tell the laptop from the cloud.

pub mod local;

use std::path::PathBuf;

use anyhow::Result;

use crate::config::Config;
use crate::error::{nearest, usage};

/// The stacks of one project's stage that run somewhere, ready to be talked to.
#[derive(Debug, Clone)]
pub struct Target {
    pub s3: aws_sdk_s3::Client,
    pub lambda: aws_sdk_lambda::Client,
    /// The lake's bucket.
    pub bucket: String,
    /// The function's name.
    pub function: String,
}

/// Kinds of target that `--target` may name.
pub const KINDS: &[&str] = &["local"];
