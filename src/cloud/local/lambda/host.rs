//! What all functions share.

use std::path::PathBuf;
use std::time::Duration;

use crate::cloud::local::credentials::Credentials;
use crate::cloud::local::grants::Role;
use crate::cloud::local::meter::Meter;
use crate::cloud::local::paths::Paths;

/// What all functions share.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub paths: Paths,
    /// Whose requests are answered.
    pub owner: Credentials,
    /// What instances sign with.
    pub engine: Credentials,
    /// What those of the page function sign with.
    pub page: Role,
    /// URL of the S3 and the Lambda that functions use.
    pub endpoint: String,
    /// How long an instance is kept without work; nothing: each request has one of its own.
    pub idle: Duration,
    /// Instances have the share of a core that Lambda gives their memory, and their REPORT lines tell what they took.
    pub cpu_share: bool,
    /// What S3 counts for these lines.
    pub meter: Meter,
}

/// The role of the engine's function; that of any other, too, which is not the page function's.
pub(crate) const ENGINE_ROLE: &str = "arn:aws:iam::000000000000:role/quackctl";

/// The role of the page function.
pub(crate) const PAGE_ROLE: &str = "arn:aws:iam::000000000000:role/quackctl-page";

impl Host {
    /// The keys of a function that has this role.
    pub(super) fn keys(&self, role: &str) -> &Credentials {
        if role == PAGE_ROLE { &self.page.keys } else { &self.engine }
    }

    /// The log file of the function `name`.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        log_file(&self.paths, name)
    }
}

/// The log file of the function `name`.
pub(crate) fn log_file(paths: &Paths, name: &str) -> PathBuf {
    paths.function_logs().join(format!("{name}.log"))
}

/// A new id, of the form of AWS's.
pub(super) fn request_id() -> String {
    let bits = rand::random::<u128>();
    // Version 4, variant 1.
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
