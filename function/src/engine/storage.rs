//! Object storage as the function knows it: folders of buckets, and the addresses that they are reached at.

use super::Failure;
use crate::sql::literal;
use std::fmt;

/// A folder of a bucket, or a whole bucket. As text: `s3://bucket/prefix/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub bucket: String,
    /// Empty for a whole bucket, else ends in `/`.
    pub prefix: String,
}

impl Folder {
    /// The whole of `bucket`.
    pub fn whole(bucket: &str) -> Self {
        Self { bucket: bucket.to_owned(), prefix: String::new() }
    }

    /// The folders of a list with commas between, which the environment variable `name` holds.
    ///
    /// # Errors
    /// `Quack.InitError` for what is not `s3://bucket/` or `s3://bucket/prefix/`.
    pub(super) fn list(name: &str, list: &str) -> Result<Vec<Self>, Failure> {
        let parsed = |folder: &str| {
            let (bucket, prefix) = folder.strip_prefix("s3://")?.split_once('/')?;
            let whole = !bucket.is_empty() && (prefix.is_empty() || prefix.ends_with('/'));
            whole.then(|| Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        let wrong = |folder: &str| format!("{name} holds `{folder}`, which is not s3://bucket/ or s3://bucket/prefix/");
        let folders = list.split(',').map(str::trim).filter(|folder| !folder.is_empty());
        folders.map(|folder| parsed(folder).ok_or_else(|| Failure::new("Quack.InitError", wrong(folder)))).collect()
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

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
    pub(super) fn secret_options(&self) -> String {
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
            // DuckDB knows `amazonaws.com` only. Where that is right it is left alone: it then follows a bucket into its
            // own region, if that is another one.
            options.push(format!("ENDPOINT {}", literal(&format!("s3.{region}.{}", Partition::of(region).domain))));
        }
        if self.path_style || self.endpoint.is_some() {
            options.push("URL_STYLE 'path'".to_owned());
        }
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
    fn folders_are_listed_with_commas() {
        let folders = Folder::list("QUACK_READ", "s3://a/, s3://b/c/d/,").unwrap();
        assert_eq!(folders.iter().map(Folder::to_string).collect::<Vec<_>>(), ["s3://a/", "s3://b/c/d/"]);
        assert_eq!(folders[0], Folder::whole("a"));
        for wrong in ["a/b/", "s3://a", "s3:///b/", "s3://a/b", "S3://a/"] {
            let failure = Folder::list("QUACK_READ", wrong).unwrap_err();
            assert!(failure.message.contains("QUACK_READ") && failure.message.contains(wrong), "{failure}");
        }
    }

    #[test]
    fn a_secret_names_an_endpoint_only_where_duckdb_would_choose_a_wrong_one() {
        let options = |region: &str, endpoint: Option<&str>, path_style: bool| {
            let (region, endpoint) = (Some(region.to_owned()), endpoint.map(str::to_owned));
            S3Access { region, endpoint, path_style, ..S3Access::default() }.secret_options()
        };
        assert_eq!(options("eu-west-1", None, false), "TYPE s3, REGION 'eu-west-1'");
        assert_eq!(options("us-gov-west-1", None, true), "TYPE s3, REGION 'us-gov-west-1', URL_STYLE 'path'");
        assert_eq!(
            options("cn-north-1", None, false),
            "TYPE s3, REGION 'cn-north-1', ENDPOINT 's3.cn-north-1.amazonaws.com.cn'"
        );
        assert_eq!(
            options("cn-north-1", Some("http://127.0.0.1:9000/"), false),
            "TYPE s3, REGION 'cn-north-1', ENDPOINT '127.0.0.1:9000', USE_SSL false, URL_STYLE 'path'"
        );
    }
}
