//! `up` on AWS: the function's code to where Lambda finds it, then one change set that makes the stack as it should be.
//! Everything is looked at first, so that it can begin anywhere: after a success, a failure, a killed run, or beside
//! another run.

use anyhow::Result;

use super::bucket::Mark;
use super::change_set::{self, ChangeSet, Outcome};
use super::code::{self, Built};
use super::preview::{removed_registry, state};
use super::session::Session;
use super::stack::{self, ATTEMPTS, Pace, Phase, Stack};
use super::step::{Found, Seen, Step, next_step};
use super::template::{self, Code, Wanted};
use super::{bucket, mend, shared};
use crate::cloud::change::{Change, Planned, PlannedAction};
use crate::cloud::confirm;
use crate::cloud::plan::Plan;
use crate::cloud::provisioned::{Provisioned, UpOptions};
use crate::cloud::saved::overtaken;
use crate::config::{Config, PackageKind};
use crate::console::context::Context;
use crate::error::{Kind, failure, failure_of};

/// Makes the stage as the configuration has it; changes nothing that is so already.
///
/// # Errors
/// Whatever AWS refuses, with the root cause; a replacement or removal that nobody confirmed.
pub(crate) async fn up(context: &Context, options: &UpOptions) -> Result<Provisioned> {
    let mut ours = context.clone();
    ours.config.id = Some(ours.config.claim()?);
    let done = provision(&ours, options).await;
    if done.is_ok() || holds_any(&ours.config).await {
        // A `down` at the same moment may have forgotten the stage.
        ours.config.owner = None;
        ours.config.claim()?;
    } else if context.config.owner.is_none() {
        // The stage is another project's, or there is none.
        ours.config.disclaim()?;
    }
    done
}

/// Whether a stack of this project is there; when nobody can tell, there may be one.
async fn holds_any(config: &Config) -> bool {
    let Ok(session) = Session::open(config).await else { return true };
    for name in [&session.names.stack, &session.names.registry_stack] {
        match stack::find(&session, name).await {
            Ok(None) => {}
            Ok(Some(stack)) if stack.check_owner(config).is_err() => {}
            _ => return true,
        }
    }
    false
}

async fn provision(context: &Context, options: &UpOptions) -> Result<Provisioned> {
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
        plan: options.plan.as_ref(),
        begun: false,
        has_page: false,
    };
    let mut pace = Pace::new();
    for _ in 0..ATTEMPTS {
        // The page function's code travels through the bucket, which comes first.
        deploy.has_page = built.page_key().is_some() && bucket::exists(&session, &session.names.bucket).await?;
        if deploy.has_page {
            built.send_page(context, &session).await?;
        }
        if deploy.walk().await? && (deploy.has_page || built.page_key().is_none()) {
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
    /// Nothing but this may be done.
    plan: Option<&'a Plan>,
    /// Whether something was changed: then the stacks are not as the plan found them any more.
    begun: bool,
    /// Whether the page function's code is in the bucket.
    has_page: bool,
}

impl Deploy<'_> {
    /// Looks at everything and takes step after step. False when everything must be looked at again: somebody else changed
    /// something meanwhile, or one step was made of several.
    async fn walk(&mut self) -> Result<bool> {
        let (config, session) = (&self.context.config, self.session);
        let (wanted, wanted_registry) = self.wanted();
        let ((main, main_found), (registry, registry_found), is_sent) =
            tokio::try_join!(self.look(&wanted), self.look(&wanted_registry), self.built.is_sent(session))?;
        self.check_state(main.as_ref(), registry.as_ref())?;
        let mut seen = Seen {
            package: config.package,
            manage: config.lake.manage,
            main: main_found,
            registry: registry_found,
            runs_from: main.as_ref().and_then(runs_from),
            is_sent,
            bucket: None,
        };
        loop {
            let step = next_step(&seen);
            let is_done = match step {
                Step::Finish => {
                    self.protect(main.as_ref()).await?;
                    return Ok(true);
                }
                Step::LookForBucket => {
                    seen.bucket = Some(bucket::exists(session, &session.names.bucket).await?);
                    true
                }
                Step::ApplyRegistry => self.apply(registry.as_ref(), &wanted_registry).await?,
                Step::RemoveRegistry => self.remove_registry(registry.as_ref()).await?,
                Step::Send => self.send().await?,
                Step::RefuseBucket => return Err(no_bucket(session)),
                Step::AdoptBucket => self.adopt(main.as_ref()).await?,
                Step::ApplyWithoutFunction => self.apply_without_function(main.as_ref(), &wanted).await?,
                Step::Apply => self.apply(main.as_ref(), &wanted).await?,
            };
            match seen.after(step) {
                Some(after) if is_done => seen = after,
                _ => return Ok(false),
            }
        }
    }

    /// Has AWS refuse to delete the stack, as the settings want it; `stack` is how it was found.
    async fn protect(&mut self, stack: Option<&Stack>) -> Result<()> {
        let (wanted, name) = (self.context.config.protect, &self.session.names.stack);
        if stack.is_some_and(|stack| stack.is_protected) != wanted {
            stack::protect(self.session, name, wanted).await?;
            let planned = Planned::protection(template::STACK_KIND, name.clone(), wanted);
            self.changes.push(Change::from(&planned));
        }
        Ok(())
    }

    /// Sends the code. False when a `down` at the same moment has deleted where it goes.
    async fn send(&self) -> Result<bool> {
        let sent = self.built.send(self.context, self.session).await;
        let is_zip = self.context.config.package == PackageKind::Zip;
        if sent.is_err() && is_zip && !bucket::exists(self.session, &self.session.names.bucket).await? {
            return Ok(false);
        }
        sent.map(|()| true)
    }

    /// A stack once nobody works on it any more, and how it was found.
    async fn look(&self, wanted: &Wanted) -> Result<(Option<Stack>, Found)> {
        let stack = mend::mended(self.context, self.session, &wanted.stack).await?;
        let found = match &stack {
            None => Found::Missing,
            Some(stack) if stack.phase() == Phase::Draft => Found::Missing,
            Some(stack) if stack::is_as(self.session, stack, wanted).await? => Found::AsWanted,
            Some(_) => Found::Differs,
        };
        Ok((stack, found))
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

    /// Main stack and registry as they are to be.
    fn wanted(&self) -> (Wanted, Wanted) {
        let (config, session) = (&self.context.config, self.session);
        let code = self.built.code(session);
        let page = self.built.page_key().filter(|_| self.has_page);
        (Wanted::stack(config, session, self.built.artifact.arch, &code, page), Wanted::registry(config, session))
    }

    /// Looks once more now that there is a change set: who changes the stack after this makes CloudFormation refuse it.
    async fn check_state_of(&self, set: &ChangeSet) -> Result<()> {
        if self.plan.is_none() || self.begun {
            return Ok(());
        }
        let (wanted, wanted_registry) = self.wanted();
        let ((main, _), (registry, _)) = tokio::try_join!(self.look(&wanted), self.look(&wanted_registry))?;
        let checked = self.check_state(main.as_ref(), registry.as_ref());
        if checked.is_err() {
            set.discard(self.session).await?;
        }
        checked
    }

    /// Refuses to begin with stacks that are not as the plan found them.
    fn check_state(&self, main: Option<&Stack>, registry: Option<&Stack>) -> Result<()> {
        let Some(plan) = self.plan.filter(|_| !self.begun) else { return Ok(()) };
        match plan.basis.state == state(self.session, main, registry) {
            true => Ok(()),
            false => Err(overtaken("somebody changed the stage at this moment")),
        }
    }

    /// Refuses changes that the plan does not name.
    async fn check_changes(&self, set: &ChangeSet) -> Result<()> {
        let Some(plan) = self.plan else { return Ok(()) };
        let is_named = |change: &Planned| {
            let mut named = plan.changes.iter().filter(|planned| planned.resource == change.resource);
            // A function holds nothing: a step may take away what a later one makes anew, as the plan says.
            let is_step =
                |planned: &Planned| change.kind == template::FUNCTION_KIND && planned.action != PlannedAction::Remove;
            // A stack's own parameters are on the way to what the plan names.
            change.kind == template::STACK_KIND
                || named.any(|planned| planned.action == change.action || !change.is_destructive() || is_step(planned))
        };
        let Some(other) = set.changes.iter().find(|change| !is_named(change)) else { return Ok(()) };
        set.discard(self.session).await?;
        Err(overtaken(format_args!("to {} {} is no part of it", other.action, other.title())))
    }

    async fn execute(&mut self, set: ChangeSet) -> Result<bool> {
        self.check_changes(&set).await?;
        self.check_state_of(&set).await?;
        self.begun = true;
        let outcome = set.execute(self.context, self.session).await?;
        self.changes.extend(set.changes.iter().map(Change::from));
        let is_replaced_bucket =
            |change: &&Planned| change.resource == template::BUCKET && change.action == PlannedAction::Replace;
        if let Some(bucket) = set.changes.iter().find(is_replaced_bucket) {
            self.replaced = bucket.name.clone();
        }
        if self.plan.is_some() && matches!(outcome, Outcome::Overtaken) {
            return Err(overtaken("somebody else changed the stage at this moment"));
        }
        Ok(matches!(outcome, Outcome::Done(())))
    }

    /// Everything but the function; it comes with the next look. Asks now for what the whole way destroys. False when
    /// somebody else was quicker.
    async fn apply_without_function(&mut self, stack: Option<&Stack>, wanted: &Wanted) -> Result<bool> {
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
        let first = Wanted::stack(&self.context.config, self.session, self.built.artifact.arch, &Code::None, None);
        self.apply(stack, &first).await
    }

    /// Takes the bucket that `down --keep-data` kept into a new stack. False when somebody else was quicker.
    async fn adopt(&mut self, stack: Option<&Stack>) -> Result<bool> {
        let (config, session) = (&self.context.config, self.session);
        let name = &session.names.bucket;
        if !bucket::is_marked(config, session, name).await? && !bucket::is_empty(session, name).await? {
            return Err(failure(
                format!("the bucket {name} exists, and it is not of {} ({})", config.project, config.stage),
                "to query what is in it, add `manage = false` to [lake] in quack.toml: it is then left as it is; \
                 or choose another bucket",
            ));
        }
        self.begun = true;
        match self.import(stack).await {
            // A `down` at the same moment has deleted it.
            Err(_) if !bucket::exists(session, name).await? => Ok(false),
            Ok(true) => {
                self.changes.push(Change::adopted(format!("Bucket {name}")));
                Ok(true)
            }
            other => other,
        }
    }

    async fn import(&self, stack: Option<&Stack>) -> Result<bool> {
        let wanted = Wanted::adopt(self.session);
        match change_set::import_bucket(self.session, stack, &wanted).await? {
            Outcome::Done(set) => Ok(matches!(set.execute(self.context, self.session).await?, Outcome::Done(()))),
            Outcome::NoChanges | Outcome::Overtaken => Ok(false),
        }
    }

    /// Removes the image repository, which a function from a zip file has no use for.
    async fn remove_registry(&mut self, registry: Option<&Stack>) -> Result<bool> {
        let Some(registry) = registry else { return Ok(false) };
        let planned = removed_registry(registry);
        if !self.confirmed {
            confirm::changes(self.context, std::slice::from_ref(&planned))?;
        }
        self.begun = true;
        mend::delete(self.context, self.session, registry, vec![]).await?;
        self.changes.push(Change::from(&planned));
        Ok(true)
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
        } else if let Some(first) = shared::claim(&self.context.config, self.session).await? {
            let (prefix, Mark { project, stage, .. }) = (&self.context.config.lake.prefix, first);
            self.context.say(format_args!(
                "note: s3://{name}/{prefix} was {project} ({stage})'s before: the tables there are shared, and `down` leaves them"
            ));
        }
        if let Some(bucket) = &self.replaced {
            self.context.say(format_args!("note: the bucket {bucket} is left with its tables, until `quackctl down`"));
        }
        self.built.remove_older(self.session).await;
        Ok(())
    }
}

/// How the code of the stack's function came; nothing when it has none.
fn runs_from(stack: &Stack) -> Option<PackageKind> {
    match stack.parameter("Package") {
        Some("image") => Some(PackageKind::Image),
        Some("zip") => Some(PackageKind::Zip),
        _ => None,
    }
}

/// The bucket that the stage is to live in is somebody else's, and not there.
fn no_bucket(session: &Session) -> anyhow::Error {
    failure_of(
        Kind::Missing,
        format!("there is no bucket {} in {}", session.names.bucket, session.account),
        "lake.manage is false, so it must be there: check its name, or leave `manage` away to have it made",
    )
}
