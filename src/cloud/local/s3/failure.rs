//! Errors of the disk, in S3's terms.

use std::io::{self, ErrorKind};

use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

/// An error of the disk, as S3 would say it.
pub(super) fn failed(error: io::Error) -> S3Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            // Not a 5xx that clients retry: space does not come back by asking again.
            let code = S3ErrorCode::Custom("InsufficientStorage".into());
            let mut full = S3Error::with_message(code, "no space left on the disk that holds the local target's data");
            full.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
            full
        }
        ErrorKind::InvalidFilename => s3_error!(KeyTooLongError),
        _ => S3Error::internal_error(error),
    }
}
