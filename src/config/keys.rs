//! The keys of `quack.toml`, and where a value comes from.

use std::fmt;

/// The project file's name.
pub(crate) const FILE: &str = "quack.toml";

/// The image that the function's own layers lie on.
pub(crate) const BASE_IMAGE: &str = "public.ecr.aws/lambda/provided:al2023";

/// Where a value came from. Later ones win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File,
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str(FILE),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Each key of `quack.toml`, with the environment variable that overrides it.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("project", "QUACK_PROJECT"),
    ("id", "QUACK_ID"),
    ("stage", "QUACK_STAGE"),
    ("target", "QUACK_TARGET"),
    ("protect", "QUACK_PROTECT"),
    ("function.memory_mb", "QUACK_MEMORY_MB"),
    ("function.timeout_s", "QUACK_TIMEOUT_S"),
    ("function.concurrency", "QUACK_CONCURRENCY"),
    ("function.extensions", "QUACK_EXTENSIONS"),
    ("function.mirror", "QUACK_MIRROR"),
    ("function.source", "QUACK_SOURCE"),
    ("function.package", "QUACK_PACKAGE"),
    ("function.arch", "QUACK_ARCH"),
    ("function.base_image", "QUACK_BASE_IMAGE"),
    ("function.ephemeral_mb", "QUACK_EPHEMERAL_MB"),
    ("function.url", "QUACK_URL"),
    ("function.log_sql", "QUACK_LOG_SQL"),
    ("lake.bucket", "QUACK_BUCKET"),
    ("lake.manage", "QUACK_MANAGE"),
    ("lake.prefix", "QUACK_PREFIX"),
    ("lake.read", "QUACK_READ"),
    ("aws.region", "QUACK_REGION"),
    ("aws.profile", "QUACK_PROFILE"),
    ("aws.role_path", "QUACK_ROLE_PATH"),
    ("aws.permissions_boundary", "QUACK_PERMISSIONS_BOUNDARY"),
    ("aws.reserved_concurrency", "QUACK_RESERVED_CONCURRENCY"),
    ("aws.log_retention_days", "QUACK_LOG_RETENTION_DAYS"),
    ("aws.kms_key", "QUACK_KMS_KEY"),
    ("aws.access_logs", "QUACK_ACCESS_LOGS"),
    ("aws.subnets", "QUACK_SUBNETS"),
    ("aws.security_groups", "QUACK_SECURITY_GROUPS"),
    ("aws.registry", "QUACK_REGISTRY"),
    ("aws.tags", "QUACK_TAGS"),
    ("query.limit", "QUACK_LIMIT"),
    ("cost.budget_usd_month", "QUACK_BUDGET_USD_MONTH"),
    ("cost.hard", "QUACK_HARD_BUDGET"),
    ("serve.users", "QUACK_SERVE_USERS"),
    ("dash.public", "QUACK_DASH_PUBLIC"),
    ("dash.users", "QUACK_DASH_USERS"),
    ("dash.cloudfront", "QUACK_DASH_CLOUDFRONT"),
    ("dash.domain", "QUACK_DASH_DOMAIN"),
    ("dash.certificate_arn", "QUACK_DASH_CERTIFICATE_ARN"),
    ("dash.hosted_zone_id", "QUACK_DASH_HOSTED_ZONE_ID"),
    ("dash.limits.session_per_minute", "QUACK_DASH_SESSION_PER_MINUTE"),
    ("dash.limits.page_usd_day", "QUACK_DASH_PAGE_USD_DAY"),
    ("dash.limits.user_usd_day", "QUACK_DASH_USER_USD_DAY"),
    ("dash.oidc.issuer", "QUACK_DASH_OIDC_ISSUER"),
    ("dash.oidc.client_id", "QUACK_DASH_OIDC_CLIENT_ID"),
    ("dash.oidc.client_secret_env", "QUACK_DASH_OIDC_CLIENT_SECRET_ENV"),
    ("dash.oidc.claim", "QUACK_DASH_OIDC_CLAIM"),
    ("dash.oidc.allow", "QUACK_DASH_OIDC_ALLOW"),
    ("dash.oidc.scopes", "QUACK_DASH_OIDC_SCOPES"),
    ("dash.oidc.label", "QUACK_DASH_OIDC_LABEL"),
    ("local.port", "QUACK_PORT"),
    ("local.idle_s", "QUACK_IDLE_S"),
    ("local.cpu_share", "QUACK_CPU_SHARE"),
    ("local.network.profile", "QUACK_NETWORK_PROFILE"),
    ("local.network.first_byte_ms", "QUACK_NETWORK_FIRST_BYTE_MS"),
    ("local.network.instance_mb_s", "QUACK_NETWORK_INSTANCE_MB_S"),
    ("local.network.burst_mb", "QUACK_NETWORK_BURST_MB"),
    ("local.network.burst_mb_s", "QUACK_NETWORK_BURST_MB_S"),
    ("local.network.requests_per_s", "QUACK_NETWORK_REQUESTS_PER_S"),
];

/// The days that CloudWatch Logs takes for a log group's retention.
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>.
pub(super) const RETENTION_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
