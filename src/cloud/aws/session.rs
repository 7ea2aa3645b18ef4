//! Who we are on AWS and where: the standard credential chain, the region, and a client of each service.

use std::time::Duration;

use anyhow::Result;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::identity::Identity;
use super::names::Names;
use crate::bucket::Bucket;
use crate::bucket::layout::Layout;
use crate::cloud::Target;
use crate::config::Config;
use crate::error::usage;

/// Attempts of a call that is throttled or fails in passing; between them the SDK waits, longer each time, with jitter.
pub(crate) const ATTEMPTS: u32 = 8;

/// Clients of one account in one region, and the stage's names there.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub cloudformation: aws_sdk_cloudformation::Client,
    pub ecr: aws_sdk_ecr::Client,
    pub iam: aws_sdk_iam::Client,
    pub lambda: aws_sdk_lambda::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub s3: aws_sdk_s3::Client,
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    pub credentials: Option<SharedCredentialsProvider>,
    /// Twelve digits.
    pub account: String,
    /// ARN of whoever the credentials are for.
    pub caller: String,
    pub region: String,
    /// Where AWS is emulated (`AWS_ENDPOINT_URL`), or S3 has another address than AWS's own (`AWS_ENDPOINT_URL_S3`).
    pub s3_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_ECR` or `AWS_ENDPOINT_URL`.
    pub ecr_endpoint: Option<String>,
    pub names: Names,
}

impl Session {
    /// Finds credentials and a region, and asks AWS whose they are.
    ///
    /// # Errors
    /// No region, no credentials, credentials that AWS refuses; each with what to do.
    pub(crate) async fn open(config: &Config) -> Result<Self> {
        let sdk = load(config).await;
        let region = region_of(&sdk)?;
        Self::of(config, &sdk, region, Identity::known(&sdk, config.aws.profile.as_deref()).await?)
    }

    /// The same, with nothing taken from memory.
    ///
    /// # Errors
    /// As for [`Session::open`].
    pub(crate) async fn verified(config: &Config) -> Result<Self> {
        let sdk = load(config).await;
        let region = region_of(&sdk)?;
        Self::of(config, &sdk, region, Identity::ask(&sdk, config.aws.profile.as_deref()).await?)
    }

    fn of(config: &Config, sdk: &SdkConfig, region: String, identity: Identity) -> Result<Self> {
        let Identity { account, caller } = identity;
        let s3_endpoint = endpoint("S3");
        let s3 = aws_sdk_s3::config::Builder::from(sdk)
            // Emulators have no wildcard names.
            .force_path_style(s3_endpoint.is_some())
            .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled())
            .build();
        let lambda = aws_sdk_lambda::config::Builder::from(sdk)
            .stalled_stream_protection(aws_sdk_lambda::config::StalledStreamProtectionConfig::disabled())
            .build();
        Ok(Self {
            cloudformation: aws_sdk_cloudformation::Client::new(sdk),
            ecr: aws_sdk_ecr::Client::new(sdk),
            iam: aws_sdk_iam::Client::new(sdk),
            lambda: aws_sdk_lambda::Client::from_conf(lambda),
            logs: aws_sdk_cloudwatchlogs::Client::new(sdk),
            s3: aws_sdk_s3::Client::from_conf(s3),
            tagging: aws_sdk_resourcegroupstagging::Client::new(sdk),
            credentials: sdk.credentials_provider(),
            names: Names::new(config, &account, &region)?,
            caller,
            account,
            region,
            s3_endpoint,
            ecr_endpoint: endpoint("ECR"),
        })
    }

    /// `aws`, or that of China or of the US government.
    pub(crate) fn partition(&self) -> &str {
        self.caller.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws")
    }

    /// ECR's own host in this account and region.
    pub(crate) fn registry_host(&self) -> String {
        let domain = if self.partition() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{}.dkr.ecr.{}.{domain}", self.account, self.region)
    }

    /// The image repository, as Lambda has it.
    pub(crate) fn repository_uri(&self) -> String {
        format!("{}/{}", self.registry_host(), self.names.repository)
    }

    /// The lake's bucket.
    pub(crate) fn bucket(&self, config: &Config) -> Bucket {
        Bucket { s3: self.s3.clone(), name: self.names.bucket.clone(), layout: Layout::new(&config.lake) }
    }

    /// What queries and loads need.
    pub(crate) fn target(&self, config: &Config) -> Target {
        let lambda = self.lambda.config().to_builder();
        // A query that may have run must not run again unasked; whoever invokes decides.
        let lambda = lambda.retry_config(RetryConfig::disabled()).build();
        Target {
            bucket: self.bucket(config),
            lambda: aws_sdk_lambda::Client::from_conf(lambda),
            function: self.names.stack.clone(),
            s3_endpoint: self.s3_endpoint.clone(),
            credentials: self.credentials.clone(),
        }
    }
}

/// The region that a session would be in.
///
/// # Errors
/// There is none.
pub(crate) async fn region(config: &Config) -> Result<String> {
    region_of(&load(config).await)
}

fn region_of(sdk: &SdkConfig) -> Result<String> {
    let region = sdk.region().map(|region| region.as_ref().to_owned()).filter(|region| !region.is_empty());
    region.ok_or_else(|| {
        usage(
            "no AWS region is set",
            "give --region, set AWS_REGION, or write region = \"...\" under [aws] in quack.toml",
        )
    })
}

/// The SDK's own configuration: environment, profiles, SSO, container, instance metadata.
async fn load(config: &Config) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(Duration::from_secs(10)))
        .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build());
    if let Some(region) = &config.aws.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &config.aws.profile {
        // A profile that was named wins over keys in the environment, as for the AWS CLI.
        let provider = ProviderConfig::without_region().with_http_client(http);
        let keys = ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(SharedCredentialsProvider::new(keys));
    }
    loader.load().await
}

/// The address that the environment gives for a service, as the SDK has it.
fn endpoint(service: &str) -> Option<String> {
    [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}
