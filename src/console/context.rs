//! What every command is given: the configuration and how to speak.

use std::io::{IsTerminal, Write};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::config::Config;
use crate::error;
use crate::terminal;

/// One command's surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub config: Config,
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    /// The flags that said which stage is meant, for advice that names commands.
    pub flags: String,
    pub caller: Caller,
    /// The branch that is read and changed in the lake's place.
    pub branch: Option<String>,
}

/// Who asks, as the function's log is to tell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub user: String,
    pub application: String,
}

impl Caller {
    /// Whoever runs this program.
    fn of_process() -> Self {
        let named = ["USER", "LOGNAME"].iter().filter_map(|name| std::env::var(name).ok());
        let user = named.into_iter().find(|name| !name.is_empty());
        let user = user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
        Self { user, application: "quackctl".to_owned() }
    }
}

/// How a command speaks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Voice {
    /// Results as JSON.
    pub json: bool,
    /// Results and errors, nothing else.
    pub quiet: bool,
    /// Also what is being done.
    pub verbose: bool,
    /// The flags that said which stage is meant, for advice that names commands.
    pub flags: String,
}

impl Context {
    pub(crate) fn new(config: Config, voice: Voice) -> Self {
        let Voice { json, quiet, verbose, flags } = voice;
        let context = Self { config, json, quiet, verbose, flags, caller: Caller::of_process(), branch: None };
        for (key, value, origin) in context.config.origins() {
            context.detail(format_args!("{key} = {value} ({origin})"));
        }
        for note in &context.config.notes {
            context.say(format_args!("note: {note}"));
        }
        context
    }

    /// The same for work that no budget holds up.
    pub(crate) fn without_budget(&self) -> Self {
        let mut unbounded = self.clone();
        unbounded.config.budget = None;
        unbounded
    }

    /// The same for work on a branch, if one is given; whoever gives it has looked at its name.
    pub(crate) fn on_branch(&self, branch: Option<String>) -> Self {
        Self { branch, ..self.clone() }
    }

    /// Says something to a person, on standard error; silent with `--quiet`.
    pub(crate) fn say(&self, message: impl std::fmt::Display) {
        if !self.quiet {
            error::say(error::flagged(&message.to_string(), &self.flags));
        }
    }

    /// Says something only with `--verbose`.
    pub(crate) fn detail(&self, message: impl std::fmt::Display) {
        if self.verbose {
            error::say(message);
        }
    }

    /// True where bars and spinners make sense.
    pub(crate) fn interactive(&self) -> bool {
        !self.quiet && !self.json && std::io::stderr().is_terminal()
    }

    /// Prints a command's result on standard output: as text, or with `--json` as one JSON document.
    pub(crate) fn print(&self, result: &(impl Serialize + std::fmt::Display)) -> Result<()> {
        if self.json {
            return self.print_as_is(terminal::json(&(serde_json::to_string_pretty(result)? + "\n")));
        }
        self.print_as_is(terminal::lines(&error::flagged(&result.to_string(), &self.flags)))
    }

    /// Prints a text that is made up for the terminal, all of whose foreign parts went through [`terminal::line`].
    pub(crate) fn print_as_is(&self, text: impl AsRef<str>) -> Result<()> {
        let written = std::io::stdout().lock().write_all(text.as_ref().as_bytes());
        error::unless_broken_pipe(written.context("cannot write standard output"))
    }
}
