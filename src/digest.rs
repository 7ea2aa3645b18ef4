//! Bytes told apart in few letters.

use sha2::{Digest as _, Sha256};

/// How many bytes of a SHA-256 are enough where nobody tries to make two that are alike.
const SHORT_BYTES: usize = 16;

/// Bytes as hexadecimal digits, two each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of these bytes.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What tells these bytes from others: 32 hexadecimal digits.
pub(crate) fn short(bytes: impl AsRef<[u8]>) -> String {
    hex(&sha256(bytes)[..SHORT_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_as_others_write_them() {
        assert_eq!(hex(&[0, 15, 255]), "000fff");
        // The first half of what `sha256sum` says of nothing.
        assert_eq!(short(""), "e3b0c44298fc1c149afbf4c8996fb924");
    }
}
