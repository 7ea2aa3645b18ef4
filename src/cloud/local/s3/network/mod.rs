//! The network in front of S3: with `[local.network]`, requests and bodies take the time that they would take from
//! elsewhere.
//!
//! Each function instance signs with a session token of its own and has a link of its own, with a burst of its own. Whoever has none (`quackctl`
//! itself, the AWS CLI, a DuckDB on this machine) is the caller's machine, which is one more instance: what one
//! function, many of them and a local DuckDB take on the same S3 can be compared.

mod limits;
mod paced;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt, future};
use hyper::body::Body as HttpBody;
use hyper::header::CONTENT_LENGTH;
use hyper::{Method, Request, Response, Uri};
use s3s::service::S3Service;
use s3s::{Body, HttpError, S3Error, s3_error};

use self::limits::{Burst, Link, Rate};
use self::paced::paced;
use super::{chunked, gate};
use crate::cloud::local::meter::Meter;
use crate::config::Network;

/// The header that a client of temporary credentials signs: one value for each instance.
const TOKEN: &str = "x-amz-security-token";

/// So many links or folders are remembered before those without work are forgotten.
const REMEMBERED: usize = 1024;

/// S3, at the end of a network if there is to be one.
#[derive(Clone)]
pub(crate) struct Service {
    s3: S3Service,
    network: Option<Arc<Conditions>>,
    meter: Meter,
}

impl Service {
    pub(crate) fn new(s3: S3Service, network: Network, meter: Meter) -> Self {
        let network = (network != Network::default()).then(|| Arc::new(Conditions::new(network)));
        Self { s3, network, meter }
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, HttpError> {
        let (parts, body) = request.into_parts();
        if let Err(refusal) = gate::check(&parts) {
            return answer(refusal);
        }
        let body = chunked::watched(&parts, body);
        let request = Request::from_parts(parts, body);
        let token = request.headers().get(TOKEN).map_or(&[][..], |token| token.as_bytes()).to_vec();
        let is_get = request.method() == Method::GET;
        let counted = |response: Response<Body>| {
            self.meter.count(&token, if is_get { length(&response) } else { 0 });
            response
        };
        let Some(network) = &self.network else { return self.s3.call(request).await.map(counted) };
        let admitted = network.admit(&folder(request.uri()), Instant::now());
        let link = network.link(&token, Instant::now());
        tokio::time::sleep(network.first_byte).await;
        let request = request.map(|body| paced(body, link.clone()));
        let response = match admitted {
            true => self.s3.call(request).await?,
            false => {
                // A client that still sends does not read, and would find the connection broken.
                request.into_body().for_each(|_| future::ready(())).await;
                let refusal = s3_error!(SlowDown, "Please reduce your request rate.");
                answer(refusal)?
            }
        };
        Ok(counted(response).map(|body| paced(body, link)))
    }
}

/// Bytes of the body, as the answer tells them.
fn length(response: &Response<Body>) -> u64 {
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or_else(|| HttpBody::size_hint(response.body()).lower())
}

fn answer(refusal: S3Error) -> Result<Response<Body>, HttpError> {
    refusal.to_http_response().map_err(|error| HttpError::new(Box::new(error)))
}

/// What the network is like, and what is on it.
struct Conditions {
    first_byte: Duration,
    /// Bytes a second; 0 for no limit.
    bandwidth: u64,
    burst: Burst,
    /// Requests a second; 0 for no limit.
    requests: u32,
    /// By session token.
    links: Mutex<HashMap<Vec<u8>, Arc<Link>>>,
    /// By folder.
    rates: Mutex<HashMap<String, Rate>>,
}

impl Conditions {
    fn new(network: Network) -> Self {
        Self {
            first_byte: Duration::from_millis(network.first_byte_ms.into()),
            bandwidth: u64::from(network.instance_mb_s) * 1_000_000,
            burst: Burst {
                size: f64::from(network.burst_mb) * 1e6,
                bandwidth: if network.burst_mb_s == 0 { f64::INFINITY } else { f64::from(network.burst_mb_s) * 1e6 },
            },
            requests: network.requests_per_s,
            links: Mutex::default(),
            rates: Mutex::default(),
        }
    }

    /// The link of the instance that has `token`; `None` if it carries everything at once.
    fn link(&self, token: &[u8], now: Instant) -> Option<Arc<Link>> {
        if self.bandwidth == 0 {
            return None;
        }
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(token) {
            return Some(Arc::clone(link));
        }
        if links.len() >= REMEMBERED {
            links.retain(|_, link| Arc::strong_count(link) > 1 || link.is_busy(now));
        }
        let link = Arc::new(Link::new(self.bandwidth, self.burst, now));
        links.insert(token.to_owned(), Arc::clone(&link));
        Some(link)
    }

    /// True unless the requests to `folder` are too many.
    fn admit(&self, folder: &str, now: Instant) -> bool {
        if self.requests == 0 {
            return true;
        }
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() >= REMEMBERED {
            rates.retain(|_, rate| rate.is_busy(now));
        }
        rates.entry(folder.to_owned()).or_insert_with(|| Rate::new(self.requests, now)).admit(now)
    }
}

/// The folder that a request is for: `/bucket/` and the key, or the prefix that is listed, up to its last `/`. AWS
/// limits requests by parts of the key space, which it draws itself as they are used; folders stand for them here.
fn folder(uri: &Uri) -> String {
    let path = uri.path();
    let of_key = path.rfind('/').filter(|end| *end > 0).map(|end| &path[..=end]);
    let prefix = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("prefix="));
    let prefix = prefix.unwrap_or_default().replace("%2F", "/");
    let of_prefix = &prefix[..prefix.rfind('/').map_or(0, |end| end + 1)];
    match of_key {
        Some(folder) => format!("{folder}{of_prefix}"),
        None => format!("{path}/{of_prefix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_a_listing_of_its_folder_are_one_folder() {
        for (uri, expected) in [
            ("/lake/trips/day=1/a.parquet", "/lake/trips/day=1/"),
            ("/lake/trips/day=1/b.parquet?partNumber=1&uploadId=2", "/lake/trips/day=1/"),
            ("/lake/?list-type=2&prefix=trips%2Fday=1%2F", "/lake/trips/day=1/"),
            ("/lake?list-type=2&prefix=trips%2Fday=1%2Fa", "/lake/trips/day=1/"),
            ("/lake/a.parquet", "/lake/"),
            ("/lake", "/lake/"),
            ("/", "//"),
        ] {
            assert_eq!(folder(&uri.parse().unwrap()), expected, "{uri}");
        }
    }

    #[test]
    fn each_token_has_a_link_and_each_folder_a_rate_of_its_own() {
        let network = Conditions::new(Network { instance_mb_s: 10, requests_per_s: 2, ..Network::default() });
        let now = Instant::now();
        let through = |token: &[u8]| network.link(token, now).unwrap().carry(1_000_000, now) - now;
        let tenth = Duration::from_millis(100);
        assert_eq!((through(b"a"), through(b"b"), through(b"")), (tenth, tenth, tenth));
        assert_eq!((through(b"a"), through(b"b")), (2 * tenth, 2 * tenth));
        let bursting = Conditions::new(Network { instance_mb_s: 10, burst_mb: 1, ..Network::default() });
        let through = |token: &[u8]| bursting.link(token, now).unwrap().carry(1_000_000, now) - now;
        assert_eq!((through(b"a"), through(b"b"), through(b"a")), (Duration::ZERO, Duration::ZERO, tenth));
        let admitted = ["/b/x/", "/b/x/", "/b/x/", "/b/y/"].map(|folder| network.admit(folder, now));
        assert_eq!(admitted, [true, true, false, true]);
    }

    #[test]
    fn instances_and_folders_without_work_are_forgotten() {
        let network = Conditions::new(Network { instance_mb_s: 1, requests_per_s: 1, ..Network::default() });
        let now = Instant::now();
        for n in 0..REMEMBERED {
            network.link(n.to_string().as_bytes(), now).unwrap().carry(1_000_000, now);
            network.admit(&n.to_string(), now);
        }
        network.link(b"busy", now);
        let later = now + Duration::from_secs(2);
        network.link(b"idle", later);
        network.admit("idle", later);
        assert_eq!(network.links.lock().unwrap().len(), 1);
        assert_eq!(network.rates.lock().unwrap().len(), 1);
    }
}
