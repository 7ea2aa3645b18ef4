//! The branches that there are, and what each of them has that the lake had not.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::merge::{Difference, differences};
use crate::bucket::Bucket;
use crate::lake::catalog::no_branch;
use crate::lake::claims::Branches;
use crate::lake::fork::{Content, Phase, check_name};
use crate::lake::stored::{self, Form, Stored, untrusted};
use crate::output::grid::grid;

/// A branch, for people.
#[derive(Debug, Serialize)]
pub(crate) struct Branch {
    pub branch: String,
    /// When it was made, RFC 3339.
    pub made: String,
    pub phase: Phase,
    /// What is other in it than the lake was when it was made.
    pub differences: Vec<Difference>,
}

impl Branch {
    pub(super) fn of(name: &str, stored: &Stored) -> Self {
        let fork = stored.trail.fork.as_ref();
        let base = fork.map_or_else(Content::default, |fork| fork.base.clone());
        Self {
            branch: name.to_owned(),
            made: fork.map(|fork| fork.made.clone()).unwrap_or_default(),
            phase: fork.map_or(Phase::Beginning, |fork| fork.phase),
            differences: differences(&base, &stored.content()),
        }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { branch, .. } = self;
        writeln!(f, "made the branch `{branch}`; next: quackctl serve --branch {branch}")
    }
}

/// All branches.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    pub branches: Vec<Branch>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.branches.is_empty() {
            return writeln!(f, "there are no branches; `quackctl branch create NAME` makes one of the lake as it is");
        }
        let mut grid = grid(&["branch", "made", "", "differs in"], &[]);
        for branch in &self.branches {
            let phase = match branch.phase {
                Phase::Beginning => "being made",
                Phase::Open => "",
                Phase::Publishing => "being published",
                Phase::Discarding => "being discarded",
            };
            let differences: Vec<String> = branch.differences.iter().map(ToString::to_string).collect();
            let differences = if differences.is_empty() { "nothing".to_owned() } else { differences.join(", ") };
            grid.add_row([branch.branch.clone(), branch.made.clone(), phase.to_owned(), differences]);
        }
        writeln!(f, "{grid}")
    }
}

/// All branches, by name.
///
/// # Errors
/// One that is none; what the bucket says.
pub(crate) async fn list(bucket: &Bucket) -> Result<List> {
    let found = Branches::now(bucket).await?;
    let mut branches = Vec::new();
    for name in found.names(&bucket.layout).filter(|name| check_name(name).is_ok()) {
        // It may be gone by now.
        if let Some((stored, _)) = read(bucket, name).await? {
            branches.push(Branch::of(name, &stored));
        }
    }
    Ok(List { branches })
}

/// The branch `name`.
///
/// # Errors
/// There is none; what the bucket says.
pub(crate) async fn look(bucket: &Bucket, name: &str) -> Result<Branch> {
    let (stored, _) = read(bucket, name).await?.ok_or_else(|| no_branch(name))?;
    Ok(Branch::of(name, &stored))
}

/// The catalog of the branch `name` and its tag, if it is there.
pub(super) async fn read(bucket: &Bucket, name: &str) -> Result<Option<(Stored, String)>> {
    let key = bucket.layout.on_branch(name).catalog;
    match stored::get(bucket, &key).await? {
        None => Ok(None),
        Some((Form::Stored(stored), tag)) if stored.trail.fork.is_some() => Ok(Some((stored, tag))),
        Some(_) => Err(untrusted(&format!("s3://{}/{key}", bucket.name), "it is no branch's")),
    }
}
