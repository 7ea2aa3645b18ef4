//! Change sets: what CloudFormation would do to a stack, and having it done.

use anyhow::Result;
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, Change as Described, ChangeSetStatus, ChangeSetType, ExecutionStatus, ResourceToImport, StackStatus,
};

use super::errors::{self, explain};
use super::events::Watch;
use super::session::Session;
use super::stack::{self, Pace, Phase, Stack};
use super::template::{self, Wanted};
use crate::cloud::change::Planned;
use crate::console::context::Context;
use crate::error::failure;

/// A change set that is ready to be executed. Nothing has changed yet.
#[derive(Debug)]
pub(super) struct ChangeSet {
    id: String,
    /// Id of its stack, which may be one that was made for this change set.
    stack_id: String,
    stack: String,
    /// [`Wanted::fleeting`].
    fleeting: bool,
    pub changes: Vec<Planned>,
}

/// What became of a change set's creation or execution.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    Done(T),
    /// The stack is as wanted already.
    NoChanges,
    /// Somebody else changed or changes the stack: look again.
    Overtaken,
}

/// Has CloudFormation work out what it would do to make the stack as `wanted`; `stack` is how it was found.
///
/// # Errors
/// A template or parameter that AWS refuses; what AWS says.
pub(super) async fn create(session: &Session, stack: Option<&Stack>, wanted: &Wanted) -> Result<Outcome<ChangeSet>> {
    let kind = match stack.map(Stack::phase) {
        None | Some(Phase::Draft) => ChangeSetType::Create,
        Some(_) => ChangeSetType::Update,
    };
    create_as(session, stack, wanted, kind, None).await
}

/// Has CloudFormation take a bucket that exists into a new stack.
///
/// # Errors
/// As for [`create`].
pub(super) async fn import_bucket(
    session: &Session,
    stack: Option<&Stack>,
    wanted: &Wanted,
) -> Result<Outcome<ChangeSet>> {
    let bucket = ResourceToImport::builder()
        .resource_type("AWS::S3::Bucket")
        .logical_resource_id(template::BUCKET)
        .resource_identifier("BucketName", &session.names.bucket)
        .build();
    create_as(session, stack, wanted, ChangeSetType::Import, Some(vec![bucket])).await
}

async fn create_as(
    session: &Session,
    stack: Option<&Stack>,
    wanted: &Wanted,
    kind: ChangeSetType,
    imports: Option<Vec<ResourceToImport>>,
) -> Result<Outcome<ChangeSet>> {
    let doing = format!("make a change set for the stack {}", wanted.stack);
    let own = format!("quackctl-{:016x}", rand::random::<u64>());
    // Whoever makes the same of nothing at the same moment shares one change set, and one of them executes it.
    let shared = (kind != ChangeSetType::Update && !wanted.fleeting).then(|| format!("quackctl-{}", wanted.digest()));
    let mut described = None;
    for name in shared.iter().chain([&own]) {
        let request = session.cloudformation.create_change_set().stack_name(&wanted.stack).change_set_name(name);
        let request = request.client_token(name).change_set_type(kind.clone()).template_body(wanted.template);
        let request = request.set_parameters(Some(wanted.api_parameters())).set_tags(Some(wanted.api_tags()));
        let request = request.capabilities(Capability::CapabilityIam).capabilities(Capability::CapabilityAutoExpand);
        let id = match request.set_resources_to_import(imports.clone()).send().await {
            Ok(created) => created.id,
            // It is another's, or was made and the answer to the first attempt was lost.
            Err(error)
                if errors::is_code(&error, &["AlreadyExistsException"]) && errors::text(&error).contains(name) =>
            {
                None
            }
            Err(error) if is_overtaken(errors::text(&error)) => return Ok(Outcome::Overtaken),
            // Some CloudFormations, though not AWS's, say so at once.
            Err(error) if has_no_changes(errors::text(&error)) => return Ok(Outcome::NoChanges),
            Err(error) => return Err(explain(error, &doing)),
        };
        let Some(found) = wait(session, &wanted.stack, id.as_ref().unwrap_or(name), &doing).await? else {
            return Ok(Outcome::Overtaken);
        };
        let is_over = found.execution_status() != Some(&ExecutionStatus::Available);
        let is_made = found.status() == Some(&ChangeSetStatus::CreateComplete);
        described = Some((name, found));
        // One of an earlier time is of no use any more.
        if !(is_over && is_made) {
            break;
        }
    }
    let Some((id, described)) = described else { return Ok(Outcome::Overtaken) };
    let set = ChangeSet {
        stack_id: described.stack_id().unwrap_or(&wanted.stack).to_owned(),
        id: described.change_set_id().unwrap_or(id).to_owned(),
        stack: wanted.stack.clone(),
        fleeting: wanted.fleeting,
        changes: planned(session, &described, stack, wanted).await?,
    };
    if described.status() == Some(&ChangeSetStatus::CreateComplete) {
        return Ok(Outcome::Done(set));
    }
    let reason = described.status_reason().unwrap_or("AWS gave no reason").to_owned();
    set.discard(session).await?;
    if has_no_changes(&reason) {
        return Ok(Outcome::NoChanges);
    }
    if is_overtaken(&reason) {
        return Ok(Outcome::Overtaken);
    }
    Err(failure(format!("cannot {doing}: {reason}"), super::cause::advice(&reason)))
}

fn has_no_changes(text: &str) -> bool {
    text.contains("didn't contain changes") || text.contains("No updates are to be performed")
}

/// Whether AWS refused because the stack's state changed meanwhile.
fn is_overtaken(text: &str) -> bool {
    let state = text.contains("_IN_PROGRESS state") || text.contains("state and can not be updated");
    state
        || text.contains("does not exist") && text.contains("tack")
        || text.contains("already exists and cannot be created again")
        // Of what was to be imported into nothing, when there is a stack by now.
        || text.contains("As part of the import operation, you cannot modify")
        // Another `up`, also the first of its stage, was quicker.
        || text.starts_with("Stack ") && text.contains(" already exists")
}

/// The change set once CloudFormation is done with it; nothing when it is gone.
async fn wait(session: &Session, stack: &str, id: &str, doing: &str) -> Result<Option<DescribeChangeSetOutput>> {
    let mut pace = Pace::new();
    loop {
        match describe(session, stack, id, None, doing).await? {
            Some(found) => match found.status() {
                Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => pace.wait().await,
                _ => return Ok(Some(found)),
            },
            None => return Ok(None),
        }
    }
}

/// Always with the stack: of a change set's ARN alone, IAM would not know which stack it is about.
async fn describe(
    session: &Session,
    stack: &str,
    id: &str,
    page: Option<String>,
    doing: &str,
) -> Result<Option<DescribeChangeSetOutput>> {
    let request = session.cloudformation.describe_change_set().stack_name(stack).change_set_name(id);
    let request = request.include_property_values(true);
    match request.set_next_token(page).send().await {
        Ok(found) => Ok(Some(found)),
        Err(error) if errors::is_code(&error, &["ChangeSetNotFound", "ChangeSetNotFoundException"]) => Ok(None),
        Err(error) => Err(explain(error, doing)),
    }
}

/// The changes of all the change set's pages.
async fn planned(
    session: &Session,
    first: &DescribeChangeSetOutput,
    stack: Option<&Stack>,
    wanted: &Wanted,
) -> Result<Vec<Planned>> {
    let mut changes: Vec<Described> = first.changes().to_vec();
    let mut token = first.next_token().map(str::to_owned);
    while let (Some(page), Some(id)) = (token.take(), first.change_set_id()) {
        let Some(next) = describe(session, &wanted.stack, id, Some(page), "read a change set").await? else { break };
        changes.extend(next.changes().to_vec());
        token = next.next_token;
    }
    Ok(super::changes::planned(&changes, stack, wanted))
}

impl ChangeSet {
    /// Deletes the change set, and the empty stack that was made for a plan.
    ///
    /// # Errors
    /// What AWS says.
    pub(super) async fn discard(&self, session: &Session) -> Result<()> {
        let doing = format!("delete a change set of the stack {}", self.stack);
        let request = session.cloudformation.delete_change_set().stack_name(&self.stack_id).change_set_name(&self.id);
        match request.send().await {
            Err(error) if !errors::is_no_stack(&error) => return Err(explain(error, &doing)),
            _ => {}
        }
        // The empty stack of an `up` may be another one's by now, which is about to fill it.
        if self.fleeting
            && let Some(stack) = stack::find(session, &self.stack_id).await?
        {
            remove_draft(session, &stack).await?;
        }
        Ok(())
    }

    /// Has it done, showing each resource's progress, and waits for the end.
    ///
    /// # Errors
    /// The root cause when it fails, after the rollback has come to its end.
    pub(super) async fn execute(&self, context: &Context, session: &Session) -> Result<Outcome<()>> {
        let mut watch = Watch::start(context, session, &self.stack_id).await?;
        let request = session.cloudformation.execute_change_set().stack_name(&self.stack_id);
        let executed = request.change_set_name(&self.id).send().await;
        match executed {
            Ok(_) => {}
            // The answer to the first attempt was lost, or somebody else's change set came first: the stack tells.
            Err(error)
                if errors::is_code(&error, &["InvalidChangeSetStatus", "ChangeSetNotFound"])
                    || is_overtaken(errors::text(&error)) =>
            {
                return Ok(Outcome::Overtaken);
            }
            Err(error) => return Err(explain(error, &format!("change the stack {}", self.stack))),
        }
        let mut pace = Pace::new();
        loop {
            let found = stack::find(session, &self.stack_id).await?;
            watch.look().await?;
            match found {
                // A stack still in review has not begun.
                Some(stack) if matches!(stack.phase(), Phase::Busy | Phase::Draft) => pace.wait().await,
                Some(stack) if is_success(&stack.status) => return Ok(Outcome::Done(())),
                Some(stack) => {
                    return Err(watch.root_cause(&format!("the stack {} ended in {}", self.stack, stack.status)));
                }
                // Some CloudFormations, though not AWS's, make one stack of two that begin at the same moment.
                None if stack::find(session, &self.stack).await?.is_some() => return Ok(Outcome::Overtaken),
                None => return Err(watch.root_cause(&format!("the stack {} was deleted meanwhile", self.stack))),
            }
        }
    }
}

/// Deletes a stack in which there is nothing; any other is left as it is.
///
/// # Errors
/// What AWS says.
pub(super) async fn remove_draft(session: &Session, stack: &Stack) -> Result<()> {
    if stack.phase() != Phase::Draft {
        return Ok(());
    }
    // There is nothing to wait for.
    let deleted = session.cloudformation.delete_stack().stack_name(&stack.id).send().await;
    deleted.map(drop).map_err(|error| explain(error, &format!("delete the empty stack {}", stack.name)))
}

fn is_success(status: &StackStatus) -> bool {
    matches!(status, StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_up_is_told_from_other_trouble() {
        for overtaken in [
            "Stack [quack-lake-dev] already exists",
            "Stack quack-lake-dev already exists",
            "As part of the import operation, you cannot modify or add [Outputs]",
            "Stack:arn:x is in UPDATE_IN_PROGRESS state and can not be updated.",
            "Stack [quack-lake-dev] does not exist",
            "Stack [x] already exists and cannot be created again with the changeSet [y].",
        ] {
            assert!(is_overtaken(overtaken), "{overtaken}");
        }
        for other in ["lake-bucket already exists", "Template format error", "Bucket [x] already exists"] {
            assert!(!is_overtaken(other), "{other}");
        }
    }
}
