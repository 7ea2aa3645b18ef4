//! The keys that every request to the local target is signed with: made at `up`, gone at `down`.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRngCore;
use rand::rngs::OsRng;
use tempfile::NamedTempFile;

use crate::private;

/// A pair of keys.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// Never shows the secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// The keys in the file at `path`; new ones, from the system's randomness, when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds no keys.
    pub(super) fn load_or_create(path: &Path) -> io::Result<Self> {
        match Self::load(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Only its owner can read it.
                let mut draft = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
                draft.write_all(Self::random()?.to_file().as_bytes())?;
                match draft.persist_noclobber(path) {
                    // Two at once: the first made them for both, and a daemon may have read them already.
                    Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
                    _ => Self::load(path),
                }
            }
            loaded => loaded,
        }
    }

    /// Writes them to the file at `path`, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        private::write(path, self.to_file().as_bytes())
    }

    /// The keys in the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read or holds no keys.
    pub(super) fn load(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
            let missing = || io::Error::new(ErrorKind::InvalidData, format!("no {name} in {}", path.display()));
            line.map(|value| value.trim().to_owned()).ok_or_else(missing)
        };
        Ok(Self { access_key_id: value("aws_access_key_id")?, secret_access_key: value("aws_secret_access_key")? })
    }

    fn random() -> io::Result<Self> {
        let mut bytes = [0_u8; 46];
        OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
        let (id, secret) = bytes.split_at(16);
        let letter = |byte: &u8| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)]);
        let id: String = id.iter().map(letter).collect();
        Ok(Self { access_key_id: format!("QUAK{id}"), secret_access_key: STANDARD.encode(secret) })
    }

    /// AWS's format of a shared credentials file.
    fn to_file(&self) -> String {
        let Self { access_key_id, secret_access_key } = self;
        format!("[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        let keys = Credentials::load_or_create(&path).unwrap();
        assert_eq!(Credentials::load_or_create(&path).unwrap(), keys);
        assert_eq!((keys.access_key_id.len(), keys.secret_access_key.len()), (20, 40));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{keys:?}").contains(&keys.secret_access_key));
        assert_ne!(Credentials::random().unwrap(), keys);
    }
}
