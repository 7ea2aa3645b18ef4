//! Where a lake lives. A [`Target`] is endpoints, credentials and names; everything after it is plain AWS SDK, so that
//! no other room can tell the laptop from the cloud.

pub mod aws;
pub mod change;
pub mod confirm;
pub mod local;
pub mod place;

use std::fmt;
use std::io;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use quack_function::s3::S3Access;
use serde::Serialize;

use self::change::{Planned, PlannedAction};
use self::place::Place;
use crate::bucket::layout::Layout;
use crate::check::Check;
use crate::config::Config;
use crate::console::context::Context;
use crate::error::{nearest, usage};
use crate::package::Artifact;

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
    /// Where things lie in the bucket.
    pub layout: Layout,
    /// Address of another S3 than AWS's own.
    s3_endpoint: Option<String>,
    credentials: Option<SharedCredentialsProvider>,
}

/// Kinds of target that `--target` may name.
pub const KINDS: &[&str] = &["local", "aws"];

/// The kind of target that a configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    Aws,
}

impl Kind {
    fn of(config: &Config) -> Result<Self> {
        match config.target.as_str() {
            "local" => Ok(Self::Local),
            "aws" => Ok(Self::Aws),
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
    pub async fn open(context: &Context) -> Result<Self> {
        match Kind::of(&context.config)? {
            Kind::Local => local::open(context),
            Kind::Aws => aws::open(&context.config).await,
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
            .credentials_provider(keys.clone())
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
            s3_endpoint: Some(endpoint.to_owned()),
            credentials: Some(SharedCredentialsProvider::new(keys)),
        }
    }

    /// What a DuckDB of this machine needs to read the bucket as the clients here do.
    ///
    /// # Errors
    /// Credentials that cannot be had, or not any more.
    pub async fn s3_access(&self) -> Result<S3Access> {
        let provider = self.credentials.as_ref().context("there are no credentials")?;
        let keys = provider.provide_credentials().await.context("the credentials cannot be had")?;
        Ok(S3Access {
            key_id: Some(keys.access_key_id().to_owned()),
            secret: Some(keys.secret_access_key().to_owned()),
            session_token: keys.session_token().map(str::to_owned),
            region: self.s3.config().region().map(ToString::to_string),
            endpoint: self.s3_endpoint.clone(),
            path_style: self.bucket.contains('.'),
        })
    }
}

/// Looks at what `up` on the configured target needs.
///
/// # Errors
/// When the target is unknown.
pub async fn doctor(config: &Config) -> Result<Vec<Check>> {
    match Kind::of(config)? {
        Kind::Local => Ok(local::doctor::check(config)),
        Kind::Aws => Ok(aws::doctor::check(config).await),
    }
}

/// The IAM policy that a deployer of this project's stage needs, on whatever target it is now.
///
/// # Errors
/// When AWS does not tell whose account it is for.
pub async fn policy(config: &Config) -> Result<aws::doctor::Policy> {
    aws::doctor::policy(config).await
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
    Adopted,
    Updated,
    Replaced,
    Removed,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match self.action {
            Action::Created => "created",
            Action::Adopted => "adopted",
            Action::Updated => "updated",
            Action::Replaced => "replaced",
            Action::Removed => "removed",
        };
        write!(f, "{done} {}", self.what)
    }
}

impl Change {
    fn created(what: impl Into<String>) -> Self {
        Self { action: Action::Created, what: what.into() }
    }

    fn adopted(what: impl Into<String>) -> Self {
        Self { action: Action::Adopted, what: what.into() }
    }

    fn updated(what: impl Into<String>) -> Self {
        Self { action: Action::Updated, what: what.into() }
    }
}

impl From<&Planned> for Change {
    /// What was planned, done.
    fn from(planned: &Planned) -> Self {
        let action = match planned.action {
            PlannedAction::Add => Action::Created,
            PlannedAction::Adopt => Action::Adopted,
            PlannedAction::Modify => Action::Updated,
            PlannedAction::Replace => Action::Replaced,
            PlannedAction::Remove => Action::Removed,
        };
        let properties: Vec<String> = planned.properties.iter().map(ToString::to_string).collect();
        let details = if properties.is_empty() { String::new() } else { format!(": {}", properties.join(", ")) };
        Self { action, what: format!("{}{details}", planned.title()) }
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
/// When the target is unknown or does not answer.
pub async fn has_data(config: &Config) -> Result<bool> {
    match Kind::of(config)? {
        Kind::Local => Ok(local::has_data(config)),
        Kind::Aws => aws::has_data(config).await,
    }
}

/// How `up` is to go about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct UpOptions {
    /// Replace and remove without asking.
    pub yes: bool,
    /// Ask the registry anew what the base image's tag stands for.
    pub pull: bool,
}

/// A stage that is as it should be.
#[derive(Debug)]
pub struct Provisioned {
    pub target: Target,
    /// What this run did to get there.
    pub changes: Vec<Change>,
    pub artifact: Artifact,
}

/// Builds the function and brings everything up that the stage needs; changes only what is not so already.
///
/// # Errors
/// A build that fails; a target that cannot be started or refuses.
pub async fn provision(context: &Context, options: &UpOptions) -> Result<Provisioned> {
    match Kind::of(&context.config)? {
        Kind::Local => local::up(context).await,
        Kind::Aws => aws::up(context, options).await,
    }
}

/// What [`provision`] would do; changes nothing and leaves nothing behind.
///
/// # Errors
/// As for [`provision`].
pub async fn plan(context: &Context) -> Result<Vec<Planned>> {
    match Kind::of(&context.config)? {
        Kind::Local => local::plan(context).await,
        Kind::Aws => aws::plan(context).await,
    }
}

/// Removes everything that [`provision`] made, or all but the bucket. False if there was nothing.
///
/// # Errors
/// When something cannot be removed.
pub async fn teardown(context: &Context, keep_data: bool) -> Result<bool> {
    match Kind::of(&context.config)? {
        Kind::Local => local::down(&context.config, keep_data),
        Kind::Aws => aws::down(context, keep_data).await,
    }
}

/// What is known of the stage, without touching it; nothing if it is not up. With `drift`, also what was changed by
/// other means.
///
/// # Errors
/// When the target is unknown or does not answer.
pub async fn status(config: &Config, drift: bool) -> Result<Option<Place>> {
    match Kind::of(config)? {
        Kind::Local => Ok(local::status(config).map(Place::Local)),
        Kind::Aws => Ok(aws::status(config, drift).await?.map(Place::Aws)),
    }
}

/// Gives the function's logs of the last `since` to `write`, piece by piece; with `follow` it goes on with what is
/// logged from then on.
///
/// # Errors
/// When nothing is up, or `write` fails.
pub async fn logs(
    context: &Context,
    since: Option<Duration>,
    follow: bool,
    write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<()> {
    match Kind::of(&context.config)? {
        Kind::Local => local::logs(context, since, follow, write).await,
        Kind::Aws => aws::logs(&context.config, since, follow, write).await,
    }
}

/// The name of a stage's local bucket and of its function.
fn name(config: &Config) -> String {
    // A bucket's name has at most 63 characters.
    let mut name = format!("quack-{}-{}", config.project, config.stage);
    name.truncate(63);
    name.trim_end_matches('-').to_owned()
}
