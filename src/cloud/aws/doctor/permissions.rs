//! Every permission that a deployer needs, in one table: the policy that `doctor --policy` prints and the simulation of
//! `doctor` both come from it.
//!
//! A part is for what CloudFormation does with the caller's credentials. Those actions are the ones that the handlers of
//! each resource type declare: all of `read`, which is called after every change, at an import and for attributes; of
//! `create`, `update` and `delete` those that our templates' properties come to. `aws cloudformation describe-type --type
//! RESOURCE --type-name AWS::S3::Bucket` shows them, under `handlers`; how they are called:
//! <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>.
//!
//! The other part is for quackctl's own calls, as each service's page maps them under
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.

use std::collections::BTreeMap;

use super::resource::Resource;
use crate::config::{Config, Edge, PackageKind};

/// Actions on one kind of resource, and who needs them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permissions {
    pub by: By,
    pub resource: Resource,
    pub condition: Condition,
    /// The commands that do not work without.
    pub commands: &'static str,
    /// Whether this configuration needs them.
    pub when: fn(&Config) -> bool,
    pub actions: &'static [&'static str],
}

/// Who makes the calls, always with the deployer's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    Quackctl,
    /// The registry's own protocol, in which an image is sent.
    Push,
    CloudFormation,
}

/// What must be so besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Condition {
    None,
    /// The role goes to Lambda and to no other service.
    PassedToLambda,
    /// The role has the permissions boundary of `quack.toml`, when there is one.
    Bounded,
}

impl Condition {
    /// `(context key, value)`.
    pub(super) fn entry(self, config: &Config) -> Option<(&'static str, String)> {
        match self {
            Self::None => None,
            Self::PassedToLambda => Some(("iam:PassedToService", "lambda.amazonaws.com".to_owned())),
            Self::Bounded => Some(("iam:PermissionsBoundary", config.aws.permissions_boundary.clone()?)),
        }
    }
}

const ALWAYS: fn(&Config) -> bool = |_| true;
const IMAGE: fn(&Config) -> bool = |config| config.package == PackageKind::Image;
const ZIP: fn(&Config) -> bool = |config| config.package == PackageKind::Zip;
const MANAGED: fn(&Config) -> bool = |config| config.lake.manage;
const RESERVED: fn(&Config) -> bool = |config| config.aws.reserved_concurrency.is_some();
const UNRESERVED: fn(&Config) -> bool = |config| config.aws.reserved_concurrency.is_none();
const ENCRYPTED: fn(&Config) -> bool = |config| config.aws.kms_key.is_some();
const ACCESS_LOGGED: fn(&Config) -> bool = |config| config.aws.access_logs.is_some();
const BOUNDED: fn(&Config) -> bool = |config| config.aws.permissions_boundary.is_some();

const PROTECTED: fn(&Config) -> bool = |config| config.protect;
const IN_VPC: fn(&Config) -> bool = |config| config.aws.vpc.is_some();
const WITH_URL: fn(&Config) -> bool = |config| config.url || config.dash.is_some();
const WITH_PAGES: fn(&Config) -> bool = |config| config.dash.is_some();
const BEHIND_EDGE: fn(&Config) -> bool = |config| edge(config).is_some();
const IN_HOSTED_ZONE: fn(&Config) -> bool =
    |config| edge(config).and_then(|edge| edge.domain.as_ref()?.hosted_zone.as_ref()).is_some();
const TAGGED: fn(&Config) -> bool = |config| !config.aws.tags.is_empty();

fn edge(config: &Config) -> Option<&Edge> {
    config.dash.as_ref()?.edge.as_ref()
}

/// A line of the table.
const fn row(
    by: By,
    resource: Resource,
    condition: Condition,
    commands: &'static str,
    when: fn(&Config) -> bool,
    actions: &'static [&'static str],
) -> Permissions {
    Permissions { by, resource, condition, commands, when, actions }
}

pub(super) const TABLE: &[Permissions] = &[
    row(
        By::Quackctl,
        Resource::Stacks,
        Condition::None,
        "up, plan, status, down",
        ALWAYS,
        &[
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DeleteStack",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStackResources",
            "cloudformation:DescribeStacks",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:GetTemplate",
        ],
    ),
    // To lift it takes the same.
    row(
        By::Quackctl,
        Resource::Stacks,
        Condition::None,
        "up",
        PROTECTED,
        &["cloudformation:UpdateTerminationProtection"],
    ),
    // Whether there is one: where an earlier configuration made it, `up` needs that one's policy again to remove it.
    row(
        By::Quackctl,
        Resource::RegistryStack,
        Condition::None,
        "up, plan, down",
        ZIP,
        &["cloudformation:DescribeStacks"],
    ),
    // Change sets bring tags for the stack. AWS's own policies allow those by this name, e.g.
    // <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSForWordPressPluginPolicy.html>
    row(
        By::CloudFormation,
        Resource::TaggedStacks,
        Condition::None,
        "up, plan",
        ALWAYS,
        &["cloudformation:TagResource"],
    ),
    // <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html>, on macros.
    row(
        By::CloudFormation,
        Resource::Transform,
        Condition::None,
        "up, plan",
        ALWAYS,
        &["cloudformation:CreateChangeSet"],
    ),
    row(
        By::Quackctl,
        Resource::Bucket,
        Condition::None,
        "up, load, query, down",
        ALWAYS,
        &["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"],
    ),
    // CloudFormation asks for it, too.
    row(By::Quackctl, Resource::Bucket, Condition::None, "up, recover", ALWAYS, &["s3:GetBucketVersioning"]),
    row(By::Quackctl, Resource::Objects, Condition::None, "recover", ALWAYS, &["s3:GetObjectVersion"]),
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms>, on multipart uploads.
    row(
        By::Quackctl,
        Resource::Key,
        Condition::None,
        "up, load, query, recover",
        ENCRYPTED,
        &["kms:Decrypt", "kms:GenerateDataKey"],
    ),
    // One that `down --keep-data` kept is in no stack.
    row(By::Quackctl, Resource::Bucket, Condition::None, "down", MANAGED, &["s3:DeleteBucket"]),
    row(
        By::Quackctl,
        Resource::Objects,
        Condition::None,
        "up, load, query, down",
        ALWAYS,
        &["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"],
    ),
    row(
        By::Quackctl,
        Resource::Function,
        Condition::None,
        "up, query, down",
        ALWAYS,
        &["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"],
    ),
    row(By::Quackctl, Resource::Function, Condition::None, "up, outputs", WITH_URL, &["lambda:GetFunctionUrlConfig"]),
    row(By::Quackctl, Resource::LogGroup, Condition::None, "logs, history", ALWAYS, &["logs:FilterLogEvents"]),
    row(By::Quackctl, Resource::Role, Condition::None, "up, down", ALWAYS, &["iam:GetRole"]),
    row(By::Quackctl, Resource::Repository, Condition::None, "status, down", ALWAYS, &["ecr:DescribeImages"]),
    row(By::Quackctl, Resource::Any, Condition::None, "down", ALWAYS, &["logs:DescribeLogGroups", "tag:GetResources"]),
    row(By::Quackctl, Resource::Any, Condition::None, "up", IMAGE, &["ecr:GetAuthorizationToken"]),
    // <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html>
    row(
        By::Push,
        Resource::Repository,
        Condition::None,
        "up",
        IMAGE,
        &[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        ],
    ),
    // AWS::ECR::Repository. Whoever makes a function from an image must be able to get the image and the repository's
    // policy, too. <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#configuration-images-permissions>
    row(
        By::CloudFormation,
        Resource::Repository,
        Condition::None,
        "up, down",
        IMAGE,
        &[
            "ecr:CreateRepository",
            "ecr:DeleteRepository",
            "ecr:DescribeRepositories",
            "ecr:GetLifecyclePolicy",
            "ecr:GetRepositoryPolicy",
            "ecr:ListTagsForResource",
            "ecr:PutLifecyclePolicy",
            "ecr:SetRepositoryPolicy",
            "ecr:TagResource",
        ],
    ),
    // AWS::S3::Bucket and AWS::S3::BucketPolicy
    row(
        By::CloudFormation,
        Resource::Bucket,
        Condition::None,
        "up, down",
        MANAGED,
        &[
            "s3:CreateBucket",
            "s3:DeleteBucketPolicy",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
        ],
    ),
    row(By::CloudFormation, Resource::Bucket, Condition::None, "up", ACCESS_LOGGED, &["s3:PutBucketLogging"]),
    row(
        By::CloudFormation,
        Resource::Bucket,
        Condition::None,
        "up",
        MANAGED,
        &[
            "s3:GetAccelerateConfiguration",
            "s3:GetAnalyticsConfiguration",
            "s3:GetBucketCORS",
            "s3:GetBucketLogging",
            "s3:GetBucketMetadataTableConfiguration",
            "s3:GetBucketNotification",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPolicy",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketTagging",
            "s3:GetBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:GetIntelligentTieringConfiguration",
            "s3:GetInventoryConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:GetMetricsConfiguration",
            "s3:GetReplicationConfiguration",
        ],
    ),
    // AWS::IAM::Role. Who may do this without a boundary can make a role that may do anything: hence the condition.
    // To take a boundary away again is for whoever put it there.
    row(By::CloudFormation, Resource::Role, Condition::Bounded, "up", ALWAYS, &["iam:CreateRole", "iam:PutRolePolicy"]),
    row(By::CloudFormation, Resource::Role, Condition::Bounded, "up", BOUNDED, &["iam:PutRolePermissionsBoundary"]),
    row(
        By::CloudFormation,
        Resource::Role,
        Condition::None,
        "up, down",
        ALWAYS,
        &[
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
        ],
    ),
    // <https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html>
    row(By::CloudFormation, Resource::Role, Condition::PassedToLambda, "up", ALWAYS, &["iam:PassRole"]),
    // AWS::Logs::LogGroup
    row(
        By::CloudFormation,
        Resource::LogGroup,
        Condition::None,
        "up, down",
        ALWAYS,
        &[
            "logs:CreateLogGroup",
            "logs:DeleteLogGroup",
            "logs:GetDataProtectionPolicy",
            "logs:ListTagsForResource",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
        ],
    ),
    // AWS::Lambda::Function
    row(
        By::CloudFormation,
        Resource::Function,
        Condition::None,
        "up, down",
        ALWAYS,
        &[
            "lambda:CreateFunction",
            "lambda:DeleteFunction",
            "lambda:GetFunction",
            "lambda:GetFunctionCodeSigningConfig",
            "lambda:GetFunctionRecursionConfig",
            "lambda:GetRuntimeManagementConfig",
            "lambda:ListTags",
            "lambda:TagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
        ],
    ),
    // AWS::Lambda::Url
    row(
        By::CloudFormation,
        Resource::Function,
        Condition::None,
        "up, down",
        WITH_URL,
        &["lambda:CreateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"],
    ),
    // AWS::Lambda::Permission
    row(
        By::CloudFormation,
        Resource::Function,
        Condition::None,
        "up, down",
        WITH_PAGES,
        &["lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"],
    ),
    // AWS::CloudFront::Distribution and AWS::CloudFront::OriginAccessControl
    row(
        By::CloudFormation,
        Resource::Distributions,
        Condition::None,
        "up, down",
        BEHIND_EDGE,
        &[
            "cloudfront:CreateDistribution",
            "cloudfront:CreateOriginAccessControl",
            "cloudfront:DeleteDistribution",
            "cloudfront:DeleteOriginAccessControl",
            "cloudfront:GetDistribution",
            "cloudfront:GetDistributionConfig",
            "cloudfront:GetOriginAccessControl",
            "cloudfront:ListTagsForResource",
            "cloudfront:TagResource",
            "cloudfront:UntagResource",
            "cloudfront:UpdateDistribution",
            "cloudfront:UpdateOriginAccessControl",
        ],
    ),
    // AWS::Route53::RecordSet
    row(
        By::CloudFormation,
        Resource::HostedZone,
        Condition::None,
        "up, down",
        IN_HOSTED_ZONE,
        &["route53:ChangeResourceRecordSets", "route53:GetHostedZone", "route53:ListResourceRecordSets"],
    ),
    row(By::CloudFormation, Resource::DnsChanges, Condition::None, "up, down", IN_HOSTED_ZONE, &["route53:GetChange"]),
    // <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions>
    row(
        By::CloudFormation,
        Resource::Any,
        Condition::None,
        "up",
        IN_VPC,
        &["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
    ),
    // Tags of the user's own may go again.
    row(By::CloudFormation, Resource::Function, Condition::None, "up", TAGGED, &["lambda:UntagResource"]),
    row(By::CloudFormation, Resource::LogGroup, Condition::None, "up", TAGGED, &["logs:UntagResource"]),
    row(By::CloudFormation, Resource::Role, Condition::None, "up", TAGGED, &["iam:UntagRole"]),
    row(By::CloudFormation, Resource::Function, Condition::None, "up", RESERVED, &["lambda:PutFunctionConcurrency"]),
    row(
        By::CloudFormation,
        Resource::Function,
        Condition::None,
        "up",
        UNRESERVED,
        &["lambda:DeleteFunctionConcurrency"],
    ),
];

/// What `config` needs of the table on one kind of resource: a statement of the policy.
#[derive(Debug)]
pub(super) struct Statement {
    /// Its name.
    pub sid: String,
    pub resource: Resource,
    pub condition: Condition,
    /// Each action with the commands that do not work without.
    pub actions: Vec<(&'static str, &'static str)>,
}

/// The statements that `config` needs; few, as a policy has not room for many.
pub(super) fn needed(config: &Config) -> Vec<Statement> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in TABLE.iter().filter(|row| (row.when)(config)) {
        let condition = if row.condition.entry(config).is_some() { row.condition } else { Condition::None };
        let actions = row.actions.iter().map(|action| (*action, row.commands));
        groups.entry((row.by, row.resource, condition)).or_default().extend(actions);
    }
    let statement = |((by, resource, condition), actions)| {
        let by = if by == By::Quackctl { String::new() } else { format!("{by:?}") };
        let condition_name = if condition == Condition::None { String::new() } else { format!("{condition:?}") };
        Statement { sid: format!("{by}{resource:?}{condition_name}"), resource, condition, actions }
    };
    groups.into_iter().map(statement).collect()
}
