//! Stacks that an earlier run left half-made: what can be mended is, what cannot is deleted.

use anyhow::Result;
use aws_sdk_cloudformation::types::{ResourceStatus, StackStatus};

use super::errors::{self, explain};
use super::events::Watch;
use super::session::Session;
use super::stack::{Pace, Phase, Stack, settle};
use super::{bucket, holdings};
use crate::console::context::Context;
use crate::error::failure;

/// The stack once nobody works on it any more, and a stack that can only be deleted is deleted.
///
/// # Errors
/// A stack that only a person can mend, with what to do; what AWS says.
pub(super) async fn mended(context: &Context, session: &Session, name: &str) -> Result<Option<Stack>> {
    let Some(stack) = settle(context, session, name).await? else { return Ok(None) };
    stack.check_owner(&context.config)?;
    match stack.phase() {
        Phase::Stuck => Err(failure(
            format!(
                "the stack {name} is in {}: {}",
                stack.status,
                stack.reason.as_deref().unwrap_or("no reason given")
            ),
            format!(
                "mend what the reason names, then run `aws cloudformation continue-update-rollback --stack-name {name}` \
                 (--resources-to-skip NAME leaves a resource as it is), wait, and run this again"
            ),
        )),
        Phase::Broken => {
            context.say(format_args!("the stack {name} is in {}: deleting it first", stack.status));
            for bucket in holdings::buckets(&context.config, session, Some(&stack)).await? {
                // It stays, to be adopted: mark whose it is.
                bucket::mark(&context.config, session, &bucket, None).await?;
            }
            let retain = match stack.status {
                StackStatus::DeleteFailed => failed_to_delete(session, name).await?,
                _ => vec![],
            };
            delete(context, session, &stack, retain).await?;
            Ok(None)
        }
        _ => Ok(Some(stack)),
    }
}

/// The resources that kept the stack from being deleted, by logical id.
async fn failed_to_delete(session: &Session, name: &str) -> Result<Vec<String>> {
    let found = session.cloudformation.describe_stack_resources().stack_name(name).send().await;
    let found = found.map_err(|error| explain(error, &format!("list the resources of the stack {name}")))?;
    let failed = found
        .stack_resources()
        .iter()
        .filter(|resource| resource.resource_status() == Some(&ResourceStatus::DeleteFailed));
    Ok(failed.filter_map(|resource| resource.logical_resource_id().map(str::to_owned)).collect())
}

/// Deletes the stack and waits for the end; `retain` are resources to leave alone, which only a stack in
/// `DELETE_FAILED` takes.
///
/// # Errors
/// A resource that cannot be deleted, with why.
pub(super) async fn delete(context: &Context, session: &Session, stack: &Stack, retain: Vec<String>) -> Result<()> {
    let name = &stack.name;
    let retain = (!retain.is_empty()).then_some(retain);
    let mut watch = Watch::start(context, session, &stack.id).await?;
    let request = session.cloudformation.delete_stack().stack_name(name).set_retain_resources(retain);
    request.send().await.map_err(|error| explain(error, &format!("delete the stack {name}")))?;
    let mut pace = Pace::new();
    loop {
        // By its id a stack is also found when it is gone.
        let described = session.cloudformation.describe_stacks().stack_name(&stack.id).send().await;
        watch.look().await?;
        let status = match described {
            Ok(found) => found.stacks().first().and_then(|stack| stack.stack_status().cloned()),
            Err(error) if errors::is_no_stack(&error) => None,
            Err(error) => return Err(explain(error, &format!("look at the stack {name}"))),
        };
        match status {
            None | Some(StackStatus::DeleteComplete) => return Ok(()),
            Some(StackStatus::DeleteFailed) => {
                return Err(watch.root_cause(&format!("the stack {name} could not be deleted")));
            }
            Some(_) => pace.wait().await,
        }
    }
}
