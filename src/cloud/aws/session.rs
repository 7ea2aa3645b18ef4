//! Who we are on AWS and where: an account in a region, and a client of each service.

use std::sync::Arc;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;

use super::identity::Identity;
use super::names::Names;
use super::sdk::{endpoint, load, region_of};
use crate::bucket::Bucket;
use crate::bucket::layout::Layout;
use crate::cloud::target::Target;
use crate::config::Config;

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
    /// `AWS_ENDPOINT_URL_LAMBDA` or `AWS_ENDPOINT_URL`.
    pub lambda_endpoint: Option<String>,
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
            lambda_endpoint: endpoint("LAMBDA"),
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
            page: self.names.page.clone(),
            stack: Some((self.cloudformation.clone(), self.names.stack.clone())),
            turns: Arc::default(),
            s3_endpoint: self.s3_endpoint.clone(),
            credentials: self.credentials.clone(),
        }
    }
}
