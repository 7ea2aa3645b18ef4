//! An error and its causes in one line, without the words that AWS's SDK has for its own layers.

use std::error::Error;

use aws_smithy_types::error::ErrorMetadata;

/// What the SDK says of where an error came through, which says nothing of what is wrong.
const LAYERS: [&str; 6] =
    ["service error", "dispatch failure", "response error", "construction failure", "io error", "other"];

/// The error and its causes, outermost first, with colons between.
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |&error| error.source()) {
        let part = match cause.downcast_ref::<ErrorMetadata>() {
            Some(told) => answered(told),
            None => cause.to_string(),
        };
        let is_layer = LAYERS.contains(&part.as_str()) || part.starts_with("unhandled error");
        if !is_layer && !part.is_empty() && parts.last().is_none_or(|last| !last.ends_with(&part)) {
            parts.push(part);
        }
    }
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}

/// What a service answered; nothing when it gave no reason.
fn answered(told: &ErrorMetadata) -> String {
    [told.code(), told.message()].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use aws_sdk_s3::error::SdkError;
    use aws_sdk_s3::operation::put_object::PutObjectError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    type Failed = SdkError<PutObjectError, HttpResponse>;

    fn told(error: Failed) -> String {
        words(Err::<(), _>(error).context("cannot upload it").unwrap_err().as_ref())
    }

    #[test]
    fn the_sdks_layers_are_left_out_and_what_is_wrong_is_told() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "Connection refused (os error 111)");
        let dispatch = Failed::dispatch_failure(ConnectorError::io(refused.into()));
        assert_eq!(told(dispatch), "cannot upload it: Connection refused (os error 111)");
        let answer = || HttpResponse::new(404.try_into().unwrap(), SdkBody::empty());
        let meta = ErrorMetadata::builder().code("NoSuchBucket").message("The specified bucket does not exist").build();
        let service = Failed::service_error(PutObjectError::generic(meta), answer());
        assert_eq!(told(service), "cannot upload it: NoSuchBucket: The specified bucket does not exist");
        let silent = Failed::service_error(PutObjectError::generic(ErrorMetadata::builder().build()), answer());
        assert_eq!(told(silent), "cannot upload it");
    }

    #[test]
    fn causes_that_repeat_themselves_are_told_once() {
        let error = anyhow::anyhow!("disk full").context("cannot write: disk full").context("cannot load");
        assert_eq!(words(error.as_ref()), "cannot load: cannot write: disk full");
    }
}
