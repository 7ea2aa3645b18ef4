//! The configuration: `quack.toml`, the environment and flags, merged, every value with its origin.

mod cost;
mod dash;
mod data;
mod edge;
mod environment;
mod find;
mod identity;
mod keys;
mod kinds;
mod network;
mod oidc;
mod reject;
mod tags;
mod users;
mod values;
mod vcpu;
mod vpc;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(crate) use self::cost::Budget;
pub(crate) use self::dash::{Dash, is_user};
pub(crate) use self::data::{DataSet, TextForm};
pub(crate) use self::edge::{Domain, Edge};
pub(crate) use self::find::project_above;
pub(crate) use self::identity::{Owner, STATE};
use self::keys::{BASE_IMAGE, RETENTION_DAYS};
pub(crate) use self::keys::{FILE, Origin};
pub(crate) use self::kinds::{PackageKind, S3Folder, TargetKind};
pub(crate) use self::network::Network;
use self::values::Values;
pub(crate) use self::vcpu::vcpus;
pub(crate) use self::vpc::Vpc;
use crate::arch::{self, Arch};
use crate::error::usage;

/// What the command line says over everything else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    pub target: Option<String>,
    pub stage: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    /// The folder to begin in; `None` is the current one.
    pub dir: Option<PathBuf>,
    /// The project is in that folder, whatever the folders above have.
    pub is_new: bool,
    /// A setting that makes no sense keeps nobody from going on, unless it says which stage is meant.
    pub is_lenient: bool,
}

/// Everything that a command needs to know of the project.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The folder that `quack.toml` is or would be in.
    pub dir: PathBuf,
    /// The folder that the command was called in: where its relative paths begin.
    pub here: PathBuf,
    /// What no other project has; `None` while nothing has been put up.
    pub id: Option<String>,
    pub project: String,
    pub stage: String,
    /// The project that the stage says it is of; `None` when it is not up, as far as this folder knows.
    pub owner: Option<Owner>,
    pub target: TargetKind,
    /// Whether `down` is refused.
    pub protect: bool,
    pub memory_mb: u32,
    pub timeout_s: u32,
    /// Most function instances at once.
    pub concurrency: u32,
    /// DuckDB extensions packaged with the function, each after those that it needs; `httpfs` is always among them.
    pub extensions: Vec<String>,
    /// A folder of the web that DuckDB's files come from; `None` is where they are published.
    pub mirror: Option<String>,
    /// The crate that the function is built from; `None` is the one that quackctl brings.
    pub source: Option<PathBuf>,
    /// How the function travels to AWS.
    pub package: PackageKind,
    /// The processor that the function is built for; `None` leaves it to the target.
    pub arch: Option<Arch>,
    /// What the function's image is built on: `registry/repository:tag`, or `@sha256:...`.
    pub base_image: String,
    /// Size of the function's `/tmp`, MB.
    pub ephemeral_mb: u32,
    pub lake: Lake,
    pub aws: Aws,
    /// Rows that a table on a terminal shows unless told otherwise.
    pub limit: u64,
    /// Port of the local target; 0 is any free one.
    pub port: u16,
    /// Seconds after which an instance without work ends; 0: each request has one of its own.
    pub idle_s: u32,
    /// The local target's instances have no more than the share of a core that Lambda gives their memory.
    pub cpu_share: bool,
    /// Who may connect to `serve`: verifiers of passwords, by name.
    pub users: BTreeMap<String, String>,
    /// The pages that are deployed with the engine; nothing where none are.
    pub dash: Option<Dash>,
    /// The network between the local target's S3 and those who ask it.
    pub network: Network,
    /// What a month's queries may cost.
    pub budget: Option<Budget>,
    /// Whether the function has a URL, for those whom IAM lets.
    pub url: bool,
    /// Whether the function's log has the SQL of queries, or only a digest of it.
    pub log_sql: bool,
    pub data: Vec<DataSet>,
    origins: Vec<(&'static str, String, Origin)>,
    /// What the user should know of the settings, and what is no error.
    pub notes: Vec<String>,
}

/// The keys that say which stage is meant and where it lives.
const WHERE: &[&str] = &[
    "project",
    "id",
    "stage",
    "target",
    "protect",
    "lake.bucket",
    "lake.manage",
    "lake.prefix",
    "aws.region",
    "aws.profile",
];

/// The bucket, and other data that queries may read.
#[derive(Debug, Clone)]
pub(crate) struct Lake {
    /// The bucket's name; `None` leaves it to the target.
    pub bucket: Option<String>,
    /// False for a bucket that is somebody else's: it is neither made, changed nor deleted.
    pub manage: bool,
    /// What quackctl writes in a bucket that it does not manage lies under this key prefix, which ends in `/`.
    pub prefix: String,
    /// Folders of other buckets that queries may read.
    pub read: Vec<S3Folder>,
}

/// What only the target `aws` knows.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    /// `None`: the region that the AWS CLI would use.
    pub region: Option<String>,
    /// A profile of `~/.aws/config`; `None`: the one that the AWS CLI would use.
    pub profile: Option<String>,
    /// IAM path of the function's role: `/` or `/.../`.
    pub role_path: String,
    /// ARN of the policy that bounds the function's role.
    pub permissions_boundary: Option<String>,
    /// Instances taken out of the account's concurrency for this function alone.
    pub reserved_concurrency: Option<u32>,
    pub log_retention_days: u32,
    /// ARN of the KMS key that the bucket is encrypted with; `None`: a key of S3's own.
    pub kms_key: Option<String>,
    /// Where S3 logs each access to a bucket that quackctl manages.
    pub access_logs: Option<S3Folder>,
    /// The network of the user's own that the function is in; `None`: Lambda's.
    pub vpc: Option<Vpc>,
    /// `host[:port]` or `http://host:port` of the image registry, where it is not ECR's own.
    pub registry: Option<String>,
    /// Tags of the user's own on all that is made, by name.
    pub tags: BTreeMap<String, String>,
}

impl Config {
    /// Reads the configuration of the project that `overrides` points at.
    ///
    /// # Errors
    /// A usage error for a file that is not TOML, an unknown key, or a value out of its range.
    pub(crate) fn load(overrides: &Overrides) -> Result<Self> {
        let here = match &overrides.dir {
            Some(dir) => dir.canonicalize().map_err(|error| {
                usage(format!("cannot go to `{}`: {error}", dir.display()), "give -C an existing folder")
            })?,
            None => std::env::current_dir().context("cannot tell the current folder")?,
        };
        let dir = if overrides.is_new { here.clone() } else { find::project(&here) };
        let is_told = overrides.target.is_some() && overrides.stage.is_some();
        let mut values = Values::read(&dir, overrides.is_lenient, is_told)?;
        for (key, flag) in [
            ("target", &overrides.target),
            ("stage", &overrides.stage),
            ("aws.region", &overrides.region),
            ("aws.profile", &overrides.profile),
        ] {
            if let Some(value) = flag {
                values.set(key, toml::Value::String(value.clone()), Origin::Flag);
            }
        }
        match Self::of(here.clone(), dir.clone(), values.clone()) {
            Err(error) if overrides.is_lenient => {
                values.keep(WHERE);
                values.notes.push(format!("{error:#}"));
                Self::of(here, dir, values)
            }
            config => config,
        }
    }

    /// The configuration that `values` are.
    fn of(here: PathBuf, dir: PathBuf, mut values: Values) -> Result<Self> {
        let (stage, target) = (values.name("stage", "dev")?, values.target()?);
        let owner = Owner::read(&identity::record(&dir, target, &stage))?;
        // A folder may move, and its name is nothing that anybody said.
        let called = owner.as_ref().map_or_else(|| default_project(&dir), |owner| owner.project.clone());
        let id = values.optional("id")?.or_else(|| owner.as_ref().map(|owner| owner.id.clone()));
        let project = values.name("project", &called)?;
        let protect = values.choice("protect", &[("false", false), ("true", true)])?;
        let memory_mb = values.number("function.memory_mb", 2048, 128, 10_240)?;
        let config = Self {
            id,
            project,
            stage,
            target,
            owner,
            protect,
            memory_mb,
            timeout_s: values.number("function.timeout_s", 120, 1, 900)?,
            concurrency: values.number("function.concurrency", 16, 1, 1_000)?,
            extensions: values.extensions()?,
            mirror: values.mirror()?,
            source: values.optional("function.source")?.map(|source| dir.join(source)),
            package: values.choice("function.package", &[("image", PackageKind::Image), ("zip", PackageKind::Zip)])?,
            arch: values.arch()?,
            base_image: values.text("function.base_image", BASE_IMAGE)?,
            ephemeral_mb: values.number("function.ephemeral_mb", 512, 512, 10_240)?,
            lake: Lake {
                bucket: values.bucket()?,
                manage: values.choice("lake.manage", &[("true", true), ("false", false)])?,
                prefix: values.folder("lake.prefix", "_quack/")?,
                read: values.read_paths()?,
            },
            aws: Aws {
                region: values.optional("aws.region")?,
                profile: values.optional("aws.profile")?,
                role_path: values.role_path()?,
                permissions_boundary: values.optional("aws.permissions_boundary")?,
                reserved_concurrency: Some(values.number("aws.reserved_concurrency", 0, 0, 100_000)?)
                    .filter(|reserved| *reserved > 0),
                log_retention_days: values.one_of("aws.log_retention_days", 30, RETENTION_DAYS)?,
                kms_key: values.kms_key()?,
                access_logs: values.access_logs()?,
                vpc: values.vpc()?,
                registry: values.optional("aws.registry")?,
                tags: values.tags()?,
            },
            users: values.users()?,
            dash: values.dash()?,
            limit: values.number("query.limit", 20, 1, u64::MAX)?,
            port: values.number("local.port", 0, 0, u16::MAX)?,
            idle_s: values.number("local.idle_s", 300, 0, 86_400)?,
            cpu_share: values.choice("local.cpu_share", &[("false", false), ("true", true)])?,
            network: values.network(memory_mb)?,
            budget: values.budget()?,
            url: values.choice("function.url", &[("false", false), ("true", true)])?,
            log_sql: values.choice("function.log_sql", &[("true", true), ("false", false)])?,
            data: values.data_sets()?,
            origins: values.origins,
            notes: values.notes,
            dir,
            here,
        };
        if !config.lake.manage && config.lake.bucket.is_none() {
            return Err(usage(
                "`lake.manage` is false and there is no `lake.bucket`",
                "name the bucket: bucket = \"my-lake\"",
            ));
        }
        let logs_in_lake = |place: &S3Folder| config.lake.bucket.as_ref() == Some(&place.bucket);
        if config.aws.access_logs.as_ref().is_some_and(logs_in_lake) {
            return Err(usage(
                "`aws.access_logs` is in the lake's own bucket: each line of the log would be logged, too",
                "name another bucket, or a folder of it: access_logs = \"s3://logs/lake/\"",
            ));
        }
        if !config.lake.manage && config.aws.access_logs.is_some() {
            return Err(usage(
                "`aws.access_logs` is set, and `lake.manage` is false: the bucket's owner sets its log",
                "leave one of them away",
            ));
        }
        Ok(config)
    }

    /// The processor that the function is built for: this machine's where the function runs on it; on AWS what
    /// `function.arch` says, and else arm64, which costs less.
    ///
    /// # Errors
    /// The function is to run on this machine, and DuckDB publishes no library for its processor.
    pub(crate) fn function_arch(&self) -> Result<Arch> {
        match self.target {
            TargetKind::Aws => Ok(self.arch.unwrap_or(Arch::Arm64)),
            TargetKind::Local => arch::host(),
        }
    }

    /// What to do where nothing is up: most often a folder without `quack.toml` is not the one that is meant.
    pub(crate) fn beginning(&self) -> &'static str {
        match self.dir.join(FILE).exists() {
            true => "run `quackctl up`",
            false => {
                "there is no quack.toml here: go to the project's folder, or run `quackctl init` and `quackctl up`"
            }
        }
    }

    /// `(key, value, origin)` of every setting, for `--verbose`.
    pub(crate) fn origins(&self) -> &[(&'static str, String, Origin)] {
        &self.origins
    }
}

/// The folder's name, made to fit a bucket's.
pub(crate) fn default_project(dir: &Path) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String =
        name.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let name: String = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).chars().take(32).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "quack".to_owned() } else { name.to_owned() }
}
