//! What a stage's things are called on AWS, and how they are tagged.

use anyhow::Result;

use crate::cloud::target::page_name;
use crate::config::Config;
use crate::error::usage;

/// The tags on everything of ours.
pub(crate) const PROJECT_TAG: &str = "quackctl:project";
pub(crate) const STAGE_TAG: &str = "quackctl:stage";

/// On a stack: the id of the project that it is of.
pub(crate) const ID_TAG: &str = "quackctl:id";

/// The names of one stage's things in one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// Stack of bucket, role, log group and function; also the function's name.
    pub stack: String,
    /// Stack of the image repository.
    pub registry_stack: String,
    /// The image repository in ECR.
    pub repository: String,
    /// The stacks, never with anything in them, in which `plan` has CloudFormation work out what would be added: those that
    /// `up` makes belong to `up`. No stage's own are called so, as a stage's name has no capitals.
    pub plan_stacks: [String; 2],
    /// The page function.
    pub page: String,
    /// Where Lambda writes the functions' logs.
    pub log_group: String,
    pub page_log_group: String,
    pub bucket: String,
}

impl Names {
    /// The names of the stage that `config` is about.
    ///
    /// # Errors
    /// A usage error when a name would be too long for AWS: the function's at most 64 characters, the bucket's 63.
    /// Sources: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>,
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
    pub(crate) fn new(config: &Config, account: &str, region: &str) -> Result<Self> {
        let stack = format!("quack-{}-{}", config.project, config.stage);
        if stack.len() > 64 {
            let message =
                format!("the function's name `{stack}` would have {} characters, and AWS takes 64", stack.len());
            return Err(usage(message, "shorten `project` or `stage`"));
        }
        // A bucket's name is taken for the whole world, so it says whose it is.
        let bucket = config.lake.bucket.clone().unwrap_or_else(|| format!("{stack}-{account}-{region}"));
        if bucket.len() > 63 {
            let message =
                format!("the bucket's name `{bucket}` would have {} characters, and AWS takes 63", bucket.len());
            return Err(usage(message, "name it yourself in quack.toml: [lake] bucket = \"...\""));
        }
        Ok(Self {
            plan_stacks: ["", "-registry"].map(|end| plan_stack(&format!("{stack}{end}"))),
            registry_stack: format!("{stack}-registry"),
            repository: stack.clone(),
            log_group: format!("/aws/lambda/{stack}"),
            page_log_group: format!("/aws/lambda/{}", page_name(&stack)),
            page: page_name(&stack),
            bucket,
            stack,
        })
    }
}

/// The stack in which `plan` works out what would be added to `stack`.
pub(crate) fn plan_stack(stack: &str) -> String {
    format!("{stack}-Plan")
}
