//! The clients that every command is handed: plain AWS SDK, wherever the lake lives.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use quack_function::s3::S3Access;

use super::turns::Turns;
use crate::bucket::Bucket;
use crate::bucket::layout::Layout;
use crate::config::Config;
use crate::digest::short;
use crate::error::{failure, words};

/// The region that the local target says it is in.
pub(crate) const REGION: &str = "us-east-1";

/// The output of the stack that has the pages' address.
const PAGES_OUTPUT: &str = "Dashboards";

/// The stacks of one project's stage that run somewhere, ready to be talked to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub bucket: Bucket,
    pub lambda: aws_sdk_lambda::Client,
    /// The function's name.
    pub function: String,
    /// The page function's, whether or not there is one.
    pub page: String,
    /// What made both, where it is CloudFormation: its client, and the stack's name.
    pub(super) stack: Option<(aws_sdk_cloudformation::Client, String)>,
    /// Of the invocations of this process.
    pub turns: Arc<Turns>,
    /// Address of another S3 than AWS's own.
    pub(super) s3_endpoint: Option<String>,
    pub(super) credentials: Option<SharedCredentialsProvider>,
}

/// Where a stage's lake is before anything is brought up.
#[derive(Debug)]
pub(crate) enum Lake {
    /// It can be asked; on AWS also when its bucket is not there.
    There(Box<Target>),
    /// There is none.
    Nowhere,
    /// Its data were kept, and nothing runs that could tell of them.
    Asleep,
}

impl Target {
    /// Clients for `endpoint`; nothing is sent yet.
    pub(super) fn connect(config: &Config, endpoint: &str, keys: Credentials) -> Self {
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
            bucket: Bucket {
                s3: aws_sdk_s3::Client::from_conf(s3),
                name: local_name(config),
                layout: Layout::new(&config.lake),
            },
            lambda: aws_sdk_lambda::Client::from_conf(lambda),
            function: local_name(config),
            page: page_name(&local_name(config)),
            stack: None,
            turns: Arc::default(),
            s3_endpoint: Some(endpoint.to_owned()),
            credentials: Some(SharedCredentialsProvider::new(keys)),
        }
    }

    /// The function's URL, if it has one.
    ///
    /// # Errors
    /// What Lambda says.
    pub(crate) async fn url(&self) -> Result<Option<String>> {
        self.url_of(&self.function).await
    }

    /// The address of the pages that are deployed, if any are: what stands before the page function, or its own.
    ///
    /// # Errors
    /// What CloudFormation or Lambda says.
    pub(crate) async fn page_url(&self) -> Result<Option<String>> {
        let Some((cloudformation, stack)) = &self.stack else { return self.url_of(&self.page).await };
        let described = match cloudformation.describe_stacks().stack_name(stack).send().await {
            Ok(described) => described,
            // There is no stack, as CloudFormation says it.
            Err(error) if error.message().is_some_and(|words| words.contains("does not exist")) => return Ok(None),
            Err(error) => {
                let what = format!("cannot tell the address of the pages of the stack {stack}: {}", words(&error));
                return Err(failure(what, "`quackctl status` says how it is"));
            }
        };
        let outputs = described.stacks().iter().flat_map(|stack| stack.outputs());
        let told = outputs.filter(|output| output.output_key() == Some(PAGES_OUTPUT));
        Ok(told.filter_map(|output| output.output_value()).map(str::to_owned).next())
    }

    /// The URL of the function `name`, if it has one.
    ///
    /// # Errors
    /// What Lambda says.
    pub(super) async fn url_of(&self, name: &str) -> Result<Option<String>> {
        match self.lambda.get_function_url_config().function_name(name).send().await {
            Ok(found) => Ok(Some(found.function_url)),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(failure(
                format!("cannot tell the URL of the function {name}: {}", words(&error)),
                "`quackctl status` says how it is",
            )),
        }
    }

    /// What a DuckDB of this machine needs to read the bucket as the clients here do.
    ///
    /// # Errors
    /// Credentials that cannot be had, or not any more.
    pub(crate) async fn s3_access(&self) -> Result<S3Access> {
        let provider = self.credentials.as_ref().context("there are no credentials")?;
        let keys = provider.provide_credentials().await.context("the credentials cannot be had")?;
        Ok(S3Access {
            key_id: Some(keys.access_key_id().to_owned()),
            secret: Some(keys.secret_access_key().to_owned()),
            session_token: keys.session_token().map(str::to_owned),
            region: self.bucket.s3.config().region().map(ToString::to_string),
            endpoint: self.s3_endpoint.clone(),
            path_style: self.bucket.name.contains('.'),
        })
    }
}

/// The name of the page function beside the engine's `function`. No stage's engine is called so, as no project and no stage has a `_` in its
/// name. A function's name has at most 64 characters: of a longer one the end is told by its digest.
pub(super) fn page_name(function: &str) -> String {
    const END: &str = "_page";
    const DIGITS: usize = 8;
    match function.get(..=64 - END.len()) {
        None => format!("{function}{END}"),
        Some(_) => {
            let kept = function.get(..64 - END.len() - 1 - DIGITS).unwrap_or(function);
            format!("{kept}_{}{END}", &short(function)[..DIGITS])
        }
    }
}

/// Seconds that the page function has, of which the engine may take all of its own, and wait for a start.
pub(super) fn page_timeout_s(config: &Config) -> u32 {
    (config.timeout_s + 30).min(900)
}

/// The name of a stage's local bucket and of its function.
pub(super) fn local_name(config: &Config) -> String {
    // A bucket's name has at most 63 characters.
    let mut name = format!("quack-{}-{}", config.project, config.stage);
    name.truncate(63);
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stage_and_no_other_page_function_has_the_name_of_a_page_function() {
        assert_eq!(page_name("quack-lake-dev"), "quack-lake-dev_page");
        let of = |length: usize, last: char| format!("{}{last}", "q".repeat(length - 1));
        assert_eq!(page_name(&of(59, 'a')), format!("{}_page", of(59, 'a')));
        for length in [60, 63, 64] {
            let [one, other] = ['a', 'b'].map(|last| page_name(&of(length, last)));
            assert!(one != other && one.len() == 64 && one.ends_with("_page"), "{one}, {other}");
        }
    }
}
