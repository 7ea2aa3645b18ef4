//! A registry as `docker` would see it: its address, who we are there, and calls that are made again when they fail in
//! passing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::token_cache::RegistryTokenType;
use oci_client::{Client, Reference, RegistryOperation};
use rand::Rng as _;

use crate::error::failure;

/// Attempts of a call that fails in passing.
const ATTEMPTS: u32 = 8;

/// The wait before the second attempt; it doubles up to the longest, and each is shortened by chance.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// What is called a failure in passing although nothing was heard.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);

/// A registry, and who we are there.
#[derive(Clone)]
pub(crate) struct Registry {
    /// `host[:port]`.
    pub host: String,
    /// Spoken to without TLS.
    plain: bool,
    /// User and password; `None` is anybody.
    login: Option<(String, String)>,
}

/// What is done in a registry, as errors tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Pull,
    Push,
}

impl Registry {
    /// The registry at `host[:port]`, `https://host[:port]` or `http://host[:port]`, for anybody. Without a scheme, one on this
    /// machine is spoken to without TLS, as Docker does it.
    pub(crate) fn new(address: &str) -> Self {
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let host = rest.split('/').next().unwrap_or(rest).to_owned();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let plain = scheme == "http" || (scheme.is_empty() && matches!(name, "localhost" | "127.0.0.1" | "[::1]"));
        Self { host, plain, login: None }
    }

    /// The same registry, for this user.
    #[must_use]
    pub(crate) fn with_login(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { login: Some((user.into(), password.into())), ..self }
    }

    #[cfg(test)]
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// A client that is logged in for the repository of `reference`; nothing is sent yet.
    pub(super) async fn client(&self, reference: &Reference) -> Result<Client> {
        // The client's TLS comes without a provider; a second installation is refused and does no harm.
        _ = rustls::crypto::ring::default_provider().install_default();
        let config = ClientConfig {
            protocol: if self.plain { ClientProtocol::Http } else { ClientProtocol::Https },
            // A whole blob in one streamed request, not in many small ones.
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(SILENCE),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).context("cannot make a client for image registries")?;
        let registry = reference.resolve_registry();
        match &self.login {
            None => client.store_auth_if_needed(registry, &RegistryAuth::Anonymous).await,
            Some((user, password)) => {
                // ECR takes its token as a password. To know that beforehand spares a question before each request.
                let basic = || RegistryTokenType::Basic(user.clone(), password.clone());
                client.store_auth_if_needed(registry, &RegistryAuth::Basic(user.clone(), password.clone())).await;
                client.tokens.insert(reference, RegistryOperation::Pull, basic()).await;
                client.tokens.insert(reference, RegistryOperation::Push, basic()).await;
            }
        }
        Ok(client)
    }

    /// Does `call`, again and again while it fails in passing, and says in a user's words why it failed for good.
    /// `what` is the image or repository that it is about.
    pub(super) async fn call<T, F>(&self, deed: Deed, what: &str, call: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        again(call).await.map_err(|error| self.explain(&error, deed, what))
    }

    /// `error` for a user.
    pub(super) fn explain(&self, error: &OciDistributionError, deed: Deed, what: &str) -> anyhow::Error {
        let host = &self.host;
        let verb = match deed {
            Deed::Pull => "pull",
            Deed::Push => "push to",
        };
        if let OciDistributionError::RequestError(request) = error
            && (request.is_connect() || request.is_timeout())
        {
            let message = format!("cannot {verb} {what}: the registry `{host}` does not answer\n{}", chain(error));
            return failure(message, "check the network, and HTTPS_PROXY if there is a proxy");
        }
        let said = chain(error);
        let help = match (status(error), deed) {
            (Some(401 | 403), Deed::Pull) => {
                "the image must be public, or lie in the account's own ECR registry: see `base_image` in quack.toml"
            }
            (Some(401 | 403), Deed::Push) => {
                "whoever deploys needs ecr:GetAuthorizationToken, and on the repository ecr:BatchCheckLayerAvailability, \
                 ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage and ecr:BatchGetImage"
            }
            (Some(404), Deed::Pull) => "no such image is there: see `base_image` in quack.toml",
            (Some(404), Deed::Push) => "the repository is not there: `quackctl up` makes it, so run it again",
            (Some(429), _) => "the registry wants fewer requests: wait a minute and run the command again",
            (Some(500..), _) => "the registry is in trouble: run the command again later",
            _ => "the registry's own words are above",
        };
        failure(format!("cannot {verb} {what} at `{host}`: {said}"), help)
    }
}

/// Makes attempts until one succeeds, fails for good, or was the last.
async fn again<T, F>(mut call: impl FnMut() -> F) -> Result<T, OciDistributionError>
where
    F: Future<Output = Result<T, OciDistributionError>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match call().await {
            Err(error) if is_passing(&error) => {
                let shortened = wait.mul_f64(rand::rng().random_range(0.5..1.0));
                tokio::time::sleep(shortened).await;
                wait = LONGEST_WAIT.min(wait * 2);
            }
            done => return done,
        }
    }
    call().await
}

/// Whether another attempt may succeed.
fn is_passing(error: &OciDistributionError) -> bool {
    match (status(error), error) {
        (Some(status), _) => status == 408 || status == 429 || status >= 500,
        (None, OciDistributionError::RequestError(request)) => !request.is_builder(),
        // A connection that broke in the middle of a blob.
        (None, OciDistributionError::IoError(_) | OciDistributionError::DigestError(_)) => true,
        _ => false,
    }
}

/// The HTTP status that `error` stands for.
pub(super) fn status(error: &OciDistributionError) -> Option<u16> {
    match error {
        OciDistributionError::ServerError { code, .. } => Some(*code),
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => Some(401),
        OciDistributionError::RequestError(request) => request.status().map(|status| status.as_u16()),
        OciDistributionError::RegistryError { envelope, .. } => {
            Some(match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Unauthorized) => 401,
                Some(OciErrorCode::Denied) => 403,
                Some(
                    OciErrorCode::NameUnknown
                    | OciErrorCode::ManifestUnknown
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::NotFound,
                ) => 404,
                Some(OciErrorCode::Toomanyrequests) => 429,
                _ => 400,
            })
        }
        _ => None,
    }
}

/// Whether a registry says that it has no such repository, and not only that the repository has no such image.
pub(super) fn is_repository_missing(error: &OciDistributionError) -> bool {
    let OciDistributionError::RegistryError { envelope, .. } = error else { return false };
    envelope.errors.iter().any(|error| error.code == OciErrorCode::NameUnknown)
}

/// `error` and what caused it, on one line.
fn chain(error: &OciDistributionError) -> String {
    if let OciDistributionError::RegistryError { envelope, .. } = error {
        return envelope.errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
    }
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    said
}
