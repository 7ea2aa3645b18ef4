//! What `up` is told, and what it hands back.

use super::change::Change;
use super::plan::Plan;
use super::target::Target;
use crate::package::Artifact;

/// How `up` is to go about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpOptions {
    /// Replace and remove without asking.
    pub yes: bool,
    /// Ask the registry anew what the base image's tag stands for.
    pub pull: bool,
    /// Nothing but this, which was worked out just now.
    pub plan: Option<Plan>,
}

/// A stage that is as it should be.
#[derive(Debug)]
pub(crate) struct Provisioned {
    pub target: Target,
    /// What this run did to get there.
    pub changes: Vec<Change>,
    pub artifact: Artifact,
}
