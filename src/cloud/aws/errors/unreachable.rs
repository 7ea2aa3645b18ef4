//! What goes wrong before AWS answers: no credentials, no network.

use std::env;
use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;

/// `(what is wrong, what to do)` for a call that was not answered.
pub(super) fn explain(error: &(dyn Error + 'static)) -> (String, String) {
    if chain(error).any(|cause| cause.is::<CredentialsError>()) {
        return credentials(&chain(error).map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    let is_late = |cause: &io::Error| cause.kind() == io::ErrorKind::TimedOut;
    if chain(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_late)) {
        return timeout();
    }
    let said = innermost(error);
    match emulator() {
        Some(endpoint) => (
            format!("nothing answers at `{endpoint}`: {said}"),
            "start the emulator, or unset AWS_ENDPOINT_URL to talk to AWS itself".to_owned(),
        ),
        None if chain(error).any(|cause| cause.to_string().contains("dns error")) => (
            format!("AWS has no address for the service in this region: {said}"),
            "check the region's name and the network".to_owned(),
        ),
        None => (format!("the connection to AWS failed: {said}"), "check the network and its proxy".to_owned()),
    }
}

/// No answer in time.
pub(super) fn timeout() -> (String, String) {
    let place = emulator().map_or_else(|| "AWS".to_owned(), |endpoint| format!("`{endpoint}`"));
    (format!("{place} did not answer in time"), "check the network and its proxy, then try again".to_owned())
}

/// How to get new credentials in place of expired ones.
pub(super) fn renew() -> String {
    match env::var("AWS_PROFILE") {
        Ok(profile) => format!("run `aws sso login --profile {profile}`, or get new keys the way you got these"),
        Err(_) => "run `aws sso login --profile NAME` with the profile you use, or get new keys the way you got these"
            .to_owned(),
    }
}

/// The deepest cause, in whose words the matter is plainest.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// `said` is what each of the chain's providers said.
fn credentials(said: &str) -> (String, String) {
    if let Some((_, rest)) = said.split_once("profile `")
        && let Some((profile, _)) = rest.split_once("` was not defined")
    {
        return (
            format!("there is no AWS profile `{profile}`"),
            "`aws configure list-profiles` names those that are; give one with --profile or AWS_PROFILE".to_owned(),
        );
    }
    // What the SDK says of a profile that was asked for by name and is nowhere.
    if said.lines().last() == Some("the credential provider was not enabled") {
        return (
            "the AWS profile that was named is neither in ~/.aws/config nor in ~/.aws/credentials".to_owned(),
            "`aws configure list-profiles` names those that are".to_owned(),
        );
    }
    if said.contains("SSO token") {
        return ("the AWS SSO session has ended, or was never begun".to_owned(), renew());
    }
    // The metadata service is asked last: that it is not there means that nothing before it had any.
    if said.contains("no credentials found in chain") || said.contains("IMDS") {
        return (
            "no AWS credentials were found".to_owned(),
            "give some: `aws configure`, `aws sso login`, AWS_PROFILE or --profile, \
             or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .to_owned(),
        );
    }
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    (
        format!("the AWS credentials could not be loaded: {}", last.trim()),
        "check the profile in ~/.aws/config; `aws sts get-caller-identity` should work".to_owned(),
    )
}

/// Where calls go instead of AWS.
fn emulator() -> Option<String> {
    env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty())
}

/// The error and its causes, outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_have_no_credentials_has_its_own_words() {
        let cases = [
            (
                "no credentials found in chain. Attempted:\n  Profile: the credential provider was not enabled",
                "aws configure",
            ),
            ("failed to load IMDS session token\nservice error", "no AWS credentials were found"),
            ("Attempted:\n  Profile: profile `nope` was not defined: could not find", "no AWS profile `nope`"),
            ("failed to load the cached SSO token\nNo such file", "aws sso login --profile"),
            (
                "Error retrieving credentials: external process exited with code 1",
                "loaded: Error retrieving credentials: ext",
            ),
        ];
        for (said, expected) in cases {
            let (message, help) = credentials(said);
            assert!(format!("{message}\n{help}").contains(expected), "{message}\n{help}");
        }
    }
}
