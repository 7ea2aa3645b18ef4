//! A request as a Function URL hands it on, payload format 2.0, of which nothing is believed.
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::response::Response;

/// Longest path with what is behind `?`, and longest form, bytes.
const LONGEST_ADDRESS: usize = 8 << 10;
const LONGEST_BODY: usize = 4 << 10;

/// What is kept of an invocation's time for the answer.
const SPARE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Request {
    pub method: String,
    pub path: String,
    /// What is behind `?`.
    pub query: String,
    /// Who Lambda says asks: an IP address.
    pub address: String,
    /// From `Sec-Fetch-Site`: another site's script or form asks.
    pub is_elsewhere: bool,
    /// Who asks takes word that what is asked for runs already, and asks again, as they have for that long by now: `Prefer: respond-async`
    /// (RFC 7240), and `Quack-Waited`, milliseconds.
    pub asks_again: Option<Duration>,
    pub body: Vec<u8>,
    cookies: Vec<String>,
    /// Until when there has to be an answer.
    deadline: SystemTime,
}

impl Request {
    /// The request of an event that has to be answered at `deadline`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// What answers an event that is none, or too large a one.
    pub(crate) fn of(event: &Value, deadline: u64) -> Result<Self, Response> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let http = &event["requestContext"]["http"];
        let (method, path, query) = (text(&http["method"]), text(&event["rawPath"]), text(&event["rawQueryString"]));
        if method.is_empty() || !path.starts_with('/') {
            return Err(Response::error(400, "this is no request of a function URL", ""));
        }
        if path.len() + query.len() > LONGEST_ADDRESS {
            let words = format!("the address is longer than {LONGEST_ADDRESS} bytes");
            return Err(Response::error(414, &words, "choose fewer values"));
        }
        let body = text(&event["body"]);
        let body = match event["isBase64Encoded"].as_bool() {
            Some(true) if body.len() <= 2 * LONGEST_BODY => STANDARD.decode(body).unwrap_or_default(),
            _ => body.into_bytes(),
        };
        if body.len() > LONGEST_BODY {
            return Err(Response::error(413, &format!("a form has {LONGEST_BODY} bytes at most"), ""));
        }
        // Lambda takes them out of the header; an emulator leaves them there.
        let cookies = match event["cookies"].as_array() {
            Some(cookies) => cookies.iter().map(text).collect(),
            None => text(&event["headers"]["cookie"]).split(';').map(str::to_owned).collect(),
        };
        let site = event["headers"]["sec-fetch-site"].as_str();
        Ok(Self {
            method,
            path,
            query,
            address: text(&http["sourceIp"]),
            is_elsewhere: site.is_some_and(|site| !["same-origin", "none"].contains(&site)),
            asks_again: asks_again(&event["headers"]),
            body,
            cookies,
            deadline: SystemTime::UNIX_EPOCH + Duration::from_millis(deadline.min(1 << 50)),
        })
    }

    /// The same from whoever CloudFront asks for. It adds an address at the end of what a browser may have written there; Lambda may add
    /// CloudFront's own, as that of who asks.
    pub(crate) fn of_viewer(mut self, event: &Value) -> Self {
        let told = event["headers"]["x-forwarded-for"].as_str().unwrap_or_default();
        let mut addresses = told.rsplit(',').map(str::trim).filter(|address| address.parse::<IpAddr>().is_ok());
        if let Some(viewer) = addresses.find(|address| *address != self.address) {
            self.address = viewer.to_owned();
        }
        self
    }

    /// What limits count who asks as, where no session tells: the address, or the network of 64 bits that it is in, of which whoever has
    /// one address by IPv6 has them all.
    pub(crate) fn counted_as(&self) -> String {
        match self.address.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            Ok(address) => address.to_string(),
            Err(_) => self.address.clone(),
        }
    }

    /// The cookie of that name, if there is exactly one.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = self.cookies.iter().filter_map(|cookie| {
            let (own, value) = cookie.trim().split_once('=')?;
            (own == name).then_some(value)
        });
        found.next().filter(|_| found.next().is_none())
    }

    /// How long the answer may take yet.
    pub(crate) fn left(&self) -> Duration {
        let left = self.deadline.duration_since(SystemTime::now()).unwrap_or_default();
        left.saturating_sub(SPARE).max(Duration::from_millis(1))
    }
}

fn asks_again(headers: &Value) -> Option<Duration> {
    let mut preferences = headers["prefer"].as_str()?.split(',').map(|one| one.split(';').next().unwrap_or_default());
    let waited = headers["quack-waited"].as_str().and_then(|waited| waited.parse::<u32>().ok()).unwrap_or(0);
    let is_one = preferences.any(|one| one.trim().eq_ignore_ascii_case("respond-async"));
    is_one.then(|| Duration::from_millis(waited.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(path: &str, query: &str) -> Value {
        json!({ "rawPath": path, "rawQueryString": query, "requestContext": { "http": { "method": "GET", "sourceIp": "192.0.2.1" } } })
    }

    #[test]
    fn a_request_is_what_lambda_says() {
        let mut event = request("/trips", "day=1");
        event["cookies"] = json!(["a=1", " b=2", 7, "c"]);
        event["headers"] = json!({ "sec-fetch-site": "cross-site" });
        (event["body"], event["isBase64Encoded"]) = (json!("dXNlcj1hbm4="), json!(true));
        let request = Request::of(&event, 0).unwrap();
        assert_eq!(
            (request.path.as_str(), request.query.as_str(), request.body.as_slice()),
            ("/trips", "day=1", &b"user=ann"[..])
        );
        assert_eq!((request.cookie("b"), request.cookie("c"), request.is_elsewhere), (Some("2"), None, true));
        event["headers"]["cookie"] = json!("b=3; d=4");
        assert_eq!(Request::of(&event, 0).unwrap().cookie("b"), Some("2"), "the header is not looked at");
        event.as_object_mut().unwrap().remove("cookies");
        assert_eq!(Request::of(&event, 0).unwrap().cookie("d"), Some("4"));
        event["cookies"] = json!(["a=1", "a=2"]);
        assert_eq!(Request::of(&event, 0).unwrap().cookie("a"), None, "of two one may be another's");
    }

    #[test]
    fn a_network_of_ipv6_is_counted_as_one() {
        let counted_as = |address: &str| {
            let mut event = request("/trips", "");
            event["requestContext"]["http"]["sourceIp"] = json!(address);
            Request::of(&event, 0).unwrap().counted_as()
        };
        for (address, whom) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
            ("", ""),
            ("no address", "no address"),
        ] {
            assert_eq!(counted_as(address), whom);
        }
    }

    #[test]
    fn who_asks_again_says_so() {
        let asks_again = |prefer: Value, waited: Value| {
            let mut event = request("/api/trips/by_zone", "");
            event["headers"] = json!({ "prefer": prefer, "quack-waited": waited });
            Request::of(&event, 0).unwrap().asks_again.map(|waited| waited.as_millis())
        };
        assert_eq!(asks_again(json!("respond-async"), json!(null)), Some(0));
        assert_eq!(asks_again(json!("handling=lenient, Respond-Async; x=1"), json!("1500")), Some(1500));
        for wrong in [json!("-1"), json!("99999999999999999999"), json!("1.5"), json!(7)] {
            assert_eq!(asks_again(json!("respond-async"), wrong), Some(0));
        }
        for none in [json!(null), json!(7), json!("wait=10"), json!("respond-async-x")] {
            assert_eq!(asks_again(none, json!("1500")), None);
        }
    }

    #[test]
    fn behind_cloudfront_the_address_is_the_readers() {
        let of_viewer = |forwarded: Value| {
            let mut event = request("/trips", "");
            event["headers"] = json!({ "x-forwarded-for": forwarded });
            Request::of(&event, 0).unwrap().of_viewer(&event).address
        };
        assert_eq!(of_viewer(json!("198.51.100.7")), "198.51.100.7");
        assert_eq!(
            of_viewer(json!("203.0.113.1, 198.51.100.7, 192.0.2.1")),
            "198.51.100.7",
            "a browser's words come first"
        );
        assert_eq!(of_viewer(json!("2001:db8::1")), "2001:db8::1");
        for nothing in [json!(null), json!(""), json!("192.0.2.1"), json!("<script>")] {
            assert_eq!(of_viewer(nothing), "192.0.2.1", "who asks");
        }
    }

    #[test]
    fn what_is_none_or_too_large_is_refused() {
        let status = |event: &Value| Request::of(event, 0).err().map(|refused| refused.status);
        assert_eq!(status(&json!({})), Some(400));
        assert_eq!(status(&json!([7])), Some(400));
        assert_eq!(status(&request("trips", "")), Some(400));
        assert_eq!(status(&request("/trips", &"x".repeat(10 << 20))), Some(414));
        let mut event = request("/login", "");
        event["body"] = json!("x".repeat(5000));
        assert_eq!(status(&event), Some(413));
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!("eHh4".repeat(1 << 20));
        assert_eq!(status(&event), Some(413));
        event["body"] = json!("\u{0}");
        assert_eq!(status(&event), None);
    }
}
