//! An issuer, as far as it was asked: where its endpoints are and which keys it signs with, for as long as an instance may go by that.
//!
//! Source: <https://openid.net/specs/openid-connect-discovery-1_0.html>, RFC 6749, RFC 7636.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quack_page::oidc::{Oidc, Secret};
use serde::Deserialize;
use serde_json::Value;

use super::token::{Keys, Token};
use super::web::{Web, parsed};

/// How long what an issuer says of itself is gone by.
const AGE: Duration = Duration::from_secs(60 * 60);

/// How long after keys were asked for again, for a token whose key was not among them, they are not asked for once more.
const PAUSE: Duration = Duration::from_secs(60);

/// What is known of the site's issuer.
#[derive(Default)]
pub(crate) struct Issuer {
    web: Web,
    /// Which issuer it is known of.
    of: String,
    found: Option<(Instant, Endpoints)>,
    keys: Option<(Instant, Keys)>,
    /// When keys were last asked for because of a token.
    sought: Option<Instant>,
}

/// An issuer's configuration.
#[derive(Clone, Deserialize)]
pub(crate) struct Endpoints {
    issuer: String,
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    /// How clients prove themselves to the token endpoint; `client_secret_basic` where it is not said.
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// What is given for an ID token.
pub(crate) struct Grant<'a> {
    pub code: &'a str,
    /// What the challenge was made of.
    pub verifier: &'a str,
    pub secret: Option<&'a Secret>,
}

impl Issuer {
    /// Whether it need not be asked where its endpoints are.
    pub(crate) fn is_known(&self, oidc: &Oidc) -> bool {
        self.of == oidc.issuer && self.found.as_ref().is_some_and(|(at, _)| at.elapsed() < AGE)
    }

    /// Where the issuer's endpoints are.
    ///
    /// # Errors
    /// When it does not say, or says that it is another.
    pub(crate) fn endpoints(&mut self, oidc: &Oidc) -> Result<&Endpoints, String> {
        if self.of != oidc.issuer {
            (self.found, self.keys, self.sought) = (None, None, None);
            self.of.clone_from(&oidc.issuer);
        }
        if !self.is_known(oidc) {
            let url = format!("{}/.well-known/openid-configuration", oidc.issuer.trim_end_matches('/'));
            let said: Endpoints = self.web.get(oidc, &url).map_err(|words| format!("{url}: {words}"))?;
            if said.issuer != oidc.issuer {
                return Err(format!("{url}: it says that the issuer is {:?}, not {:?}", said.issuer, oidc.issuer));
            }
            if !oidc.may_be_at(&said.authorization_endpoint) {
                return Err(format!("{url}: {:?} is no address by HTTPS", said.authorization_endpoint));
            }
            self.found = Some((Instant::now(), said));
        }
        self.found.as_ref().map(|(_, endpoints)| endpoints).ok_or_else(|| "it was not found".to_owned())
    }

    /// The ID token that the issuer gives for a code.
    ///
    /// # Errors
    /// When it does not answer, or refuses: its words are told.
    pub(crate) fn id_token(&mut self, oidc: &Oidc, grant: &Grant<'_>) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Given {
            id_token: Option<String>,
        }
        #[derive(Deserialize)]
        struct Refused {
            error: String,
            #[serde(default)]
            error_description: String,
        }
        let endpoints = self.endpoints(oidc)?.clone();
        let url = endpoints.token_endpoint.as_str();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code").append_pair("code", grant.code);
        form.append_pair("redirect_uri", &oidc.callback).append_pair("code_verifier", grant.verifier);
        let mut authorization = None;
        match grant.secret {
            None => drop(form.append_pair("client_id", &oidc.client_id)),
            Some(Secret { secret, .. }) if endpoints.takes_only_forms() => {
                form.append_pair("client_id", &oidc.client_id).append_pair("client_secret", secret);
            }
            Some(Secret { secret, .. }) => {
                let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let both = format!("{}:{}", part(&oidc.client_id), part(secret));
                authorization = Some(format!("Basic {}", STANDARD.encode(both)));
            }
        }
        let answer = self.web.post(oidc, url, authorization.as_deref(), &form.finish());
        let (status, body) = answer.map_err(|words| format!("{url}: {words}"))?;
        if !status.is_success() {
            let words = match serde_json::from_slice::<Refused>(&body) {
                Ok(Refused { error, error_description }) => {
                    format!("{error} {error_description}").trim_end().to_owned()
                }
                Err(_) => status.to_string(),
            };
            return Err(format!("{url}: it gives no token: {words}"));
        }
        let given: Given = parsed(&body).map_err(|words| format!("{url}: {words}"))?;
        given.id_token.ok_or_else(|| format!("{url}: it gives no ID token: is `openid` among the scopes?"))
    }

    /// The issuer's keys, asked for again where none of them is that of `token`, which they may be newer than.
    ///
    /// # Errors
    /// When it does not say.
    pub(crate) fn keys(&mut self, oidc: &Oidc, token: &Token<'_>) -> Result<&Keys, String> {
        let url = self.endpoints(oidc)?.jwks_uri.clone();
        let kept = self.keys.as_ref().filter(|(at, _)| at.elapsed() < AGE);
        let is_known = kept.is_some_and(|(_, keys)| keys.know(token));
        let is_new = kept.is_none();
        if is_new || !is_known && self.sought.is_none_or(|at| at.elapsed() >= PAUSE) {
            if !is_new {
                self.sought = Some(Instant::now());
            }
            let set: Value = self.web.get(oidc, &url).map_err(|words| format!("{url}: {words}"))?;
            let keys = Keys::of_set(&set).map_err(|words| format!("{url}: {words}"))?;
            self.keys = Some((Instant::now(), keys));
        }
        self.keys.as_ref().map(|(_, keys)| keys).ok_or_else(|| "it has no keys".to_owned())
    }
}

impl Endpoints {
    /// Whether a client's secret has to stand in the form.
    fn takes_only_forms(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|own| own == method);
        takes("client_secret_post") && !takes("client_secret_basic")
    }
}
