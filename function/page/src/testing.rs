//! An OpenID Connect issuer for tests: a server on loopback with keys of its own, which signs whoever it is told to in, and can be told to do
//! each thing wrong.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::RsaPublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A key that signs nothing but tests' tokens.
const RSA: &[u8] = include_bytes!("testing/test-only-rsa-2048.pk8");

pub const CLIENT: &str = "quack";

/// What an issuer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All as it should be, signed by RS256, or by ES256.
    Right,
    Ec,
    /// Tokens: of another sign-in, another issuer, another client; for several without saying for which; made for another; expired; of a time
    /// to come; that do not hold yet; that ask for what nobody knows.
    OtherNonce,
    OtherIssuer,
    OtherClient,
    Several,
    OtherParty,
    Expired,
    ToCome,
    NotYet,
    Critical,
    /// Not signed; signed by a secret that is the public key; by another key; by one that is not in the set; with another algorithm's name.
    Unsigned,
    PublicAsSecret,
    Forged,
    OtherKey,
    Confused,
    /// Of parts that are none.
    Garbage,
    /// The token endpoint has no ID token, or an error.
    Tokenless,
    Broken,
    /// The set of keys is too large, has too many, or is none.
    HugeKeys,
    ManyKeys,
    NoKeys,
    /// The configuration leads elsewhere, is of another issuer, or has endpoints by HTTP elsewhere.
    Redirects,
    Stranger,
    PlainEndpoint,
    /// The user says no.
    Denies,
}

/// The issuer; its port ends with the process.
pub struct Issuer {
    pub url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    url: String,
    way: Way,
    user: Value,
    secret: Option<String>,
    kid: String,
    codes: HashMap<String, Code>,
    asked: Vec<String>,
    ec: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

/// What a code was given for.
struct Code {
    callback: String,
    challenge: String,
    nonce: String,
}

type Pairs = HashMap<String, String>;

impl Issuer {
    /// Starts one that takes clients with `secret`, or without any.
    ///
    /// # Panics
    /// When loopback has no port.
    pub fn start(secret: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        // Another site than pages at 127.0.0.1, as providers are.
        let url = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).expect("a key");
        let state = State {
            url: url.clone(),
            way: Way::Right,
            user: json!({}),
            secret: secret.map(str::to_owned),
            kid: "1".to_owned(),
            codes: HashMap::new(),
            asked: Vec::new(),
            ec,
            rsa: RsaKeyPair::from_pkcs8(RSA).expect("a key"),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { url, state }
    }

    /// Who signs in from now on: claims.
    pub fn signs_in(&self, user: Value) {
        locked(&self.state).user = user;
    }

    pub fn goes(&self, way: Way) {
        locked(&self.state).way = way;
    }

    /// Signs with keys of another name from now on.
    pub fn rotates(&self, kid: &str) {
        locked(&self.state).kid = kid.to_owned();
    }

    /// Methods and paths that it was asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.state).asked)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
    }
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<Pairs>();
    let mut state = locked(state);
    state.asked.push(format!("{method} {path}"));
    let (status, location, body) = match (method, path) {
        ("GET", "/.well-known/openid-configuration") => state.configuration(),
        ("GET", "/authorize") => state.authorize(&pairs(query.as_bytes())),
        ("POST", "/token") => state.token(&pairs(&body), header("authorization").as_deref()),
        ("GET", "/keys") => (200, String::new(), state.keys()),
        _ => (404, String::new(), "{}".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut out = stream;
    out.write_all(head.as_bytes()).ok()?;
    out.write_all(body.as_bytes()).ok()
}

type Answer = (u16, String, String);

fn answer(status: u16, body: &Value) -> Answer {
    (status, String::new(), body.to_string())
}

impl State {
    fn configuration(&self) -> Answer {
        let url = &self.url;
        let (issuer, token) = match self.way {
            Way::Redirects => return (302, format!("{url}/elsewhere"), String::new()),
            Way::Stranger => ("https://stranger.example", format!("{url}/token")),
            Way::PlainEndpoint => (url.as_str(), "http://192.0.2.1/token".to_owned()),
            _ => (url.as_str(), format!("{url}/token")),
        };
        answer(
            200,
            &json!({
                "issuer": issuer, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": token,
                "jwks_uri": format!("{url}/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            }),
        )
    }

    /// Sends the browser back with a code, or as its user says no.
    fn authorize(&mut self, asked: &Pairs) -> Answer {
        let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
        let scopes = get("scope");
        let is_right = get("response_type") == "code"
            && get("client_id") == CLIENT
            && get("code_challenge_method") == "S256"
            && get("code_challenge").len() == 43
            && scopes.split(' ').any(|scope| scope == "openid");
        if !is_right {
            return answer(400, &json!({ "error": "invalid_request" }));
        }
        let mut back = form_urlencoded::Serializer::new(String::new());
        back.append_pair("state", &get("state"));
        if self.way == Way::Denies {
            back.append_pair("error", "access_denied").append_pair("error_description", "<b>no</b> & no");
        } else {
            let code = format!("code-{}", self.asked.len() + 1000 * self.codes.len());
            back.append_pair("code", &code);
            let code_of = Code { callback: get("redirect_uri"), challenge: get("code_challenge"), nonce: get("nonce") };
            self.codes.insert(code, code_of);
        }
        (302, format!("{}?{}", get("redirect_uri"), back.finish()), String::new())
    }

    /// A token for a code, once.
    fn token(&mut self, asked: &Pairs, authorization: Option<&str>) -> Answer {
        let get = |name: &str| asked.get(name).map_or("", String::as_str);
        let is_client = match &self.secret {
            None => get("client_id") == CLIENT && authorization.is_none(),
            Some(secret) => authorization == Some(&format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")))),
        };
        if !is_client || self.way == Way::Broken {
            return answer(401, &json!({ "error": "invalid_client", "error_description": "who are you?" }));
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")));
        let code = self.codes.remove(get("code")).filter(|code| {
            code.callback == get("redirect_uri")
                && code.challenge == challenge
                && get("grant_type") == "authorization_code"
        });
        let Some(Code { nonce, .. }) = code else { return answer(400, &json!({ "error": "invalid_grant" })) };
        match self.way {
            Way::Tokenless => answer(200, &json!({ "access_token": "x", "token_type": "Bearer" })),
            _ => {
                answer(200, &json!({ "access_token": "x", "token_type": "Bearer", "id_token": self.id_token(&nonce) }))
            }
        }
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = Utc::now().timestamp();
        let mut claims = json!({
            "iss": self.url, "aud": CLIENT, "sub": "s-1", "exp": now + 300, "iat": now, "nonce": nonce,
        });
        let mut header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.kid });
        for (name, value) in self.user.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        match self.way {
            Way::Ec => header = json!({ "alg": "ES256", "kid": format!("{}-ec", self.kid) }),
            Way::OtherNonce => claims["nonce"] = json!("other"),
            Way::OtherIssuer => claims["iss"] = json!(format!("{}/", self.url)),
            Way::OtherClient => claims["aud"] = json!("other"),
            Way::Several => claims["aud"] = json!([CLIENT, "other"]),
            Way::Expired => claims["exp"] = json!(now - 120),
            Way::ToCome => claims["iat"] = json!(now + 600),
            Way::OtherParty => claims["azp"] = json!("other"),
            Way::NotYet => claims["nbf"] = json!(now + 600),
            Way::Critical => header["crit"] = json!(["b64"]),
            Way::Unsigned => header["alg"] = json!("none"),
            Way::PublicAsSecret => header["alg"] = json!("HS256"),
            Way::OtherKey => header["kid"] = json!("other"),
            Way::Confused => header["alg"] = json!("ES256"),
            Way::Garbage => return "a.b.c".to_owned(),
            _ => {}
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = match self.way {
            Way::Ec => self.signed_ec(&message),
            Way::Unsigned => Vec::new(),
            Way::PublicAsSecret => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.rsa.public().as_ref());
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            Way::Forged => self.signed_rsa(&message.replace('.', "_")),
            _ => self.signed_rsa(&message),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signed_ec(&self, message: &str) -> Vec<u8> {
        let signed = self.ec.sign(&SystemRandom::new(), message.as_bytes());
        signed.map(|signature| signature.as_ref().to_vec()).unwrap_or_default()
    }

    fn signed_rsa(&self, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        let signed = self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature);
        signed.map(|()| signature).unwrap_or_default()
    }

    fn keys(&self) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        let rsa = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": text(&n), "e": text(&e) });
        let ec = json!({
            "kty": "EC", "crv": "P-256", "kid": format!("{}-ec", self.kid), "x": text(&point[1..33]), "y": text(&point[33..]),
        });
        // One for other things, and one that nobody knows.
        let others =
            [json!({ "kty": "RSA", "use": "enc", "kid": "1", "n": text(&n), "e": "AQAB" }), json!({ "kty": "new" })];
        match self.way {
            Way::HugeKeys => json!({ "keys": [rsa], "more": "x".repeat(300_000) }).to_string(),
            Way::ManyKeys => json!({ "keys": vec![rsa; 100] }).to_string(),
            Way::NoKeys => "[7]".to_owned(),
            _ => json!({ "keys": [rsa, ec, others[0], others[1]] }).to_string(),
        }
    }
}
