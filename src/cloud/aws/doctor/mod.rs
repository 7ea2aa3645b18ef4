//! `doctor` on AWS: who we are, where, the clock, quotas, and each permission that a deployer needs.

mod clock;
mod permissions;
mod policy;
mod quotas;
mod resource;
mod simulate;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::env;

use anyhow::Result;

pub(crate) use self::policy::Policy;
use super::sdk;
use super::session::Session;
use crate::check::{Check, State};
use crate::config::Config;

/// Looks at everything that AWS has a part in.
pub(crate) async fn check(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let region = sdk::region(config).await;
    checks.push(match &region {
        Ok(region) => Check::ok("region", region),
        Err(error) => Check::error("region", State::Fail, error),
    });
    let Ok(region) = region else { return checks };
    // Asked for first: with a wrong clock, no credentials are right.
    let clock = tokio::task::spawn_blocking(move || clock::check(&region)).await;
    checks.extend(clock.ok());
    let session = match Session::verified(config).await {
        Ok(session) => session,
        Err(error) => {
            checks.push(Check::error("credentials", State::Fail, &error));
            return checks;
        }
    };
    checks.push(Check::ok("credentials", format!("{} ({})", session.caller, source(config))));
    let (quotas, permissions) = tokio::join!(quotas::check(config, &session), simulate::check(config, &session));
    checks.extend(quotas);
    checks.extend(permissions);
    checks
}

/// Where the credentials come from, in the order in which they are looked for.
fn source(config: &Config) -> String {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    match (config.aws.profile.clone(), set("AWS_ACCESS_KEY_ID"), set("AWS_PROFILE")) {
        (Some(profile), _, _) | (None, None, Some(profile)) => format!("profile {profile}"),
        (None, Some(_), _) => "environment".to_owned(),
        (None, None, None) => "default profile, or this machine's own role".to_owned(),
    }
}

/// The IAM policy that a deployer needs.
///
/// # Errors
/// No region or credentials: the policy names the account.
pub(crate) async fn policy(config: &Config) -> Result<Policy> {
    Ok(Policy::new(config, &Session::open(config).await?))
}
