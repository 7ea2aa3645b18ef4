//! The door before S3 and Lambda: a request that a web page sent, or that was meant for another server, goes no further,
//! whoever signed it.

use hyper::Request;
use hyper::header::{HOST, ORIGIN};

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `Host` names another server, nobody, or several: a name that was made to resolve to loopback.
    ForeignHost,
    /// Sent by a browser for a page: no page has anything to ask here.
    Origin,
    /// The request's target is a whole URL of another server, as for a proxy.
    NotAProxy,
    /// A header that there can be one of is there more often.
    Twice(&'static str),
}

impl Refusal {
    /// Status, code and message, as S3 and Lambda have them.
    pub(super) fn parts(self) -> (u16, &'static str, String) {
        match self {
            Self::ForeignHost => (403, "AccessDenied", "Host is not this endpoint's".to_owned()),
            Self::Origin => (403, "AccessDenied", "requests of web pages are not answered here".to_owned()),
            Self::NotAProxy => (400, "InvalidURI", "the request is for another server".to_owned()),
            Self::Twice(name) => (400, "InvalidRequest", format!("{name} is there twice")),
        }
    }
}

/// Headers that say what a request is, and must not say two things.
const ONCE: &[&str] = &[
    "authorization",
    "content-length",
    "content-md5",
    "content-type",
    "transfer-encoding",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-invocation-type",
    "x-amz-security-token",
    "x-amz-trailer",
];

/// The names that the daemon goes by: loopback's, with its port.
#[derive(Debug, Clone)]
pub(super) struct Door {
    hosts: [String; 2],
}

impl Door {
    pub(super) fn new(port: u16) -> Self {
        Self { hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")] }
    }

    /// # Errors
    /// Why the request is not let in.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        self.check_host(request)?;
        if request.headers().contains_key(ORIGIN) {
            return Err(Refusal::Origin);
        }
        let several = |name: &&&'static str| request.headers().get_all(**name).iter().nth(1).is_some();
        ONCE.iter().find(several).map_or(Ok(()), |name| Err(Refusal::Twice(name)))
    }

    /// The same where web pages ask: what is meant for another server goes no further.
    ///
    /// # Errors
    /// Why the request is not let in.
    pub(super) fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).ok_or(Refusal::ForeignHost)?;
        let ours = |name: &str| self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        if hosts.next().is_some() || !ours(host) {
            return Err(Refusal::ForeignHost);
        }
        if request.uri().authority().is_some_and(|authority| !ours(authority.as_str())) {
            return Err(Refusal::NotAProxy);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_for_this_endpoint_comes_in() {
        let door = Door::new(4000);
        let check = |uri: &str, headers: &[(&str, &str)]| {
            let request =
                headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
            door.check(&request.body(()).unwrap())
        };
        assert_eq!(check("/", &[("host", "127.0.0.1:4000")]), Ok(()));
        assert_eq!(check("/", &[("host", "LocalHost:4000")]), Ok(()));
        assert_eq!(check("http://127.0.0.1:4000/", &[("host", "127.0.0.1:4000")]), Ok(()));
        for host in ["", "127.0.0.1", "127.0.0.1:4001", "evil.example:4000", "localhost.evil.example:4000"] {
            assert_eq!(check("/", &[("host", host)]), Err(Refusal::ForeignHost), "{host}");
        }
        assert_eq!(check("/", &[]), Err(Refusal::ForeignHost));
        assert_eq!(check("/", &[("host", "localhost:4000"), ("host", "evil")]), Err(Refusal::ForeignHost));
        assert_eq!(check("/", &[("host", "localhost:4000"), ("origin", "null")]), Err(Refusal::Origin));
        assert_eq!(check("http://evil/", &[("host", "localhost:4000")]), Err(Refusal::NotAProxy));
        let asked = |host: &str| {
            let request = Request::post("/login").header("host", host).header("origin", "null");
            door.check_host(&request.body(()).unwrap())
        };
        assert_eq!((asked("localhost:4000"), asked("evil.example:4000")), (Ok(()), Err(Refusal::ForeignHost)));
        let twice = [("host", "localhost:4000"), ("x-amz-date", "a"), ("x-amz-date", "b")];
        assert_eq!(check("/", &twice), Err(Refusal::Twice("x-amz-date")));
    }
}
