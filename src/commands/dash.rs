//! `quackctl dash`: the project's pages, shown, checked, begun.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cli::{DashArgs, DashCommand};
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::dash::{self, FOLDER};
use crate::error::{failure, unwritable, usage};
use crate::lake::catalog::{self, Scope};

/// Shows pages until Ctrl-C; checks them, with exit code 1 when anything is wrong; or writes one.
///
/// # Errors
/// An engine that is not up; a page, a table or an address that is none.
pub(crate) async fn run(context: &Context, args: DashArgs) -> Result<ExitCode> {
    match args.command {
        None => dash::serve(context, args.listen, !args.no_open).await?,
        Some(DashCommand::Check { pages, no_run }) => {
            let interrupt = Interrupt::listen();
            let report = dash::check(context, &pages, !no_run, &interrupt.token).await?;
            context.print(&report)?;
            return Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Some(DashCommand::New { name, table }) => new(context, &name, table.as_deref()).await?,
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
        return Err(usage(
            format!("`{name}` cannot be a page's name, which stands in its address"),
            "name it of small letters, digits, `-` and `_`",
        ));
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
