//! `quackctl shell`: SQL interactively, or a script of it from a pipe.

mod complete;
mod dot;
mod history;

use std::fs::File;
use std::io::{BufRead, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use quack_function::wire::Spill;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use super::changes::{Changes, Made};
use crate::change::{self, Change};
use crate::cloud::Target;
use crate::commands::query::{limit_on, look_of_stdout, tell};
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error::{self, usage};
use crate::lake::catalog::{self, Catalog, Scope};
use crate::output::place::{Named, STDOUT};
use crate::output::{self, Format, Look};
use crate::planner::Workers;
use crate::query::Request;
use crate::query::statements::{self, Statement};
use crate::rows::ResultSet;
use crate::terminal;
use complete::Helper;
use dot::Dot;

/// Reads statements and dot-commands until the end of the input.
///
/// # Errors
/// An engine that is not up. From a terminal, errors of statements are shown and the shell goes on; from a pipe the
/// first one ends it.
pub(crate) async fn run(context: &Context) -> Result<()> {
    let target = Target::open(context).await?;
    let catalog = catalog::read_in(&target.bucket, Scope::Outline).await?;
    let format = if context.json { Format::Jsonl } else { Format::Table };
    let mut session = Session {
        context,
        target,
        catalog,
        format,
        timer: true,
        width: None,
        output: None,
        variables: String::new(),
        pending: String::new(),
        depth: 0,
        changes: Changes::default(),
    };
    let done = match std::io::stdin().is_terminal() {
        true => session.interact().await,
        false => crate::error::unless_broken_pipe(session.run_script().await),
    };
    session.changes.end(&session.target, done).await
}

/// What lasts from one statement to the next.
struct Session<'a> {
    context: &'a Context,
    target: Target,
    /// As it was before the last statement.
    catalog: Catalog,
    format: Format,
    timer: bool,
    /// Columns of the terminal that tables are fitted to; its own without.
    width: Option<usize>,
    /// Takes the rows instead of standard output.
    output: Option<Output>,
    /// The statements that set variables so far: each answer comes from a DuckDB of its own, which knows none.
    variables: String,
    /// What was read and does not end a statement yet.
    pending: String,
    /// Files that are being read, each by a command of the one before.
    depth: usize,
    changes: Changes,
}

/// A file that takes rows.
struct Output {
    name: String,
    file: BufWriter<File>,
    /// What its name tells, until `.mode` says otherwise.
    format: Option<Format>,
}

/// Whether to read on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Read,
    Quit,
}

/// What to do for more rows, here.
const MORE: &str = ".output FILE takes all, as .mode csv shows all";

/// Files within files that `.read` reads.
const DEEPEST: usize = 16;

impl Session<'_> {
    async fn interact(&mut self) -> Result<()> {
        let config = Config::builder().completion_type(CompletionType::List).history_ignore_dups(true)?.build();
        let mut editor: Editor<Helper, FileHistory> = Editor::with_config(config)?;
        let history = history::prepare(self.context);
        if let Some(path) = &history {
            // A first session has none.
            let _ = editor.load_history(path);
        }
        let functions = complete::functions();
        let mut entry = String::new();
        self.context.say("Statements end with `;`. `.help` lists the commands, Ctrl-D ends.");
        loop {
            editor.set_helper(Some(Helper::new(&self.catalog, &functions, &self.pending)));
            let prompt = if statements::is_blank(&self.pending) { "quack> " } else { "   ...> " };
            let input = match editor.readline(prompt) {
                Ok(input) => input,
                Err(ReadlineError::Interrupted) => {
                    self.pending.clear();
                    entry.clear();
                    continue;
                }
                Err(ReadlineError::Eof) if statements::is_blank(&self.pending) => break,
                Err(ReadlineError::Eof) => {
                    self.context
                        .say("note: that had no `;` at its end, and was not run; Ctrl-D once more ends the shell");
                    self.pending.clear();
                    entry.clear();
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            entry.push_str(&input);
            entry.push('\n');
            let next = self.feed_all(&input).await;
            if statements::is_blank(&self.pending) {
                if !entry.trim().is_empty() {
                    editor.add_history_entry(entry.trim_end())?;
                }
                entry.clear();
            }
            match next {
                Ok(Next::Read) => {}
                Ok(Next::Quit) => break,
                Err(error) => error::report(&error, self.context.json, &self.context.flags),
            }
        }
        if let Some(path) = &history
            && let Err(error) = editor.save_history(path)
        {
            self.context.say(format_args!("the history could not be saved to {}: {error}", path.display()));
        }
        Ok(())
    }

    async fn run_script(&mut self) -> Result<()> {
        for (index, line) in std::io::stdin().lock().lines().enumerate() {
            match self.feed(&line?).await {
                Ok(Next::Read) => {}
                Ok(Next::Quit) => return Ok(()),
                Err(error) if error::is_broken_pipe(&error) => return Err(error),
                Err(error) => {
                    let note = format!("stopped at line {}; the rest was not run", index + 1);
                    return Err(error::noted(&error, note));
                }
            }
        }
        self.run_rest().await
    }

    async fn feed_all(&mut self, input: &str) -> Result<Next> {
        for line in input.lines() {
            if self.feed(line).await? == Next::Quit {
                return Ok(Next::Quit);
            }
        }
        Ok(Next::Read)
    }

    /// Takes a line: a command, or a part of statements, of which those that are finished are run.
    async fn feed(&mut self, line: &str) -> Result<Next> {
        if statements::is_blank(&self.pending) && Dot::is_one(line) {
            self.pending.clear();
            return self.run_dot(Dot::parse(line)?).await;
        }
        self.pending.push_str(line);
        self.pending.push('\n');
        let pending = std::mem::take(&mut self.pending);
        let (statements, rest) = statements::split(&pending);
        for statement in statements {
            self.run_statement(statement).await?;
        }
        // Nobody is to be asked on and on for the end of what is no SQL.
        if let Some((word, near)) = statements::no_beginning(rest) {
            return Err(no_statement(&word, near));
        }
        self.pending = rest.to_owned();
        Ok(Next::Read)
    }

    /// Runs what is left at the end of a text, whose last statement needs no semicolon.
    async fn run_rest(&mut self) -> Result<()> {
        let rest = std::mem::take(&mut self.pending);
        if statements::is_blank(&rest) { Ok(()) } else { self.run_statement(&rest).await }
    }

    /// Reads commands and statements from a file.
    async fn read(&mut self, name: &str) -> Result<Next> {
        if self.depth == DEEPEST {
            return Err(usage(format!("`{name}` would be file {} within files", DEEPEST + 1), "does one read itself?"));
        }
        let text = std::fs::read_to_string(self.context.config.here.join(name))
            .map_err(|error| usage(format!("cannot read `{name}`: {error}"), "give .read a file of SQL"))?;
        self.depth += 1;
        let next = match Box::pin(self.feed_all(&text)).await {
            Ok(Next::Read) => self.run_rest().await.map(|()| Next::Read),
            ended => ended,
        };
        self.depth -= 1;
        next
    }

    fn show_as(&mut self, format: Format) {
        self.format = format;
        if let Some(output) = &mut self.output {
            output.format = None;
        }
    }

    /// Has rows go to a file from now on, or back to standard output.
    fn put_out(&mut self, name: Option<&str>) -> Result<()> {
        self.output = match name {
            None => None,
            Some(name) => {
                let format = Format::named_by(Path::new(name));
                if format.is_some_and(Format::is_binary) {
                    return Err(usage(
                        format!("`.output` takes one result after another, which `{name}` cannot hold"),
                        "`quackctl query -o FILE` writes parquet and arrow",
                    ));
                }
                let file = File::create(self.context.config.here.join(name)).map_err(|error| {
                    usage(
                        format!("cannot write `{name}`: {error}"),
                        "give .output a file in a folder that you may write to",
                    )
                })?;
                Some(Output { name: format!("`{name}`"), file: BufWriter::new(file), format })
            }
        };
        Ok(())
    }

    async fn run_statement(&mut self, sql: &str) -> Result<()> {
        let interrupt = Interrupt::listen();
        // Tables may have come since, from another shell.
        self.catalog = self.changes.catalog(&self.target, Scope::Outline).await?;
        for statement in statements::results(sql) {
            // The tables as they were are this statement's alone.
            let travelled = Changes::travel(&self.target, &self.catalog, &statement).await?;
            let (statement, now) = match travelled {
                Some((own, then)) => (own, Some(std::mem::replace(&mut self.catalog, then))),
                None => (statement, None),
            };
            let own = format!("{}{}", self.variables, statement.sql);
            let done = match change::parse(&own)? {
                Some(change) => {
                    self.change(&statement, &own, &change, &interrupt).await?;
                    self.catalog = self.changes.catalog(&self.target, Scope::Outline).await?;
                    continue;
                }
                None => self.run_one(&statement, &interrupt).await,
            };
            if let Some(now) = now {
                self.catalog = now;
            }
            done?;
        }
        Ok(())
    }

    /// How the rows that come next are shown, and how many of them.
    fn look(&self, statement: &Statement) -> (Look, Format, Option<u64>) {
        let look = match (&self.output, look_of_stdout()) {
            (Some(_), _) => Look::default(),
            (None, look) => Look { width: self.width.or(look.width), shell: true, ..look },
        };
        let format = self.output.as_ref().and_then(|output| output.format).unwrap_or(self.format);
        (look, format, limit_on(look, format, self.context, statement))
    }

    /// Makes a change, and shows what it returns. `sql` is the statement with the session's variables.
    async fn change(&mut self, statement: &Statement, sql: &str, change: &Change, interrupt: &Interrupt) -> Result<()> {
        let (.., limit) = self.look(statement);
        let coordinator = self.changes.coordinator(self.context, &self.target, &self.catalog);
        let workers = Workers::default();
        let made = Made { sql, change, timing: self.timer, limit, spill: Spill::Auto, workers };
        let Some((_, answer)) = self.changes.run(&coordinator, made, &interrupt.token).await? else { return Ok(()) };
        let account = answer.account.clone();
        let rows = coordinator.rows(answer, &interrupt.token).await?;
        self.show(rows, statement)?;
        tell(self.context, &account.summary(), Duration::ZERO, false, MORE);
        Ok(())
    }

    async fn run_one(&mut self, statement: &Statement, interrupt: &Interrupt) -> Result<()> {
        let started = Instant::now();
        let coordinator = self.changes.coordinator(self.context, &self.target, &self.catalog);
        let (.., limit) = self.look(statement);
        let sql = format!("{}{}", self.variables, statement.sql);
        let request = Request { sql, limit, spill: Spill::Auto };
        let answer = crate::query::answer(&coordinator, &request, Workers::default(), &interrupt.token).await?;
        let account = answer.account.clone();
        let rows = coordinator.rows(answer, &interrupt.token).await?;
        self.show(rows, statement)?;
        if statements::sets_variable(&statement.sql) {
            self.variables.push_str(&statement.sql);
            // The last one of a file may have no semicolon, and a comment in its place.
            let ends = statements::is_blank(statements::split(&statement.sql).1);
            self.variables.push_str(if ends { "\n" } else { "\n;\n" });
        }
        tell(self.context, &account.summary(), started.elapsed(), self.timer, MORE);
        Ok(())
    }

    /// Shows rows where they are to go.
    fn show(&mut self, rows: ResultSet, statement: &Statement) -> Result<()> {
        let (look, format, _) = self.look(statement);
        let mut stdout;
        let (out, name): (&mut dyn Write, &str) = match &mut self.output {
            Some(output) => (&mut output.file, &output.name),
            None => {
                stdout = BufWriter::new(std::io::stdout().lock());
                (&mut stdout, STDOUT)
            }
        };
        let out = &mut Named::new(out, name);
        match statement.explains {
            true => output::write_plan(rows, format, look, out)?,
            false => output::write(rows, format, look, out)?,
        };
        Ok(out.flush()?)
    }

    async fn run_dot(&mut self, command: Dot) -> Result<Next> {
        let text = match command {
            Dot::Quit => return Ok(Next::Quit),
            Dot::Read(file) => return self.read(&file).await,
            Dot::Help => dot::HELP.to_owned(),
            Dot::Tables => dot::tables(&self.catalog),
            Dot::Schema(name) => dot::schema(&self.catalog, name.as_deref())?,
            Dot::Format(None) => {
                dot::mode(self.output.as_ref().and_then(|output| output.format).unwrap_or(self.format))
            }
            Dot::Timer(None) => format!("timer: {}\n", if self.timer { "on" } else { "off" }),
            other => {
                match other {
                    Dot::Format(Some(format)) => self.show_as(format),
                    Dot::Expanded(on) => {
                        let on = on.unwrap_or(self.format != Format::Line);
                        self.show_as(if on { Format::Line } else { Format::Table });
                    }
                    Dot::Timer(Some(on)) => self.timer = on,
                    Dot::Width(width) => self.width = width,
                    Dot::Output(file) => self.put_out(file.as_deref())?,
                    _ => {}
                }
                return Ok(Next::Read);
            }
        };
        write!(std::io::stdout().lock(), "{}", terminal::lines(&text))?;
        Ok(Next::Read)
    }
}

/// What is wrong with a statement that begins with `word`, and what to do.
fn no_statement(word: &str, near: Option<&str>) -> anyhow::Error {
    let help = match near {
        _ if word.eq_ignore_ascii_case("quackctl") => {
            "this is quackctl's own shell: `.help` lists its commands, Ctrl-D leads back to the other shell".to_owned()
        }
        Some(near) => format!("did you mean `{near}`?"),
        None => "SQL ends with `;`, `.help` lists the shell's own commands".to_owned(),
    };
    usage(format!("`{word}` begins no SQL"), help)
}
