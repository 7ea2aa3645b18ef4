//! What `up` would do, and what it did: each resource that would be added, changed, replaced or removed, property by property.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::terminal::line;

/// One resource's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub action: PlannedAction,
    /// What it is called in the template.
    pub resource: String,
    /// CloudFormation's type of it.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is called where it lives, when it is there already.
    pub name: Option<String>,
    pub properties: Vec<Property>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlannedAction {
    Add,
    /// It exists and comes under the stack's care, as it is.
    Adopt,
    Modify,
    /// Another one is made in its place.
    Replace,
    Remove,
}

/// One property's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Property {
    pub name: String,
    /// `None`: not known, or not there.
    pub before: Option<String>,
    pub after: Option<String>,
    /// It is what makes the resource be replaced.
    pub replaces: bool,
}

impl Planned {
    /// A resource that would be made.
    pub(crate) fn added(resource: &str, kind: &str, name: Option<String>) -> Self {
        let (resource, kind) = (resource.to_owned(), kind.to_owned());
        Self { action: PlannedAction::Add, resource, kind, name, properties: Vec::new() }
    }

    /// The stage's protection from `down`, which is set or lifted: `kind` and `name` are those of what bears it.
    pub(crate) fn protection(kind: &str, name: String, wanted: bool) -> Self {
        let (before, after) = (Some((!wanted).to_string()), Some(wanted.to_string()));
        let property = Property { name: "protect".to_owned(), before, after, replaces: false };
        let properties = vec![property];
        Self { action: PlannedAction::Modify, properties, ..Self::added("Stage", kind, Some(name)) }
    }

    /// Whether something is lost by it.
    pub(crate) fn is_destructive(&self) -> bool {
        matches!(self.action, PlannedAction::Replace | PlannedAction::Remove)
    }

    /// Writes it, in red when something is lost by it and `color` is wanted.
    pub(crate) fn write(&self, f: &mut impl fmt::Write, color: bool) -> fmt::Result {
        let (mark, word) = match self.action {
            PlannedAction::Add => ("+", "added"),
            PlannedAction::Adopt => ("<", "adopted as it is"),
            PlannedAction::Modify => ("~", "changed in place"),
            PlannedAction::Replace => ("!", "REPLACED"),
            PlannedAction::Remove => ("-", "REMOVED"),
        };
        let (on, off) = if color && self.is_destructive() { ("\u{1b}[31m", "\u{1b}[0m") } else { ("", "") };
        writeln!(f, "{on}{mark} {}: {word}{off}", line(&self.title()))?;
        for property in &self.properties {
            let why = if property.replaces { format!("  {on}(cannot change in place){off}") } else { String::new() };
            writeln!(f, "    {}{why}", line(&property.to_string()))?;
        }
        Ok(())
    }

    /// What it is, as a person calls it.
    pub(crate) fn title(&self) -> String {
        let name = self.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        format!("{} ({}){name}", self.resource, self.kind)
    }
}

/// As what is to be done.
impl fmt::Display for PlannedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "add",
            Self::Adopt => "adopt",
            Self::Modify => "change",
            Self::Replace => "replace",
            Self::Remove => "remove",
        })
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| match value {
            Some(text) if text.is_empty() => "(empty)".to_owned(),
            Some(text) => text.clone(),
            None => "(not told)".to_owned(),
        };
        match (&self.before, &self.after) {
            (None, None) => write!(f, "{} changes", self.name),
            (before, after) => write!(f, "{}: {} -> {}", self.name, value(before), value(after)),
        }
    }
}

/// Something that `up` made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub action: Action,
    /// What, as a person calls it.
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Created,
    Adopted,
    Updated,
    Replaced,
    Removed,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match self.action {
            Action::Created => "created",
            Action::Adopted => "adopted",
            Action::Updated => "updated",
            Action::Replaced => "replaced",
            Action::Removed => "removed",
        };
        write!(f, "{done} {}", self.what)
    }
}

impl Change {
    pub(crate) fn created(what: impl Into<String>) -> Self {
        Self { action: Action::Created, what: what.into() }
    }

    pub(super) fn adopted(what: impl Into<String>) -> Self {
        Self { action: Action::Adopted, what: what.into() }
    }

    pub(crate) fn removed(what: impl Into<String>) -> Self {
        Self { action: Action::Removed, what: what.into() }
    }

    pub(crate) fn updated(what: impl Into<String>) -> Self {
        Self { action: Action::Updated, what: what.into() }
    }
}

impl From<&Planned> for Change {
    /// What was planned, done.
    fn from(planned: &Planned) -> Self {
        let action = match planned.action {
            PlannedAction::Add => Action::Created,
            PlannedAction::Adopt => Action::Adopted,
            PlannedAction::Modify => Action::Updated,
            PlannedAction::Replace => Action::Replaced,
            PlannedAction::Remove => Action::Removed,
        };
        let properties: Vec<String> = planned.properties.iter().map(ToString::to_string).collect();
        let details = if properties.is_empty() { String::new() } else { format!(": {}", properties.join(", ")) };
        Self { action, what: format!("{}{details}", planned.title()) }
    }
}
