//! The SDK as we set it up: the standard credential chain, the region, how often a call is tried.

use std::time::Duration;

use anyhow::Result;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::config::Config;
use crate::error::usage;

/// Attempts of a call that is throttled or fails in passing; between them the SDK waits, longer each time, with jitter.
pub(super) const ATTEMPTS: u32 = 8;

/// The region that a session would be in.
///
/// # Errors
/// There is none.
pub(crate) async fn region(config: &Config) -> Result<String> {
    region_of(&load(config).await)
}

/// The region that the SDK found.
///
/// # Errors
/// There is none.
pub(super) fn region_of(sdk: &SdkConfig) -> Result<String> {
    let region = sdk.region().map(|region| region.as_ref().to_owned()).filter(|region| !region.is_empty());
    region.ok_or_else(|| {
        usage(
            "no AWS region is set",
            "give --region, set AWS_REGION, or write region = \"...\" under [aws] in quack.toml",
        )
    })
}

/// The SDK's own configuration: environment, profiles, SSO, container, instance metadata.
pub(super) async fn load(config: &Config) -> SdkConfig {
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
pub(super) fn endpoint(service: &str) -> Option<String> {
    [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}
