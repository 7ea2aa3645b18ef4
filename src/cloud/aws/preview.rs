//! `plan` on AWS: what `up` would do, from change sets that are made for it and deleted again.

use std::collections::BTreeMap;

use anyhow::Result;

use super::bucket;
use super::change_set::{self, Outcome};
use super::code::{self, Built};
use super::session::Session;
use super::stack::{self, ATTEMPTS, Pace, Phase, Stack};
use super::template::{self, Wanted};

use crate::cloud::change::{Planned, PlannedAction};
use crate::cloud::plan::{Basis, Plan};
use crate::config::PackageKind;
use crate::console::context::Context;
use crate::digest;
use crate::error::failure;

/// What `up` would do; leaves nothing behind.
///
/// # Errors
/// What AWS refuses, with the root cause.
pub(crate) async fn plan(context: &Context) -> Result<Plan> {
    let (session, artifact) = tokio::try_join!(Session::open(&context.config), code::build(context))?;
    let built = code::pack(context, &session, artifact, false).await?;
    let mut pace = Pace::new();
    for _ in 0..ATTEMPTS {
        if let Some(planned) = look(context, &session, &built).await? {
            return Ok(planned);
        }
        pace.wait().await;
    }
    Err(failure(
        format!("somebody else keeps changing the stack {}", session.names.stack),
        "plan again when they are done",
    ))
}

/// What `up` would do to what is there now; nothing when somebody else changes it at this moment.
async fn look(context: &Context, session: &Session, built: &Built) -> Result<Option<Plan>> {
    let config = &context.config;
    let names = &session.names;
    let (main, registry) = stack::settle_both(context, session).await?;
    main.iter().try_for_each(|stack| stack.check_owner(config))?;
    let code = built.code(session);
    let wanted = Wanted::stack(config, session, built.artifact.arch, &code, built.page_key());
    let wanted_registry = Wanted::registry(config, session);
    let basis = Basis {
        place: [("account", &session.account), ("region", &session.region)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into(),
        code: code.to_string(),
        wanted: [&wanted, &wanted_registry].map(|wanted| (wanted.stack.clone(), wanted.digest())).into(),
        state: state(session, main.as_ref(), registry.as_ref()),
    };
    let mut planned = Vec::new();
    match config.package {
        PackageKind::Image => match preview(session, registry.as_ref(), &wanted_registry).await? {
            Some(changes) => planned.extend(changes),
            None => return Ok(None),
        },
        PackageKind::Zip => planned.extend(registry.iter().map(removed_registry)),
    }
    let Some(mut main_changes) = preview(session, main.as_ref(), &wanted).await? else { return Ok(None) };
    if config.lake.manage
        && main.as_ref().is_none_or(|stack| stack.phase() != Phase::Ready)
        && bucket::exists(session, &names.bucket).await?
    {
        for change in main_changes.iter_mut().filter(|change| change.resource == template::BUCKET) {
            change.action = PlannedAction::Adopt;
        }
    }
    planned.extend(main_changes);
    if main.as_ref().is_some_and(|stack| stack.is_protected) != config.protect {
        planned.push(Planned::protection(template::STACK_KIND, names.stack.clone(), config.protect));
    }
    planned.sort_by_key(|change| !change.is_destructive());
    Ok(Some(Plan { changes: planned, basis }))
}

/// The stage's stacks as they are, in words that change with them.
pub(super) fn state(session: &Session, main: Option<&Stack>, registry: Option<&Stack>) -> BTreeMap<String, String> {
    let names = &session.names;
    let words = |stack: Option<&Stack>| match stack.filter(|stack| stack.phase() != Phase::Draft) {
        // Two changes may fall into the same moment, as a stack tells it: its parameters are looked at, too.
        Some(Stack { id, status, changed_at, parameters, .. }) => {
            let digest = digest::short(format!("{parameters:?}"));
            format!("{status} since {changed_at} ({id}), parameters {digest}")
        }
        None => "not there".to_owned(),
    };
    [(&names.stack, main), (&names.registry_stack, registry)]
        .map(|(name, stack)| (format!("the stack {name}"), words(stack)))
        .into()
}

/// The changes of a change set that is made for this and deleted again; nothing when somebody else was quicker.
async fn preview(session: &Session, stack: Option<&Stack>, wanted: &Wanted) -> Result<Option<Vec<Planned>>> {
    let created = match stack.map(Stack::phase) {
        Some(Phase::Ready) => change_set::create(session, stack, wanted).await?,
        // One that another `up` is about to fill is that one's.
        None | Some(Phase::Draft) => change_set::create(session, None, &wanted.planned()).await?,
        // Of a stack that can only be deleted, everything comes anew.
        _ => {
            return Err(failure(
                format!("the stack {} is in {}", wanted.stack, stack.map_or("", |stack| stack.status.as_str())),
                "`quackctl up` recovers it; plan again after that",
            ));
        }
    };
    match created {
        Outcome::Done(set) => {
            set.discard(session).await?;
            Ok(Some(set.changes))
        }
        Outcome::NoChanges => Ok(Some(Vec::new())),
        Outcome::Overtaken => Ok(None),
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
