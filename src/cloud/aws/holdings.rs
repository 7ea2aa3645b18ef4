//! Which buckets are the stage's own: those that `down` deletes and asks for first.

use anyhow::Result;

use super::bucket;
use super::session::Session;
use super::stack::{Phase, Stack};
use crate::config::Config;

/// The stage's own buckets that are there: the stack's, the one that `down --keep-data` kept, and those that were the
/// stage's before `lake.bucket` changed. Never a bucket that neither the stack nor our mark in it says is ours.
///
/// # Errors
/// What AWS says.
pub(super) async fn buckets(config: &Config, session: &Session, stack: Option<&Stack>) -> Result<Vec<String>> {
    let named = &session.names.bucket;
    let mut found = Vec::new();
    let of_stack = stack.filter(|stack| stack.phase() != Phase::Draft).and_then(of_stack);
    if let Some(bucket) = of_stack
        && bucket::exists(session, bucket).await?
    {
        found.push(bucket.to_owned());
    }
    if config.lake.manage && of_stack != Some(named) {
        // Without a stack, an empty one is what a killed `down` left; beside a stack it may be anybody's.
        let ours = bucket::is_marked(config, session, named).await?
            || stack.is_none() && bucket::is_empty(session, named).await?;
        if ours {
            found.push(named.clone());
        }
    }
    let mut next = 0;
    while let Some(bucket) = found.get(next) {
        for previous in bucket::previous(config, session, bucket).await? {
            if !found.contains(&previous) && bucket::is_marked(config, session, &previous).await? {
                found.push(previous);
            }
        }
        next += 1;
    }
    Ok(found)
}

/// The bucket that the stack made.
fn of_stack(stack: &Stack) -> Option<&str> {
    stack.parameter("BucketName").filter(|_| stack.parameter("ManageBucket") != Some("false"))
}
