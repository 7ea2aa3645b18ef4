//! Where everything is: the environment that `quackctl up` gives the function.

use std::env;

use aws_credential_types::Credentials;
use quack_function::s3::Partition;

/// What the function goes by. Not `Debug`: it holds keys.
pub(crate) struct Settings {
    /// Key prefix of all that is the site's.
    pub dash: String,
    /// Key of the lake's catalog.
    pub catalog: String,
    /// Name of the function that runs queries.
    pub function: String,
    /// Cookies are for HTTPS alone, as it is everywhere but on loopback.
    pub is_secure: bool,
    /// What the cookie of a session is called. Browsers take `__Host-` from HTTPS alone, for one host; on loopback all ports are one host, and
    /// each stage's pages have a name of their own.
    pub cookie: String,
    /// CloudFront asks for whoever it answers, and says for whom.
    pub is_behind_edge: bool,
    pub region: String,
    pub credentials: Credentials,
    pub bucket: String,
    /// Address of the bucket, without a slash at its end.
    pub bucket_url: String,
    pub lambda_url: String,
}

impl Settings {
    /// # Errors
    /// A variable that is missing, in words.
    pub(crate) fn from_env() -> Result<Self, String> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let need = |name: &str| set(name).ok_or_else(|| format!("{name} is not set"));
        let (bucket, region) = (need("QUACK_BUCKET")?, need("AWS_REGION")?);
        let endpoint = |name: &str| set(name).or_else(|| set("AWS_ENDPOINT_URL"));
        let domain = Partition::of(&region).domain;
        // AWS has no certificate for hosts of buckets with a dot in their names.
        let bucket_url = match endpoint("AWS_ENDPOINT_URL_S3") {
            Some(url) => format!("{}/{bucket}", url.trim_end_matches('/')),
            None if bucket.contains('.') => format!("https://s3.{region}.{domain}/{bucket}"),
            None => format!("https://{bucket}.s3.{region}.{domain}"),
        };
        let lambda_url =
            endpoint("AWS_ENDPOINT_URL_LAMBDA").unwrap_or_else(|| format!("https://lambda.{region}.{domain}"));
        let (id, secret) = (need("AWS_ACCESS_KEY_ID")?, need("AWS_SECRET_ACCESS_KEY")?);
        let credentials = Credentials::new(id, secret, set("AWS_SESSION_TOKEN"), None, "environment");
        let is_secure = !set("QUACK_SITE_URL").is_some_and(|url| url.starts_with("http://"));
        let function = need("QUACK_FUNCTION")?;
        Ok(Self {
            dash: need("QUACK_DASH")?,
            catalog: need("QUACK_CATALOG")?,
            is_secure,
            cookie: if is_secure { "__Host-quack".to_owned() } else { format!("quack-{function}") },
            function,
            is_behind_edge: set("QUACK_EDGE").is_some_and(|set| set == "true"),
            region,
            credentials,
            bucket,
            bucket_url,
            lambda_url: lambda_url.trim_end_matches('/').to_owned(),
        })
    }
}
