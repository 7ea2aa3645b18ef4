//! `dash.cloudfront`, `dash.domain` and what a domain takes: CloudFront before the page function.

use anyhow::Result;

use super::reject::bad_value;
use super::values::Values;
use crate::error::usage;

/// A distribution before the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    /// A name of the user's own, beside the distribution's.
    pub domain: Option<Domain>,
}

/// A name under which pages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain {
    pub name: String,
    /// ARN of its certificate in ACM.
    pub certificate: String,
    /// Route 53's id of the zone that it is made in; nothing where the user makes it.
    pub hosted_zone: Option<String>,
}

const CLOUDFRONT: &str = "dash.cloudfront";
const DOMAIN: &str = "dash.domain";
const CERTIFICATE: &str = "dash.certificate_arn";
const HOSTED_ZONE: &str = "dash.hosted_zone_id";

/// CloudFront takes certificates of this region alone.
/// Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html>.
const CERTIFICATE_WANTED: &str = "the ARN of a certificate of us-east-1, where CloudFront looks for them: \
                                  arn:aws:acm:us-east-1:ACCOUNT:certificate/ID";

impl Values {
    /// What stands before the pages.
    ///
    /// # Errors
    /// No name, no certificate; one of them without what it is for.
    pub(super) fn edge(&mut self) -> Result<Option<Edge>> {
        let is_there = self.choice(CLOUDFRONT, &[("false", false), ("true", true)])?;
        let name = self.checked(DOMAIN, is_host, "a whole name in small letters, e.g. \"bi.example.com\"")?;
        let certificate = self.checked(CERTIFICATE, is_certificate, CERTIFICATE_WANTED)?;
        let hosted_zone =
            self.checked(HOSTED_ZONE, is_hosted_zone, "a hosted zone's id, e.g. \"Z0123456789ABCDEFGHIJ\"")?;
        let domain = match (name, certificate) {
            (Some(name), Some(certificate)) => Some(Domain { name, certificate, hosted_zone }),
            (Some(name), None) => {
                return Err(usage(
                    format!("`{DOMAIN}` is {name}, and there is no `{CERTIFICATE}` for it"),
                    format!(
                        "ask ACM for one in us-east-1: aws acm request-certificate --region us-east-1 --validation-method DNS \
                         --domain-name {name}; it tells the ARN, and with `describe-certificate` the DNS record that proves the name yours"
                    ),
                ));
            }
            (None, None) if hosted_zone.is_none() => None,
            (None, certificate) => {
                let given = if certificate.is_some() { CERTIFICATE } else { HOSTED_ZONE };
                return Err(usage(
                    format!("`{given}` is set and `{DOMAIN}` is not"),
                    "add the domain that it is for under [dash], or leave it away",
                ));
            }
        };
        match (is_there, &domain) {
            (false, Some(domain)) => Err(usage(
                format!(
                    "`{DOMAIN}` is {}, and `{CLOUDFRONT}` is not true: a function's URL takes no other name",
                    domain.name
                ),
                "add cloudfront = true under [dash], or leave the domain away",
            )),
            (is_there, _) => Ok(is_there.then_some(Edge { domain })),
        }
    }

    /// A text that need not be there, and is as `holds` has it where it is.
    fn checked(&mut self, key: &'static str, holds: fn(&str) -> bool, wanted: &str) -> Result<Option<String>> {
        match self.optional(key)? {
            Some(text) if !holds(&text) => Err(bad_value(key, &text, &self.origin(key), wanted)),
            other => Ok(other),
        }
    }
}

/// Whether it is a host's whole name.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

fn is_certificate(arn: &str) -> bool {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit());
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    match arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", "aws", "acm", "us-east-1", account, name] => {
            is_account(account) && name.strip_prefix("certificate/").is_some_and(is_id)
        }
        _ => false,
    }
}

fn is_hosted_zone(id: &str) -> bool {
    id.len() <= 32
        && id
            .strip_prefix('Z')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b-2c3d";

    fn edge(toml: &str) -> Result<Option<Edge>> {
        let mut values = Values::default();
        values.read_file(&format!("[dash]\n{toml}\n"))?;
        values.edge()
    }

    #[test]
    fn a_domain_comes_with_its_certificate_and_cloudfront() {
        assert_eq!(edge("").unwrap(), None);
        assert_eq!(edge("cloudfront = true").unwrap(), Some(Edge { domain: None }));
        let whole = format!("cloudfront = true\ndomain = \"bi.example.com\"\ncertificate_arn = \"{ARN}\"");
        let domain = edge(&whole).unwrap().unwrap().domain.unwrap();
        assert_eq!(
            (domain.name.as_str(), domain.certificate.as_str(), domain.hosted_zone),
            ("bi.example.com", ARN, None)
        );
        let zoned = edge(&format!("{whole}\nhosted_zone_id = \"Z0123ABC\"")).unwrap().unwrap().domain.unwrap();
        assert_eq!(zoned.hosted_zone.as_deref(), Some("Z0123ABC"));
    }

    #[test]
    fn what_cannot_be_is_quoted_with_what_to_do() {
        let europe = ARN.replace("us-east-1", "eu-west-1");
        for (toml, said) in [
            ("cloudfront = 3".to_owned(), "`dash.cloudfront` cannot be 3"),
            ("cloudfront = true\ndomain = \"https://bi.example.com\"".to_owned(), "https://bi.example.com"),
            ("cloudfront = true\ndomain = \"localhost\"".to_owned(), "`dash.domain` cannot be localhost"),
            ("cloudfront = true\ndomain = \"-a.example\"".to_owned(), "-a.example"),
            (
                "cloudfront = true\ndomain = \"bi.example.com\"".to_owned(),
                "aws acm request-certificate --region us-east-1",
            ),
            (format!("cloudfront = true\ndomain = \"bi.example.com\"\ncertificate_arn = \"{europe}\""), "us-east-1"),
            (format!("domain = \"bi.example.com\"\ncertificate_arn = \"{ARN}\""), "add cloudfront = true"),
            (format!("cloudfront = true\ncertificate_arn = \"{ARN}\""), "`dash.domain` is not"),
            ("cloudfront = true\nhosted_zone_id = \"Z1\"".to_owned(), "`dash.hosted_zone_id` is set"),
            (
                format!(
                    "cloudfront = true\ndomain = \"a.example\"\ncertificate_arn = \"{ARN}\"\nhosted_zone_id = \"example.com\""
                ),
                "example.com",
            ),
        ] {
            let error = crate::error::advised(&edge(&toml).unwrap_err());
            assert!(error.contains(said), "{toml}: {error}");
        }
    }
}
