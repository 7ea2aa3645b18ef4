//! `quackctl template`: what `up` makes on AWS, for others to deploy.

use anyhow::Result;
use serde_json::json;

use crate::cli::{StackName, TemplateArgs};
use crate::cloud::aws::export::{self, StackKind};
use crate::console::context::Context;

/// Prints a template; or its parameters, in the way that the AWS CLI reads them from a file; or with `--json` all of it.
pub(crate) async fn run(context: &Context, args: TemplateArgs) -> Result<()> {
    let kind = match args.stack {
        StackName::Main => StackKind::Main,
        StackName::Registry => StackKind::Registry,
    };
    if !args.parameters && !context.json {
        return context.print_as_is(export::text(kind));
    }
    let export = export::export(context, kind).await?;
    let text = match args.parameters {
        true => {
            let one = |(name, value)| json!({ "ParameterKey": name, "ParameterValue": value });
            serde_json::to_string_pretty(&export.parameters.iter().map(one).collect::<Vec<_>>())?
        }
        false => serde_json::to_string_pretty(&export)?,
    };
    context.print_as_is(crate::terminal::json(&(text + "\n")))
}
