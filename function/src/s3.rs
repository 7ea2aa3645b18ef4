//! Object storage: how it is reached, as DuckDB is told it.

use crate::sql::literal;
use std::fmt;

/// How to reach object storage. Not `Debug`: it holds keys.
#[derive(Clone, Default)]
pub struct S3Access {
    pub key_id: Option<String>,
    pub secret: Option<String>,
    pub session_token: Option<String>,
    pub region: Option<String>,
    /// Address of another S3 than AWS's own, e.g. `http://127.0.0.1:9000`.
    pub endpoint: Option<String>,
    /// Whether a bucket is named in the path of an address rather than in its host. AWS has no certificate for hosts
    /// of buckets with a dot in their names.
    pub path_style: bool,
}

impl fmt::Debug for S3Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl S3Access {
    /// The options of the secret that has DuckDB reach the storage.
    pub fn secret_options(&self) -> String {
        let mut options = vec!["TYPE s3".to_owned()];
        let given = [
            ("KEY_ID", &self.key_id),
            ("SECRET", &self.secret),
            ("SESSION_TOKEN", &self.session_token),
            ("REGION", &self.region),
        ];
        let given = given.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
        options.extend(given.map(|(name, value)| format!("{name} {}", literal(value))));
        if let Some(endpoint) = &self.endpoint {
            let (use_ssl, host) = match endpoint.split_once("://") {
                Some((scheme, host)) => (scheme != "http", host),
                None => (true, endpoint.as_str()),
            };
            options.push(format!("ENDPOINT {}", literal(host.trim_end_matches('/'))));
            options.push(format!("USE_SSL {use_ssl}"));
        } else if let Some(region) = &self.region
            && Partition::of(region).domain != COMMERCIAL.domain
        {
            // DuckDB knows `amazonaws.com` only. Where that is right it is left alone: it then follows a bucket that it
            // reads into that bucket's own region.
            options.push(format!("ENDPOINT {}", literal(&format!("s3.{region}.{}", Partition::of(region).domain))));
        }
        // The extension `delta` takes the path style unless it is told.
        let style = if self.path_style || self.endpoint.is_some() { "path" } else { "vhost" };
        options.push(format!("URL_STYLE '{style}'"));
        options.join(", ")
    }
}

/// A part of AWS with accounts, and names of buckets, of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// How the names of its regions begin.
    regions: &'static str,
    /// The domain of its services.
    pub domain: &'static str,
}

const COMMERCIAL: Partition = Partition { regions: "", domain: "amazonaws.com" };

/// Source: `partitions.json` of the AWS SDKs.
const OTHERS: &[Partition] = &[
    Partition { regions: "cn-", domain: "amazonaws.com.cn" },
    Partition { regions: "us-gov-", domain: "amazonaws.com" },
    Partition { regions: "eusc-", domain: "amazonaws.eu" },
    Partition { regions: "us-iso-", domain: "c2s.ic.gov" },
    Partition { regions: "us-isob-", domain: "sc2s.sgov.gov" },
    Partition { regions: "us-isof-", domain: "csp.hci.ic.gov" },
    Partition { regions: "eu-isoe-", domain: "cloud.adc-e.uk" },
];

impl Partition {
    /// The partition of `region`.
    pub fn of(region: &str) -> Self {
        OTHERS.iter().copied().find(|partition| region.starts_with(partition.regions)).unwrap_or(COMMERCIAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_names_an_endpoint_only_where_duckdb_would_choose_a_wrong_one() {
        let options = |region: &str, endpoint: Option<&str>, path_style: bool| {
            let (region, endpoint) = (Some(region.to_owned()), endpoint.map(str::to_owned));
            S3Access { region, endpoint, path_style, ..S3Access::default() }.secret_options()
        };
        assert_eq!(options("eu-west-1", None, false), "TYPE s3, REGION 'eu-west-1', URL_STYLE 'vhost'");
        assert_eq!(options("us-gov-west-1", None, true), "TYPE s3, REGION 'us-gov-west-1', URL_STYLE 'path'");
        assert_eq!(
            options("cn-north-1", None, false),
            "TYPE s3, REGION 'cn-north-1', ENDPOINT 's3.cn-north-1.amazonaws.com.cn', URL_STYLE 'vhost'"
        );
        assert_eq!(
            options("cn-north-1", Some("http://127.0.0.1:9000/"), false),
            "TYPE s3, REGION 'cn-north-1', ENDPOINT '127.0.0.1:9000', USE_SSL false, URL_STYLE 'path'"
        );
    }
}
