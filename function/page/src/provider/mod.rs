//! Sign-in by an issuer: a browser is sent there, and comes back with a code that the function has an ID token for (authorization code
//! flow with PKCE).

mod issuer;
mod token;
mod web;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use quack_page::oidc::{Oidc, Secret};
use quack_page::signed::{Begun, Key};
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest as _, Sha256};

use self::issuer::Grant;
pub(crate) use self::issuer::Issuer;
use self::token::Token;

/// How long a sign-in may take, seconds.
pub(crate) const LASTS_S: i64 = 10 * 60;

/// Longest code, bytes, and longest text of an issuer that is shown, characters.
const LONGEST_CODE: usize = 4 << 10;
const LONGEST_WORDS: usize = 200;

/// What keys that are derived from the site's are for.
const VERIFIER: &str = "pkce";
const NONCE: &str = "nonce";

/// Why nobody came in.
#[derive(Debug)]
pub(crate) struct Refused {
    pub status: u16,
    /// For who asked, and for the log.
    pub words: String,
    /// For the log alone.
    pub because: String,
}

/// The issuer of a site.
pub(crate) struct Provider<'a> {
    pub oidc: &'a Oidc,
    pub key: &'a Key,
    pub issuer: &'a mut Issuer,
}

impl Provider<'_> {
    /// Where a browser goes to sign in, and what it has to bring back; it leads `to` a page then.
    ///
    /// # Errors
    /// When the issuer does not say where that is.
    pub(crate) fn begin(&mut self, to: &str) -> Result<(String, Begun), Refused> {
        let Self { oidc, key, issuer } = self;
        let endpoints = issuer.endpoints(oidc).map_err(|words| unreachable(oidc, words))?;
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).map_err(|_| unreachable(oidc, "no randomness".to_owned()))?;
        let state = URL_SAFE_NO_PAD.encode(random);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(key.derived(VERIFIER, &state)));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("response_type", "code"), ("client_id", &oidc.client_id), ("redirect_uri", &oidc.callback)])
            .extend_pairs([("scope", &oidc.scopes), ("state", &state), ("nonce", &key.derived(NONCE, &state))])
            .extend_pairs([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")])
            .finish();
        let endpoint = &endpoints.authorization_endpoint;
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        let expires = Utc::now().timestamp() + LASTS_S;
        Ok((format!("{endpoint}{separator}{query}"), Begun { state, to: to.to_owned(), expires }))
    }

    /// Who comes back, with what the issuer has the browser say in `query`, if that is what `begun` began. `secret` is what the client
    /// proves itself with.
    ///
    /// # Errors
    /// Why nobody does.
    pub(crate) fn end(
        &mut self,
        begun: Option<&Begun>,
        query: &str,
        secret: Option<&Secret>,
    ) -> Result<String, Refused> {
        let Self { oidc, key, issuer } = self;
        let said = |name: &str| {
            let mut all = form_urlencoded::parse(query.as_bytes()).filter(|(own, _)| own == name);
            all.next().map(|(_, value)| value.into_owned()).filter(|_| all.next().is_none())
        };
        let begun = begun.filter(|begun| begun.expires > Utc::now().timestamp());
        let begun = begun.filter(|begun| said("state").is_some_and(|state| state == begun.state));
        let Some(Begun { state, .. }) = begun else {
            // Nothing that stands in such an address is shown: anybody may have written it.
            let words = "This sign-in did not begin in this browser, has ended, or took too long. Begin again.";
            return Err(refused(403, words, "no sign-in of that state has begun in this browser"));
        };
        if said("iss").is_some_and(|iss| iss != oidc.issuer) {
            return Err(refused(403, "Another issuer answers than was asked.", "another issuer answers"));
        }
        if let Some(error) = said("error") {
            let more = said("error_description").unwrap_or_default();
            let words = cut(format!("{error} {more}").trim_end());
            return Err(refused(403, &format!("{} says: {words}", oidc.label), &format!("the issuer says: {words}")));
        }
        let code = said("code").filter(|code| !code.is_empty() && code.len() <= LONGEST_CODE);
        let code = code.ok_or_else(|| refused(400, "The issuer gave no code. Begin again.", "no code"))?;
        let grant = Grant { code: &code, verifier: &key.derived(VERIFIER, state), secret };
        let token = issuer.id_token(oidc, &grant).map_err(|words| unreachable(oidc, words))?;
        let wrong = |words: String| refused(403, &format!("{} cannot sign you in: {words}.", oidc.label), &words);
        let token = Token::parse(&token).map_err(wrong)?;
        let keys = issuer.keys(oidc, &token).map_err(|words| unreachable(oidc, words))?;
        // Whole seconds, of which a float holds all that come.
        let now = Utc::now().timestamp() as f64;
        token.user(keys, oidc, &key.derived(NONCE, state), now).map_err(|words| wrong(cut(&words)))
    }
}

/// What is told where an issuer does not do its part: its words are for the log.
fn unreachable(oidc: &Oidc, words: String) -> Refused {
    let told = format!("{} did not sign you in. Begin again; whoever runs the site finds in the log why.", oidc.label);
    Refused { status: 502, words: told, because: words }
}

fn refused(status: u16, words: &str, because: &str) -> Refused {
    Refused { status, words: words.to_owned(), because: because.to_owned() }
}

fn cut(words: &str) -> String {
    words.chars().take(LONGEST_WORDS).collect()
}
