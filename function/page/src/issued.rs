//! Who comes in by the site's issuer.

use chrono::Utc;
use quack_page::oidc::{Oidc, Secret};
use quack_page::signed::{Begun, By, Session};

use crate::door::{Door, SESSION_S, is_own};
use crate::limits::Counted;
use crate::provider::{Issuer, LASTS_S, Provider, Refused};
use crate::request::Request;
use crate::response::Response;

impl Door<'_> {
    /// Sends a browser to the issuer; it leads `to` a page in the end.
    pub(crate) fn begin(
        &self,
        oidc: &Oidc,
        issuer: &mut Issuer,
        request: &Request,
        counted: &mut Counted,
        to: &str,
    ) -> Response {
        if request.is_elsewhere {
            return self.form(403, "/", "Another site asked: sign in here.").because("another site asks");
        }
        let to = if is_own(to) { to } else { "/" };
        // One that does not answer is waited for.
        if !issuer.is_known(oidc)
            && let Err(words) = counted.sign_in(&request.counted_as())
        {
            return self.too_many(to, &words);
        }
        let begun = Provider { oidc, key: self.key, issuer }.begin(to);
        match begun {
            Ok((address, begun)) => {
                Response::elsewhere(&address).with_cookie(self.begun_cookie(&self.key.sign(&begun), LASTS_S))
            }
            Err(refused) => self.told(to, &refused),
        }
    }

    /// Lets in whom the issuer has sent back, if it is somebody of whom `allow` tells. Whatever comes of it, it does not come again: the
    /// browser forgets that it had begun.
    pub(crate) fn end(
        &self,
        oidc: &Oidc,
        issuer: &mut Issuer,
        secret: Option<&Secret>,
        request: &Request,
        counted: &mut Counted,
    ) -> Response {
        let begun = request.cookie(&self.begun_name()).and_then(|cookie| self.key.verified::<Begun>(cookie));
        let to = begun.as_ref().map(|begun| begun.to.clone()).filter(|to| is_own(to)).unwrap_or_else(|| "/".to_owned());
        let response = match counted.sign_in(&request.counted_as()) {
            Err(words) => self.too_many(&to, &words),
            Ok(()) => {
                let ended = Provider { oidc, key: self.key, issuer }.end(begun.as_ref(), &request.query, secret);
                match ended {
                    Err(refused) => self.told(&to, &refused),
                    Ok(user) if !oidc.admits(&user, self.site.users.contains_key(&user)) => {
                        let words = format!("{} knows you as {user}, whom this site does not let in.", oidc.label);
                        self.form(403, &to, &words).because(&format!("{user:?} of the issuer is not allowed"))
                    }
                    Ok(user) => {
                        let expires = Utc::now().timestamp() + SESSION_S;
                        let session = Session { user, expires, by: By::Issuer(oidc.digest()) };
                        Response::elsewhere(&to).with_cookie(self.signed_in(&session))
                    }
                }
            }
        };
        response.with_cookie(self.begun_cookie("", 0))
    }

    fn too_many(&self, to: &str, words: &str) -> Response {
        self.form(429, to, &format!("There were {words}.")).because(words)
    }

    fn told(&self, to: &str, refused: &Refused) -> Response {
        self.form(refused.status, to, &refused.words).because(&refused.because)
    }

    fn begun_cookie(&self, value: &str, seconds: i64) -> String {
        self.written(&self.begun_name(), value, seconds)
    }

    fn begun_name(&self) -> String {
        format!("{}-oidc", self.cookie)
    }
}
