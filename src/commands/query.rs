//! `quackctl query`: SQL in, rows out.

mod explain;
mod text;

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use quack_function::wire::Spill;
use serde::Serialize;

use super::changes::{Changes, Made};
use crate::change::{self, Change, Changed};
use crate::cli::QueryArgs;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error::{self, usage};
use crate::lake::catalog::{self, Scope};
use crate::output::file::OutputFile;
use crate::output::place::{Named, STDOUT};
use crate::output::{self, Format, Look};
use crate::planner::Workers;
use crate::query::statements::{self, Statement};
use crate::query::summary::{MORE, Summary};
use crate::query::{Account, Answer, Coordinator, Request, health};

/// Runs the SQL that `args` give, or a health check when they give none.
///
/// # Errors
/// Arguments that make no sense, an engine that is not up, SQL that fails; each with what to do.
pub(crate) async fn run(context: &Context, args: QueryArgs) -> Result<()> {
    let sql = text::of(context, &args)?;
    let statements = sql.as_deref().map(statements::results).unwrap_or_default();
    let params = text::params(&args)?;
    let plan = Plan::new(context, &args)?;
    plan.check(&statements)?;
    let interrupt = Interrupt::listen();
    let target = Target::open(context).await?;
    let named = sql.as_deref().map(catalog::names).unwrap_or_default();
    let scope = if sql.is_some() { Scope::Named(&named) } else { Scope::Outline };
    let mut catalog = catalog::read_in(&target.bucket, scope).await?;
    let coordinator = Coordinator { params: &params, ..Coordinator::new(context, &target, &catalog) };
    if args.explain {
        return explain::run(&coordinator, &plan, statements, args.workers).await;
    }
    if statements.is_empty() {
        return context.print(&health::check(&coordinator, &interrupt.token).await?);
    }
    let changes = Changes::default();
    let done = async {
        for statement in &statements {
            let travelled = Changes::travel(&target, &catalog, statement).await?;
            let (statement, known) = travelled.as_ref().map_or((statement, &catalog), |(own, then)| (own, then));
            let coordinator = Coordinator { params: &params, ..changes.coordinator(context, &target, known) };
            let change = change::parse(&statement.sql)?;
            let done = match &change {
                Some(change) => plan.change(&coordinator, &changes, statement, change, args.workers, &interrupt).await,
                None => plan.run(&coordinator, statement, args.workers, &interrupt).await,
            };
            match done {
                // Whoever reads has had enough.
                Err(error) if error::is_broken_pipe(&error) => break,
                done => done?,
            }
            if change.is_some() {
                catalog = changes.catalog(&target, Scope::Named(&named)).await?;
            }
        }
        Ok(())
    };
    let done = done.await;
    changes.end(&target, done).await
}

/// Where the rows go, and how.
struct Plan<'a> {
    context: &'a Context,
    format: Format,
    /// One JSON object of metadata and rows, rather than the rows alone.
    with_metadata: bool,
    /// Most rows, when the command line says so.
    limit: Option<u64>,
    all: bool,
    output: Option<&'a Path>,
}

impl<'a> Plan<'a> {
    fn new(context: &'a Context, args: &'a QueryArgs) -> Result<Self> {
        let output = args.output.as_deref().filter(|path| *path != Path::new("-"));
        let format = match (args.format, output) {
            (Some(format), _) => format,
            (None, Some(path)) => format_of(path)?,
            (None, None) if context.json => Format::Json,
            (None, None) => Format::Table,
        };
        if format.is_binary() && output.is_none() && std::io::stdout().is_terminal() {
            return Err(usage(
                "binary rows would only garble the terminal",
                "write them to a file with -o FILE, or pipe them",
            ));
        }
        let with_metadata = context.json && args.format.is_none() && output.is_none();
        Ok(Self { context, format, with_metadata, limit: args.limit, all: args.all, output })
    }

    /// Refuses several results where there is room for one.
    fn check(&self, statements: &[Statement]) -> Result<()> {
        if statements.len() < 2 || (self.output.is_none() && !self.format.is_binary()) {
            return Ok(());
        }
        let place = match self.output {
            Some(path) => format!("`{}`", path.display()),
            None => "a binary format".to_owned(),
        };
        Err(usage(
            format!("the SQL gives {} results, and {place} takes one", statements.len()),
            "run each by itself, or `quackctl shell`, whose .output takes one after another",
        ))
    }

    /// Refuses a file for the rows of a statement that gives none.
    fn takes_no_rows(&self) -> Result<Option<OutputFile>> {
        match self.output {
            Some(path) => Err(usage(
                format!("the statement changes the lake, and gives no rows for `{}`", path.display()),
                "leave -o away",
            )),
            None => Ok(None),
        }
    }

    /// Most rows of a statement that come back.
    fn limit(&self, statement: &Statement) -> Option<u64> {
        match (self.all, self.limit) {
            (true, _) => None,
            (false, Some(limit)) => Some(limit),
            (false, None) => match self.output {
                Some(_) => None,
                None => limit_on(look_of_stdout(), self.format, self.context, statement),
            },
        }
    }

    async fn run(
        &self,
        coordinator: &Coordinator<'_>,
        statement: &Statement,
        workers: Workers,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let started = Instant::now();
        let file = self.file()?;
        let request = Request { sql: statement.sql.clone(), limit: self.limit(statement), spill: self.spill() };
        let answer = crate::query::answer(coordinator, &request, workers, &interrupt.token).await?;
        let summary = answer.account.clone();
        let run = Run { plan: self, coordinator, statement, interrupt, changed: None };
        run.show(answer, file).await?;
        tell(self.context, &summary.summary(), started.elapsed(), true, MORE);
        Ok(())
    }

    /// Makes a change, and writes what it returns.
    async fn change(
        &self,
        coordinator: &Coordinator<'_>,
        changes: &Changes,
        statement: &Statement,
        change: &Change,
        workers: Workers,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let file = if change.returns() { self.file()? } else { self.takes_no_rows()? };
        let started = Instant::now();
        let (limit, spill) = (self.limit(statement), self.spill());
        let made = Made { sql: &statement.sql, change, timing: true, limit, spill, workers };
        let Some((changed, answer)) = changes.run(coordinator, made, &interrupt.token).await? else { return Ok(()) };
        let account = answer.account.clone();
        Run { plan: self, coordinator, statement, interrupt, changed: Some(changed) }.show(answer, file).await?;
        tell(self.context, &account.summary(), started.elapsed(), false, MORE);
        Ok(())
    }

    /// The file that the rows go to: one that cannot be written is better known before the query is paid for.
    fn file(&self) -> Result<Option<OutputFile>> {
        self.output.map(|path| OutputFile::create(&self.context.config.here.join(path))).transpose()
    }

    fn spill(&self) -> Spill {
        if self.format == Format::Parquet { Spill::Always } else { Spill::Auto }
    }
}

/// One statement on its way.
struct Run<'a> {
    plan: &'a Plan<'a>,
    coordinator: &'a Coordinator<'a>,
    statement: &'a Statement,
    interrupt: &'a Interrupt,
    /// What it changed.
    changed: Option<Changed>,
}

/// What is known of an answer, and of what the statement changed.
#[derive(Serialize)]
struct Known {
    #[serde(flatten)]
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Changed>,
}

impl Run<'_> {
    /// Writes the rows of an answer to where they are to go.
    async fn show(&self, answer: Answer, file: Option<OutputFile>) -> Result<()> {
        let plan = self.plan;
        let account = answer.account.clone();
        match file {
            Some(file) => {
                let mut out = BufWriter::with_capacity(OUT_BYTES, file);
                self.write(answer, Look { seekable: true, ..Look::default() }, &mut out).await?;
                out.into_inner().map_err(|error| error.into_error())?.keep()?;
                if plan.context.json {
                    plan.context.print(&Written { metadata: &self.known(&account), output: plan.output })?;
                }
            }
            None => {
                let mut out = BufWriter::with_capacity(OUT_BYTES, Named::new(std::io::stdout().lock(), STDOUT));
                if let Err(error) = self.write(answer, look_of_stdout(), &mut out).await {
                    // What is buffered must not be tried again.
                    drop(out.into_parts());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn known(&self, account: &Account) -> Known {
        Known { summary: account.summary(), change: self.changed.clone() }
    }

    async fn write(&self, answer: Answer, look: Look, out: &mut dyn Write) -> Result<()> {
        let Self { plan, coordinator, statement, interrupt, .. } = *self;
        if plan.format == Format::Parquet {
            coordinator.save_parquet(answer, out, &interrupt.token).await?;
            return Ok(out.flush()?);
        }
        let account = answer.account.clone();
        let rows = coordinator.rows(answer, &interrupt.token).await?;
        if plan.with_metadata {
            output::write_with_metadata(rows, || self.known(&account), look, out)?;
        } else if statement.explains {
            output::write_plan(rows, plan.format, look, out)?;
        } else {
            output::write(rows, plan.format, look, out)?;
        }
        Ok(out.flush()?)
    }
}

/// Most rows that are shown when nobody says how many: a table on a terminal is there to be looked at; whatever else takes
/// rows takes all of them.
pub(crate) fn limit_on(look: Look, format: Format, context: &Context, statement: &Statement) -> Option<u64> {
    (look.terminal && format == Format::Table && !statement.describes).then_some(context.config.limit)
}

/// Says how it went, with `timing` also what it took; that rows were cut off is said whatever else is not, with what to do for
/// `more`.
pub(crate) fn tell(context: &Context, summary: &Summary, total: Duration, timing: bool, more: &str) {
    if timing && !context.quiet {
        context.say(summary.within(total, more));
    } else if summary.tally.truncated {
        error::say(summary.rows(more));
    }
}

/// Bytes that are gathered before they are written.
const OUT_BYTES: usize = 64 * 1024;

/// With `--json` and `-o`: what was written, and where.
#[derive(Serialize)]
struct Written<'a> {
    metadata: &'a Known,
    output: Option<&'a Path>,
}

impl std::fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.metadata.summary)
    }
}

/// The format that a file's name asks for.
fn format_of(path: &Path) -> Result<Format> {
    match Format::named_by(path) {
        Some(format) => Ok(format),
        None if path.extension().is_none_or(|extension| extension.eq_ignore_ascii_case("txt")) => Ok(Format::Table),
        None => Err(usage(
            format!("`{}` does not tell a format", path.display()),
            "end it with .csv, .tsv, .json, .jsonl, .md, .parquet or .arrow, or name it with --format; Excel opens CSV",
        )),
    }
}

/// How standard output is looked at.
pub(crate) fn look_of_stdout() -> Look {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return Look::default();
    }
    let width = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Look { width: width.filter(|width| *width > 0), terminal: true, color, seekable: false, shell: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_tell_the_format() {
        assert_eq!(format_of(Path::new("a/out.PARQUET")).unwrap(), Format::Parquet);
        assert_eq!(format_of(Path::new("out")).unwrap(), Format::Table);
        let error = format_of(Path::new("out.xlsx")).unwrap_err();
        assert!(error.to_string().contains("out.xlsx"));
    }
}
