//! `up` on AWS: the function's code to where Lambda finds it, then one change set that makes the stack as it should be.
//! Everything is looked at first, so that it can begin anywhere: after a success, a failure, a killed run, or beside
//! another run.

use anyhow::Result;

use super::bucket;
use super::change_set::{self, ChangeSet, Outcome};
use super::code::{self, Built};
use super::session::Session;
use super::stack::{self, Pace, Phase, Stack};
use super::template::{self, Code, Wanted};
use crate::cloud::change::{Planned, PlannedAction};
use crate::cloud::{Change, Provisioned, UpOptions, confirm};
use crate::config::PackageKind;
use crate::console::context::Context;
use crate::error::failure;

/// Times that it looks again because somebody else changed the stack at the same moment.
const ATTEMPTS: u32 = 30;

/// Makes the stage as the configuration has it; changes nothing that is so already.
///
/// # Errors
/// Whatever AWS refuses, with the root cause; a replacement or removal that nobody confirmed.
pub(crate) async fn up(context: &Context, options: &UpOptions) -> Result<Provisioned> {
    let config = &context.config;
    let (session, artifact) = tokio::try_join!(Session::open(config), code::build(context))?;
    let built = code::pack(context, &session, artifact, options.pull).await?;
    let mut deploy = Deploy {
        context,
        session: &session,
        built: &built,
        confirmed: options.yes,
        changes: Vec::new(),
        replaced: None,
    };
    let mut pace = Pace::new();
    for _ in 0..ATTEMPTS {
        if deploy.attempt().await? {
            deploy.sweep().await?;
            let changes = deploy.changes;
            return Ok(Provisioned { target: session.target(config), changes, artifact: built.artifact });
        }
        pace.wait().await;
    }
    Err(failure(
        format!("somebody else keeps changing the stack {}", session.names.stack),
        "wait until they are done, and run `quackctl up` again",
    ))
}

/// What `up` would do; leaves nothing behind.
///
/// # Errors
/// As for [`up`].
pub(crate) async fn plan(context: &Context) -> Result<Vec<Planned>> {
    let config = &context.config;
    let (session, artifact) = tokio::try_join!(Session::open(config), code::build(context))?;
    let built = code::pack(context, &session, artifact, false).await?;
    let session = &session;
    let names = &session.names;
    let (main, registry) = stack::settle_both(context, session).await?;
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
fn removed_registry(registry: &Stack) -> Planned {
    Planned {
        action: PlannedAction::Remove,
        resource: "Repository".to_owned(),
        kind: "AWS::ECR::Repository".to_owned(),
        name: registry.parameter("RepositoryName").map(str::to_owned),
        properties: Vec::new(),
    }
}

/// One run of `up`.
struct Deploy<'a> {
    context: &'a Context,
    session: &'a Session,
    built: &'a Built,
    /// Whether replacements and removals may be made without asking.
    confirmed: bool,
    changes: Vec<Change>,
    /// The bucket that another one took the place of.
    replaced: Option<String>,
}

impl Deploy<'_> {
    /// Looks at everything and changes what is not as wanted. False when somebody else changed something meanwhile, or
    /// one step was made of several: then look again.
    async fn attempt(&mut self) -> Result<bool> {
        let (context, session, config) = (self.context, self.session, &self.context.config);
        let names = &session.names;
        let code = self.built.code(session);
        let wanted = Wanted::stack(config, session, self.built.artifact.arch, &code);
        let wanted_registry = Wanted::registry(config, session);
        let ((main, main_is_right), (registry, registry_is_right), is_pushed) =
            tokio::try_join!(self.look(&wanted), self.look(&wanted_registry), self.built.is_pushed(session))?;

        if config.package == PackageKind::Image {
            if !registry_is_right && !self.apply(registry.as_ref(), &wanted_registry).await? {
                return Ok(false);
            }
        } else if let Some(registry) = registry.filter(|registry| registry.phase() == Phase::Ready) {
            return self.remove_registry(&registry, main.as_ref()).await;
        }
        if main_is_right && is_pushed {
            return Ok(true);
        }
        if !is_pushed {
            self.built.push(context, session).await?;
        }

        let exists = bucket::exists(session, &names.bucket).await?;
        if !config.lake.manage && !exists {
            return Err(failure(
                format!("there is no bucket {} in {}", names.bucket, session.account),
                "lake.manage is false, so it must be there: check its name, or leave `manage` away to have it made",
            ));
        }
        let fresh = main.as_ref().is_none_or(|stack| stack.phase() == Phase::Draft);
        if fresh && exists && config.lake.manage {
            self.adopt(main.as_ref()).await?;
            return Ok(false);
        }
        if let Code::Zip(key) = &code {
            if exists {
                self.built.upload(context, session, key).await?;
            } else {
                // The zip travels through the bucket, which comes first, then.
                return self.without_function(main.as_ref(), &wanted).await;
            }
        }
        if main.as_ref().is_some_and(|stack| switches_package(stack, &wanted)) {
            // Another package takes another function, and two of one name cannot be.
            return self.without_function(main.as_ref(), &wanted).await;
        }
        self.apply(main.as_ref(), &wanted).await
    }

    /// A stack once nobody works on it any more, and whether it is as wanted.
    async fn look(&self, wanted: &Wanted) -> Result<(Option<Stack>, bool)> {
        let stack = stack::recover(self.context, self.session, &wanted.stack).await?;
        let is_right = match &stack {
            Some(stack) => stack::is_as(self.session, stack, wanted).await?,
            None => false,
        };
        Ok((stack, is_right))
    }

    /// Has CloudFormation make the stack as wanted. False when somebody else was quicker.
    async fn apply(&mut self, stack: Option<&Stack>, wanted: &Wanted) -> Result<bool> {
        match change_set::create(self.session, stack, wanted).await? {
            Outcome::NoChanges => Ok(true),
            Outcome::Overtaken => Ok(false),
            Outcome::Done(set) => {
                self.confirm(&set).await?;
                self.execute(set).await
            }
        }
    }

    async fn execute(&mut self, set: ChangeSet) -> Result<bool> {
        let outcome = set.execute(self.context, self.session).await?;
        self.changes.extend(set.changes.iter().map(Change::from));
        let is_replaced_bucket =
            |change: &&Planned| change.resource == template::BUCKET && change.action == PlannedAction::Replace;
        if let Some(bucket) = set.changes.iter().find(is_replaced_bucket) {
            self.replaced = bucket.name.clone();
        }
        Ok(matches!(outcome, Outcome::Done(())))
    }

    /// Everything but the function; it comes with the next look. Asks now for what the whole way destroys.
    async fn without_function(&mut self, stack: Option<&Stack>, wanted: &Wanted) -> Result<bool> {
        if stack.is_some_and(|stack| stack.phase() == Phase::Ready) {
            match change_set::create(self.session, stack, wanted).await? {
                Outcome::Done(set) => {
                    self.confirm(&set).await?;
                    set.discard(self.session).await?;
                    self.confirmed = true;
                }
                Outcome::NoChanges | Outcome::Overtaken => return Ok(false),
            }
        }
        let first = Wanted::stack(&self.context.config, self.session, self.built.artifact.arch, &Code::None);
        self.apply(stack, &first).await?;
        Ok(false)
    }

    /// Takes the bucket that `down --keep-data` kept into a new stack.
    async fn adopt(&mut self, stack: Option<&Stack>) -> Result<()> {
        let (config, session) = (&self.context.config, self.session);
        let name = &session.names.bucket;
        if !bucket::is_marked(config, session, name).await? && !bucket::is_empty(session, name).await? {
            return Err(failure(
                format!("the bucket {name} exists, and it is not of {} ({})", config.project, config.stage),
                "to query what is in it, add `manage = false` to [lake] in quack.toml: it is then left as it is; \
                 or choose another bucket",
            ));
        }
        let wanted = Wanted::adopt(session);
        if let Outcome::Done(set) = change_set::import_bucket(session, stack, &wanted).await? {
            set.execute(self.context, session).await?;
            self.changes.push(Change::adopted(format!("Bucket {name}")));
        }
        Ok(())
    }

    /// Removes the image repository after the function came from a zip.
    async fn remove_registry(&mut self, registry: &Stack, main: Option<&Stack>) -> Result<bool> {
        if main.is_some_and(|stack| stack.parameter("Package") == Some("image")) {
            // While the function runs from an image, the image stays; the function goes first.
            let wanted = Wanted::stack(
                &self.context.config,
                self.session,
                self.built.artifact.arch,
                &self.built.code(self.session),
            );
            return self.without_function(main, &wanted).await;
        }
        let planned = removed_registry(registry);
        if !self.confirmed {
            confirm::changes(self.context, std::slice::from_ref(&planned))?;
        }
        stack::delete(self.context, self.session, registry, vec![]).await?;
        self.changes.push(Change::from(&planned));
        Ok(false)
    }

    /// Asks before something is replaced or removed; when the answer is no, nothing has changed.
    async fn confirm(&mut self, set: &ChangeSet) -> Result<()> {
        if self.confirmed || !set.changes.iter().any(Planned::is_destructive) {
            return Ok(());
        }
        if let Err(refused) = confirm::changes(self.context, &set.changes) {
            set.discard(self.session).await?;
            return Err(refused);
        }
        self.confirmed = true;
        Ok(())
    }

    /// What is left to do when the stack is as wanted and something changed.
    async fn sweep(&self) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let name = &self.session.names.bucket;
        if self.context.config.lake.manage {
            bucket::mark(&self.context.config, self.session, name, self.replaced.as_deref()).await?;
        }
        if let Some(bucket) = &self.replaced {
            self.context.say(format_args!("note: the bucket {bucket} is left with its tables, until `quackctl down`"));
        }
        self.built.remove_older(self.session).await;
        Ok(())
    }
}

/// Whether the function changes from image to zip or back.
fn switches_package(stack: &Stack, wanted: &Wanted) -> bool {
    let (from, to) = (stack.parameter("Package"), wanted.parameters.get("Package").map(String::as_str));
    !matches!(from, None | Some("none")) && from != to
}
