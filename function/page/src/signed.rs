//! Texts that nobody makes but who has the site's key: cookies of sessions and links of invitations.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Longest text that is looked at, bytes.
const LONGEST: usize = 4096;

/// The site's key: the object `key`, which is never printed.
#[derive(Clone)]
pub struct Key([u8; KEY_BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// What is said by a link to whoever has it: `/invite/TOKEN`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// By which it can be revoked.
    pub id: String,
    /// Who looks with it, [`GUEST`] or a name that pages allow.
    pub user: String,
    /// Until when, seconds since the Unix epoch.
    pub expires: i64,
}

/// Who looks by an invitation that names nobody.
pub const GUEST: &str = "guest";

/// What a browser shows of who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub user: String,
    /// Seconds since the Unix epoch.
    pub expires: i64,
    pub by: By,
}

/// What let somebody in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A password; a digest of its verifier, with which the session ends.
    Password(String),
    /// The invitation of that id.
    Invitation(String),
    /// An issuer; [`crate::oidc::Oidc::digest`] of how it was asked.
    Issuer(String),
}

/// A sign-in by an issuer that has begun in this browser, and has to end in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// What the issuer says back.
    pub state: String,
    /// The page that it leads to.
    pub to: String,
    /// Until when it may end, seconds since the Unix epoch.
    pub expires: i64,
}

/// What can be signed: a text of one kind never passes for one of another.
pub trait Signed: Serialize + DeserializeOwned {
    const KIND: &'static str;
}

impl Signed for Invitation {
    const KIND: &'static str = "invitation";
}

impl Signed for Session {
    const KIND: &'static str = "session";
}

impl Signed for Begun {
    const KIND: &'static str = "begun";
}

impl Key {
    /// The key that an object holds; nothing of one of another length.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// `what` as text, signed: letters, digits, `-`, `_` and a dot.
    pub fn sign<T: Signed>(&self, what: &T) -> String {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(what).unwrap_or_default());
        let mac = self.derived(T::KIND, &payload);
        format!("{payload}.{mac}")
    }

    /// What a text says, if it was signed with this key.
    pub fn verified<T: Signed>(&self, text: &str) -> Option<T> {
        let (payload, mac) = text.split_once('.').filter(|_| text.len() <= LONGEST)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.mac(T::KIND, payload).verify_slice(&mac).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// What nobody can tell of a text who has not the key: 43 characters, others for each purpose.
    pub fn derived(&self, purpose: &str, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(purpose, text).finalize().into_bytes())
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        // HMAC fills a key up to a block of its hash.
        let mut block = [0; 64];
        block[..KEY_BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(purpose.as_bytes());
        mac.update(b".");
        mac.update(text.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_comes_back_and_nothing_else() {
        let key = Key::of(&[7; KEY_BYTES]).unwrap();
        let invitation = Invitation { id: "a1".into(), user: GUEST.into(), expires: 1 };
        let text = key.sign(&invitation);
        assert_eq!(key.verified::<Invitation>(&text), Some(invitation.clone()));
        assert_eq!(key.verified::<Session>(&text), None, "a link is no cookie");
        assert_eq!(Key::of(&[8; KEY_BYTES]).unwrap().verified::<Invitation>(&text), None);
        let forged = key.sign(&Invitation { user: "ann".into(), ..invitation });
        let (payload, _) = forged.split_once('.').unwrap();
        let (_, mac) = text.split_once('.').unwrap();
        let long = "a".repeat(5000);
        let others = [format!("{payload}.{mac}"), format!("{payload}."), payload.to_owned(), format!(".{mac}"), long];
        for other in others {
            assert_eq!(key.verified::<Invitation>(&other), None, "{other}");
        }
        // Each bit of a text counts.
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.verified::<Invitation>(std::str::from_utf8(&bytes).unwrap()), None, "{at}");
        }
        assert!(Key::of(&[0; 31]).is_none() && Key::of(b"").is_none());
        assert_eq!(format!("{key:?}"), "Key");
    }
}
