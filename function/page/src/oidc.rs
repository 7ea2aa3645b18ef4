//! Sign-in by an OpenID Connect issuer, as a site has it: which issuer, and whom of its users the site lets in.
//!
//! Source: <https://openid.net/specs/openid-connect-core-1_0.html>.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::signed::GUEST;

/// The claim that is an address of mail, which only counts where the issuer says that it is verified.
pub const EMAIL: &str = "email";

/// Where issuers send browsers back to, a path of the site.
const CALLBACK: &str = "oidc/callback";

/// Where issuers send browsers back to, of the site at `url`, which ends in `/`.
pub fn callback(url: &str) -> String {
    format!("{url}{CALLBACK}")
}

/// Longest name of a user, bytes: that of an address of mail.
const LONGEST_NAME: usize = 254;

/// An issuer that may say who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oidc {
    /// Its address, exactly as it calls itself.
    pub issuer: String,
    pub client_id: String,
    /// Whether the object [`Secret`] belongs to it.
    #[serde(default)]
    pub has_secret: bool,
    /// The claim of an ID token that is the user's name.
    pub claim: String,
    /// Who may come in: names, `*@domain`, `*`.
    pub allow: BTreeSet<String>,
    /// With blanks between, `openid` among them.
    pub scopes: String,
    /// What it is called where one signs in.
    pub label: String,
    /// Whole address that it sends browsers back to. Nothing that a request says has a part in it.
    pub callback: String,
}

/// The object `oidc`, beside the key: what the site proves to an issuer that it is this client with. Not `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Whose it is: to nobody else it is sent.
    pub issuer: String,
    pub client_id: String,
    pub secret: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Whether it is the secret of that client of that issuer.
    pub fn is_of(&self, oidc: &Oidc) -> bool {
        self.issuer == oidc.issuer && self.client_id == oidc.client_id
    }
}

impl Oidc {
    /// Whether somebody whom the issuer calls `name` may come in. A name that has a password here is let in only where it is allowed
    /// by itself, as then it is meant: else whoever the issuer gives that name would be another.
    pub fn admits(&self, name: &str, has_password: bool) -> bool {
        let domain = name.split_once('@').map(|(_, domain)| domain).filter(|domain| !domain.contains('@'));
        let is_of = |pattern: &str| pattern.strip_prefix("*@").is_some_and(|own| domain == Some(own));
        let is_allowed = self.allow.iter().any(|pattern| pattern == "*" || pattern == name || is_of(pattern));
        is_name(name) && name != GUEST && is_allowed && (!has_password || self.allow.contains(name))
    }

    /// What tells who was let in by these settings from who was by others.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [&self.issuer, &self.client_id, &self.claim] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether this is what `quackctl up` writes.
    pub fn is_sound(&self) -> bool {
        let is_callback = self.callback.strip_suffix(CALLBACK).is_some_and(|site| site.ends_with('/'));
        is_issuer(&self.issuer)
            && is_callback
            && is_address(&self.callback)
            && !self.client_id.is_empty()
            && !self.allow.is_empty()
            && self.allow.iter().all(|pattern| is_pattern(pattern))
            && self.scopes.split(' ').any(|scope| scope == "openid")
    }

    /// Whether the issuer may have something at this address: by HTTPS, so that nothing of it is another's; by HTTP where all of it is
    /// on this machine.
    pub fn may_be_at(&self, url: &str) -> bool {
        is_address(url) && (url.starts_with("https://") || is_loopback(&self.issuer) && is_loopback(url))
    }
}

/// Whether somebody may be called so: in a file, in a cookie, in SQL's `$user` and in the log.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain)
}

/// Whether `allow` may say so: a name, all names of a domain, or all there are.
pub fn is_pattern(pattern: &str) -> bool {
    let is_domain = |domain: &str| is_name(domain) && !domain.contains('@');
    pattern == "*" || is_name(pattern) || pattern.strip_prefix("*@").is_some_and(is_domain)
}

/// Whether an issuer may be called so: an address by HTTPS, or by HTTP on loopback, that ends before `?` and `#`.
pub fn is_issuer(url: &str) -> bool {
    is_address(url) && !url.contains(['?', '#']) && (url.starts_with("https://") || is_loopback(url))
}

/// The host, and the port if it has one, of an address that [`is_address`].
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether it is a whole address of the web, of a host alone: nobody's name and password, no blanks.
fn is_address(url: &str) -> bool {
    let is_plain = url.len() <= 1024 && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>".contains(&byte));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let host = host(url);
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_plain && is_web && !host.is_empty() && !host.starts_with(':') && host.bytes().all(plain)
}

fn is_loopback(url: &str) -> bool {
    let host = host(url);
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    url.starts_with("http://") && ["127.0.0.1", "::1", "localhost"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oidc(issuer: &str, allow: &[&str]) -> Oidc {
        Oidc {
            issuer: issuer.to_owned(),
            client_id: "quack".to_owned(),
            has_secret: false,
            claim: EMAIL.to_owned(),
            allow: allow.iter().map(|pattern| (*pattern).to_owned()).collect(),
            scopes: "openid email".to_owned(),
            label: "Example".to_owned(),
            callback: "https://site.example/oidc/callback".to_owned(),
        }
    }

    #[test]
    fn who_is_allowed_comes_in_and_nobody_else() {
        let oidc = oidc("https://id.example", &["*@example.com", "ann@x.org", "cleo"]);
        for name in ["eve@example.com", "a+b@example.com", "ann@x.org", "cleo"] {
            assert!(oidc.admits(name, false), "{name}");
        }
        for name in [
            "",
            "*",
            "guest",
            "eve",
            "eve@example.org",
            "eve@example.com.evil.org",
            "eve@evil.org@example.com",
            "eve@sub.example.com",
            "example.com",
            "\"x\"@example.com",
            "e ve@example.com",
            "Eve@Example.com",
        ] {
            assert!(!oidc.admits(name, false), "{name}");
        }
        assert!(oidc.admits("ann@x.org", true), "who is named is meant");
        assert!(!oidc.admits("bob@example.com", true), "a password's name is nobody else's");
        let all = Oidc { allow: ["*".to_owned()].into(), ..oidc };
        assert!(all.admits("eve", false) && !all.admits("guest", false) && !all.admits("bob@example.com", true));
    }

    #[test]
    fn issuers_are_on_https_or_on_this_machine() {
        for url in [
            "https://id.example",
            "https://id.example:8443/a/b",
            "http://127.0.0.1:80/x",
            "http://[::1]:9/",
            "http://localhost:1",
        ] {
            assert!(is_issuer(url), "{url}");
        }
        for url in [
            "",
            "id.example",
            "http://id.example",
            "http://127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "https://",
            "https:///x",
            "https://a:b@id.example",
            "https://id.example?x",
            "https://id.example#x",
            "https://id.example/ x",
            "ftp://id.example",
            "https://é.example",
        ] {
            assert!(!is_issuer(url), "{url}");
        }
        let (far, near) = (oidc("https://id.example", &["*"]), oidc("http://127.0.0.1:1", &["*"]));
        assert!(far.may_be_at("https://other.example/token?x=1") && near.may_be_at("http://127.0.0.1:2/x"));
        for url in ["http://id.example/token", "http://127.0.0.1:1/token", "http://169.254.169.254/", "file:///x", "/x"]
        {
            assert!(!far.may_be_at(url), "{url}");
        }
        assert!(!near.may_be_at("http://169.254.169.254/latest"));
    }

    #[test]
    fn what_up_does_not_write_is_not_sound() {
        let sound = oidc("https://id.example", &["*@example.com"]);
        assert!(sound.is_sound());
        for other in [
            Oidc { allow: BTreeSet::new(), ..sound.clone() },
            Oidc { allow: ["*.com".to_owned()].into(), ..sound.clone() },
            Oidc { issuer: "http://id.example".to_owned(), ..sound.clone() },
            Oidc { client_id: String::new(), ..sound.clone() },
            Oidc { callback: "https://site.example/evil".to_owned(), ..sound.clone() },
            Oidc { callback: "/oidc/callback".to_owned(), ..sound.clone() },
            Oidc { scopes: "email".to_owned(), ..sound.clone() },
        ] {
            assert!(!other.is_sound(), "{other:?}");
        }
        let others = [
            Oidc { issuer: "https://id2.example".to_owned(), ..sound.clone() },
            Oidc { client_id: "other".to_owned(), ..sound.clone() },
            Oidc { claim: "sub".to_owned(), ..sound.clone() },
        ];
        assert!(others.iter().all(|other| other.digest() != sound.digest()));
    }
}
