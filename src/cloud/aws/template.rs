//! The CloudFormation templates, and the parameters that a configuration gives them.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_cloudformation::types::{Parameter, Tag};
use sha2::{Digest as _, Sha256};

use super::names::{ID_TAG, PROJECT_TAG, STAGE_TAG, plan_stack};
use super::session::Session;
use crate::arch::Arch;
use crate::bucket::layout::Layout;
use crate::cloud::target::page_timeout_s;
use crate::config::{Config, Domain, S3Folder};
use crate::digest::hex;

/// One of the stage's stacks as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub stack: String,
    pub template: &'static str,
    /// Value of every parameter, by name.
    pub parameters: BTreeMap<&'static str, String>,
    /// On the stack and, through it, on each of its resources.
    pub tags: BTreeMap<String, String>,
    /// It is made for a plan alone, and goes with it.
    pub fleeting: bool,
}

/// In three files, each of which goes on where the one before it ends.
pub(super) const STACK: &str = concat!(
    include_str!("../../../templates/stack.yaml"),
    include_str!("../../../templates/engine.yaml"),
    include_str!("../../../templates/pages.yaml")
);
pub(super) const REGISTRY: &str = include_str!("../../../templates/registry.yaml");
const ADOPT: &str = include_str!("../../../templates/adopt.yaml");

/// CloudFormation's type of a stack.
pub(super) const STACK_KIND: &str = "AWS::CloudFormation::Stack";

/// The kind of a function.
pub(super) const FUNCTION_KIND: &str = "AWS::Lambda::Function";

/// Name of the bucket's resource in the templates.
pub(super) const BUCKET: &str = "Bucket";

/// The properties of our resources whose change makes CloudFormation replace the resource.
/// Source: "Update requires: Replacement" in
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/introduction.html>.
const REPLACING: &[(&str, &[&str])] = &[
    ("AWS::S3::Bucket", &["BucketName"]),
    ("AWS::S3::BucketPolicy", &["Bucket"]),
    ("AWS::IAM::Role", &["RoleName", "Path"]),
    ("AWS::Logs::LogGroup", &["LogGroupName"]),
    (FUNCTION_KIND, &["FunctionName", "PackageType"]),
    (
        "AWS::Lambda::Permission",
        &["FunctionName", "Action", "Principal", "SourceArn", "FunctionUrlAuthType", "InvokedViaFunctionUrl"],
    ),
    ("AWS::Route53::RecordSet", &["HostedZoneId", "Name"]),
    ("AWS::ECR::Repository", &["RepositoryName", "EncryptionConfiguration"]),
];

/// Whether a change of `property` replaces a resource of type `kind`.
pub(super) fn replaces(kind: &str, property: &str) -> bool {
    REPLACING.iter().any(|(known, properties)| *known == kind && properties.contains(&property))
}

/// Where the function's code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Code {
    /// No function yet: everything else first.
    None,
    /// Address of an image in ECR, with its digest.
    Image(String),
    /// Key of a zip file in the bucket.
    Zip(String),
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Image(code) | Self::Zip(code) => code,
        })
    }
}

impl Wanted {
    /// The stage's main stack, with the function's code at `code`, and the page function's, where there is one, at the key `page`.
    pub(super) fn stack(config: &Config, session: &Session, arch: Arch, code: &Code, page: Option<&str>) -> Self {
        let names = &session.names;
        let layout = Layout::new(&config.lake);
        let (package, image, key) = match code {
            Code::None => ("none", "", ""),
            Code::Image(uri) => ("image", uri.as_str(), ""),
            Code::Zip(key) => ("zip", "", key.as_str()),
        };
        let read = |show: &dyn Fn(&S3Folder) -> String| config.lake.read.iter().map(show).collect::<Vec<_>>().join(",");
        let arn = format!("arn:{}:s3:::", session.partition());
        let edge = config.dash.as_ref().and_then(|dash| dash.edge.as_ref());
        let domain = edge.and_then(|edge| edge.domain.as_ref());
        let of_domain = |part: &dyn Fn(&Domain) -> Option<String>| domain.and_then(part).unwrap_or_default();
        let (access_logs, vpc) = (config.aws.access_logs.as_ref(), config.aws.vpc.as_ref());
        let parameters = [
            ("Project", config.project.clone()),
            ("Stage", config.stage.clone()),
            ("BucketName", names.bucket.clone()),
            ("ManageBucket", config.lake.manage.to_string()),
            ("BucketOnDelete", "RetainExceptOnCreate".to_owned()),
            ("ResultsPrefix", layout.results.clone()),
            ("CatalogKey", layout.catalog.clone()),
            ("TablesPrefix", layout.tables.clone()),
            ("WritePaths", layout.writable().map(|folder| format!("s3://{}/{folder}", names.bucket)).join(",")),
            ("WriteObjects", layout.writable().map(|folder| format!("{arn}{}/{folder}*", names.bucket)).join(",")),
            ("KmsKey", config.aws.kms_key.clone().unwrap_or_default()),
            ("AccessLogsBucket", access_logs.map(|place| place.bucket.clone()).unwrap_or_default()),
            ("AccessLogsPrefix", access_logs.map(|place| place.prefix.clone()).unwrap_or_default()),
            ("ReadPaths", read(&|path| path.to_string())),
            ("ReadBuckets", read(&|path| format!("{arn}{}", path.bucket))),
            ("ReadPrefixes", read(&|path| format!("{}*", path.prefix))),
            ("ReadObjects", read(&|path| format!("{arn}{}/{}*", path.bucket, path.prefix))),
            ("RolePath", config.aws.role_path.clone()),
            ("PermissionsBoundary", config.aws.permissions_boundary.clone().unwrap_or_default()),
            ("FunctionName", names.stack.clone()),
            ("Package", package.to_owned()),
            ("ImageUri", image.to_owned()),
            ("CodeKey", key.to_owned()),
            ("Architecture", arch.to_string()),
            ("MemoryMB", config.memory_mb.to_string()),
            ("TimeoutSeconds", config.timeout_s.to_string()),
            ("EphemeralMB", config.ephemeral_mb.to_string()),
            ("ReservedConcurrency", config.aws.reserved_concurrency.unwrap_or(0).to_string()),
            ("Extensions", config.extensions.join(",")),
            ("Network", if vpc.is_some() { "vpc" } else { "lambda" }.to_owned()),
            ("Subnets", vpc.map(|vpc| vpc.subnets.join(",")).unwrap_or_default()),
            ("SecurityGroups", vpc.map(|vpc| vpc.security_groups.join(",")).unwrap_or_default()),
            ("S3Endpoint", session.s3_endpoint.clone().unwrap_or_default()),
            ("FunctionUrl", config.url.to_string()),
            ("DashPrefix", layout.dash.clone()),
            ("PageCodeKey", page.unwrap_or_default().to_owned()),
            ("PageFunctionName", names.page.clone()),
            ("PageTimeoutSeconds", page_timeout_s(config).to_string()),
            ("CloudFront", edge.is_some().to_string()),
            ("Domain", of_domain(&|domain| Some(domain.name.clone()))),
            ("CertificateArn", of_domain(&|domain| Some(domain.certificate.clone()))),
            ("HostedZoneId", of_domain(&|domain| domain.hosted_zone.clone())),
            ("LambdaEndpoint", session.lambda_endpoint.clone().unwrap_or_default()),
            ("LogSql", config.log_sql.to_string()),
            ("LogRetentionDays", config.aws.log_retention_days.to_string()),
        ];
        Self::new(&names.stack, STACK, parameters.into(), tags(config))
    }

    /// The stack of the image repository.
    pub(super) fn registry(config: &Config, session: &Session) -> Self {
        let names = &session.names;
        let parameters = [
            ("Project", config.project.clone()),
            ("Stage", config.stage.clone()),
            ("RepositoryName", names.repository.clone()),
            ("FunctionName", names.stack.clone()),
        ];
        Self::new(&names.registry_stack, REGISTRY, parameters.into(), tags(config))
    }

    /// The main stack with nothing in it but the bucket, which exists already.
    pub(super) fn adopt(session: &Session) -> Self {
        let names = &session.names;
        let parameters = [("BucketName", names.bucket.clone())];
        // An import takes no tags.
        Self::new(&names.stack, ADOPT, parameters.into(), BTreeMap::new())
    }

    fn new(
        stack: &str,
        template: &'static str,
        parameters: BTreeMap<&'static str, String>,
        tags: BTreeMap<String, String>,
    ) -> Self {
        Self { stack: stack.to_owned(), template, parameters, tags, fleeting: false }
    }

    /// The same as a stack of another name, in which nothing is ever made.
    pub(super) fn planned(&self) -> Self {
        Self { stack: plan_stack(&self.stack), tags: BTreeMap::new(), fleeting: true, ..self.clone() }
    }

    /// What tells it from all that is wanted otherwise: hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.template);
        let tags = self.tags.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in self.parameters.iter().map(|(name, value)| (*name, value)).chain(tags) {
            // With its length before it, no text runs into the next.
            hasher.update(format!("{}:{name}{}:{value}", name.len(), value.len()));
        }
        hex(&hasher.finalize()[..8])
    }

    /// The parameters as the API wants them.
    pub(super) fn api_parameters(&self) -> Vec<Parameter> {
        let parameter =
            |(name, value): (&&str, &String)| Parameter::builder().parameter_key(*name).parameter_value(value).build();
        self.parameters.iter().map(parameter).collect()
    }

    /// The tags as the API wants them.
    pub(super) fn api_tags(&self) -> Vec<Tag> {
        self.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
    }

    /// Whether resource `name` of the template is left out with these parameters.
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        let is = |parameter: &str, value: &str| self.parameters.get(parameter).is_some_and(|found| found == value);
        match name {
            "Bucket" | "BucketPolicy" => is("ManageBucket", "false"),
            "Function" => is("Package", "none"),
            page if page.starts_with("Page") => {
                is("PageCodeKey", "")
                    || is("Package", "none")
                    || match page {
                        "PageUrlPermission" | "PageInvokePermission" => is("CloudFront", "true"),
                        "PageAccess" | "PageDistribution" => is("CloudFront", "false"),
                        edge if edge.starts_with("PageEdge") => is("CloudFront", "false"),
                        record if record.starts_with("PageRecord") => is("HostedZoneId", ""),
                        _ => false,
                    }
            }
            "Url" => is("FunctionUrl", "false") || is("Package", "none"),
            _ => false,
        }
    }
}

fn tags(config: &Config) -> BTreeMap<String, String> {
    let id = config.id.clone().map(|id| (ID_TAG, id));
    let ours = [(PROJECT_TAG, config.project.clone()), (STAGE_TAG, config.stage.clone())].into_iter().chain(id);
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    config.aws.tags.clone().into_iter().chain(ours).collect()
}
