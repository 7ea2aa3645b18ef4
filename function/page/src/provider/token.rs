//! ID tokens: who signed one, for whom it is, and whom it names.
//!
//! Source: <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>, RFC 7515, RFC 7517, RFC 7518.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quack_page::oidc::{EMAIL, Oidc, is_name};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token, bytes, and most keys that an issuer has.
const LONGEST: usize = 16 << 10;
const MOST_KEYS: usize = 64;

/// How far clocks may be apart, seconds.
const LEEWAY_S: f64 = 60.0;

/// How a token may be signed: with what only its issuer has. Whatever else a token says it is signed with counts as no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
}

/// A token of which nothing is believed yet.
pub(crate) struct Token<'a> {
    algorithm: Algorithm,
    /// Which of its issuer's keys it says that it is signed with.
    pub kid: Option<String>,
    signed: &'a str,
    signature: Vec<u8>,
    claims: &'a str,
}

/// The keys of an issuer that tokens can be signed with here.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// A point of P-256, uncompressed.
    P256([u8; 65]),
}

/// What a token says, as far as it is looked at.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    #[serde(default)]
    azp: Option<String>,
    exp: f64,
    iat: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl<'a> Token<'a> {
    /// The parts of a token.
    ///
    /// # Errors
    /// What is no token, or signed in a way that is not taken.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            #[serde(default)]
            kid: Option<String>,
            #[serde(default)]
            crit: Option<Value>,
        }
        let none = || "the ID token is none".to_owned();
        if text.len() > LONGEST {
            return Err(format!("the ID token has more than {LONGEST} bytes"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(none)?;
        let (header, claims) = signed.split_once('.').ok_or_else(none)?;
        let header: Header = serde_json::from_slice(&decoded(header).ok_or_else(none)?).map_err(|_| none())?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            other => return Err(format!("the ID token is signed by {other:?}: only RS256 and ES256 count")),
        };
        if header.crit.is_some() {
            return Err("the ID token asks for what is not known here (crit)".to_owned());
        }
        let signature = decoded(signature).ok_or_else(none)?;
        Ok(Self { algorithm, kid: header.kid, signed, signature, claims })
    }

    /// The user that it names, if one of `keys` signed it, and it is of `oidc` for this `nonce`, at `now`, seconds since the Unix epoch.
    ///
    /// # Errors
    /// Why it counts for nothing.
    pub(crate) fn user(&self, keys: &Keys, oidc: &Oidc, nonce: &str, now: f64) -> Result<String, String> {
        let key = keys.of(self).ok_or("the ID token is signed with a key that is not its issuer's")?;
        if !key.has_signed(self) {
            return Err("the ID token's signature is wrong".to_owned());
        }
        let none = || "the ID token lacks what every one has".to_owned();
        let claims: Claims = serde_json::from_slice(&decoded(self.claims).ok_or_else(none)?).map_err(|_| none())?;
        let is_ours = match &claims.aud {
            Audience::One(one) => *one == oidc.client_id,
            // Of several, the one that it was made for has to be said.
            Audience::Many(all) => all.contains(&oidc.client_id) && (all.len() == 1 || claims.azp.is_some()),
        };
        let checks = [
            (claims.iss == oidc.issuer, "the ID token is of another issuer"),
            (
                is_ours && claims.azp.as_ref().is_none_or(|azp| *azp == oidc.client_id),
                "the ID token is for another client",
            ),
            (claims.exp > now - LEEWAY_S, "the ID token has expired"),
            (claims.iat < now + LEEWAY_S, "the ID token is of a time to come"),
            (claims.nbf.is_none_or(|nbf| nbf < now + LEEWAY_S), "the ID token does not hold yet"),
            (claims.nonce.as_deref() == Some(nonce), "the ID token is of another sign-in (nonce)"),
        ];
        match checks.iter().find(|(holds, _)| !holds) {
            Some((_, words)) => Err((*words).to_owned()),
            None => claims.name(&oidc.claim),
        }
    }
}

impl Claims {
    /// The user's name: the claim of that name. Addresses of mail are one however they are written, and count where they are verified.
    fn name(&self, claim: &str) -> Result<String, String> {
        let Some(Value::String(name)) = self.more.get(claim) else {
            return Err(format!("the ID token has no {claim:?}: is it among the scopes?"));
        };
        // Some issuers say it in words.
        let verified = self.more.get("email_verified");
        if claim == EMAIL && !verified.is_some_and(|value| *value == Value::Bool(true) || *value == "true") {
            return Err("the issuer does not say that the address of mail is verified".to_owned());
        }
        let name = if claim == EMAIL { name.to_ascii_lowercase() } else { name.clone() };
        match is_name(&name) {
            true => Ok(name),
            false => Err(format!("{claim} is {name:?}, and names have letters, digits, `.`, `_`, `@`, `+` and `-`")),
        }
    }
}

impl Keys {
    /// Those of a JSON Web Key Set that count: others are for other things, and may be there.
    ///
    /// # Errors
    /// What is no set; more than [`MOST_KEYS`].
    pub(crate) fn of_set(set: &Value) -> Result<Self, String> {
        let keys = set["keys"].as_array().ok_or("its keys are none")?;
        if keys.len() > MOST_KEYS {
            return Err(format!("it has more than {MOST_KEYS} keys"));
        }
        Ok(Self(keys.iter().filter_map(Key::of).collect()))
    }

    /// Whether there is a key for a token.
    pub(crate) fn know(&self, token: &Token<'_>) -> bool {
        self.of(token).is_some()
    }

    /// The key that a token names; of one that names none, the only one there is.
    fn of(&self, token: &Token<'_>) -> Option<&Key> {
        let mut found = self
            .0
            .iter()
            .filter(|key| key.algorithm() == token.algorithm && (token.kid.is_none() || key.kid == token.kid));
        found.next().filter(|_| found.next().is_none())
    }
}

impl Key {
    fn of(key: &Value) -> Option<Self> {
        let is = |name: &str, wanted: &str| key[name].as_str().is_none_or(|own| own == wanted);
        let bytes = |name: &str| key[name].as_str().and_then(decoded);
        let kid = key["kid"].as_str().map(str::to_owned);
        let public = match (key["kty"].as_str()?, key["crv"].as_str()) {
            ("RSA", _) if is("alg", "RS256") => Public::Rsa(RsaPublicKeyComponents { n: bytes("n")?, e: bytes("e")? }),
            ("EC", Some("P-256")) if is("alg", "ES256") => {
                let point = [vec![4], bytes("x")?, bytes("y")?].concat();
                Public::P256(point.try_into().ok()?)
            }
            _ => return None,
        };
        is("use", "sig").then_some(Self { kid, public })
    }

    fn algorithm(&self) -> Algorithm {
        match self.public {
            Public::Rsa(_) => Algorithm::RS256,
            Public::P256(_) => Algorithm::ES256,
        }
    }

    fn has_signed(&self, token: &Token<'_>) -> bool {
        let (message, signature) = (token.signed.as_bytes(), token.signature.as_slice());
        let verified = match &self.public {
            Public::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            Public::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature),
        };
        verified.is_ok()
    }
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
