//! Where a lake lives. A [`Target`] is endpoints, credentials and names; everything after it is plain AWS SDK, so that
//! no other room can tell the laptop from the cloud.

pub mod aws;
pub mod local;
mod provision;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use serde::Serialize;

use crate::config::Config;
use crate::context::Context;
use crate::error::{nearest, usage};
use crate::lake::layout::Layout;

/// The region that the local target says it is in.
pub const REGION: &str = "us-east-1";

/// The stacks of one project's stage that run somewhere, ready to be talked to.
#[derive(Debug, Clone)]
pub struct Target {
    pub s3: aws_sdk_s3::Client,
    pub lambda: aws_sdk_lambda::Client,
    /// The lake's bucket.
    pub bucket: String,
    /// The function's name.
    pub function: String,
    /// Where things are in the bucket.
    pub layout: Layout,
}

/// Kinds of target that `--target` may name.
pub const KINDS: &[&str] = &["local"];

/// The kind of target that a configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
}

impl Kind {
    fn of(config: &Config) -> Result<Self> {
        match config.target.as_str() {
            "local" => Ok(Self::Local),
            "aws" => Err(usage("target `aws` is not in this version yet", "use --target local")),
            other => {
                let near = nearest(other, KINDS.iter().copied());
                let help = near.map_or_else(
                    || format!("known targets: {}", KINDS.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                Err(usage(format!("unknown target `{other}`"), help))
            }
        }
    }
}

impl Target {
    /// What `up` made, for every command after it.
    ///
    /// # Errors
    /// When the target or the stage is unknown or nothing is up, each with what to do.
    pub fn open(context: &Context) -> Result<Self> {
        match Kind::of(&context.config)? {
            Kind::Local => local::open(context),
        }
    }

    /// Clients for `endpoint`; nothing is sent yet.
    fn connect(config: &Config, endpoint: &str, keys: Credentials) -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).build();
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_s3::config::Region::from_static(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(keys.clone())
            .force_path_style(true)
            .http_client(http.clone())
            .timeout_config(timeouts.clone())
            // A reader that is slow to take what it asked for is not a broken connection.
            .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled())
            .build();
        let lambda = aws_sdk_lambda::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_lambda::config::Region::from_static(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(keys)
            .http_client(http)
            .timeout_config(timeouts)
            // A query that may have run must not run again unasked; whoever invokes decides.
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(aws_sdk_lambda::config::StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            lambda: aws_sdk_lambda::Client::from_conf(lambda),
            bucket: name(config),
            function: name(config),
            layout: Layout::new(&config.lake),
        }
    }
}

/// Something that `up` made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub action: Action,
    /// What, as a person calls it.
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Created,
    Updated,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Created => write!(f, "created {}", self.what),
            Action::Updated => write!(f, "updated {}", self.what),
        }
    }
}

impl Change {
    fn created(what: impl Into<String>) -> Self {
        Self { action: Action::Created, what: what.into() }
    }

    fn updated(what: impl Into<String>) -> Self {
        Self { action: Action::Updated, what: what.into() }
    }
}

/// Says no to a target that does not exist, before any work is done for it.
///
/// # Errors
/// A usage error that names the nearest known target.
pub fn check(config: &Config) -> Result<()> {
    Kind::of(config).map(|_| ())
}

/// Whether [`teardown`] would delete tables.
///
/// # Errors
/// When the target is unknown.
pub fn has_data(config: &Config) -> Result<bool> {
    match Kind::of(config)? {
        Kind::Local => Ok(local::has_data(config)),
    }
}

/// Brings everything up that the stage needs, and changes only what is not so already: the target itself, the bucket,
/// and the function with the code in the folder `artifact`.
///
/// # Errors
/// When the target cannot be started or refuses.
pub async fn provision(context: &Context, artifact: &Path) -> Result<(Target, Vec<Change>)> {
    let config = &context.config;
    let (target, mut changes) = match Kind::of(config)? {
        Kind::Local => local::up(context)?,
    };
    changes.extend(provision::bucket(&target).await?);
    changes.extend(provision::function(config, &target, artifact).await?);
    Ok((target, changes))
}

/// Removes everything that [`provision`] made, or all but the bucket. False if there was nothing.
///
/// # Errors
/// When something cannot be removed.
pub async fn teardown(config: &Config, keep_data: bool) -> Result<bool> {
    match Kind::of(config)? {
        Kind::Local => local::down(config, keep_data),
    }
}

/// Where a stage is, for a person or a program that wants to talk to it.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// False when its process has ended; the next command starts it again.
    pub running: bool,
    /// URL of S3 and of the Lambda API.
    pub endpoint: String,
    pub region: String,
    pub pid: Option<i32>,
    /// When its process was ready, RFC 3339.
    pub started_at: Option<String>,
    /// The keys, as `AWS_SHARED_CREDENTIALS_FILE` wants them.
    pub credentials_file: PathBuf,
    /// Where the data lie.
    pub data: PathBuf,
}

/// What is known of the stage, without touching it; nothing if it is not up.
///
/// # Errors
/// When the target is unknown.
pub fn status(config: &Config) -> Result<Option<Status>> {
    match Kind::of(config)? {
        Kind::Local => Ok(local::status(config)),
    }
}

/// Gives the function's logs to `write`, piece by piece; with `follow` it goes on with what is logged from then on.
///
/// # Errors
/// When nothing is up, or `write` fails.
pub async fn logs(context: &Context, follow: bool, write: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
    let (config, function) = (&context.config, Target::open(context)?.function);
    match Kind::of(config)? {
        Kind::Local => local::logs(config, &function, follow, write).await,
    }
}

/// The name of a stage's bucket and of its function.
fn name(config: &Config) -> String {
    // A bucket's name has at most 63 characters.
    let mut name = format!("quack-{}-{}", config.project, config.stage);
    name.truncate(63);
    name.trim_end_matches('-').to_owned()
}
