//! What `up` does next: a pure function of what is there.

use crate::config::PackageKind;

/// One of the stage's stacks, once nobody works on it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// There is none, or one with nothing in it.
    Missing,
    /// It can be updated, and is not as wanted.
    Differs,
    AsWanted,
}

/// All that the next step depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// How the function's code is to travel.
    pub package: PackageKind,
    /// Whether the bucket is to be the stack's own (`lake.manage`).
    pub manage: bool,
    /// The stack of bucket, role, log group and function.
    pub main: Found,
    /// The stack of the image repository, which only images need.
    pub registry: Found,
    /// How the code of the function that is there came; nothing when there is no function.
    pub runs_from: Option<PackageKind>,
    /// Whether the code is where Lambda finds it. Of a zip file that is known only once it has been sent.
    pub is_sent: bool,
    /// Whether the bucket is there; nothing when it was not looked for yet.
    pub bucket: Option<bool>,
}

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the stack of the image repository, or change it.
    ApplyRegistry,
    /// Remove the stack of the image repository.
    RemoveRegistry,
    /// Send the function's code, unless it is there.
    Send,
    LookForBucket,
    /// End: the bucket that is somebody else's is not there.
    RefuseBucket,
    /// Take the bucket that `down --keep-data` kept into a new stack.
    AdoptBucket,
    /// Make the main stack, or change it, with everything but the function in it.
    ApplyWithoutFunction,
    /// Make the main stack, or change it.
    Apply,
    /// Everything is as wanted.
    Finish,
}

/// What to do next.
pub(super) fn next_step(seen: &Seen) -> Step {
    use {Found::*, PackageKind::*};
    match (seen.package, seen.registry) {
        (Image, Missing | Differs) => return Step::ApplyRegistry,
        // While the function runs from an image, the image stays; the function goes first.
        (Zip, Differs | AsWanted) if seen.runs_from == Some(Image) => return Step::ApplyWithoutFunction,
        (Zip, Differs | AsWanted) => return Step::RemoveRegistry,
        (Image, AsWanted) | (Zip, Missing) => {}
    }
    if seen.main == AsWanted && (seen.is_sent || seen.package == Zip) {
        return Step::Finish;
    }
    if seen.package == Image && !seen.is_sent {
        return Step::Send;
    }
    match (seen.bucket, seen.manage) {
        (None, _) => return Step::LookForBucket,
        (Some(false), false) => return Step::RefuseBucket,
        (Some(true), true) if seen.main == Missing => return Step::AdoptBucket,
        // The zip travels through the bucket, which comes first, then.
        (Some(false), true) if seen.package == Zip => return Step::ApplyWithoutFunction,
        _ => {}
    }
    if !seen.is_sent {
        return Step::Send;
    }
    match seen.runs_from {
        // Another package takes another function, and two of one name cannot be.
        Some(from) if from != seen.package => Step::ApplyWithoutFunction,
        _ => Step::Apply,
    }
}

impl Seen {
    /// What is known once `step` has been done and nobody else did anything meanwhile; nothing where everything has to be
    /// looked at again.
    pub(super) fn after(mut self, step: Step) -> Option<Self> {
        match step {
            Step::ApplyRegistry => self.registry = Found::AsWanted,
            Step::Send => self.is_sent = true,
            Step::Apply => self.main = Found::AsWanted,
            // Its answer is put in by whoever looks.
            Step::LookForBucket | Step::Finish => {}
            Step::RemoveRegistry | Step::RefuseBucket | Step::AdoptBucket | Step::ApplyWithoutFunction => return None,
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests;
