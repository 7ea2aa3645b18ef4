//! A CloudFormation stack as it is: found, compared, waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use aws_sdk_cloudformation::types::{Stack as Described, StackStatus, TemplateStage};

use super::errors::{self, explain};
use super::names::ID_TAG;
use super::session::Session;
use super::template::Wanted;
use crate::config::Config;
use crate::console::context::Context;
use crate::error::failure;

/// What is known of a stack.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    /// The id; it also finds the stack when it is deleted.
    pub id: String,
    pub name: String,
    pub status: StackStatus,
    pub reason: Option<String>,
    /// When it was changed last, as AWS writes it.
    pub changed_at: String,
    /// Whether AWS refuses to delete it.
    pub is_protected: bool,
    pub parameters: BTreeMap<String, String>,
    /// Those that whoever made it gave it.
    pub tags: BTreeMap<String, String>,
}

/// What may be done with a stack next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// An operation goes on; it must be waited for.
    Busy,
    /// It can be updated.
    Ready,
    /// A change set was made for it and never executed: there is nothing in it.
    Draft,
    /// Its creation or deletion failed; it can only be deleted.
    Broken,
    /// A rollback failed; a person has to decide.
    Stuck,
}

impl Stack {
    pub(super) fn phase(&self) -> Phase {
        use StackStatus as S;
        match &self.status {
            S::ReviewInProgress => Phase::Draft,
            S::CreateComplete
            | S::UpdateComplete
            | S::UpdateRollbackComplete
            | S::ImportComplete
            | S::ImportRollbackComplete => Phase::Ready,
            S::CreateFailed | S::RollbackComplete | S::RollbackFailed | S::DeleteFailed => Phase::Broken,
            S::UpdateRollbackFailed | S::UpdateFailed | S::ImportRollbackFailed => Phase::Stuck,
            _ => Phase::Busy,
        }
    }

    /// Refuses a stack of another project that has the same name.
    ///
    /// # Errors
    /// Whose it is, and what to do; a record of ours that cannot be read.
    pub(super) fn check_owner(&self, config: &Config) -> Result<()> {
        // One of an older quackctl has none.
        let Some(theirs) = self.tags.get(ID_TAG).filter(|id| !id.is_empty()) else { return Ok(()) };
        if config.id_by_now()?.as_ref() == Some(theirs) {
            return Ok(());
        }
        Err(failure(
            format!(
                "the stack {} is of another project, also called `{}`, with the id {theirs}",
                self.name, config.project
            ),
            format!(
                "if it is yours, and was put up from another folder, add id = \"{theirs}\" to quack.toml (or set QUACK_ID); \
                 if not, choose another `project`"
            ),
        ))
    }

    /// The value of a parameter of the stack's last update.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// The stack called `name`, if there is one.
///
/// # Errors
/// What AWS says, but for its not being there.
pub(super) async fn find(session: &Session, name: &str) -> Result<Option<Stack>> {
    let described = session.cloudformation.describe_stacks().stack_name(name).send().await;
    match described {
        Ok(found) => Ok(found
            .stacks
            .and_then(|stacks| stacks.into_iter().next())
            .filter(|stack| stack.stack_status != Some(StackStatus::DeleteComplete))
            .map(known)),
        Err(error) if errors::is_no_stack(&error) => Ok(None),
        Err(error) => Err(explain(error, &format!("look at the stack {name}"))),
    }
}

fn known(stack: Described) -> Stack {
    let changed_at = stack.last_updated_time.or(stack.creation_time).map(|time| time.to_string()).unwrap_or_default();
    let parameters = stack.parameters.unwrap_or_default().into_iter();
    let tags = stack.tags.unwrap_or_default().into_iter();
    Stack {
        id: stack.stack_id.unwrap_or_default(),
        name: stack.stack_name.unwrap_or_default(),
        status: stack.stack_status.unwrap_or(StackStatus::from("UNKNOWN")),
        reason: stack.stack_status_reason.filter(|reason| !reason.is_empty()),
        changed_at,
        is_protected: stack.enable_termination_protection.unwrap_or(false),
        tags: tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect(),
        parameters: parameters
            .filter_map(|parameter| Some((parameter.parameter_key?, parameter.parameter_value.unwrap_or_default())))
            .collect(),
    }
}

/// Whether the stack is as `wanted`, by its parameters, its tags and its template.
///
/// # Errors
/// When the template cannot be had.
pub(super) async fn is_as(session: &Session, stack: &Stack, wanted: &Wanted) -> Result<bool> {
    let same = wanted.parameters.iter().all(|(name, value)| stack.parameter(name) == Some(value));
    if !same
        || stack.tags != wanted.tags
        || stack.parameters.len() != wanted.parameters.len()
        || stack.phase() != Phase::Ready
    {
        return Ok(false);
    }
    // AWS would rather tell what the transform made of it.
    let request = session.cloudformation.get_template().stack_name(&stack.name).template_stage(TemplateStage::Original);
    let template = request.send().await;
    let template =
        template.map_err(|error| explain(error, &format!("read the template of the stack {}", stack.name)))?;
    Ok(template.template_body().is_some_and(|body| body.trim_end() == wanted.template.trim_end()))
}

/// Has AWS refuse, or not any more, to delete the stack called `name`.
///
/// # Errors
/// What AWS says.
pub(super) async fn protect(session: &Session, name: &str, wanted: bool) -> Result<()> {
    let request = session.cloudformation.update_termination_protection().stack_name(name);
    let sent = request.enable_termination_protection(wanted).send().await;
    let doing = if wanted { "protect" } else { "lift the protection of" };
    sent.map(drop).map_err(|error| explain(error, &format!("{doing} the stack {name}")))
}

/// Times that it is looked again because somebody else changed a stack at the same moment.
pub(super) const ATTEMPTS: u32 = 30;

/// Waits between two looks at something that changes: short at first, as emulators are quick, then as AWS likes it.
pub(super) struct Pace(Duration);

impl Pace {
    pub(super) fn new() -> Self {
        Self(Duration::from_millis(40))
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 3 / 2).min(Duration::from_secs(2));
    }
}

/// The stack once nobody works on it any more; says so when there is something to wait for.
///
/// # Errors
/// What AWS says.
pub(super) async fn settle(context: &Context, session: &Session, name: &str) -> Result<Option<Stack>> {
    let mut pace = Pace::new();
    let mut said = false;
    loop {
        let stack = find(session, name).await?;
        match &stack {
            Some(stack) if stack.phase() == Phase::Busy => {
                if !said {
                    context.say(format_args!("waiting for the stack {name}, which is in {}", stack.status));
                    said = true;
                }
            }
            _ => return Ok(stack),
        }
        pace.wait().await;
    }
}

/// The stage's main stack and that of its image repository, once nobody works on them any more.
///
/// # Errors
/// What AWS says.
pub(super) async fn settle_both(context: &Context, session: &Session) -> Result<(Option<Stack>, Option<Stack>)> {
    let names = &session.names;
    tokio::try_join!(settle(context, session, &names.stack), settle(context, session, &names.registry_stack))
}
