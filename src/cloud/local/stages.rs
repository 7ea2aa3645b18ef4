//! A stage of this machine, through its life: up, planned, looked at, taken down.

use std::env::consts::OS;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::credentials::Credentials;
use super::paths::{self, Paths};
use super::process::{self, Endpoint};
use super::provision::Code;
use super::{lambda, provision, tail};
use crate::bucket::layout::Layout;
use crate::cloud::change::{Change, Planned, PlannedAction};
use crate::cloud::holding::{self, Holding};
use crate::cloud::log_line::{LogLine, LogOf};
use crate::cloud::place::LocalPlace;
use crate::cloud::plan::{Basis, Plan};
use crate::cloud::provisioned::Provisioned;
use crate::cloud::target::{Lake, REGION, Target, local_name};
use crate::config::Config;
use crate::console::context::Context;
use crate::error::{failure, nearest, usage};
use crate::package::{self, Artifact};

/// The target of a stage that is up. A daemon that was killed is started again.
///
/// # Errors
/// When nothing is up, with what to run.
pub(crate) fn open(context: &Context) -> Result<Target> {
    let config = &context.config;
    let paths = Paths::new(&config.dir, &config.stage);
    // A daemon that runs puts back what was removed of its files, soon.
    let held = process::is_held(&paths);
    if Endpoint::read(&paths).is_none() && !held {
        return Err(nothing_up(config));
    }
    if !lambda::exists(&paths, &local_name(config)) && !held {
        return Err(failure(
            format!("`up` of stage `{}` did not come to its end", config.stage),
            "run `quackctl up` again",
        ));
    }
    process::stop_if_moved(&paths)?;
    refuse_halted(&paths)?;
    let endpoint = match process::serving(&paths) {
        Some(endpoint) => endpoint,
        None => {
            let running = process::ensure_running(config, &paths)?;
            if running.started {
                context.say("note: the local target was not running; started it again");
            }
            running.note.iter().for_each(|note| context.say(format_args!("note: {note}")));
            running.endpoint
        }
    };
    target(config, &paths, &endpoint)
}

/// A daemon that is halted would be waited for without end.
fn refuse_halted(paths: &Paths) -> Result<()> {
    match process::find(paths).filter(process::is_halted) {
        Some(endpoint) => Err(failure(
            format!("the local target's process {} was halted, and answers nobody", endpoint.pid),
            format!("let it go on: kill -CONT {}", endpoint.pid),
        )),
        None => Ok(()),
    }
}

/// Functions are programs for Linux, and the local target runs them as they are.
fn check_system(system: &str) -> Result<()> {
    match system {
        "linux" => Ok(()),
        _ => Err(failure(
            format!(
                "the local target is for Linux only: it runs functions, which are Linux's programs, and this is {system}"
            ),
            "put the engine up on AWS: `quackctl --target aws up`, or target = \"aws\" in quack.toml; \
             `quackctl --target aws doctor` tells what that takes",
        )),
    }
}

/// Builds the function and brings the stage up: the daemon, the bucket, the function.
///
/// # Errors
/// Another system than Linux; a build that fails; a daemon that cannot start, e.g. because the configured port is taken.
pub(crate) async fn up(context: &Context) -> Result<Provisioned> {
    check_system(OS)?;
    let (artifact, page) = build(context).await?;
    let (paths, name) = (Paths::new(&context.config.dir, &context.config.stage), local_name(&context.config));
    let lost = lambda::exists(&paths, &name) && !paths.buckets().join(&name).exists();
    let (target, mut changes) = start(context)?;
    if lost {
        context.say(format_args!("note: bucket {name} was gone, and with it what was loaded: it is made anew, empty"));
    }
    changes.extend(provision::bucket(&target).await?);
    let code = Code { engine: &artifact.dir, page: page.as_deref() };
    changes.extend(provision::functions(&context.config, &target, &code).await?);
    if let Some(planned) = protection(&context.config) {
        context.config.record_protection()?;
        changes.push(Change::from(&planned));
    }
    Ok(Provisioned { target, changes, artifact })
}

/// What [`up`] would do.
///
/// # Errors
/// Another system than Linux; a build that fails; a daemon that does not answer.
pub(crate) async fn plan(context: &Context) -> Result<Plan> {
    check_system(OS)?;
    let (artifact, page) = build(context).await?;
    let place = [("folder".to_owned(), context.config.dir.display().to_string())].into();
    let mut changes = changes(context, &Code { engine: &artifact.dir, page: page.as_deref() }).await?;
    changes.extend(protection(&context.config));
    Ok(Plan { changes, basis: Basis { place, code: artifact.digest, ..Basis::default() } })
}

async fn changes(context: &Context, code: &Code<'_>) -> Result<Vec<Planned>> {
    let config = &context.config;
    let paths = Paths::new(&config.dir, &config.stage);
    if Endpoint::read(&paths).is_none() || !lambda::exists(&paths, &local_name(config)) {
        return Ok(provision::everything(config));
    }
    let mut planned = Vec::new();
    if let Some((endpoint, properties)) = process::outdated(config, &paths)? {
        let process = Planned::added("Endpoint", "local process", Some(endpoint.url()));
        planned.push(Planned { action: PlannedAction::Modify, properties, ..process });
    }
    planned.extend(provision::plan(config, &open(context)?, code).await?);
    Ok(planned)
}

/// The stage's protection from `down`, where it is not as the settings want it.
fn protection(config: &Config) -> Option<Planned> {
    let differs = config.protect != config.is_protected();
    differs.then(|| Planned::protection("local stage", config.stage.clone(), config.protect))
}

/// The stage's lake, without bringing anything up.
///
/// # Errors
/// When its daemon was killed and does not start again.
pub(crate) fn lake(context: &Context) -> Result<Lake> {
    let config = &context.config;
    match Endpoint::read(&Paths::new(&config.dir, &config.stage)) {
        Some(_) => Ok(Lake::There(Box::new(open(context)?))),
        None if !holdings(config).is_empty() => Ok(Lake::Asleep),
        None => Ok(Lake::Nowhere),
    }
}

/// The engine's artifact, and the folder of the page function's where pages are deployed. Functions of the local target run on this
/// machine's processor.
async fn build(context: &Context) -> Result<(Artifact, Option<PathBuf>)> {
    let of_build = context.clone();
    let arch = context.config.function_arch()?;
    tokio::task::spawn_blocking(move || {
        let engine = package::assemble(&of_build, arch)?;
        let page = of_build.config.dash.is_some().then(|| package::page(&of_build, arch)).transpose()?;
        Ok((engine, page.map(|page| page.dir)))
    })
    .await?
}

/// Brings the stage's daemon up, with the settings of `config`.
fn start(context: &Context) -> Result<(Target, Vec<Change>)> {
    let config = &context.config;
    let paths = Paths::new(&config.dir, &config.stage);
    let fresh = !paths.dir.exists();
    refuse_halted(&paths)?;
    let restarted = process::stop_if_outdated(config, &paths)?;
    let running = config.claim().and_then(|_| process::ensure_running(config, &paths)).inspect_err(|_| {
        // A first start that fails leaves nothing behind, unless another `up` has got further at the same moment.
        if fresh && Endpoint::read(&paths).is_none() {
            let _ = paths.remove(false);
        }
    })?;
    running.note.iter().for_each(|note| context.say(format_args!("note: {note}")));
    let what = format!("local target on {}", running.endpoint.url());
    let change = match (running.started, restarted) {
        (true, true) => Some(Change::updated(what)),
        (true, false) => Some(Change::created(what)),
        (false, _) => None,
    };
    Ok((target(config, &paths, &running.endpoint)?, change.into_iter().collect()))
}

/// Ends the daemon and removes the stage's files, or all but its buckets. False if there was nothing.
///
/// # Errors
/// When the daemon does not end or a file cannot be removed.
pub(crate) fn down(config: &Config, keep_data: bool) -> Result<bool> {
    let paths = Paths::new(&config.dir, &config.stage);
    if !paths.dir.exists() {
        return Ok(false);
    }
    let _nobody_starts = process::stop(&paths)?;
    paths.remove(keep_data).with_context(|| format!("cannot remove {}", paths.dir.display()))?;
    Ok(true)
}

/// The stage's buckets in which there is an object.
pub(crate) fn holdings(config: &Config) -> Vec<Holding> {
    let buckets = Paths::new(&config.dir, &config.stage).buckets();
    let Layout { tables, catalog, .. } = Layout::new(&config.lake);
    let names = |dir: &Path| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let held = names(&buckets).into_iter().filter(|bucket| !names(&buckets.join(bucket)).is_empty());
    held.map(|bucket| {
        let place = buckets.join(&bucket);
        // Without it, the folders are named.
        let catalog = std::fs::read(place.join(&catalog)).unwrap_or_default();
        Holding { tables: holding::tables(&catalog, names(&place.join(&tables))), prefix: String::new(), bucket }
    })
    .collect()
}

fn target(config: &Config, paths: &Paths, endpoint: &Endpoint) -> Result<Target> {
    let path = paths.credentials();
    let keys = Credentials::load(&path).with_context(|| format!("cannot read the keys in {}", path.display()))?;
    let keys =
        aws_credential_types::Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "quackctl");
    Ok(Target::connect(config, &endpoint.url(), keys))
}

/// Names of the project's stages that are up.
pub(crate) fn stages_up(config: &Config) -> Vec<String> {
    paths::stages(&config.dir)
}

fn nothing_up(config: &Config) -> anyhow::Error {
    let stage = &config.stage;
    let stages = stages_up(config);
    let near = nearest(stage, stages.iter().map(String::as_str)).or(stages.first().map(String::as_str));
    match near {
        Some(near) => usage(
            format!("stage `{stage}` is not up in {}", config.dir.display()),
            format!("up are: {}; use --stage {near}, or run `quackctl up`", stages.join(", ")),
        ),
        None => failure(format!("nothing is up in {}", config.dir.display()), config.beginning()),
    }
}

/// Whether the stage is there.
pub(crate) fn stands(config: &Config) -> bool {
    Endpoint::read(&Paths::new(&config.dir, &config.stage)).is_some()
}

/// What is known of the stage, also when its daemon does not run; nothing if it is not up.
pub(crate) fn status(config: &Config) -> Option<LocalPlace> {
    let paths = Paths::new(&config.dir, &config.stage);
    let before = Endpoint::read(&paths)?;
    let running = process::find(&paths);
    let endpoint = running.as_ref().unwrap_or(&before);
    Some(LocalPlace {
        running: running.is_some(),
        halted: running.as_ref().is_some_and(process::is_halted),
        endpoint: endpoint.url(),
        region: REGION.to_owned(),
        pid: running.as_ref().map(|endpoint| endpoint.pid),
        started_at: running.as_ref().map(|endpoint| endpoint.started_at.clone()),
        credentials_file: paths.credentials(),
        data: paths.storage(),
    })
}

/// Gives a function's log of the last `since` to `write`; with `follow` it goes on with what is logged from then on.
///
/// # Errors
/// When nothing is up, the log cannot be read or `write` fails.
pub(crate) async fn logs(
    context: &Context,
    of: LogOf,
    since: Option<Duration>,
    follow: bool,
    write: impl FnMut(LogLine<'_>) -> io::Result<()>,
) -> Result<()> {
    let config = &context.config;
    let target = open(context)?;
    let function = match of {
        LogOf::Engine => &target.function,
        LogOf::Pages => &target.page,
    };
    let file = lambda::log_file(&Paths::new(&config.dir, &config.stage), function);
    tail::file(&file, since, follow, write).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;

    #[test]
    fn another_system_is_told_the_way_to_aws() {
        assert!(check_system("linux").is_ok());
        let told = check_system("macos").unwrap_err();
        let told = format!("{:?}", told.downcast_ref::<Failure>().unwrap());
        assert!(told.contains("this is macos") && told.contains("quackctl --target aws up"), "{told}");
    }
}
