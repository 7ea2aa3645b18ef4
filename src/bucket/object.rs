//! Small objects of the bucket, read whole.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;

/// Times that an object is asked for because its body broke off: the SDK tries a call again, but not the reading of a body.
const READS: u32 = 4;

/// What the object holds, and its tag.
///
/// # Errors
/// What S3 says, and a body that breaks off each time.
pub(crate) async fn whole(
    request: GetObjectFluentBuilder,
) -> Result<(Bytes, Option<String>), SdkError<GetObjectError>> {
    let mut reads = 1;
    loop {
        let object = request.clone().send().await?;
        match object.body.collect().await {
            Ok(bytes) => return Ok((bytes.into_bytes(), object.e_tag)),
            Err(_) if reads < READS => reads += 1,
            Err(error) => return Err(SdkError::dispatch_failure(ConnectorError::io(error.into()))),
        }
    }
}
