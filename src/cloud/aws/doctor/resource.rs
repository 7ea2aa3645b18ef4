//! What a deployer's permissions are on, narrowed to the stage's own names.

use super::super::names::plan_stack;
use super::super::session::Session;
use crate::config::{Config, PackageKind};

/// What actions are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    /// The action knows no resources.
    Any,
    /// The stage's stack, that of its image repository, and those in which `plan` works out what would be added to them.
    Stacks,
    /// The same but for the last, which have no tags.
    TaggedStacks,
    /// The latter, where the function needs none.
    RegistryStack,
    /// CloudFormation's own macro, which our template names.
    Transform,
    Bucket,
    /// What quackctl reads and writes in the bucket.
    Objects,
    Role,
    Function,
    LogGroup,
    Repository,
    /// The KMS key of `quack.toml`.
    Key,
    /// CloudFront's, which are called by ids of its own.
    Distributions,
    /// The zone of `quack.toml` that the pages' domain is in.
    HostedZone,
    /// What is under way in Route 53, called by ids of its own.
    DnsChanges,
}

impl Resource {
    /// ARNs, where `*` stands for anything.
    pub(super) fn arns(self, config: &Config, session: &Session) -> Vec<String> {
        let names = &session.names;
        let arn = |service: &str, rest: String| {
            format!("arn:{}:{service}:{}:{}:{rest}", session.partition(), session.region, session.account)
        };
        let s3 = format!("arn:{}:s3:::{}", session.partition(), names.bucket);
        // The page function has a role and a log of its own.
        let with_page = |engine, page| std::iter::once(engine).chain(config.dash.as_ref().map(|_| page));
        match self {
            Self::Any => vec!["*".to_owned()],
            Self::Stacks | Self::TaggedStacks => {
                let registry = (config.package == PackageKind::Image).then(|| names.registry_stack.clone());
                // One line for both, as a policy has not room for many.
                let plan = (self == Self::Stacks).then(|| plan_stack(&format!("{}*", names.stack)));
                let stacks = std::iter::once(names.stack.clone()).chain(registry).chain(plan);
                stacks.map(|name| arn("cloudformation", format!("stack/{name}/*"))).collect()
            }
            Self::RegistryStack => vec![arn("cloudformation", format!("stack/{}/*", names.registry_stack))],
            Self::Transform => {
                let (partition, region) = (session.partition(), &session.region);
                vec![format!("arn:{partition}:cloudformation:{region}:aws:transform/LanguageExtensions")]
            }
            Self::Bucket => vec![s3],
            Self::Objects if config.lake.manage => vec![format!("{s3}/*")],
            Self::Objects => vec![format!("{s3}/{}*", config.lake.prefix)],
            Self::Role => {
                let (partition, account) = (session.partition(), &session.account);
                let path = &config.aws.role_path;
                let role = |resource: &str| {
                    format!("arn:{partition}:iam::{account}:role{path}{}", role_name(&names.stack, resource))
                };
                with_page("Role", "PageRole").map(role).collect()
            }
            Self::Function => {
                with_page(&names.stack, &names.page).map(|name| arn("lambda", format!("function:{name}"))).collect()
            }
            // With and without its streams: actions differ in which they ask for.
            Self::LogGroup => with_page(&names.log_group, &names.page_log_group)
                .flat_map(|group| ["", ":*"].map(|end| arn("logs", format!("log-group:{group}{end}"))))
                .collect(),
            Self::Key => config.aws.kms_key.iter().cloned().collect(),
            Self::Distributions => ["distribution", "origin-access-control"]
                .map(|kind| format!("arn:{}:cloudfront::{}:{kind}/*", session.partition(), session.account))
                .into(),
            Self::HostedZone => {
                let zone =
                    config.dash.as_ref().and_then(|dash| dash.edge.as_ref()?.domain.as_ref()?.hosted_zone.as_ref());
                zone.map(|zone| format!("arn:{}:route53:::hostedzone/{zone}", session.partition()))
                    .into_iter()
                    .collect()
            }
            Self::DnsChanges => vec![format!("arn:{}:route53:::change/*", session.partition())],
            Self::Repository => vec![arn("ecr", format!("repository/{}", names.repository))],
        }
    }
}

/// What CloudFormation calls a role: `STACK-RESOURCE-` and 12 or 13 characters of its own, 64 at most, for which it cuts
/// the stack's name.
fn role_name(stack: &str, resource: &str) -> String {
    const OWN: usize = 13;
    match stack.get(..64 - OWN - "--".len() - resource.len()) {
        // Shorter than that.
        None => format!("{stack}-{resource}-*"),
        Some(_) => format!("{}*-{resource}-*", stack.get(..24).unwrap_or(stack)),
    }
}
