//! `quackctl query`: SQL in, rows out.

use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::Result;
use quack_function::wire::Spill;
use serde::Serialize;

use crate::cli::QueryArgs;
use crate::cloud::Target;
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error::usage;
use crate::lake::catalog;
use crate::output::file::OutputFile;
use crate::output::{self, Format, Look};
use crate::planner::Workers;
use crate::query::explain::{Expected, Explained};
use crate::query::summary::Summary;
use crate::query::{Coordinator, Request, health};

/// Runs the SQL that `args` give, or a health check when they give none.
///
/// # Errors
/// Arguments that make no sense, an engine that is not up, SQL that fails; each with what to do.
pub(crate) async fn run(context: &Context, args: QueryArgs) -> Result<()> {
    let sql = sql_of(context, &args)?;
    let plan = Plan::new(context, &args)?;
    let interrupt = Interrupt::listen();
    let target = Target::open(context).await?;
    let catalog = catalog::read(&target.bucket).await?;
    let coordinator = Coordinator { context, target: &target, catalog: &catalog };
    match sql {
        Some(sql) if args.explain => {
            let request = Request { sql, limit: plan.limit, spill: Spill::Auto };
            let plan = crate::query::plan(&coordinator, &request, args.workers);
            let expected = Expected::of(&plan, context.config.memory_mb, context.config.function_arch()?);
            context.print(&Explained { plan, expected })
        }
        None if args.explain => {
            Err(usage("there is no query to explain", "e.g. quackctl query --explain 'FROM trips'"))
        }
        Some(sql) => plan.run(&coordinator, sql, args.workers, &interrupt).await,
        None => context.print(&health::check(&coordinator, &interrupt.token).await?),
    }
}

/// The SQL, from wherever it comes; `None` when none is given.
fn sql_of(context: &Context, args: &QueryArgs) -> Result<Option<String>> {
    let advice = "e.g. quackctl query 'SELECT 42'";
    let (bytes, origin) = match (&args.sql, &args.query, &args.file) {
        (Some(dash), _, _) if dash == "-" => (read_stdin(context)?, "standard input".to_owned()),
        (_, _, Some(file)) if file == Path::new("-") => (read_stdin(context)?, "standard input".to_owned()),
        (Some(sql), _, _) | (_, Some(sql), _) => (sql.clone().into_bytes(), "the SQL".to_owned()),
        (_, _, Some(file)) => {
            // As `-C` has it, relative to the folder that the command runs in.
            let bytes = std::fs::read(context.config.here.join(file)).map_err(|error| {
                usage(format!("cannot read `{}`: {error}", file.display()), "give -f a file of SQL")
            })?;
            (bytes, format!("`{}`", file.display()))
        }
        (None, None, None) => return Ok(None),
    };
    let sql = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        usage(format!("{origin} is not UTF-8 text (byte {at})"), "save it as UTF-8, without anything binary")
    })?;
    if crate::query::statements::is_blank(&sql) {
        return Err(usage(format!("{origin} holds no statement"), advice));
    }
    Ok(Some(sql))
}

fn read_stdin(context: &Context) -> Result<Vec<u8>> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        context.say("type SQL and end it with Ctrl-D; `quackctl shell` is more comfortable");
    }
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where the rows go, and how.
struct Plan<'a> {
    context: &'a Context,
    format: Format,
    /// One JSON object of metadata and rows, rather than the rows alone.
    with_metadata: bool,
    limit: Option<u64>,
    output: Option<&'a Path>,
}

impl<'a> Plan<'a> {
    fn new(context: &'a Context, args: &'a QueryArgs) -> Result<Self> {
        let output = args.output.as_deref();
        let format = match (args.format, output) {
            (Some(format), _) => format,
            (None, Some(path)) => format_of(path)?,
            (None, None) if context.json => Format::Json,
            (None, None) => Format::Table,
        };
        let binary = matches!(format, Format::Parquet | Format::Arrow);
        if binary && output.is_none() && std::io::stdout().is_terminal() {
            return Err(usage(
                "binary rows would only garble the terminal",
                "write them to a file with -o FILE, or pipe them",
            ));
        }
        let with_metadata = context.json && args.format.is_none() && output.is_none();
        let limit = if args.all { None } else { Some(args.limit.unwrap_or(context.config.limit)) };
        Ok(Self { context, format, with_metadata, limit, output })
    }

    async fn run(
        &self,
        coordinator: &Coordinator<'_>,
        sql: String,
        workers: Workers,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let spill = if self.format == Format::Parquet { Spill::Always } else { Spill::Auto };
        // A file that cannot be written is better known before the query is paid for.
        let file = self.output.map(|path| OutputFile::create(&self.context.config.here.join(path))).transpose()?;
        let request = Request { sql, limit: self.limit, spill };
        let answer = crate::query::answer(coordinator, &request, workers, &interrupt.token).await?;
        let account = answer.account.clone();
        match file {
            Some(file) => {
                let mut out = BufWriter::with_capacity(OUT_BYTES, file);
                let look = Look { seekable: true, ..Look::default() };
                self.write(coordinator, answer, look, &mut out, interrupt).await?;
                out.into_inner().map_err(|error| error.into_error())?.keep()?;
                if self.context.json {
                    self.context.print(&Written { metadata: &account.summary(), output: self.output })?;
                }
            }
            None => {
                let mut out = BufWriter::with_capacity(OUT_BYTES, std::io::stdout().lock());
                let written = self.write(coordinator, answer, look_of_stdout(), &mut out, interrupt).await;
                match written {
                    // Whoever reads has had enough, and what is buffered must not be tried again.
                    Err(error) if crate::error::is_broken_pipe(&error) => drop(out.into_parts()),
                    written => written?,
                }
            }
        }
        self.context.say(account.summary());
        Ok(())
    }

    async fn write(
        &self,
        coordinator: &Coordinator<'_>,
        answer: crate::query::Answer,
        look: Look,
        out: &mut dyn Write,
        interrupt: &Interrupt,
    ) -> Result<()> {
        if self.format == Format::Parquet {
            coordinator.save_parquet(answer, out, &interrupt.token).await?;
        } else {
            let account = answer.account.clone();
            let rows = coordinator.rows(answer, &interrupt.token).await?;
            match self.with_metadata {
                true => output::write_with_metadata(rows, || account.summary(), look, out)?,
                false => output::write(rows, self.format, look, out)?,
            };
        }
        Ok(out.flush()?)
    }
}

/// Bytes that are gathered before they are written.
const OUT_BYTES: usize = 64 * 1024;

/// With `--json` and `-o`: what was written, and where.
#[derive(Serialize)]
struct Written<'a> {
    metadata: &'a Summary,
    output: Option<&'a Path>,
}

impl std::fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.metadata)
    }
}

/// The format that a file's name asks for.
fn format_of(path: &Path) -> Result<Format> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    Ok(match extension.as_deref() {
        None | Some("txt") => Format::Table,
        Some("json") => Format::Json,
        Some("jsonl" | "ndjson") => Format::Jsonl,
        Some("csv") => Format::Csv,
        Some("tsv" | "tab") => Format::Tsv,
        Some("md") => Format::Markdown,
        Some("parquet") => Format::Parquet,
        Some("arrow" | "feather") => Format::Arrow,
        Some(_) => {
            return Err(usage(
                format!("`{}` does not tell a format", path.display()),
                "name it with --format, e.g. --format csv",
            ));
        }
    })
}

/// How standard output is looked at.
pub(crate) fn look_of_stdout() -> Look {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return Look::default();
    }
    let width = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Look { width: width.filter(|width| *width > 0), terminal: true, color, seekable: false }
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
