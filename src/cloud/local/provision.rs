//! The bucket and the function of the local target, made through AWS's own APIs.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use aws_sdk_lambda::types::{
    Environment, EphemeralStorage, FunctionCode, FunctionConfiguration, FunctionUrlAuthType, PackageType,
};
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, VersioningConfiguration,
};

use super::grants::Grants;
use crate::bucket::Bucket;
use crate::cloud::change::{Planned, PlannedAction, Property};
use crate::cloud::{Change, Target};
use crate::config::Config;
use crate::error::{failure, words};

/// What to do about a target that refuses what it should not.
const MEND: &str = "run `quackctl up` again; what the local target has to say is in .quack/STAGE/daemon.log";

/// Days that the lake's bucket keeps what was overwritten or deleted.
const NONCURRENT_DAYS: i32 = 7;

/// Local functions need no role, but the API wants one.
const ROLE: &str = "arn:aws:iam::000000000000:role/quackctl";

/// Makes the bucket unless it is there, and has it keep what is overwritten or deleted.
pub(super) async fn bucket(target: &Target) -> Result<Option<Change>> {
    let Bucket { s3, name, .. } = &target.bucket;
    let cannot = |error: &(dyn std::error::Error + 'static)| {
        failure(format!("cannot make bucket {name}: {}", words(error)), MEND)
    };
    let mut change = None;
    if s3.head_bucket().bucket(name).send().await.is_err() {
        match s3.create_bucket().bucket(name).send().await {
            Ok(_) => change = Some(Change::created(format!("bucket {name}"))),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_bucket_already_owned_by_you()) => {}
            Err(error) => return Err(cannot(&error)),
        }
    }
    if !keeps_versions(target).await {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let put = s3.put_bucket_versioning().bucket(name).versioning_configuration(on).send().await;
        put.map_err(|error| cannot(&error))?;
        let rules = BucketLifecycleConfiguration::builder().rules(noncurrent_rule()?).build()?;
        let put = s3.put_bucket_lifecycle_configuration().bucket(name).lifecycle_configuration(rules).send().await;
        put.map_err(|error| cannot(&error))?;
        let kept = || Change::updated(format!("bucket {name}: keeps what was overwritten for {NONCURRENT_DAYS} days"));
        change.get_or_insert_with(kept);
    }
    Ok(change)
}

/// True if the bucket keeps versions, for as long as it should.
async fn keeps_versions(target: &Target) -> bool {
    let Bucket { s3, name, .. } = &target.bucket;
    let versioning = s3.get_bucket_versioning().bucket(name).send().await;
    let enabled = versioning.is_ok_and(|found| found.status() == Some(&BucketVersioningStatus::Enabled));
    let lifecycle = s3.get_bucket_lifecycle_configuration().bucket(name).send().await;
    let days = |rule: &LifecycleRule| rule.noncurrent_version_expiration()?.noncurrent_days();
    enabled && lifecycle.is_ok_and(|found| found.rules().iter().any(|rule| days(rule) == Some(NONCURRENT_DAYS)))
}

fn noncurrent_rule() -> Result<LifecycleRule> {
    let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(NONCURRENT_DAYS).build();
    let rule = LifecycleRule::builder().id("what-was-overwritten").status(ExpirationStatus::Enabled);
    let everything = LifecycleRuleFilter::builder().prefix("").build();
    Ok(rule.filter(everything).noncurrent_version_expiration(expiration).build()?)
}

/// Makes the function, or changes what of it is not as `config` and `artifact` want it.
pub(super) async fn function(config: &Config, target: &Target, artifact: &Path) -> Result<Vec<Change>> {
    let name = &target.function;
    let wanted = Wanted::new(config, target, artifact)?;
    let mut changes = Vec::new();
    let found = match target.lambda.get_function().function_name(name).send().await {
        Ok(found) => Some(found),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => None,
        Err(error) => return Err(refused(name, &error)),
    };
    let Some(found) = found else {
        let code = FunctionCode::builder().image_uri(&wanted.image).build();
        let create = target.lambda.create_function().function_name(name).role(ROLE).package_type(PackageType::Image);
        let create = create.code(code).memory_size(wanted.memory_mb).timeout(wanted.timeout_s);
        let create = create.ephemeral_storage(wanted.ephemeral_storage()?);
        match create.environment(wanted.environment()).send().await {
            Ok(_) => {}
            // Another `up` made it at the same moment.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_conflict_exception()) => {
                return Ok(changes);
            }
            Err(error) => return Err(refused(name, &error)),
        }
        wanted.limit(target).await?;
        changes.push(Change::created(format!("function {name}")));
        changes.extend(url(config, target).await?);
        return Ok(changes);
    };
    if found.code().and_then(|code| code.image_uri()) != Some(&wanted.image) {
        let update = target.lambda.update_function_code().function_name(name).image_uri(&wanted.image);
        update.send().await.map_err(|error| refused(name, &error))?;
        changes.push(Change::updated(format!("code of function {name}")));
    }
    let differences = wanted.differences(found.configuration());
    if !differences.is_empty() {
        let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
        let update = target.lambda.update_function_configuration().function_name(name);
        let update = update.memory_size(wanted.memory_mb).timeout(wanted.timeout_s).environment(wanted.environment());
        let update = update.ephemeral_storage(wanted.ephemeral_storage()?);
        update.send().await.map_err(|error| refused(name, &error))?;
        changes.push(Change::updated(format!("function {name}: {}", differences.join(", "))));
    }
    if found.concurrency().and_then(|limit| limit.reserved_concurrent_executions()) != Some(wanted.concurrency) {
        wanted.limit(target).await?;
        changes.push(Change::updated(format!("concurrency of function {name}")));
    }
    changes.extend(url(config, target).await?);
    Ok(changes)
}

/// Gives the function a URL, or takes it away, if it is not as `config` wants it.
async fn url(config: &Config, target: &Target) -> Result<Option<Change>> {
    let (name, lambda) = (&target.function, &target.lambda);
    let has_one = target.url().await?.is_some();
    match (config.url, has_one) {
        (true, false) => {
            let create = lambda.create_function_url_config().function_name(name);
            create.auth_type(FunctionUrlAuthType::AwsIam).send().await.map_err(|error| refused(name, &error))?;
            Ok(Some(Change::created(format!("URL of function {name}"))))
        }
        (false, true) => {
            let delete = lambda.delete_function_url_config().function_name(name);
            delete.send().await.map_err(|error| refused(name, &error))?;
            Ok(Some(Change::updated(format!("function {name} has no URL any more"))))
        }
        _ => Ok(None),
    }
}

/// The function's environment. Each variable is told in `function/src/engine/settings.rs`.
fn variables(config: &Config, target: &Target) -> HashMap<String, String> {
    let Bucket { name, layout, .. } = &target.bucket;
    let read: Vec<String> = config.lake.read.iter().map(ToString::to_string).collect();
    let variables = [
        ("QUACK_BUCKET", name.clone()),
        ("QUACK_EXTENSIONS", config.extensions.join(",")),
        ("QUACK_RESULTS", layout.results.clone()),
        ("QUACK_CATALOG", layout.catalog.clone()),
        ("QUACK_TABLES", layout.tables.clone()),
        ("QUACK_WRITE", Grants::of(config).write_list()),
        ("QUACK_TEMP_MIB", config.ephemeral_mb.to_string()),
        ("QUACK_LOG_SQL", config.log_sql.to_string()),
        // Told when it is empty, too: else a function that had folders would keep them.
        ("QUACK_READ", read.join(",")),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The function as it should be.
struct Wanted {
    image: String,
    memory_mb: i32,
    timeout_s: i32,
    ephemeral_mb: i32,
    concurrency: i32,
    variables: HashMap<String, String>,
}

impl Wanted {
    fn new(config: &Config, target: &Target, artifact: &Path) -> Result<Self> {
        let artifact = artifact.canonicalize().with_context(|| format!("no artifact at {}", artifact.display()))?;
        Ok(Self {
            image: format!("dir:{}", artifact.display()),
            memory_mb: i32::try_from(config.memory_mb)?,
            timeout_s: i32::try_from(config.timeout_s)?,
            ephemeral_mb: i32::try_from(config.ephemeral_mb)?,
            concurrency: i32::try_from(config.concurrency)?,
            variables: variables(config, target),
        })
    }

    /// What of a function's configuration is to change.
    fn differences(&self, found: Option<&FunctionConfiguration>) -> Vec<Property> {
        let number = |name: &str, found: Option<i32>, wanted: i32| {
            (found != Some(wanted)).then(|| property(name, found.map(|found| found.to_string()), wanted.to_string()))
        };
        let variables = found.and_then(|found| found.environment()).and_then(|environment| environment.variables());
        let variable = |(name, wanted): (&String, &String)| {
            let found = variables.and_then(|variables| variables.get(name));
            (found != Some(wanted))
                .then(|| property(&format!("Environment.Variables.{name}"), found.cloned(), wanted.clone()))
        };
        let mut differences: Vec<Property> = [
            number("MemorySize", found.and_then(|found| found.memory_size()), self.memory_mb),
            number("Timeout", found.and_then(|found| found.timeout()), self.timeout_s),
            number(
                "EphemeralStorage.Size",
                found.and_then(|found| found.ephemeral_storage()).map(EphemeralStorage::size),
                self.ephemeral_mb,
            ),
        ]
        .into_iter()
        .chain(self.variables.iter().map(variable))
        .flatten()
        .collect();
        // Variables come in any order.
        differences.sort_by(|one, other| one.name.cmp(&other.name));
        differences
    }

    fn ephemeral_storage(&self) -> Result<EphemeralStorage> {
        Ok(EphemeralStorage::builder().size(self.ephemeral_mb).build()?)
    }

    fn environment(&self) -> Environment {
        Environment::builder().set_variables(Some(self.variables.clone())).build()
    }

    /// Sets how many instances there may be at once.
    async fn limit(&self, target: &Target) -> Result<()> {
        let name = &target.function;
        let put = target.lambda.put_function_concurrency().function_name(name);
        let put = put.reserved_concurrent_executions(self.concurrency).send().await;
        put.map(drop).map_err(|error| refused(name, &error))
    }
}

/// The target's refusal to provision a function.
fn refused(name: &str, error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    failure(format!("cannot provision function {name}: {}", words(error)), MEND)
}

fn property(name: &str, before: Option<String>, after: String) -> Property {
    Property { name: name.to_owned(), before, after: Some(after), replaces: false }
}

/// What is made where there is nothing: a plan's words for it.
pub(super) fn everything(name: &str) -> Vec<Planned> {
    let add = |resource: &str, kind: &str| Planned::added(resource, kind, Some(name.to_owned()));
    vec![add("Bucket", "AWS::S3::Bucket"), add("Function", "AWS::Lambda::Function")]
}

/// What [`bucket`] and [`function`] would change.
pub(super) async fn plan(config: &Config, target: &Target, artifact: &Path) -> Result<Vec<Planned>> {
    let name = &target.function;
    let wanted = Wanted::new(config, target, artifact)?;
    let mut planned = everything(name);
    if target.bucket.s3.head_bucket().bucket(&target.bucket.name).send().await.is_ok() {
        planned.retain(|change| change.resource != "Bucket");
        if !keeps_versions(target).await {
            let properties = vec![property("VersioningConfiguration.Status", None, "Enabled".to_owned())];
            let bucket = Planned::added("Bucket", "AWS::S3::Bucket", Some(target.bucket.name.clone()));
            planned.push(Planned { action: PlannedAction::Modify, properties, ..bucket });
        }
    }
    let found = match target.lambda.get_function().function_name(name).send().await {
        Ok(found) => found,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
            return Ok(planned);
        }
        Err(error) => return Err(refused(name, &error)),
    };
    planned.retain(|change| change.resource != "Function");
    let mut properties = wanted.differences(found.configuration());
    let image = found.code().and_then(|code| code.image_uri());
    if image != Some(&wanted.image) {
        properties.push(property("Code", image.map(str::to_owned), wanted.image.clone()));
    }
    let has_url = target.url().await?.is_some();
    if has_url != config.url {
        properties.push(property("FunctionUrl", Some(has_url.to_string()), config.url.to_string()));
    }
    let limit = found.concurrency().and_then(|limit| limit.reserved_concurrent_executions());
    if limit != Some(wanted.concurrency) {
        let limit = limit.map(|limit| limit.to_string());
        properties.push(property("ReservedConcurrentExecutions", limit, wanted.concurrency.to_string()));
    }
    if !properties.is_empty() {
        let function = Planned::added("Function", "AWS::Lambda::Function", Some(name.clone()));
        planned.push(Planned { action: PlannedAction::Modify, properties, ..function });
    }
    Ok(planned)
}
