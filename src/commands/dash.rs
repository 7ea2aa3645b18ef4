//! `quackctl dash`: the project's pages, shown, checked, begun; and who may look at them where they are deployed.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cli::{DashArgs, DashCommand, OnBranch};
use crate::cloud::Target;
use crate::config::is_user;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::dash::{self, Export, FOLDER, Invited};
use crate::error::{failure, unwritable, usage};
use crate::lake::catalog::{self, Scope};

/// Shows pages until Ctrl-C; checks them, with exit code 1 when anything is wrong; or writes one.
///
/// # Errors
/// An engine that is not up; a page, a table or an address that is none.
pub(crate) async fn run(context: &Context, args: DashArgs) -> Result<ExitCode> {
    match args.command {
        None => {
            let context = super::branch::of(context, &OnBranch { branch: args.branch })?;
            dash::serve(&context, args.listen, !args.no_open).await?;
        }
        Some(DashCommand::Check { pages, no_run, on }) => {
            let context = &super::branch::of(context, &on)?;
            let interrupt = Interrupt::listen();
            let report = dash::check(context, &pages, !no_run, &interrupt.token).await?;
            context.print(&report)?;
            return Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Some(DashCommand::Export { page, html, pdf, set, on }) => {
            let context = &super::branch::of(context, &on)?;
            let interrupt = Interrupt::listen();
            let export = Export { page: &page, html, pdf, set: &set };
            context.print(&dash::export(context, export, &interrupt.token).await?)?;
        }
        Some(DashCommand::New { name, table }) => new(context, &name, table.as_deref()).await?,
        Some(DashCommand::AddUser { name }) => add_user(context, &name)?,
        Some(DashCommand::Invite { name, lasts }) => invite(context, &name, lasts).await?,
        Some(DashCommand::Revoke { id }) => revoke(context, &id).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A page that was written.
#[derive(Debug, Serialize)]
struct Written {
    file: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wrote {}; next: quackctl dash", self.file)
    }
}

/// Writes a first page; never over one that is there.
async fn new(context: &Context, name: &str, table: Option<&str>) -> Result<()> {
    if !dash::is_name(name) {
        return Err(usage(format!("`{name}` cannot be a page's name, which stands in its address"), dash::NAMING));
    }
    let text = match table {
        None => dash::example(name, None),
        Some(table) => {
            let target = Target::open(context).await?;
            let catalog = catalog::read_in(&target.bucket, Scope::Whole(table)).await?;
            let (table, known) = catalog.table(table)?;
            dash::example(name, Some((table, known)))
        }
    };
    let dir = &context.config.dir;
    std::fs::create_dir_all(dir.join(FOLDER)).with_context(|| format!("cannot make {FOLDER}/"))?;
    let path = dash::path(dir, name);
    let mut file = File::create_new(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            failure(format!("{} exists already and is never overwritten", path.display()), "give another name")
        }
        _ => unwritable(path.display(), &error, "see to the folder's rights"),
    })?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    context.print(&Written { file: path.display().to_string() })
}

/// Refuses what is no user's name.
fn check_user(name: &str) -> Result<()> {
    match is_user(name) {
        true => Ok(()),
        false => Err(usage(
            format!("`{name}` cannot be a user's name"),
            "give one of up to 254 letters, digits, `.`, `_`, `@`, `+` and `-`",
        )),
    }
}

/// A user as quack.toml has it.
#[derive(Serialize)]
struct User {
    user: String,
    verifier: String,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.user.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let quote = if bare { "" } else { "\"" };
        writeln!(f, "{quote}{}{quote} = \"{}\"", self.user, self.verifier)
    }
}

fn add_user(context: &Context, name: &str) -> Result<()> {
    check_user(name)?;
    dash::check_no_guest(name)?;
    let verifier = quack_page::password::verifier(&super::password::read(name)?)
        .map_err(|words| usage(words, "give another one"))?;
    context.say(
        "put this below [dash.users] in quack.toml, and run `quackctl up`; the password cannot be made of it again:",
    );
    context.print(&User { user: name.to_owned(), verifier })
}

/// A link for somebody.
#[derive(Serialize)]
struct Invitation {
    id: String,
    user: String,
    expires: String,
    url: String,
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)
    }
}

async fn invite(context: &Context, name: &str, lasts: Duration) -> Result<()> {
    check_user(name)?;
    if lasts.is_zero() {
        return Err(usage("an invitation for no time opens nothing", "give --for 12h, say, or 7d"));
    }
    let Invited { id, user, expires, url } = dash::invite(&Target::open(context).await?, name, lasts).await?;
    context.say(format_args!(
        "whoever has this link looks as `{user}` until {expires}; `quackctl dash revoke {id}` has it hold no longer:"
    ));
    context.print(&Invitation { id, user, expires, url })
}

/// An invitation that holds no longer.
#[derive(Serialize)]
struct Revoked {
    id: String,
    /// False when it was revoked before.
    revoked: bool,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revoked {
            true => writeln!(f, "the invitation {} lets nobody in any more", self.id),
            false => writeln!(f, "the invitation {} was revoked before", self.id),
        }
    }
}

async fn revoke(context: &Context, id: &str) -> Result<()> {
    // As they are made: no other could ever have been one.
    if id.len() != 16 || !id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(usage(
            format!("`{id}` is no invitation's id"),
            "`quackctl dash invite` told it: 16 digits and letters a to f",
        ));
    }
    let revoked = dash::revoke(&Target::open(context).await?, id).await?;
    context.print(&Revoked { id: id.to_owned(), revoked })
}
