//! Passwords, of which a site has verifiers alone: argon2id with a salt of its own for each.

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// Fewest and most bytes of a password.
pub const SHORTEST: usize = 10;
pub const LONGEST: usize = 256;

/// What a check takes: memory, KiB, rounds and lanes.
/// Source: OWASP, Password Storage Cheat Sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Who signs in under a name that nobody has waits as long as all others: a verifier of these parameters, of no password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is kept of a password.
///
/// # Errors
/// One that is too short or too long, in words.
pub fn verifier(password: &str) -> Result<String, String> {
    if !(SHORTEST..=LONGEST).contains(&password.len()) {
        return Err(format!("a password has {SHORTEST} to {LONGEST} bytes, and this one has {}", password.len()));
    }
    let salt = SaltString::generate(&mut OsRng);
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| format!("the password cannot be hashed: {error}"))
}

/// Whether `verifier` is one that [`verifier`] makes: of another, a check could take any time and memory.
pub fn is_verifier(verifier: &str) -> bool {
    let Ok(hash) = PasswordHash::new(verifier) else { return false };
    let number = |name: &str| hash.params.get_decimal(name);
    let cost = (number("m"), number("t"), number("p"));
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && cost == (Some(MEMORY_KIB), Some(ROUNDS), Some(LANES))
        && hash.hash.is_some_and(|hash| hash.len() == Params::DEFAULT_OUTPUT_LEN)
}

/// Whether it is the password of `verifier`; without one, as long a check that fails.
pub fn is_right(verifier: Option<&str>, password: &str) -> bool {
    let known = verifier.filter(|verifier| is_verifier(verifier));
    let Ok(hash) = PasswordHash::new(known.unwrap_or(NOBODY)) else { return false };
    let is_right = password.len() <= LONGEST && argon2().verify_password(password.as_bytes(), &hash).is_ok();
    is_right && known.is_some()
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_is_right() {
        let made = verifier("correct horse").unwrap();
        assert!(is_verifier(&made) && is_verifier(NOBODY) && is_right(Some(&made), "correct horse"));
        assert_ne!(made, verifier("correct horse").unwrap());
        for wrong in ["", "correct hors", "correct horse ", &"x".repeat(5000)] {
            assert!(!is_right(Some(&made), wrong), "{wrong}");
        }
        assert!(!is_right(None, "correct horse") && !is_right(Some("x"), "x"));
        assert!(verifier("short").unwrap_err().contains("10 to 256 bytes"));
    }

    #[test]
    fn verifiers_of_any_cost_are_none() {
        let made = verifier("correct horse").unwrap();
        for (from, to) in
            [("m=19456", "m=4000000"), ("t=2", "t=4000000"), ("p=1", "p=9"), ("argon2id", "argon2i"), ("v=19", "v=16")]
        {
            assert!(!is_verifier(&made.replace(from, to)), "{to}");
        }
        for wrong in ["", "$", "$argon2id$", "é"] {
            assert!(!is_verifier(wrong), "{wrong}");
        }
    }
}
