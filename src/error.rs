//! Errors as users read them: what is wrong, quoting what they gave, and what to do next.

mod words;

use std::fmt;
use std::io::{self, Write as _};

use anyhow::Result;

pub(crate) use self::words::words;
use crate::terminal;

/// Exit code of a command line or a configuration that makes no sense.
pub(crate) const USAGE: u8 = 2;

/// Exit code of a command that Ctrl-C ended, as shells have it: 128 + SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// What kind of thing went wrong: what programs, ours among them, tell errors apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Other,
    /// A command line or a configuration that makes no sense.
    Usage,
    /// Ctrl-C.
    Interrupted,
    /// Whoever asks, or the function, may not do it.
    Denied,
    /// Something that is asked for is not there.
    Missing,
    /// Files of a table, which somebody may just have replaced.
    Gone,
    /// Too many calls at once.
    Throttled,
}

impl Kind {
    /// The program's exit code.
    fn exit_code(self) -> u8 {
        match self {
            Self::Usage => USAGE,
            Self::Interrupted => INTERRUPTED,
            Self::Other | Self::Denied | Self::Missing | Self::Gone | Self::Throttled => 1,
        }
    }
}

/// An error that carries its kind and advice. Build one with [`failure`], [`failure_of`] or [`usage`]; it travels inside
/// `anyhow::Error`.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    help: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A failure (exit code 1): `message` says what is wrong, `help` what to do next.
pub(crate) fn failure(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
    failure_of(Kind::Other, message, help)
}

/// An error of this kind: `message` says what is wrong, `help` what to do next.
pub(crate) fn failure_of(kind: Kind, message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
    Failure { kind, message: message.into(), help: help.into() }.into()
}

/// A usage error (exit code 2).
pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
    failure_of(Kind::Usage, message, help)
}

/// What could not be written, and what to do about it. Of a temporary file's error, which names a path nobody gave, the cause
/// alone is told.
pub(crate) fn unwritable(what: impl fmt::Display, error: &io::Error, help: impl Into<String>) -> anyhow::Error {
    let said = error.to_string();
    failure(format!("cannot write {what}: {}", said.split(" at path ").next().unwrap_or(&said)), help)
}

/// The user ended the command (exit code 130): `message` says what was left undone.
pub(crate) fn interrupted(message: impl Into<String>) -> anyhow::Error {
    failure_of(Kind::Interrupted, message, "")
}

/// What kind of thing went wrong.
pub(crate) fn kind(error: &anyhow::Error) -> Kind {
    error.downcast_ref::<Failure>().map_or(Kind::Other, |failure| failure.kind)
}

/// What to do next, where the error says anything of it.
pub(crate) fn help(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<Failure>().map(|failure| failure.help.as_str()).filter(|help| !help.is_empty())
}

/// The same error with a line more; its kind and its advice stay.
pub(crate) fn noted(error: &anyhow::Error, note: impl fmt::Display) -> anyhow::Error {
    let help = help(error).unwrap_or_default();
    failure_of(kind(error), format!("{}\n{note}", words(error.as_ref())), help)
}

/// The same error in other words; its kind and its advice stay.
pub(crate) fn reworded(error: &anyhow::Error, message: String) -> anyhow::Error {
    let help = help(error).unwrap_or_default();
    failure_of(kind(error), message, help)
}

/// The words of an error with its advice behind them, where there is one text for both.
pub(crate) fn advised(error: &anyhow::Error) -> String {
    let help = help(error);
    let words = words(error.as_ref());
    help.map_or_else(|| words.clone(), |help| format!("{words}; {help}"))
}

/// The same error with more advice.
pub(crate) fn more_help(error: &anyhow::Error, more: &str) -> anyhow::Error {
    let help = help(error);
    let help = help.map_or_else(|| more.to_owned(), |help| format!("{help}; {more}"));
    failure_of(kind(error), format!("{error:#}"), help)
}

/// Exit code for `error`.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    kind(error).exit_code()
}

/// The text, in which commands have `flags`, each with a space after it, so that they mean the stage that the command at
/// hand was called for. Texts name commands without any such flag.
pub(crate) fn flagged(text: &str, flags: &str) -> String {
    text.replace("`quackctl ", &format!("`quackctl {flags}"))
}

/// Prints `error` to standard error: as text, or with `json` as one object `{"error", "help"}`. Commands in the advice are
/// given `flags`, those that the failed one was called with, so that they mean the same stage.
pub(crate) fn report(error: &anyhow::Error, json: bool, flags: &str) {
    let message = words(error.as_ref());
    let help = help(error);
    let help = help.map(|help| flagged(help, flags));
    if json {
        say_as_is(terminal::json(&serde_json::json!({ "error": message, "help": help }).to_string()));
        return;
    }
    say(format_args!("error: {message}"));
    if let Some(help) = help {
        say(format_args!("help: {help}"));
    }
}

/// Writes to standard error what may hold words of others, on a line of its own. Unlike `eprintln!` it does not panic when
/// nobody reads it any more (`2>&1 | head`).
pub(crate) fn say(line: impl fmt::Display) {
    say_as_is(terminal::lines(&line.to_string()));
}

/// The same of a text that is made up for the terminal, all of whose foreign parts went through [`terminal::line`].
pub(crate) fn say_as_is(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// True when `error` only says that whoever read the output has had enough (`| head`).
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe))
}

/// Takes a broken pipe for an end like any other: whoever read the output has had enough.
///
/// # Errors
/// Every other one.
pub(crate) fn unless_broken_pipe(written: Result<()>) -> Result<()> {
    written.or_else(|error| if is_broken_pipe(&error) { Ok(()) } else { Err(error) })
}

/// The candidate nearest to `given`, when one is near enough to be what was meant.
pub(crate) fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&given, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(given.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_follows_from_the_kind() {
        for (kind, code) in [(Kind::Other, 1), (Kind::Usage, 2), (Kind::Interrupted, 130), (Kind::Denied, 1)] {
            assert_eq!(exit_code(&failure_of(kind, "m", "h")), code);
        }
        assert_eq!(exit_code(&anyhow::anyhow!("a plain error")), 1);
    }

    #[test]
    fn commands_in_advice_mean_the_same_stage() {
        let told = flagged("run `quackctl down` and `quackctl up`; quackctl is `quackctl`", "--stage test ");
        assert_eq!(told, "run `quackctl --stage test down` and `quackctl --stage test up`; quackctl is `quackctl`");
    }

    #[test]
    fn kind_and_advice_outlive_a_note_and_a_context() {
        let error = usage("no such place", "name another").context("while looking");
        let error = noted(&error, "(in part 3)");
        assert_eq!((kind(&error), exit_code(&error)), (Kind::Usage, USAGE));
        assert_eq!(error.to_string(), "while looking: no such place\n(in part 3)");
        assert_eq!(help(&error), Some("name another"));
    }
}
