//! Requests to an issuer, whose answers are as hostile as any.

use std::time::Duration;

use quack_page::oidc::Oidc;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::{Response, StatusCode};
use ureq::{Body, Error};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// How long all of an answer may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// Most bytes of an answer, and of its headers.
const MOST_BYTES: u64 = 256 << 10;
const MOST_HEADER_BYTES: usize = 32 << 10;

/// What asks an issuer. It follows nowhere: what an issuer has elsewhere, it says in its configuration.
pub(crate) struct Web(Agent);

impl Default for Web {
    fn default() -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        let config = config.max_idle_connections(0).max_response_header_size(MOST_HEADER_BYTES);
        Self(config.timeout_connect(Some(CONNECT)).timeout_global(Some(PATIENCE)).build().into())
    }
}

impl Web {
    /// The JSON at an address.
    ///
    /// # Errors
    /// An address that is not the issuer's to give; no answer; another status; more than [`MOST_BYTES`]; not what is wanted.
    pub(crate) fn get<T: DeserializeOwned>(&self, oidc: &Oidc, url: &str) -> Result<T, String> {
        allowed(oidc, url)?;
        let (status, body) = read(self.0.get(url).header("accept", "application/json").call())?;
        match status {
            StatusCode::OK => parsed(&body),
            status => Err(format!("it answers {status}")),
        }
    }

    /// What a form is answered with, and the status; `authorization` is a header's value.
    ///
    /// # Errors
    /// As of [`Self::get`]; another status is none.
    pub(crate) fn post(
        &self,
        oidc: &Oidc,
        url: &str,
        authorization: Option<&str>,
        form: &str,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        allowed(oidc, url)?;
        let request = self.0.post(url).header("accept", "application/json");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        read(request.send(form))
    }
}

/// The JSON of a body.
///
/// # Errors
/// What is not what is wanted.
pub(crate) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("its answer is not what was asked for: {error}"))
}

fn allowed(oidc: &Oidc, url: &str) -> Result<(), String> {
    match oidc.may_be_at(url) {
        true => Ok(()),
        false => Err(format!("{url:?} is no address by HTTPS")),
    }
}

fn read(answered: Result<Response<Body>, Error>) -> Result<(StatusCode, Vec<u8>), String> {
    let mut response = answered.map_err(|error| format!("it does not answer: {error}"))?;
    let body = response.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
    let body = body.map_err(|error| match error {
        Error::BodyExceedsLimit(most) => format!("its answer has more than {most} bytes"),
        error => format!("its answer breaks off: {error}"),
    })?;
    Ok((response.status(), body))
}
