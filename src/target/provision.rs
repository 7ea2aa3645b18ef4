//! The bucket and the function, made through AWS's own APIs: the same calls on every target.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::types::{Environment, FunctionCode, FunctionConfiguration, PackageType};

use super::{Change, Target};
use crate::config::Config;

/// Local functions need no role, but the API wants one.
const ROLE: &str = "arn:aws:iam::000000000000:role/quackctl";

/// Makes the bucket unless it is there.
pub async fn bucket(target: &Target) -> Result<Option<Change>> {
    let bucket = &target.bucket;
    if target.s3.head_bucket().bucket(bucket).send().await.is_ok() {
        return Ok(None);
    }
    let created = target.s3.create_bucket().bucket(bucket).send().await;
    match created {
        Ok(_) => Ok(Some(Change::created(format!("bucket {bucket}")))),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_bucket_already_owned_by_you()) => Ok(None),
        Err(error) => {
            Err(anyhow::anyhow!("{}", DisplayErrorContext(&error))).context(format!("cannot make bucket {bucket}"))
        }
    }
}

/// Makes the function, or changes what of it is not as `config` and `artifact` want it.
pub async fn function(config: &Config, target: &Target, artifact: &Path) -> Result<Vec<Change>> {
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
        return Ok(changes);
    };
    if found.code().and_then(|code| code.image_uri()) != Some(&wanted.image) {
        let update = target.lambda.update_function_code().function_name(name).image_uri(&wanted.image);
        update.send().await.map_err(|error| refused(name, &error))?;
        changes.push(Change::updated(format!("code of function {name}")));
    }
    let differences = wanted.differences(found.configuration());
    if !differences.is_empty() {
        let update = target.lambda.update_function_configuration().function_name(name);
        let update = update.memory_size(wanted.memory_mb).timeout(wanted.timeout_s).environment(wanted.environment());
        update.send().await.map_err(|error| refused(name, &error))?;
        changes.push(Change::updated(format!("function {name}: {}", differences.join(", "))));
    }
    if found.concurrency().and_then(|limit| limit.reserved_concurrent_executions()) != Some(wanted.concurrency) {
        wanted.limit(target).await?;
        changes.push(Change::updated(format!("concurrency of function {name}")));
    }
    Ok(changes)
}

/// The function's environment. Each variable is told in `function/src/engine/settings.rs`.
fn variables(config: &Config, target: &Target) -> HashMap<String, String> {
    let Target { bucket, layout, .. } = target;
    let read: Vec<String> = config.lake.read.iter().map(ToString::to_string).collect();
    let mut variables = vec![
        ("QUACK_BUCKET", bucket.clone()),
        ("QUACK_EXTENSIONS", config.extensions.join(",")),
        ("QUACK_RESULTS", layout.results.clone()),
    ];
    if !read.is_empty() {
        variables.push(("QUACK_READ", read.join(",")));
    }
    if !config.lake.manage {
        variables.push(("QUACK_WRITE", format!("s3://{bucket}/{}", config.lake.prefix)));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The function as it should be.
struct Wanted {
    image: String,
    memory_mb: i32,
    timeout_s: i32,
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
            concurrency: i32::try_from(config.concurrency)?,
            variables: variables(config, target),
        })
    }

    /// What of a function's configuration is to change, as a person reads it.
    fn differences(&self, found: Option<&FunctionConfiguration>) -> Vec<String> {
        let number = |name: &str, found: Option<i32>, wanted: i32| {
            let found = found.map_or_else(|| "?".to_owned(), |found| found.to_string());
            (found != wanted.to_string()).then(|| format!("{name} {found} -> {wanted}"))
        };
        let variables = found.and_then(|found| found.environment()).and_then(|environment| environment.variables());
        let environment = (variables != Some(&self.variables)).then(|| "environment".to_owned());
        [
            number("memory_mb", found.and_then(|found| found.memory_size()), self.memory_mb),
            number("timeout_s", found.and_then(|found| found.timeout()), self.timeout_s),
            environment,
        ]
        .into_iter()
        .flatten()
        .collect()
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
    anyhow::anyhow!("{}", DisplayErrorContext(error)).context(format!("cannot provision function {name}"))
}
