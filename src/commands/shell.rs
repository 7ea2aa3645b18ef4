//! `quackctl shell`: SQL interactively, or a script of it from a pipe.

mod complete;
mod dot;
mod history;

use std::io::{BufRead, BufWriter, IsTerminal, Write};
use std::time::Instant;

use anyhow::Result;
use quack_function::wire::Spill;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use crate::cloud::Target;
use crate::commands::query::{limit_on, look_of_stdout, tell};
use crate::console::context::Context;
use crate::console::interrupt::Interrupt;
use crate::error;
use crate::lake::catalog::{self, Catalog};
use crate::output;
use crate::output::Format;
use crate::planner::Workers;
use crate::query::statements::{self, Statement};
use crate::query::{Coordinator, Request};
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
    let catalog = catalog::read(&target.bucket).await?;
    let format = if context.json { Format::Jsonl } else { Format::Table };
    let mut session = Session { context, target, catalog, format, timer: true };
    if std::io::stdin().is_terminal() {
        session.interact().await
    } else {
        crate::error::unless_broken_pipe(session.run_script().await)
    }
}

/// What lasts from one statement to the next.
struct Session<'a> {
    context: &'a Context,
    target: Target,
    /// As it was before the last statement.
    catalog: Catalog,
    format: Format,
    timer: bool,
}

/// Whether to read on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Read,
    Quit,
}

impl Session<'_> {
    async fn interact(&mut self) -> Result<()> {
        let config = Config::builder().completion_type(CompletionType::List).history_ignore_dups(true)?.build();
        let mut editor: Editor<Helper, FileHistory> = Editor::with_config(config)?;
        let history = history::prepare(self.context);
        if let Some(path) = &history {
            // A first session has none.
            let _ = editor.load_history(path);
        }
        self.context.say("Statements end with `;`. `.help` lists the commands, Ctrl-D ends.");
        loop {
            editor.set_helper(Some(Helper::new(&self.catalog)));
            let line = match editor.readline("quack> ") {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(error.into()),
            };
            if !line.trim().is_empty() {
                editor.add_history_entry(line.trim_end())?;
            }
            match self.run_input(&line).await {
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
        let mut pending = String::new();
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            if statements::is_blank(&pending) && Dot::is_one(&line) {
                if self.run_input(&line).await? == Next::Quit {
                    return Ok(());
                }
                continue;
            }
            pending.push_str(&line);
            pending.push('\n');
            let (statements, rest) = statements::split(&pending);
            for statement in &statements {
                self.run_statement(statement).await?;
            }
            if !statements.is_empty() {
                pending = rest.to_owned();
            }
        }
        self.run_input(&pending).await.map(drop)
    }

    /// Runs a dot-command, or each statement of `input`, the last one with or without a semicolon.
    async fn run_input(&mut self, input: &str) -> Result<Next> {
        if Dot::is_one(input) {
            return self.run_dot(Dot::parse(input)?);
        }
        let (statements, rest) = statements::split(input);
        for statement in statements.into_iter().chain(Some(rest).filter(|rest| !statements::is_blank(rest))) {
            self.run_statement(statement).await?;
        }
        Ok(Next::Read)
    }

    async fn run_statement(&mut self, sql: &str) -> Result<()> {
        let interrupt = Interrupt::listen();
        // Tables may have come since, from another shell.
        self.catalog = catalog::read(&self.target.bucket).await?;
        let coordinator = Coordinator { context: self.context, target: &self.target, catalog: &self.catalog };
        for statement in statements::results(sql) {
            self.run_one(&coordinator, &statement, &interrupt).await?;
        }
        Ok(())
    }

    async fn run_one(&self, coordinator: &Coordinator<'_>, statement: &Statement, interrupt: &Interrupt) -> Result<()> {
        let (started, look) = (Instant::now(), look_of_stdout());
        let limit = limit_on(look, self.format, self.context, statement);
        let request = Request { sql: statement.sql.clone(), limit, spill: Spill::Auto };
        let answer = crate::query::answer(coordinator, &request, Workers::default(), &interrupt.token).await?;
        let account = answer.account.clone();
        let rows = coordinator.rows(answer, &interrupt.token).await?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        match statement.explains {
            true => output::write_plan(rows, self.format, look, &mut out)?,
            false => output::write(rows, self.format, look, &mut out)?,
        };
        out.flush()?;
        tell(self.context, &account.summary(), started.elapsed(), self.timer);
        Ok(())
    }

    fn run_dot(&mut self, command: Dot) -> Result<Next> {
        let mut out = std::io::stdout().lock();
        match command {
            Dot::Help => write!(out, "{}", dot::HELP)?,
            Dot::Quit => return Ok(Next::Quit),
            Dot::Format(format) => self.format = format,
            Dot::Timer(on) => self.timer = on,
            Dot::Tables => write!(out, "{}", terminal::lines(&dot::tables(&self.catalog)))?,
            Dot::Schema(name) => write!(out, "{}", terminal::lines(&dot::schema(&self.catalog, name.as_deref())?))?,
        }
        Ok(Next::Read)
    }
}
