//! Who may not do what, from the texts in which AWS says so.

/// Something that AWS did not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied<'a> {
    /// ARN of whoever asked.
    pub who: Option<&'a str>,
    /// e.g. `s3:CreateBucket`.
    pub action: &'a str,
    /// ARN of what it was asked for, or `*`.
    pub resource: Option<&'a str>,
    /// Which kind of policy does not allow it, or forbids it.
    pub why: Option<&'a str>,
}

impl<'a> Denied<'a> {
    /// Finds it in a service's message or in the reason that a stack's event gives:
    /// `User: arn:... is not authorized to perform: s3:PutObject on resource: "arn:..." because no ... policy allows ...`,
    /// `... with an explicit deny in a service control policy`, or CloudFormation's own `API: s3:CreateBucket Access Denied`.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
    pub(crate) fn find(text: &'a str) -> Option<Self> {
        if let Some((_, rest)) = text.split_once("API: ")
            && let Some((action, _)) = rest.split_once(" Access Denied")
        {
            return Some(Self { who: None, action, resource: None, why: None });
        }
        let (before, rest) = text.split_once(" is not authorized to perform: ")?;
        // What a service adds for its own: `(Service: Lambda, Status Code: 403, ...)`.
        let rest = rest.split(" (Service:").next().unwrap_or(rest).trim_end_matches('.');
        let action = rest.split_whitespace().next()?;
        let after = |word| rest.split_once(word).map(|(_, after): (_, &str)| after);
        Some(Self {
            who: before.rsplit_once("User: ").map(|(_, who)| who),
            action,
            // Keys with spaces in them are in quotation marks.
            resource: after(" on resource: ").and_then(|after| match after.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next(),
                None => after.split_whitespace().next(),
            }),
            why: after(" because ").or_else(|| rest.find("with an explicit deny").and_then(|at| rest.get(at..))),
        })
    }
}

/// `(what is denied, what to do)`, from a service's message.
pub(crate) fn explain(message: &str) -> (String, String) {
    let what = match Denied::find(message) {
        Some(Denied { who, action, resource, why }) => {
            let who = who.map_or_else(|| "you".to_owned(), |who| format!("`{who}`"));
            let resource = resource.map(|resource| format!(" on `{resource}`")).unwrap_or_default();
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("{who} may not do `{action}`{resource}{why}")
        }
        None if message.is_empty() => "AWS denies it".to_owned(),
        None => format!("AWS denies it: {message}"),
    };
    let help =
        "`quackctl doctor` shows what you may not do, `quackctl doctor --policy` prints the policy that you need";
    (what, help.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_has_many_texts_for_it() {
        let cases = [
            (
                "User: arn:aws:sts::1:assumed-role/dev/ann is not authorized to perform: s3:PutObject on resource: \
                 \"arn:aws:s3:::lake/a b\" because no identity-based policy allows the s3:PutObject action",
                (
                    Some("arn:aws:sts::1:assumed-role/dev/ann"),
                    "s3:PutObject",
                    Some("arn:aws:s3:::lake/a b"),
                    Some("no identity-based policy allows the s3:PutObject action"),
                ),
            ),
            (
                "Resource handler returned message: \"User: arn:aws:iam::1:user/ann is not authorized to perform: \
                 iam:CreateRole on resource: arn:aws:iam::1:role/x with an explicit deny in a service control policy \
                 (Service: Iam, Status Code: 403, Request ID: abc)\" (HandlerErrorCode: AccessDenied)",
                (
                    Some("arn:aws:iam::1:user/ann"),
                    "iam:CreateRole",
                    Some("arn:aws:iam::1:role/x"),
                    Some("with an explicit deny in a service control policy"),
                ),
            ),
            (
                "User: arn:aws:iam::1:user/ann is not authorized to perform: ecr:GetAuthorizationToken.",
                (Some("arn:aws:iam::1:user/ann"), "ecr:GetAuthorizationToken", None, None),
            ),
            ("API: s3:CreateBucket Access Denied", (None, "s3:CreateBucket", None, None)),
        ];
        for (text, (who, action, resource, why)) in cases {
            assert_eq!(Denied::find(text), Some(Denied { who, action, resource, why }), "{text}");
        }
        assert_eq!(Denied::find("Access Denied"), None);
    }
}
