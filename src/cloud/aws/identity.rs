//! Whose credentials they are. An access key belongs to one account for good, so AWS is asked once for each key.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::errors::explain;
use crate::digest::hex;
use crate::private;
use quack_pinned::cache;

/// Who makes the calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Twelve digits.
    pub account: String,
    /// ARN of the user or of the role's session.
    pub caller: String,
}

impl Identity {
    /// As it was told before for these credentials, which are those of `profile` if one was named, else as AWS tells it.
    ///
    /// # Errors
    /// No credentials, or such as AWS refuses; each with what to do.
    pub(super) async fn known(sdk: &SdkConfig, profile: Option<&str>) -> Result<Self> {
        let place = place(sdk).await;
        let known = place.as_ref().and_then(|place| serde_json::from_slice(&fs::read(place).ok()?).ok());
        if let Some(identity) = known {
            return Ok(identity);
        }
        let identity = Self::ask(sdk, profile).await?;
        if let Some(place) = place {
            // Not to be able to remember costs a question next time, nothing else.
            let folder = place.parent().map(private::dir);
            let _ = folder.map(|_| private::write(&place, &serde_json::to_vec(&identity).unwrap_or_default()));
        }
        Ok(identity)
    }

    /// As AWS tells it now.
    ///
    /// # Errors
    /// As for [`Identity::known`].
    pub(super) async fn ask(sdk: &SdkConfig, profile: Option<&str>) -> Result<Self> {
        let told = aws_sdk_sts::Client::new(sdk).get_caller_identity().send().await;
        // A region or a profile that does not exist shows itself here, so they are named.
        let region = sdk.region().map(ToString::to_string).unwrap_or_default();
        let profile = profile.map(|profile| format!(" with profile `{profile}`")).unwrap_or_default();
        let doing = format!("ask AWS in region `{region}`{profile} who we are");
        let told = told.map_err(|error| explain(error, &doing))?;
        Ok(Self {
            account: told.account().unwrap_or_default().to_owned(),
            caller: told.arn().unwrap_or_default().to_owned(),
        })
    }
}

/// Where the identity of these credentials is remembered: under a digest of the key's id and of where AWS is.
async fn place(sdk: &SdkConfig) -> Option<PathBuf> {
    let credentials = sdk.credentials_provider()?.provide_credentials().await.ok()?;
    let mut hasher = Sha256::new();
    hasher.update(credentials.access_key_id());
    hasher.update([0]);
    hasher.update(sdk.endpoint_url().unwrap_or_default());
    Some(cache::root().join("identities").join(hex(&hasher.finalize()[..16])))
}
