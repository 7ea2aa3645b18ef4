//! Why a stack failed, in CloudFormation's words, and what to do about it.

/// Words in a reason, and the advice for it. The first that fits wins.
const CAUSES: &[(&str, &str)] = &[
    (
        "is not authorized to perform",
        "your credentials lack that permission: `quackctl doctor` lists all that are missing, `quackctl doctor --policy` prints what is needed",
    ),
    (
        "UnreservedConcurrentExecution",
        "the account has too little concurrency to reserve that much: lower aws.reserved_concurrency in quack.toml or leave it away",
    ),
    (
        "'memorySize' failed to satisfy constraint",
        "accounts that are new may have at most 3008 MB: lower function.memory_mb, or ask AWS to raise the quota",
    ),
    (
        "'MemorySize' value failed to satisfy constraint",
        "accounts that are new may have at most 3008 MB: lower function.memory_mb, or ask AWS to raise the quota",
    ),
    ("Unzipped size must be smaller", "the extensions are too large for a zip: set package = \"image\" in quack.toml"),
    (
        "log-group",
        "a log group of that name was left by another function: delete it with `aws logs delete-log-group --log-group-name NAME`, and run this again",
    ),
    (
        "does not have permission to access the ECR image",
        "the repository's policy was changed: delete the stack ...-registry, or set it as templates/registry.yaml has it, and run this again",
    ),
    (
        "The requested bucket name is not available",
        "bucket names are shared by all of AWS: choose another one, [lake] bucket = \"...\" in quack.toml",
    ),
    (
        "BucketAlreadyExists",
        "bucket names are shared by all of AWS: choose another one, [lake] bucket = \"...\" in quack.toml",
    ),
    ("BucketNotEmpty", "something wrote to the bucket while it was emptied: run `quackctl down` again"),
    ("not empty", "something wrote to the bucket while it was emptied: run `quackctl down` again"),
    (
        "CNAMEs you provided are already associated",
        "another distribution has the name of dash.domain: take it from that one, or choose another",
    ),
    (
        "SSL certificate",
        "check dash.certificate_arn: a certificate of us-east-1 that ACM says is issued, and that is for dash.domain",
    ),
    (
        "already exists",
        "something of that name is there that is not this stack's: remove or rename it, or choose another project or stage",
    ),
    ("permissions boundary", "check aws.permissions_boundary in quack.toml: it is the ARN of a policy"),
    ("Rate exceeded", "AWS throttled: wait a minute and run this again"),
    ("Throttl", "AWS throttled: wait a minute and run this again"),
    ("LimitExceeded", "a quota of the account is reached: remove what is not needed, or ask AWS to raise it"),
];

/// What to do about `reason`.
pub(super) fn advice(reason: &str) -> &'static str {
    let found = CAUSES.iter().find(|(words, _)| reason.contains(words));
    found.map_or("mend what the reason names, and run this again: it goes on from here", |(_, advice)| advice)
}

/// Whether a resource failed only because another one did.
pub(super) fn is_consequence(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("cancelled") || reason.starts_with("the following resource(s) failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_counts_and_not_what_it_brought_about() {
        assert!(is_consequence("Resource creation cancelled"));
        assert!(is_consequence("The following resource(s) failed to create: [Function]. "));
        assert!(!is_consequence("Resource handler returned message: \"'MemorySize' value failed\""));
    }

    #[test]
    fn known_reasons_have_advice_of_their_own() {
        let reason = "Resource handler returned message: \"Specified ReservedConcurrentExecutions for function decreases \
                      account's UnreservedConcurrentExecution below its minimum value of [100].\"";
        assert!(advice(reason).contains("aws.reserved_concurrency"));
        assert!(advice("User: arn:aws:iam::1:user/x is not authorized to perform: iam:CreateRole").contains("doctor"));
        assert!(advice("something new").contains("run this again"));
    }
}
