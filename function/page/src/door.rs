//! Who may come in: passwords, invitations and the site's issuer, and the cookie that stands for any of them.

use chrono::Utc;
use quack_page::escape::escaped;
use quack_page::html::Frame;
use quack_page::password;
use quack_page::signed::{By, GUEST, Invitation, Key, Session};
use quack_page::site::{Page, Site, User, is_page};
use sha2::{Digest as _, Sha256};

use crate::limits::Counted;
use crate::request::Request;
use crate::response::Response;

/// How long a session lasts, seconds.
pub(crate) const SESSION_S: i64 = 12 * 60 * 60;

/// Sessions that one invitation begins within so many seconds are the same.
const SAME_S: i64 = 10 * 60;

/// Where a sign-in by the issuer begins.
const START: &str = "/oidc/start";

/// Longest address that signing in leads back to, bytes.
const LONGEST: usize = 2048;

/// What a site and its key say of who may come in.
pub(crate) struct Door<'a> {
    pub site: &'a Site,
    pub key: &'a Key,
    pub is_secure: bool,
    /// What the cookie of a session is called.
    pub cookie: &'a str,
}

/// Who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub user: String,
    /// What tells sessions apart.
    pub session: String,
    pub is_signed_in: bool,
}

impl Visitor {
    pub(crate) fn may_see(&self, page: &Page) -> bool {
        page.allow.as_ref().is_none_or(|users| users.contains(&self.user))
    }
}

impl Door<'_> {
    /// Who a request is from, if it may come in.
    pub(crate) fn visitor(&self, request: &Request) -> Option<Visitor> {
        let cookie = request.cookie(self.cookie);
        if let Some(session) = cookie.and_then(|cookie| self.key.verified::<Session>(cookie))
            && self.holds(&session)
        {
            let seen = cookie.map(digest).unwrap_or_default();
            return Some(Visitor { user: session.user, session: seen, is_signed_in: true });
        }
        let guest = || Visitor { user: GUEST.to_owned(), session: request.counted_as(), is_signed_in: false };
        self.site.public.then(guest)
    }

    /// Whether what let somebody in still does.
    fn holds(&self, session: &Session) -> bool {
        let is_let_in = match &session.by {
            By::Password(of) => self.site.users.get(&session.user).is_some_and(|user| digest(&user.verifier) == *of),
            By::Invitation(id) => !self.site.revoked.contains(id),
            By::Issuer(of) => self.site.oidc.as_ref().is_some_and(|oidc| {
                oidc.digest() == *of && oidc.admits(&session.user, self.site.users.contains_key(&session.user))
            }),
        };
        is_let_in && Utc::now().timestamp() < session.expires
    }

    /// The form, with what was wrong before, which leads back `to` a page.
    pub(crate) fn form(&self, status: u16, to: &str, wrong: &str) -> Response {
        let wrong =
            if wrong.is_empty() { String::new() } else { format!("<p role=\"alert\">{}</p>\n", escaped(wrong)) };
        let to = if is_own(to) { to } else { "/" };
        let issuer = self.site.oidc.as_ref().map_or_else(String::new, |oidc| {
            // A link, as what a form leads to is bounded by the page's policy.
            let to: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
            format!("<p><a class=\"issuer\" href=\"{START}?to={to}\">Sign in with {}</a></p>\n", escaped(&oidc.label))
        });
        let password = if issuer.is_empty() || !self.site.users.is_empty() { password_form(to) } else { String::new() };
        let main = format!("<h1>Sign in</h1>\n{wrong}{issuer}{password}");
        let frame = Frame {
            name: "",
            title: "Sign in",
            links: &[],
            assets: &self.site.assets,
            is_live: false,
            user: None,
            about: None,
        };
        Response::html(status, frame.document(&main))
    }

    /// What a form that was sent leads to.
    pub(crate) fn sign_in(&self, request: &Request, counted: &mut Counted) -> Response {
        if request.is_elsewhere {
            return self.form(403, "/", "The form was another site's: sign in here.").because("another site's form");
        }
        let field = |name: &str| {
            let mut values = form_urlencoded::parse(&request.body).filter(|(own, _)| own == name);
            values.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (user, to) = (field("user"), field("to"));
        let counted_as: String = user.chars().take(64).collect();
        if let Err(words) = counted.password(&counted_as, &request.counted_as()) {
            return self.form(429, &to, &format!("There were {words}.")).because(&words);
        }
        let verifier = self.site.users.get(&user).map(|User { verifier }| verifier);
        match verifier.filter(|_| user != GUEST) {
            verifier if !password::is_right(verifier.map(String::as_str), &field("password")) => {
                let words = "No such name with this password.";
                // What is no user's name may be a password, typed into the wrong field.
                let whose =
                    verifier.map_or_else(|| "nobody's name".to_owned(), |_| format!("wrong password of {user:?}"));
                self.form(401, &to, words).because(&whose)
            }
            verifier => {
                let by = By::Password(verifier.map(|verifier| digest(verifier)).unwrap_or_default());
                let expires = Utc::now().timestamp() + SESSION_S;
                let to = if is_own(&to) { to } else { "/".to_owned() };
                Response::elsewhere(&to).with_cookie(self.signed_in(&Session { user, expires, by }))
            }
        }
    }

    /// What a link leads to.
    pub(crate) fn invited(&self, token: &str, request: &Request) -> Response {
        let now = Utc::now().timestamp();
        let refused = |status: u16, title: &str, words: &str, other: &str, user: Option<&str>| {
            let main = format!("<h1>{title}</h1>\n<pre class=\"notice\">{}</pre>\n{other}", escaped(words));
            let frame =
                Frame { name: "", title, links: &[], assets: &self.site.assets, is_live: false, user, about: None };
            Response::html(status, frame.document(&main)).because(words)
        };
        let nothing = |words: &str| {
            // Who has a password may not need it.
            let is_closed = self.site.users.is_empty() && self.site.oidc.is_none();
            let other = if is_closed { "" } else { "<p><a href=\"/login\">Sign in</a></p>\n" };
            refused(403, "This link opens nothing", words, other, None)
        };
        let Some(invitation) = self.key.verified::<Invitation>(token) else {
            return nothing("It is no invitation to this site. Is it whole?");
        };
        if invitation.expires <= now {
            return nothing("The invitation has expired. Ask for another.");
        }
        if self.site.revoked.contains(&invitation.id) {
            return nothing("The invitation was taken back. Ask for another.");
        }
        // Another site may have had the link opened: nobody is to look as somebody else without noticing.
        let other = self.visitor(request).filter(|visitor| visitor.is_signed_in && visitor.user != invitation.user);
        if let Some(Visitor { user, .. }) = other {
            let words = format!(
                "You are signed in as {user}, and the link is for {}. Sign out, and open it again.",
                invitation.user
            );
            return refused(409, "This link is for somebody else", &words, "", Some(&user));
        }
        // One session for whoever opens it again and again: each has a number of requests of its own.
        let expires = invitation.expires.min((now + SESSION_S) / SAME_S * SAME_S);
        let session = Session { user: invitation.user, expires, by: By::Invitation(invitation.id) };
        Response::elsewhere("/").with_cookie(self.signed_in(&session))
    }

    /// Ends a session in the browser that asks.
    pub(crate) fn sign_out(&self, request: &Request) -> Response {
        if request.is_elsewhere {
            return Response::error(403, "the form was another site's", "");
        }
        Response::elsewhere("/login").with_cookie(self.written(self.cookie, "", 0))
    }

    pub(crate) fn signed_in(&self, session: &Session) -> String {
        self.written(self.cookie, &self.key.sign(session), session.expires - Utc::now().timestamp())
    }

    pub(crate) fn written(&self, name: &str, value: &str, seconds: i64) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
    }
}

fn password_form(to: &str) -> String {
    let to = escaped(to);
    format!(
        "<form class=\"login\" method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"to\" value=\"{to}\">\
         <label><span>Name</span><input name=\"user\" autocomplete=\"username\" required></label>\
         <label><span>Password</span><input type=\"password\" name=\"password\" autocomplete=\"current-password\" required></label>\
         <button>Sign in</button></form>\n"
    )
}

/// Whether an address is of a page of this site: a path of one name, and what is behind `?`.
pub(crate) fn is_own(to: &str) -> bool {
    let path = to.split('?').next().unwrap_or_default();
    let is_plain = to.len() <= LONGEST && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_plain && path.strip_prefix('/').is_some_and(is_page)
}

/// What tells texts apart without telling what they are.
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_pages_of_this_site_alone() {
        for own in ["/trips", "/trips?day=2019-04-01&z=%2F"] {
            assert!(is_own(own), "{own}");
        }
        let long = format!("/trips?{}", "x".repeat(3000));
        for other in
            ["", "/", "//evil.example", "/\\evil", "https://evil.example", "/trips\r\nx: y", "/a/b", "/é", &long]
        {
            assert!(!is_own(other), "{other}");
        }
    }
}
