//! A configuration and a session that talks to nobody, for unit tests.

use aws_config::{BehaviorVersion, Region, SdkConfig};

use super::super::names::Names;
use super::super::session::Session;
use crate::config::{Config, Overrides};

/// The configuration of a project called `lake` whose `quack.toml` is `text`.
pub(in super::super) fn config(text: &str) -> Config {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("quack.toml"), format!("project = \"lake\"\n{text}")).unwrap();
    let overrides =
        Overrides { target: Some("aws".to_owned()), dir: Some(dir.path().to_owned()), ..Overrides::default() };
    Config::load(&overrides).unwrap()
}

/// A session of account 123456789012 in eu-west-1.
pub(in super::super) fn session(config: &Config) -> Session {
    let (account, region) = ("123456789012", "eu-west-1");
    let sdk = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(region)).build();
    Session {
        cloudformation: aws_sdk_cloudformation::Client::new(&sdk),
        ecr: aws_sdk_ecr::Client::new(&sdk),
        iam: aws_sdk_iam::Client::new(&sdk),
        lambda: aws_sdk_lambda::Client::new(&sdk),
        logs: aws_sdk_cloudwatchlogs::Client::new(&sdk),
        s3: aws_sdk_s3::Client::new(&sdk),
        tagging: aws_sdk_resourcegroupstagging::Client::new(&sdk),
        credentials: None,
        account: account.to_owned(),
        caller: format!("arn:aws:iam::{account}:user/ann"),
        region: region.to_owned(),
        s3_endpoint: None,
        lambda_endpoint: None,
        ecr_endpoint: None,
        names: Names::new(config, account, region).unwrap(),
    }
}
