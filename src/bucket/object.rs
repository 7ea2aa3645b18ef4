//! Small objects of the bucket, read whole.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::{Bytes, BytesMut};

/// Times that an object is asked for because its body broke off: the SDK tries a call again, but not the reading of a body.
const READS: u32 = 4;

/// Most bytes of such an object: room for a catalog of more files than a table may have. Whoever can write to the bucket
/// could fill this machine's memory otherwise.
const MOST_BYTES: usize = 512 << 20;

/// What the object holds, and its tag.
///
/// # Errors
/// What S3 says, a body that breaks off each time, and one that is too large.
pub(crate) async fn whole(
    request: GetObjectFluentBuilder,
) -> Result<(Bytes, Option<String>), SdkError<GetObjectError>> {
    within(request, MOST_BYTES).await
}

/// The same, of an object that has at most so many bytes.
///
/// # Errors
/// As for [`whole`].
pub(crate) async fn within(
    request: GetObjectFluentBuilder,
    most: usize,
) -> Result<(Bytes, Option<String>), SdkError<GetObjectError>> {
    let mut reads = 1;
    loop {
        let object = request.clone().send().await?;
        match collect(object.body, most).await {
            Ok(Some(bytes)) => return Ok((bytes, object.e_tag)),
            Ok(None) => {
                let what = format!("the object is larger than {} MB", most >> 20);
                return Err(SdkError::dispatch_failure(ConnectorError::other(what.into(), None)));
            }
            Err(_) if reads < READS => reads += 1,
            Err(error) => return Err(SdkError::dispatch_failure(ConnectorError::io(error.into()))),
        }
    }
}

/// All of a body, or nothing of one that has more than `most` bytes.
async fn collect(
    mut body: ByteStream,
    most: usize,
) -> Result<Option<Bytes>, aws_smithy_types::byte_stream::error::Error> {
    let mut all = BytesMut::new();
    while let Some(chunk) = body.try_next().await? {
        if all.len() + chunk.len() > most {
            return Ok(None);
        }
        all.extend_from_slice(&chunk);
    }
    Ok(Some(all.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_taken_whole_or_not_at_all() {
        let body = || ByteStream::from_static(b"0123456789");
        assert_eq!(collect(body(), 10).await.unwrap().unwrap(), "0123456789");
        assert_eq!(collect(body(), 9).await.unwrap(), None);
    }
}
