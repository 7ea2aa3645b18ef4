//! What AWS refuses, in words of ours: what went wrong, quoting AWS, and what to do next.

pub(crate) mod denied;
mod unreachable;

use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::sdk::ATTEMPTS;
use crate::error::{Kind, failure_of};

/// AWS's own word for what went wrong, e.g. `ResourceNotFoundException`; nothing when it did not answer.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.code()
}

/// Whether AWS's word for what went wrong is one of `codes`.
pub(crate) fn is_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    code(error).is_some_and(|code| codes.contains(&code))
}

/// Whether AWS answered with this HTTP status: all that a question without a body is told.
pub(crate) fn is_status<E>(error: &SdkError<E, HttpResponse>, status: u16) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == status)
}

/// What AWS says went wrong; empty when it did not answer.
pub(crate) fn text<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.message().unwrap_or_default()
}

/// Whether CloudFormation says that there is no such stack. It has no code of its own for that, but `ValidationError`, which
/// stands for much else.
pub(crate) fn is_no_stack<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    text(error).contains("does not exist")
}

/// What kind of thing AWS says went wrong.
pub(crate) fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Kind {
    match error.code().unwrap_or_default() {
        "" if is_status(error, 403) => Kind::Denied,
        "" if is_status(error, 404) => Kind::Missing,
        code if DENIED.contains(&code) => Kind::Denied,
        code if THROTTLED.contains(&code) => Kind::Throttled,
        code if MISSING.contains(&code) => Kind::Missing,
        _ if is_status(error, 403) && denied::Denied::find(text(error)).is_some() => Kind::Denied,
        _ => Kind::Other,
    }
}

/// The words that services have for a refusal, for too many calls, and for what is not there.
const DENIED: [&str; 4] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"];
const THROTTLED: [&str; 7] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "SlowDown",
    "RequestLimitExceeded",
    "RequestThrottled",
];
const MISSING: [&str; 5] =
    ["NoSuchBucket", "NoSuchKey", "NoSuchEntity", "ResourceNotFoundException", "RepositoryNotFoundException"];

/// Turns any service's error into one for the user: `cannot <doing>: ...`, with what to do.
pub(crate) fn explain<E>(error: SdkError<E, HttpResponse>, doing: &str) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let kind = kind(&error);
    let (message, help) = match &error {
        SdkError::ServiceError(answer) => Answer::new(error.code(), error.message(), answer.raw()).explain(),
        SdkError::ResponseError(answer) => Answer::new(None, None, answer.raw()).explain(),
        SdkError::TimeoutError(_) => unreachable::timeout(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => unreachable::timeout(),
        SdkError::DispatchFailure(_) => unreachable::explain(&error),
        _ => (unreachable::innermost(&error), String::new()),
    };
    failure_of(kind, format!("cannot {doing}: {message}"), help)
}

/// What AWS answered.
struct Answer<'a> {
    /// Empty where AWS gave none, as in answers without a body.
    code: &'a str,
    message: &'a str,
    request: Option<&'a str>,
    status: u16,
    /// Where the bucket is, when S3 was asked in another region.
    bucket_region: Option<&'a str>,
}

impl<'a> Answer<'a> {
    fn new(code: Option<&'a str>, message: Option<&'a str>, raw: &'a HttpResponse) -> Self {
        Self {
            code: code.unwrap_or_default(),
            message: message.unwrap_or_default().trim(),
            request: raw.request_id(),
            status: raw.status().as_u16(),
            bucket_region: raw.headers().get("x-amz-bucket-region"),
        }
    }

    /// `(what is wrong, what to do)`. The words are those that services list under "Common errors" and
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
    fn explain(&self) -> (String, String) {
        let quoted = self.quoted();
        match self.code {
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
                (format!("the credentials have expired: {quoted}"), unreachable::renew())
            }
            "RequestTimeTooSkewed" => self.clock(),
            "SignatureDoesNotMatch" | "InvalidSignatureException" if self.is_about_time() => self.clock(),
            "SignatureDoesNotMatch" | "InvalidSignatureException" => (
                format!("the secret access key is not the one of this access key: {quoted}"),
                "give both again: `aws configure`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; \
                 or the clock is wrong: `quackctl doctor`"
                    .to_owned(),
            ),
            "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => (
                format!("AWS does not know these credentials: {quoted}"),
                "check the access key (`aws sts get-caller-identity`), \
                 and that the region is enabled in the account"
                    .to_owned(),
            ),
            "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException" => self.region(),
            "AuthorizationHeaderMalformed" if self.message.contains("region") => self.region(),
            _ if self.status == 301 => self.region(),
            code if DENIED.contains(&code) => denied::explain(self.message),
            _ if self.status == 403 && denied::Denied::find(self.message).is_some() => denied::explain(self.message),
            "BucketAlreadyExists" => (
                format!("the bucket's name is taken, by somebody else on AWS: {quoted}"),
                "name another in quack.toml: [lake] bucket = \"...\"".to_owned(),
            ),
            "ValidationError" | "ValidationException" | "InvalidParameterValueException" => {
                (format!("AWS finds it invalid: {quoted}"), "change what it names in quack.toml".to_owned())
            }
            code if THROTTLED.contains(&code) => (
                format!("AWS throttled it, {ATTEMPTS} times in a row: {quoted}"),
                "try again in a minute; what is done already is not done again".to_owned(),
            ),
            _ if self.status >= 500 => (
                format!("AWS failed, {ATTEMPTS} times in a row: {quoted}"),
                "try again; if it stays: https://health.aws.amazon.com".to_owned(),
            ),
            _ => (quoted, String::new()),
        }
    }

    /// AWS's own words, and the request's ID for its support.
    fn quoted(&self) -> String {
        let words = match (self.code, self.message) {
            ("", "") => format!("HTTP {}", self.status),
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        // Some messages bring it themselves.
        match self.request.filter(|request| !self.message.contains(request)) {
            Some(request) => format!("{words} (request {request})"),
            None => words,
        }
    }

    /// `Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z`, `Signature not yet current: ...`.
    fn is_about_time(&self) -> bool {
        ["expired", "not yet current"].iter().any(|word| self.message.contains(word))
    }

    fn clock(&self) -> (String, String) {
        (
            format!("this machine's clock is wrong: {}", self.quoted()),
            "set the clock; `quackctl doctor` tells by how much it is off".to_owned(),
        )
    }

    fn region(&self) -> (String, String) {
        // the region 'us-east-1' is wrong; expecting 'eu-west-1'
        let expected = || self.message.split_once("expecting '").and_then(|(_, rest)| rest.split('\'').next());
        let help = match self.bucket_region.or_else(expected) {
            Some(region) => format!("the bucket is in region `{region}`: give --region {region}"),
            None => "give the region that the bucket is in: --region NAME, \
                     or region = \"...\" under [aws] in quack.toml"
                .to_owned(),
        };
        (format!("this is the wrong region: {}", self.quoted()), help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn answered(status: u16, code: &str, message: &str, headers: &[(&'static str, &str)]) -> String {
        let mut raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        for (name, value) in headers {
            raw.headers_mut().insert(*name, value.to_string());
        }
        let mut meta = ErrorMetadata::builder();
        if !code.is_empty() {
            meta = meta.code(code).message(message);
        }
        let error = SdkError::service_error(GetCallerIdentityError::generic(meta.build()), raw);
        assert_eq!(is_code(&error, &["Other", code]), !code.is_empty());
        told(&explain(error, "put the file"))
    }

    /// The error and its help, as `report` writes them.
    fn told(error: &anyhow::Error) -> String {
        format!("{error:#}\n{}", crate::error::help(error).unwrap_or_default())
    }

    #[test]
    fn every_usual_answer_has_its_own_words_and_advice() {
        let cases: &[(u16, &str, &str, &[&str])] = &[
            (
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
                &["have expired", "sso login"],
            ),
            (400, "ExpiredTokenException", "The security token included in the request is expired", &["have expired"]),
            (
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                &["clock is wrong", "quackctl doctor"],
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z",
                &["clock is wrong"],
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
                &["secret access key", "quackctl doctor"],
            ),
            (
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
                &["does not know these credentials", "get-caller-identity"],
            ),
            (
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                &["does not know"],
            ),
            (
                400,
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
                &["wrong region", "--region eu-west-1"],
            ),
            (
                400,
                "IllegalLocationConstraintException",
                "The eu-west-1 location constraint is incompatible for the region specific endpoint this request was sent to.",
                &["wrong region", "eu-west-1", "--region NAME"],
            ),
            (403, "AccessDenied", "Access Denied", &["cannot put the file: AWS denies it", "quackctl doctor --policy"]),
            (409, "BucketAlreadyExists", "The requested bucket name is not available.", &["taken", "[lake] bucket"]),
            (
                400,
                "ValidationError",
                "1 validation error detected: Value 'x' at 'stackName' failed to satisfy constraint",
                &["invalid", "at 'stackName' failed", "quack.toml"],
            ),
            (400, "Throttling", "Rate exceeded", &["throttled it, 8 times", "try again"]),
            (503, "SlowDown", "Please reduce your request rate.", &["throttled"]),
            (500, "InternalFailure", "", &["AWS failed, 8 times in a row: InternalFailure", "health.aws"]),
            (503, "", "", &["HTTP 503", "try again"]),
            (
                400,
                "LimitExceededException",
                "You have reached your quota",
                &["put the file: LimitExceededException: You have"],
            ),
            (
                404,
                "NoSuchBucket",
                "The specified bucket does not exist",
                &["put the file: NoSuchBucket: The specified bucket"],
            ),
        ];
        for (status, code, message, expected) in cases {
            let told = answered(*status, code, message, &[("x-amzn-requestid", "R-1")]);
            for words in expected.iter().chain(&["cannot put the file: "]) {
                assert!(told.contains(words), "{code}: {told}");
            }
            assert_eq!(told.contains("R-1"), !told.contains("denies it"), "{code}: {told}");
        }
    }

    #[test]
    fn kinds_are_told_by_codes_and_never_by_a_number_in_the_text() {
        let kind_of = |status: u16, code: &str, message: &str| {
            let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
            let meta = ErrorMetadata::builder().code(code).message(message).build();
            let error = SdkError::service_error(GetCallerIdentityError::generic(meta), raw);
            crate::error::kind(&explain(error, "look"))
        };
        assert_eq!(kind_of(403, "AccessDenied", "Access Denied"), Kind::Denied);
        assert_eq!(kind_of(403, "", ""), Kind::Denied);
        assert_eq!(kind_of(400, "Throttling", "Rate exceeded"), Kind::Throttled);
        assert_eq!(kind_of(404, "NoSuchBucket", ""), Kind::Missing);
        assert_eq!(kind_of(400, "ValidationError", "Stack 403-Forbidden does not exist"), Kind::Other);
    }

    #[test]
    fn no_answer_in_time_is_told_from_other_trouble_whatever_the_texts_are() {
        type Failed = SdkError<GetCallerIdentityError, HttpResponse>;
        let told = |connector| told(&explain(Failed::dispatch_failure(connector), "look"));
        assert!(told(ConnectorError::timeout("it took too long".into())).contains("did not answer in time"));
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        assert!(told(ConnectorError::io(late.into())).contains("did not answer in time"));
        let other = told(ConnectorError::io("no route to timeout.example.org".into()));
        assert!(other.contains("no route to") && !other.contains("in time"), "{other}");
    }

    #[test]
    fn a_bucket_elsewhere_is_told_from_the_header() {
        let told = answered(301, "", "", &[("x-amz-bucket-region", "eu-central-1")]);
        assert!(told.contains("wrong region: HTTP 301") && told.contains("--region eu-central-1"), "{told}");
    }

    #[test]
    fn action_and_resource_of_a_denial_are_named() {
        let message = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: \
            cloudformation:CreateChangeSet on resource: arn:aws:cloudformation:us-east-1:123456789012:stack/quack-a-dev/* \
            because no identity-based policy allows the cloudformation:CreateChangeSet action";
        let told = answered(403, "AccessDenied", message, &[]);
        for words in [
            "cannot put the file: `arn:aws:iam::123456789012:user/ann` may not do `cloudformation:CreateChangeSet`",
            "on `arn:aws:cloudformation:us-east-1:123456789012:stack/quack-a-dev/*`",
            "no identity-based policy allows",
            "quackctl doctor --policy",
        ] {
            assert!(told.contains(words), "{told}");
        }
        // A service that has a word of its own for it.
        assert_eq!(answered(403, "Whatever", message, &[]), told);
    }
}
