//! Signed requests to S3 and Lambda.

use std::thread::sleep;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use ureq::Agent;
use ureq::http::{Method, Request};

use crate::settings::Settings;

/// Most bytes of a reply: of the largest answer of the engine, and what is around it.
const MOST_BYTES: u64 = 65 << 20;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// How often S3 is asked: a connection that was kept may be gone, which costs nothing to try again.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// What signs requests and sends them. Not `Debug`: it holds keys.
pub(crate) struct Aws {
    s3: Agent,
    /// Keeps no connections: a query whose connection is gone may have run, and must not run again unasked.
    lambda: Agent,
    credentials: Credentials,
    region: String,
}

/// A service, and how its requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    S3,
    Lambda,
}

/// What came back.
pub(crate) struct Reply {
    pub status: u16,
    headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Aws {
    pub(crate) fn new(settings: &Settings) -> Self {
        let agent = |kept: usize| -> Agent {
            let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
            config.timeout_connect(Some(CONNECT)).max_idle_connections(kept).build().into()
        };
        Self {
            s3: agent(2),
            lambda: agent(0),
            credentials: settings.credentials.clone(),
            region: settings.region.clone(),
        }
    }

    /// Sends a request and waits `patience` for all of the answer; to S3 again where there is none. What is written there may then
    /// be there already.
    ///
    /// # Errors
    /// Why there is no answer, in words that hold no key.
    pub(crate) fn send(
        &self,
        service: Service,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        patience: Duration,
    ) -> Result<Reply, String> {
        let mut attempt = 1;
        loop {
            let sent = self.send_once(service, &method, url, headers, body, patience);
            let may_go_on = service == Service::S3 && attempt < ATTEMPTS;
            if !may_go_on || sent.as_ref().is_ok_and(|reply| reply.status < 500) {
                return sent;
            }
            sleep(PAUSE * attempt);
            attempt += 1;
        }
    }

    fn send_once(
        &self,
        service: Service,
        method: &Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        patience: Duration,
    ) -> Result<Reply, String> {
        let agent = match service {
            Service::S3 => &self.s3,
            Service::Lambda => &self.lambda,
        };
        let mut request = Request::builder().method(method.clone()).uri(url);
        for (name, value) in headers.iter().copied() {
            request = request.header(name, value);
        }
        let mut request = request.body(body).map_err(|error| error.to_string())?;
        self.sign(service, method.as_str(), url, headers, body, &mut request)?;
        let request = agent.configure_request(request).timeout_global(Some(patience)).build();
        let mut response = agent.run(request).map_err(|error| error.to_string())?;
        let body =
            response.body_mut().with_config().limit(MOST_BYTES).read_to_vec().map_err(|error| error.to_string())?;
        Ok(Reply { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    fn sign(
        &self,
        service: Service,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        request: &mut Request<&[u8]>,
    ) -> Result<(), String> {
        let mut settings = SigningSettings::default();
        if service == Service::S3 {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let name = match service {
            Service::S3 => "s3",
            Service::Lambda => "lambda",
        };
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder().identity(&identity).region(&self.region).name(name);
        let params = params.time(SystemTime::now()).settings(settings).build().map_err(|error| error.to_string())?;
        let signable = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body));
        let signable = signable.map_err(|error| error.to_string())?;
        let (instructions, _) = sign(signable, &params.into()).map_err(|error| error.to_string())?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}
