//! Who may connect: names with SCRAM verifiers, of which nobody can make the password again. Written as PostgreSQL's `pg_authid` has
//! them: `SCRAM-SHA-256$iterations:salt$stored key:server key` (RFC 5803, RFC 7677).

use std::collections::BTreeMap;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pgwire::api::auth::sasl::scram::{ScramSecret, gen_salted_password};
use rand::RngCore as _;

use crate::error::usage;

/// Rounds of hashing: PostgreSQL's default, which all clients take.
pub(super) const ITERATIONS: usize = 4096;

const PREFIX: &str = "SCRAM-SHA-256$";

const SALT_BYTES: usize = 16;

/// A user's verifier.
#[derive(Clone, PartialEq)]
struct Verifier {
    salt: Vec<u8>,
    iterations: usize,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

/// All users, by name.
#[derive(Clone, Default)]
pub(crate) struct Users {
    verifiers: BTreeMap<String, Verifier>,
    /// What the salts of users are made of that there are not: whoever asks is told nothing of who there is.
    unknown: [u8; 32],
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.verifiers.keys()).finish()
    }
}

impl Users {
    /// As `quack.toml` has them.
    ///
    /// # Errors
    /// A verifier that is none.
    pub(crate) fn of(written: &BTreeMap<String, String>) -> Result<Self> {
        let mut verifiers = BTreeMap::new();
        for (name, text) in written {
            let verifier = parse(text).ok_or_else(|| {
                usage(
                    format!("the verifier of the user `{name}` in quack.toml is none"),
                    format!("`quackctl serve add-user {name}` makes one of a password"),
                )
            })?;
            verifiers.insert(name.clone(), verifier);
        }
        let mut unknown = [0; 32];
        rand::rng().fill_bytes(&mut unknown);
        Ok(Self { verifiers, unknown })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.verifiers.is_empty()
    }

    /// What a user's password is checked with; of one that there is not something that no password fits.
    pub(super) fn secret(&self, name: &str) -> ScramSecret {
        match self.verifiers.get(name).cloned() {
            Some(Verifier { salt, iterations, stored_key, server_key }) => {
                ScramSecret::Verifier { salt, iterations, stored_key, server_key }
            }
            None => {
                let digest =
                    |what: &str| crate::digest::sha256([&self.unknown[..], what.as_bytes(), name.as_bytes()].concat());
                ScramSecret::Verifier {
                    salt: digest("salt")[..SALT_BYTES].to_vec(),
                    iterations: ITERATIONS,
                    stored_key: digest("stored").to_vec(),
                    server_key: digest("server").to_vec(),
                }
            }
        }
    }
}

/// The verifier of a password, as it is written.
pub(crate) fn verifier(password: &str) -> String {
    let mut salt = vec![0; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    let salted = gen_salted_password(password, &salt, ITERATIONS);
    match ScramSecret::verifier_from_salted_password(salt, salted, ITERATIONS) {
        ScramSecret::Verifier { salt, iterations, stored_key, server_key } => {
            let [salt, stored, server] = [salt, stored_key, server_key].map(|bytes| STANDARD.encode(bytes));
            format!("{PREFIX}{iterations}:{salt}${stored}:{server}")
        }
        ScramSecret::SaltedPassword { .. } => unreachable!("a verifier was made"),
    }
}

fn parse(text: &str) -> Option<Verifier> {
    let (head, keys) = text.strip_prefix(PREFIX)?.split_once('$')?;
    let (iterations, salt) = head.split_once(':')?;
    let (stored, server) = keys.split_once(':')?;
    let bytes = |text: &str| STANDARD.decode(text).ok();
    let verifier = Verifier {
        salt: bytes(salt)?,
        iterations: iterations.parse().ok()?,
        stored_key: bytes(stored)?,
        server_key: bytes(server)?,
    };
    // The rounds are told to every client alike.
    let is_sound =
        verifier.iterations == ITERATIONS && verifier.stored_key.len() == 32 && verifier.server_key.len() == 32;
    is_sound.then_some(verifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifiers_are_read_as_they_are_written() {
        let text = verifier("pencil");
        assert!(text.starts_with("SCRAM-SHA-256$4096:") && !text.contains("pencil"));
        assert_ne!(text, verifier("pencil"));
        let users = Users::of(&[("ann".to_owned(), text.clone())].into()).unwrap();
        let ScramSecret::Verifier { salt, stored_key, .. } = users.secret("ann") else { panic!() };
        let again = ScramSecret::verifier_from_salted_password(
            salt.clone(),
            gen_salted_password("pencil", &salt, ITERATIONS),
            ITERATIONS,
        );
        assert!(matches!(again, ScramSecret::Verifier { stored_key: ref again, .. } if *again == stored_key));
        assert_eq!(format!("{users:?}"), "[\"ann\"]");
        for wrong in ["pencil", "SCRAM-SHA-256$1:aa$bb:cc", &text.replace("4096", "1")] {
            let error = Users::of(&[("ann".to_owned(), wrong.to_owned())].into()).unwrap_err();
            assert!(error.to_string().contains("`ann`"), "{error}");
        }
    }

    #[test]
    fn users_that_there_are_not_look_like_others() {
        let users = Users::of(&[("ann".to_owned(), verifier("pencil"))].into()).unwrap();
        let salt = |name: &str| match users.secret(name) {
            ScramSecret::Verifier { salt, .. } => salt,
            ScramSecret::SaltedPassword { .. } => panic!(),
        };
        assert_eq!(salt("bob"), salt("bob"));
        assert_ne!(salt("bob"), salt("eve"));
        assert_eq!(salt("bob").len(), salt("ann").len());
    }
}
