//! What the commands take that put a stage up or show how.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
The template alone needs no credentials; its parameters name the account and the function's code, which is built for it and
not sent: who deploys by other means gives Package=none, and `quackctl up` adds the function; or sends the code first.
With --json: one object with the stack's name, the template, the parameters and the tags.

Examples:
  quackctl template > stack.yaml
  quackctl template --parameters > parameters.json
  quackctl template registry --json | jq .parameters
  aws cloudformation create-stack --stack-name quack-lake-dev --template-body file://stack.yaml \\
      --parameters file://parameters.json --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND")]
pub(crate) struct TemplateArgs {
    /// `main`: bucket, role, log group and function; `registry`: the image repository
    #[arg(value_enum, default_value = "main")]
    pub stack: StackName,
    /// Print the values of its parameters, as `aws cloudformation --parameters file://` takes them
    #[arg(long, conflicts_with = "json")]
    pub parameters: bool,
}

/// Which of the stage's stacks.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum StackName {
    Main,
    Registry,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Run it again at any time: it converges, and changes nothing that is already right.

Examples:
  quackctl up
  quackctl --stage test up       a second one, side by side with the first
  quackctl --target aws up       the same in your AWS account
  quackctl up lake.plan          exactly what `quackctl plan -o lake.plan` showed, without asking; or nothing")]
pub(crate) struct UpArgs {
    /// Do what this plan says, of `quackctl plan -o FILE`, or refuse
    #[arg(value_name = "PLAN", conflicts_with = "pull")]
    pub plan: Option<PathBuf>,
    /// Replace and remove resources without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Do not prove the engine with a query at the end
    #[arg(long)]
    pub no_check: bool,
    /// Ask the registry anew for the base image's tag (AWS, package = \"image\")
    #[arg(long)]
    pub pull: bool,
}
