//! The bucket and the functions of the local target, made through AWS's own APIs.

use std::path::Path;

use anyhow::Result;
use aws_sdk_lambda::types::FunctionUrlAuthType;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, VersioningConfiguration,
};

use super::grants::Grants;
use super::lambda::{ENGINE_ROLE, PAGE_ROLE};
use super::wanted::{self, Wanted};
use crate::bucket::Bucket;
use crate::cloud::change::{Planned, PlannedAction};
use crate::cloud::target::{local_name, page_name, page_timeout_s};
use crate::cloud::{Change, Target};
use crate::config::Config;
use crate::error::{failure, words};

/// Days that the lake's bucket keeps what was overwritten or deleted.
const NONCURRENT_DAYS: i32 = 7;

/// Memory of the page function, MB, and most of its instances at once: each shows one tile at a time. More of them take the processors from
/// what is waited for.
const PAGE_MEMORY_MB: u32 = 512;
const PAGE_CONCURRENCY: u32 = 16;

/// Makes the bucket unless it is there, and has it keep what is overwritten or deleted.
pub(super) async fn bucket(target: &Target) -> Result<Option<Change>> {
    let Bucket { s3, name, .. } = &target.bucket;
    let cannot = |error: &(dyn std::error::Error + 'static)| {
        failure(format!("cannot make bucket {name}: {}", words(error)), wanted::MEND)
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

/// What the functions are made of: the folders of their artifacts.
pub(super) struct Code<'a> {
    pub engine: &'a Path,
    /// Nothing where no pages are deployed.
    pub page: Option<&'a Path>,
}

/// Makes the functions, or changes what of them is not as `config` and `code` want it.
pub(super) async fn functions(config: &Config, target: &Target, code: &Code<'_>) -> Result<Vec<Change>> {
    let mut changes = engine(config, target, code.engine)?.ensure(target).await?;
    match code.page {
        Some(artifact) => changes.extend(page(config, target, artifact)?.ensure(target).await?),
        None => changes.extend(wanted::remove(target, &target.page).await?),
    }
    Ok(changes)
}

/// The engine's function. Each variable is told in `function/src/engine/settings.rs`.
fn engine(config: &Config, target: &Target, artifact: &Path) -> Result<Wanted> {
    let Bucket { name, layout, .. } = &target.bucket;
    let read: Vec<String> = config.lake.read.iter().map(ToString::to_string).collect();
    let variables = [
        ("QUACK_BUCKET", name.clone()),
        ("QUACK_EXTENSIONS", config.extensions.join(",")),
        ("QUACK_RESULTS", layout.results.clone()),
        ("QUACK_CATALOG", layout.catalog.clone()),
        ("QUACK_TABLES", layout.tables.clone()),
        ("QUACK_WRITE", Grants::of(config).write_list()),
        ("QUACK_S3_IS_NEAR", (config.network.first_byte_ms == 0).to_string()),
        ("QUACK_TEMP_MIB", config.ephemeral_mb.to_string()),
        ("QUACK_LOG_SQL", config.log_sql.to_string()),
        // Told when it is empty, too: else a function that had folders would keep them.
        ("QUACK_READ", read.join(",")),
    ];
    Ok(Wanted {
        name: target.function.clone(),
        role: ENGINE_ROLE,
        image: wanted::image(artifact)?,
        memory_mb: i32::try_from(config.memory_mb)?,
        timeout_s: i32::try_from(config.timeout_s)?,
        ephemeral_mb: i32::try_from(config.ephemeral_mb)?,
        concurrency: i32::try_from(config.concurrency)?,
        url: config.url.then_some(FunctionUrlAuthType::AwsIam),
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
    })
}

/// The page function. Each variable is told in `function/page/src/settings.rs`.
fn page(config: &Config, target: &Target, artifact: &Path) -> Result<Wanted> {
    let Bucket { name, layout, .. } = &target.bucket;
    let variables = [
        ("QUACK_BUCKET", name.clone()),
        ("QUACK_DASH", layout.dash.clone()),
        ("QUACK_CATALOG", layout.catalog.clone()),
        ("QUACK_FUNCTION", target.function.clone()),
        // Browsers keep no cookie that is for HTTPS alone.
        ("QUACK_SITE_URL", "http://127.0.0.1".to_owned()),
    ];
    Ok(Wanted {
        name: target.page.clone(),
        role: PAGE_ROLE,
        image: wanted::image(artifact)?,
        memory_mb: i32::try_from(PAGE_MEMORY_MB)?,
        timeout_s: i32::try_from(page_timeout_s(config))?,
        ephemeral_mb: 512,
        concurrency: i32::try_from(PAGE_CONCURRENCY)?,
        url: Some(FunctionUrlAuthType::None),
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
    })
}

/// What is made where there is nothing: a plan's words for it.
pub(super) fn everything(config: &Config) -> Vec<Planned> {
    let name = local_name(config);
    let page = config.dash.is_some().then(|| Planned::added("PageFunction", wanted::KIND, Some(page_name(&name))));
    let [bucket, function] = [("Bucket", "AWS::S3::Bucket"), ("Function", wanted::KIND)]
        .map(|(resource, kind)| Planned::added(resource, kind, Some(name.clone())));
    [bucket, function].into_iter().chain(page).collect()
}

/// What [`bucket`] and [`functions`] would change.
pub(super) async fn plan(config: &Config, target: &Target, code: &Code<'_>) -> Result<Vec<Planned>> {
    let mut planned = Vec::new();
    let bucket = Planned::added("Bucket", "AWS::S3::Bucket", Some(target.bucket.name.clone()));
    if target.bucket.s3.head_bucket().bucket(&target.bucket.name).send().await.is_err() {
        planned.push(bucket);
    } else if !keeps_versions(target).await {
        let properties = vec![wanted::property("VersioningConfiguration.Status", None, "Enabled".to_owned())];
        planned.push(Planned { action: PlannedAction::Modify, properties, ..bucket });
    }
    planned.extend(engine(config, target, code.engine)?.plan(target, "Function").await?);
    planned.extend(match code.page {
        Some(artifact) => page(config, target, artifact)?.plan(target, "PageFunction").await?,
        None => wanted::removal(target, &target.page, "PageFunction").await?,
    });
    Ok(planned)
}
