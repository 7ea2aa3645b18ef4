//! What `doctor` looked at: each thing is well, or worth a word, or in the way.

use std::fmt;

use serde::Serialize;

use crate::error::{self, words};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    /// It works, or it may.
    Warn,
    /// Some command will not work.
    Fail,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub name: String,
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Check {
    pub(crate) fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Ok, detail: detail.into(), help: None }
    }

    pub(crate) fn warn(name: impl Into<String>, detail: impl Into<String>, help: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Warn, detail: detail.into(), help: Some(help.into()) }
    }

    pub(crate) fn fail(name: impl Into<String>, detail: impl Into<String>, help: impl Into<String>) -> Self {
        Self { state: State::Fail, ..Self::warn(name, detail, help) }
    }

    /// A check that an error ended, with the error's own advice.
    pub(crate) fn error(name: impl Into<String>, state: State, error: &anyhow::Error) -> Self {
        let help = error::help(error);
        Self { name: name.into(), state, detail: words(error.as_ref()), help: help.map(str::to_owned) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, detail, help } = self;
        writeln!(f, "  {state:<6}{name:<16}{}", detail.replace('\n', "\n                        "))?;
        help.as_ref()
            .map_or(Ok(()), |help| writeln!(f, "{:24}{}", "", help.replace('\n', "\n                        ")))
    }
}
