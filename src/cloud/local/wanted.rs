//! A function of the local target as it should be: made, compared, changed, through Lambda's own API.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{
    Environment, EphemeralStorage, FunctionCode, FunctionConfiguration, FunctionUrlAuthType, PackageType,
};

use crate::cloud::change::{Planned, PlannedAction, Property};
use crate::cloud::{Change, Target};
use crate::error::{failure, words};

/// What to do about a target that refuses what it should not.
pub(super) const MEND: &str = "run `quackctl up` again; what the local target has to say is in .quack/STAGE/daemon.log";

/// CloudFormation's type of a function.
pub(super) const KIND: &str = "AWS::Lambda::Function";

/// The function as it should be.
pub(super) struct Wanted {
    pub name: String,
    /// What its instances may do.
    pub role: &'static str,
    pub image: String,
    pub memory_mb: i32,
    pub timeout_s: i32,
    pub ephemeral_mb: i32,
    pub concurrency: i32,
    /// Whom it has a URL for.
    pub url: Option<FunctionUrlAuthType>,
    pub variables: HashMap<String, String>,
}

/// What the local target takes as an image: the folder of an artifact.
pub(super) fn image(artifact: &Path) -> Result<String> {
    let artifact = artifact.canonicalize().with_context(|| format!("no artifact at {}", artifact.display()))?;
    Ok(format!("dir:{}", artifact.display()))
}

impl Wanted {
    /// Makes the function, or changes what of it is not as it should be.
    ///
    /// # Errors
    /// What the target says.
    pub(super) async fn ensure(&self, target: &Target) -> Result<Vec<Change>> {
        let name = &self.name;
        let mut changes = Vec::new();
        let Some(found) = find(target, name).await? else {
            let code = FunctionCode::builder().image_uri(&self.image).build();
            let create = target.lambda.create_function().function_name(name).role(self.role);
            let create = create.package_type(PackageType::Image).code(code).memory_size(self.memory_mb);
            let create = create.timeout(self.timeout_s).ephemeral_storage(self.ephemeral_storage()?);
            match create.environment(self.environment()).send().await {
                Ok(_) => {}
                // Another `up` made it at the same moment.
                Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_conflict_exception()) => {
                    return Ok(changes);
                }
                Err(error) => return Err(refused(name, &error)),
            }
            self.limit(target).await?;
            changes.push(Change::created(format!("function {name}")));
            changes.extend(self.ensure_url(target).await?);
            return Ok(changes);
        };
        if found.code().and_then(|code| code.image_uri()) != Some(&self.image) {
            let update = target.lambda.update_function_code().function_name(name).image_uri(&self.image);
            update.send().await.map_err(|error| refused(name, &error))?;
            changes.push(Change::updated(format!("code of function {name}")));
        }
        let differences = self.differences(found.configuration());
        if !differences.is_empty() {
            let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
            let update = target.lambda.update_function_configuration().function_name(name);
            let update = update.memory_size(self.memory_mb).timeout(self.timeout_s).environment(self.environment());
            let update = update.ephemeral_storage(self.ephemeral_storage()?);
            update.send().await.map_err(|error| refused(name, &error))?;
            changes.push(Change::updated(format!("function {name}: {}", differences.join(", "))));
        }
        if concurrency(&found) != Some(self.concurrency) {
            self.limit(target).await?;
            changes.push(Change::updated(format!("concurrency of function {name}")));
        }
        changes.extend(self.ensure_url(target).await?);
        Ok(changes)
    }

    /// What [`Self::ensure`] would do, told of `resource`.
    ///
    /// # Errors
    /// What the target says.
    pub(super) async fn plan(&self, target: &Target, resource: &str) -> Result<Option<Planned>> {
        let added = Planned::added(resource, KIND, Some(self.name.clone()));
        let Some(found) = find(target, &self.name).await? else { return Ok(Some(added)) };
        let mut properties = self.differences(found.configuration());
        let image = found.code().and_then(|code| code.image_uri());
        if image != Some(&self.image) {
            properties.push(property("Code", image.map(str::to_owned), self.image.clone()));
        }
        let has_url = target.url_of(&self.name).await?.is_some();
        if has_url != self.url.is_some() {
            properties.push(property("FunctionUrl", Some(has_url.to_string()), self.url.is_some().to_string()));
        }
        let limit = concurrency(&found);
        if limit != Some(self.concurrency) {
            let limit = limit.map(|limit| limit.to_string());
            properties.push(property("ReservedConcurrentExecutions", limit, self.concurrency.to_string()));
        }
        Ok((!properties.is_empty()).then_some(Planned { action: PlannedAction::Modify, properties, ..added }))
    }

    /// Gives the function a URL, or takes it away, if it is not as it should be.
    async fn ensure_url(&self, target: &Target) -> Result<Option<Change>> {
        let (name, lambda) = (&self.name, &target.lambda);
        let has_one = target.url_of(name).await?.is_some();
        match (&self.url, has_one) {
            (Some(auth), false) => {
                let create = lambda.create_function_url_config().function_name(name);
                create.auth_type(auth.clone()).send().await.map_err(|error| refused(name, &error))?;
                Ok(Some(Change::created(format!("URL of function {name}"))))
            }
            (None, true) => {
                let delete = lambda.delete_function_url_config().function_name(name);
                delete.send().await.map_err(|error| refused(name, &error))?;
                Ok(Some(Change::updated(format!("function {name} has no URL any more"))))
            }
            _ => Ok(None),
        }
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
        let put = target.lambda.put_function_concurrency().function_name(&self.name);
        let put = put.reserved_concurrent_executions(self.concurrency).send().await;
        put.map(drop).map_err(|error| refused(&self.name, &error))
    }
}

/// Removes the function `name`, if there is one.
///
/// # Errors
/// What the target says.
pub(super) async fn remove(target: &Target, name: &str) -> Result<Option<Change>> {
    if find(target, name).await?.is_none() {
        return Ok(None);
    }
    let delete = target.lambda.delete_function().function_name(name).send().await;
    delete.map_err(|error| refused(name, &error))?;
    Ok(Some(Change::removed(format!("function {name}"))))
}

/// What [`remove`] would do, told of `resource`.
///
/// # Errors
/// What the target says.
pub(super) async fn removal(target: &Target, name: &str, resource: &str) -> Result<Option<Planned>> {
    let planned = Planned::added(resource, KIND, Some(name.to_owned()));
    Ok(find(target, name).await?.map(|_| Planned { action: PlannedAction::Remove, ..planned }))
}

async fn find(target: &Target, name: &str) -> Result<Option<GetFunctionOutput>> {
    match target.lambda.get_function().function_name(name).send().await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(refused(name, &error)),
    }
}

fn concurrency(found: &GetFunctionOutput) -> Option<i32> {
    found.concurrency().and_then(|limit| limit.reserved_concurrent_executions())
}

/// The target's refusal to provision a function.
fn refused(name: &str, error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    failure(format!("cannot provision function {name}: {}", words(error)), MEND)
}

pub(super) fn property(name: &str, before: Option<String>, after: String) -> Property {
    Property { name: name.to_owned(), before, after: Some(after), replaces: false }
}
