//! How far this machine's clock is from AWS's, which accepts a request when they are less than some minutes apart.

use std::env;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};

use crate::check::{Check, State};

/// AWS refuses at 5 minutes.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html>.
const LIMIT_S: i64 = 300;

/// Off by more than this, and it will be by more one day.
const WARN_S: i64 = 60;

/// Asks STS in `region` for the time, without any credentials.
pub(super) fn check(region: &str) -> Check {
    let name = "clock";
    let off = match off_by(region) {
        Ok(off) => off,
        Err(error) => return Check::error(name, State::Warn, &error),
    };
    let detail = format!("{} s {} AWS's", off.abs(), if off < 0 { "behind" } else { "ahead of" });
    let help = "set it, e.g. `timedatectl set-ntp true`";
    match off.abs() {
        0..=WARN_S => Check::ok(name, detail),
        ..LIMIT_S => Check::warn(name, detail, help),
        _ => Check::fail(name, format!("{detail}, and it refuses at {LIMIT_S} s"), help),
    }
}

/// Seconds that the local clock is ahead.
fn off_by(region: &str) -> Result<i64> {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let set = |name: &str| env::var(name).ok().filter(|url| !url.is_empty());
    let endpoint = set("AWS_ENDPOINT_URL_STS").or_else(|| set("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.unwrap_or_else(|| format!("https://sts.{region}.{domain}"));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(crate::fetch::tls())
        .build()
        .into();
    let before = Utc::now();
    let answer = agent.get(&endpoint).call().with_context(|| format!("cannot ask {endpoint} for the time"))?;
    let local = before + (Utc::now() - before) / 2;
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date.with_context(|| format!("{endpoint} does not tell the time"))?;
    let theirs =
        DateTime::parse_from_rfc2822(date).with_context(|| format!("{endpoint} tells a strange time: {date}"))?;
    Ok((local - theirs.to_utc()).num_seconds())
}
