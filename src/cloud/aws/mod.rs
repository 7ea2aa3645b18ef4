//! The target `aws`: CloudFormation stacks, made and removed through change sets.

mod bucket;
mod cause;
mod change_set;
mod changes;
mod code;
#[cfg(test)]
mod conditions;
mod deploy;
pub(crate) mod doctor;
mod drift;
pub(crate) mod errors;
mod events;
pub(crate) mod export;
mod holdings;
mod identity;
mod logs;
mod mend;
pub(crate) mod names;
mod preview;
mod sdk;
pub(crate) mod session;
mod shared;
mod stack;
mod status;
mod step;
mod teardown;
mod template;

use std::io;
use std::time::Duration;

use anyhow::Result;

pub(crate) use self::deploy::up;
pub(crate) use self::preview::plan;
use self::session::Session;
pub(crate) use self::teardown::{data, down};
use super::log_line::{LogLine, LogOf};
use super::place::AwsStatus;
use super::target::Target;
use crate::config::Config;

/// Clients of the stage's bucket and function.
///
/// # Errors
/// No region or credentials.
pub(crate) async fn open(config: &Config) -> Result<Target> {
    Ok(Session::open(config).await?.target(config))
}

/// What is known of the stage; nothing if it is not up.
///
/// # Errors
/// What AWS says.
pub(crate) async fn status(config: &Config, drift: bool) -> Result<Option<AwsStatus>> {
    status::status(&Session::open(config).await?, drift).await
}

/// Whether the stage is there and nobody is at work on it.
///
/// # Errors
/// What AWS says.
pub(crate) async fn stands(config: &Config) -> Result<bool> {
    let session = Session::open(config).await?;
    let stack = stack::find(&session, &session.names.stack).await?;
    Ok(stack.is_some_and(|stack| stack.phase() == stack::Phase::Ready))
}

/// Whether the stage is protected from being taken down.
///
/// # Errors
/// What AWS says.
pub(crate) async fn is_protected(config: &Config) -> Result<bool> {
    let session = Session::open(config).await?;
    let stack = stack::find(&session, &session.names.stack).await?;
    Ok(stack.is_some_and(|stack| stack.is_protected))
}

/// How far back the log is shown when nobody says: CloudWatch is paid for by what is searched.
const SINCE: Duration = Duration::from_secs(3600);

/// Gives a function's log of the last `since` to `write`; with `follow` it goes on from there.
///
/// # Errors
/// When there is no log, or `write` fails.
pub(crate) async fn logs(
    config: &Config,
    of: LogOf,
    since: Option<Duration>,
    follow: bool,
    write: impl FnMut(LogLine<'_>) -> io::Result<()>,
) -> Result<()> {
    let session = Session::open(config).await?;
    let group = match of {
        LogOf::Engine => &session.names.log_group,
        LogOf::Pages => &session.names.page_log_group,
    };
    logs::write(&session, group, since.unwrap_or(SINCE), follow, write).await
}
