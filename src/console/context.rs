//! What every command is given: the configuration and how to speak.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;

use crate::cli::Global;
use crate::config::Config;
use crate::error;
use crate::output;

/// One command's surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    pub config: Config,
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    /// The flags that said which stage is meant, for advice that names commands.
    pub flags: String,
}

impl Context {
    pub fn new(global: &Global) -> Result<Self> {
        let config = Config::load(global)?;
        if global.verbose {
            for (key, value, origin) in config.origins() {
                error::say(format_args!("{key} = {value} ({origin})"));
            }
        }
        Ok(Self { config, json: global.json, quiet: global.quiet, verbose: global.verbose, flags: global.flags() })
    }

    /// Says something to a person, on standard error; silent with `--quiet`.
    pub fn say(&self, message: impl std::fmt::Display) {
        if !self.quiet {
            error::say(message);
        }
    }

    /// Says something only with `--verbose`.
    pub fn detail(&self, message: impl std::fmt::Display) {
        if self.verbose {
            error::say(message);
        }
    }

    /// True where bars and spinners make sense.
    pub fn interactive(&self) -> bool {
        !self.quiet && !self.json && std::io::stderr().is_terminal()
    }

    /// Prints a command's result on standard output: as text, or with `--json` as one JSON document.
    pub fn print(&self, result: &(impl Serialize + std::fmt::Display)) -> Result<()> {
        let text = if self.json { serde_json::to_string_pretty(result)? + "\n" } else { result.to_string() };
        output::unless_broken_pipe(std::io::stdout().lock().write_all(text.as_bytes()).map_err(Into::into))
    }
}
