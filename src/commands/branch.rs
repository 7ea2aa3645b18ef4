//! `quackctl branch`, and the branch that other commands are told with `--branch`.

use anyhow::Result;

use crate::cli::{BranchCommand, OnBranch};
use crate::cloud::{Target, confirm};
use crate::console::context::Context;
use crate::lake::branch;

/// What a command is given that works on a branch, if it is told one.
///
/// # Errors
/// A name that no branch can have.
pub(crate) fn of(context: &Context, on: &OnBranch) -> Result<Context> {
    on.branch.as_deref().map_or(Ok(()), branch::check_name)?;
    Ok(context.on_branch(on.branch.clone()))
}

/// Makes, lists, publishes or discards branches.
///
/// # Errors
/// An engine that is not up; a branch that is not there; what the lake has changed, too.
pub(crate) async fn run(context: &Context, command: BranchCommand) -> Result<()> {
    match &command {
        BranchCommand::List => {}
        BranchCommand::Create { name } | BranchCommand::Publish { name } | BranchCommand::Discard { name, .. } => {
            branch::check_name(name)?;
        }
    }
    let bucket = Target::open(context).await?.bucket;
    match command {
        BranchCommand::Create { name } => context.print(&branch::create(&bucket, &name).await?),
        BranchCommand::List => context.print(&branch::list(&bucket).await?),
        BranchCommand::Publish { name } => context.print(&branch::publish(&bucket, &name).await?),
        BranchCommand::Discard { name, yes } => {
            let found = branch::look(&bucket, &name).await?;
            if !yes && !found.differences.is_empty() {
                let what: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
                let what = format!("the branch `{name}` with {}", what.join(", "));
                confirm::ask(&format!("Discard {what}?"), &format!("{what} would be lost"), "add --yes")?;
            }
            context.print(&branch::discard(&bucket, &name).await?)
        }
    }
}
