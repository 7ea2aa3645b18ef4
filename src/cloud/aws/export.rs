//! The stage's CloudFormation templates for others to deploy, with the parameters and tags that `up` would give them.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::code;
use super::session::Session;
use super::template::{self, Wanted};
use crate::config::TargetKind;
use crate::console::context::Context;

/// One of the stage's stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StackKind {
    /// Bucket, role, log group and function.
    Main,
    /// The image repository.
    Registry,
}

/// What a stack is made of.
#[derive(Debug, Serialize)]
pub(crate) struct Export {
    /// The stack's name.
    pub stack: String,
    pub template: &'static str,
    pub parameters: BTreeMap<&'static str, String>,
    pub tags: BTreeMap<String, String>,
}

/// The template alone, for which nobody needs to be asked.
pub(crate) fn text(kind: StackKind) -> &'static str {
    match kind {
        StackKind::Main => template::STACK,
        StackKind::Registry => template::REGISTRY,
    }
}

/// The stack as `up` would make it on AWS, whatever the target is now. The function is built, as the parameters name its
/// code, and sent nowhere.
///
/// # Errors
/// No credentials, which the names depend on; a build that fails.
pub(crate) async fn export(context: &Context, kind: StackKind) -> Result<Export> {
    let mut context = context.clone();
    context.config.target = TargetKind::Aws;
    let config = &context.config;
    let session = Session::open(config).await?;
    let wanted = match kind {
        StackKind::Registry => Wanted::registry(config, &session),
        StackKind::Main => {
            let built = code::pack(&context, &session, code::build(&context).await?, false).await?;
            Wanted::stack(config, &session, built.artifact.arch, &built.code(&session), built.page_key())
        }
    };
    Ok(Export { stack: wanted.stack, template: wanted.template, parameters: wanted.parameters, tags: wanted.tags })
}
