//! `plan` on AWS: what `up` would do, from change sets that are made for it and deleted again.

use anyhow::Result;

use super::bucket;
use super::change_set::{self, Outcome};
use super::code;
use super::session::Session;
use super::stack::{self, Phase, Stack};
use super::template::{self, Wanted};
use crate::cloud::change::{Planned, PlannedAction};
use crate::config::PackageKind;
use crate::console::context::Context;
use crate::error::failure;

/// What `up` would do; leaves nothing behind.
///
/// # Errors
/// What AWS refuses, with the root cause.
pub(crate) async fn plan(context: &Context) -> Result<Vec<Planned>> {
    let config = &context.config;
    let (session, artifact) = tokio::try_join!(Session::open(config), code::build(context))?;
    let built = code::pack(context, &session, artifact, false).await?;
    let session = &session;
    let names = &session.names;
    let (main, registry) = stack::settle_both(context, session).await?;
    main.iter().try_for_each(|stack| stack.check_owner(config))?;
    let wanted = Wanted::stack(config, session, built.artifact.arch, &built.code(session));
    let mut planned = Vec::new();
    match config.package {
        PackageKind::Image => {
            planned.extend(preview(session, registry.as_ref(), &Wanted::registry(config, session)).await?)
        }
        PackageKind::Zip => planned.extend(registry.iter().map(removed_registry)),
    }
    let mut main_changes = preview(session, main.as_ref(), &wanted).await?;
    if config.lake.manage
        && main.as_ref().is_none_or(|stack| stack.phase() != Phase::Ready)
        && bucket::exists(session, &names.bucket).await?
    {
        for change in main_changes.iter_mut().filter(|change| change.resource == template::BUCKET) {
            change.action = PlannedAction::Adopt;
        }
    }
    planned.extend(main_changes);
    planned.sort_by_key(|change| !change.is_destructive());
    Ok(planned)
}

/// The changes of a change set that is made for this and deleted again.
async fn preview(session: &Session, stack: Option<&Stack>, wanted: &Wanted) -> Result<Vec<Planned>> {
    // Of a stack that can only be deleted, everything comes anew.
    let usable = stack.filter(|stack| matches!(stack.phase(), Phase::Ready | Phase::Draft));
    if stack.is_some() && usable.is_none() {
        return Err(failure(
            format!("the stack {} is in {}", wanted.stack, stack.map_or("", |stack| stack.status.as_str())),
            "`quackctl up` recovers it; plan again after that",
        ));
    }
    match change_set::create(session, usable, wanted).await? {
        Outcome::Done(set) => {
            set.discard(session).await?;
            Ok(set.changes)
        }
        Outcome::NoChanges => Ok(Vec::new()),
        Outcome::Overtaken => Err(failure(
            format!("somebody else changes the stack {} at this moment", wanted.stack),
            "plan again when they are done",
        )),
    }
}

/// A repository that a function from a zip has no use for.
pub(super) fn removed_registry(registry: &Stack) -> Planned {
    Planned {
        action: PlannedAction::Remove,
        resource: "Repository".to_owned(),
        kind: "AWS::ECR::Repository".to_owned(),
        name: registry.parameter("RepositoryName").map(str::to_owned),
        properties: Vec::new(),
    }
}
