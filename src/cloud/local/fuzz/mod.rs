//! The local target for the fuzzer: S3 and Lambda of this process, without a network before them.

mod chunked;
mod signature;

use std::io;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use s3s::Body;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::credentials::Credentials;
use super::door::Door;
use super::grants::{Grants, Role};
use super::lambda::{Host, Lambda};
use super::meter::Meter;
use super::paths::Paths;
use super::s3;
use crate::cloud::target::REGION;
use crate::config::Network;

/// The host that requests name.
const HOST: &str = "127.0.0.1:4000";

/// The bucket that there is.
const BUCKET: &str = "lake";

/// S3 and Lambda. The owner's keys reach all of both; the function's are right, and good for nothing.
pub(crate) struct Local {
    runtime: Runtime,
    dir: TempDir,
    door: Door,
    s3: s3::Service,
    lambda: Arc<Lambda>,
    owner: Credentials,
    function: Credentials,
}

impl Local {
    /// Opens both in a temporary folder.
    ///
    /// # Errors
    /// When there is none to be had.
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let dir = tempfile::tempdir()?;
        // Names that a corpus can hold; the secrets are made anew.
        let keys = |name: &str| -> io::Result<Credentials> {
            let made = Credentials::load_or_create(&dir.path().join(name))?;
            Ok(Credentials { access_key_id: format!("QUAK{name}"), ..made })
        };
        let (owner, function) = (keys("OWNER")?, keys("FUNCTION")?);
        let role = |keys: &Credentials| Role { keys: keys.clone(), grants: Grants::default() };
        let s3_keys = s3::Keys { owner: owner.clone(), roles: vec![role(&function)] };
        let host = Host {
            paths: Paths { dir: dir.path().to_owned() },
            owner: owner.clone(),
            engine: function.clone(),
            page: role(&keys("PAGE")?),
            endpoint: format!("http://{HOST}"),
            idle: Duration::from_secs(1),
            cpu_share: false,
            meter: Meter::default(),
        };
        let entered = runtime.enter();
        let s3 = s3::service(&dir.path().join("s3"), &s3_keys, Network::default(), Meter::default())?;
        let lambda = Lambda::open(host)?;
        drop(entered);
        std::fs::create_dir(dir.path().join("s3/buckets").join(BUCKET))?;
        Ok(Self { runtime, dir, door: Door::new(4000), s3, lambda, owner, function })
    }

    /// Status and text of S3's answer.
    fn ask_s3(&self, parts: Parts, body: Body) -> (u16, String) {
        self.runtime.block_on(async {
            match self.s3.call(Request::from_parts(parts, body)).await {
                Ok(response) => text(response).await,
                // The connection ends.
                Err(_) => (500, String::new()),
            }
        })
    }

    /// Status and text of Lambda's answer.
    fn ask_lambda(&self, parts: Parts, body: Bytes) -> (u16, String) {
        let body = Full::new(body).map_err(|never| match never {});
        self.runtime
            .block_on(async { text(self.lambda.answer(Request::from_parts(parts, body)).await.map(Full::new)).await })
    }
}

async fn text<B: hyper::body::Body<Error: std::fmt::Debug>>(response: Response<B>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// `request`, with nothing of a signature in it, signed by AWS's own signer; and the signature. `None` for what that
/// does not sign.
fn signed(
    mut request: Parts,
    keys: &Credentials,
    service: &'static str,
    time: SystemTime,
    body: SignableBody<'_>,
) -> Option<(Parts, String)> {
    let identity = aws_credential_types::Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "");
    let identity = identity.into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder().identity(&identity).region(REGION).name(service).time(time);
    let params = params.settings(settings).build().ok()?.into();
    request.headers.insert("host", HeaderValue::from_static(HOST));
    let uri = format!("http://{HOST}{}", request.uri.path_and_query()?);
    let headers: Option<Vec<_>> =
        request.headers.iter().map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let signable = SignableRequest::new(request.method.as_str(), &uri, headers?.into_iter(), body).ok()?;
    let (instructions, signature) = sign(signable, &params).ok()?.into_parts();
    for (name, value) in instructions.headers() {
        let name: hyper::header::HeaderName = name.parse().ok()?;
        request.headers.insert(name, value.parse().ok()?);
    }
    Some((request, signature))
}
