//! What a branch's catalog says besides its tables: what it was made of, and how far it is with being published or discarded.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use quack_function::view::View;
use serde::{Deserialize, Serialize};

use super::iceberg::state::Pointer;
use crate::error::{failure, usage};

/// Most branches that the lake's catalog remembers as published.
const REMEMBERED: usize = 100;

/// Most characters of a branch's name.
const NAME_CHARS: usize = 32;

/// Refuses what no branch may be called: the rule is that of stages.
///
/// # Errors
/// That it is.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_sound =
        name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('-') && name.chars().all(plain);
    match is_sound && name.len() <= NAME_CHARS {
        true => Ok(()),
        false => Err(usage(
            format!("`{name}` cannot be a branch's name"),
            format!("use lower-case letters, digits and `-`, from a letter, at most {NAME_CHARS}"),
        )),
    }
}

/// What a branch is besides its tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// Random: of two branches that had the same name, which it is.
    pub id: String,
    /// When it was made, RFC 3339.
    pub made: String,
    pub phase: Phase,
    /// The lake as it was then.
    pub base: Content,
}

/// How far a branch is. Each comes by a conditional write, so that nothing is written to one that is about to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Its base may be one whose files are about to go.
    Beginning,
    Open,
    /// The lake may have it already.
    Publishing,
    /// Files of it may be gone already.
    Discarding,
}

impl Fork {
    /// Refuses to read the branch, which is called `name`, where files of it may be gone.
    ///
    /// # Errors
    /// It is being discarded, or was not made whole.
    pub(crate) fn check_readable(&self, name: &str) -> Result<()> {
        match self.phase {
            Phase::Open | Phase::Publishing => Ok(()),
            Phase::Beginning => Err(failure(
                format!("the branch `{name}` is being made, or whoever made it was stopped"),
                format!("wait a moment, or `quackctl branch discard {name}` and make it anew"),
            )),
            Phase::Discarding => Err(failure(
                format!("the branch `{name}` is being discarded"),
                format!("`quackctl branch discard {name}` ends that, if whoever did it was stopped"),
            )),
        }
    }

    /// Refuses to change the branch, which is called `name`, where that would be lost.
    ///
    /// # Errors
    /// As for [`Self::check_readable`]; it is being published.
    pub(crate) fn check_open(&self, name: &str) -> Result<()> {
        match self.phase {
            Phase::Publishing => Err(failure(
                format!("the branch `{name}` is being published: it is not changed any more"),
                format!("`quackctl branch publish {name}` ends that, if whoever did it was stopped"),
            )),
            _ => self.check_readable(name),
        }
    }
}

/// What a catalog has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub tables: BTreeMap<String, Pointer>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<String, View>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub schemas: BTreeSet<String>,
}

/// What a catalog says of branches, and every change of it keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trail {
    /// Of a branch's catalog: what it is.
    #[serde(default, rename = "branch", skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
    /// Of the lake's: ids of the branches that were published last, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<String>,
}

impl Trail {
    /// The same with one more branch that is published.
    pub(crate) fn with(&self, id: &str) -> Self {
        let mut trail = self.clone();
        trail.published.push(id.to_owned());
        let old = trail.published.len().saturating_sub(REMEMBERED);
        trail.published.drain(..old);
        trail
    }
}
