//! `down` on AWS: the bucket's contents, the stacks, and then a look whether anything is left. Like `up` it begins
//! anywhere.

use anyhow::Result;

use super::errors::{self, explain};
use super::names::{PROJECT_TAG, STAGE_TAG};
use super::session::Session;
use super::stack::{self, Stack};
use super::{bucket, change_set, holdings, logs, mend, shared};
use crate::bucket::layout::Layout;
use crate::cloud::holding::Holding;
use crate::config::Config;
use crate::console::context::Context;
use crate::error::failure;

/// Removes everything that `up` made, or all but the bucket. False if there was nothing.
///
/// # Errors
/// What cannot be removed, and what is left when all was done.
pub(crate) async fn down(context: &Context, keep_data: bool) -> Result<bool> {
    let config = &context.config;
    let session = Session::open(config).await?;
    let session = &session;
    let (main, registry) = stack::settle_both(context, session).await?;
    [&main, &registry].into_iter().flatten().try_for_each(|stack| stack.check_owner(config))?;
    let found = main.is_some() || registry.is_some();
    let roles = role_names(session, main.as_ref()).await?;
    let is_deployed = |stack: &Stack| stack.parameter("PageCodeKey").is_some_and(|key| !key.is_empty());
    let has_page = config.dash.is_some() || main.as_ref().is_some_and(is_deployed);
    let buckets = holdings::buckets(config, session, main.as_ref()).await?;
    for bucket in &buckets {
        // The stack leaves its bucket behind: a run after this one must know whose it is.
        bucket::mark(config, session, bucket, None).await?;
    }

    let deleted = |stack: Option<Stack>| async move {
        match stack {
            Some(stack) => mend::delete(context, session, &stack, vec![]).await,
            None => Ok(()),
        }
    };
    let [plan, plan_registry] = session.names.plan_stacks.each_ref().map(|name| remove_plan(session, name));
    tokio::try_join!(deleted(registry), deleted(main), plan, plan_registry)?;
    logs::remove(session, &session.names.log_group).await?;
    if has_page {
        logs::remove(session, &session.names.page_log_group).await?;
    }
    // Now that the function is gone, nothing writes to the bucket any more.
    if !keep_data {
        delete_data(context, session, &buckets).await?;
    }
    let page = has_page.then_some(session.names.page.as_str());
    verify(config, session, &roles, page, keep_data).await?;
    if !keep_data {
        config.disclaim()?;
    }
    Ok(found || !buckets.is_empty() && !keep_data)
}

/// Removes what a `plan` left behind that was killed.
async fn remove_plan(session: &Session, name: &str) -> Result<()> {
    match stack::find(session, name).await? {
        Some(stack) => change_set::remove_draft(session, &stack).await,
        None => Ok(()),
    }
}

/// The data that [`down`] would delete.
///
/// # Errors
/// What AWS says; a stack of another project.
pub(crate) async fn data(config: &Config) -> Result<Vec<Holding>> {
    let session = Session::open(config).await?;
    let stack = stack::find(&session, &session.names.stack).await?;
    stack.iter().try_for_each(|stack| stack.check_owner(config))?;
    let mut data = Vec::new();
    for bucket in holdings::buckets(config, &session, stack.as_ref()).await? {
        data.extend(bucket::holding(&session, &bucket, &Layout::managed(), "").await?);
    }
    if !config.lake.manage && shared::is_ours(config, &session).await? {
        let layout = Layout::new(&config.lake);
        data.extend(bucket::holding(&session, &session.names.bucket, &layout, &config.lake.prefix).await?);
    }
    Ok(data)
}

/// The roles that the stack made: tags do not find roles.
async fn role_names(session: &Session, stack: Option<&Stack>) -> Result<Vec<String>> {
    let Some(stack) = stack else { return Ok(Vec::new()) };
    let found = session.cloudformation.describe_stack_resources().stack_name(&stack.name).send().await;
    match found {
        Ok(found) => Ok(found
            .stack_resources()
            .iter()
            .filter(|resource| resource.resource_type() == Some("AWS::IAM::Role"))
            .filter_map(|role| role.physical_resource_id().map(str::to_owned))
            .collect()),
        Err(error) if errors::is_no_stack(&error) => Ok(Vec::new()),
        Err(error) => Err(explain(error, &format!("list the resources of the stack {}", stack.name))),
    }
}

/// Deletes the stage's own buckets; of somebody else's, what quackctl itself wrote.
async fn delete_data(context: &Context, session: &Session, buckets: &[String]) -> Result<()> {
    let config = &context.config;
    if !config.lake.manage && shared::is_ours(config, session).await? {
        bucket::empty(context, session, &session.names.bucket, &Layout::new(&config.lake).owned()).await?;
    }
    for bucket in buckets.iter().rev() {
        bucket::delete(context, session, bucket).await?;
    }
    Ok(())
}

/// Asks every service whether something of the stage is left; `page` is the page function, where there was one.
async fn verify(
    config: &Config,
    session: &Session,
    roles: &[String],
    page: Option<&str>,
    keep_data: bool,
) -> Result<()> {
    let names = &session.names;
    let function = async |name: &str| {
        let found = session.lambda.get_function_configuration().function_name(name).send().await;
        present(found, &["ResourceNotFoundException"], &format!("function {name}"))
    };
    let log = async |name: &str| {
        let found = logs::group(session, name).await?;
        anyhow::Ok(found.map(|_| format!("log group {name}")))
    };
    let (tagged, function, page, log, page_log, repository, roles, bucket) = tokio::try_join!(
        tagged(config, session),
        function(&names.stack),
        async {
            match page {
                Some(page) => function(page).await,
                None => Ok(None),
            }
        },
        log(&names.log_group),
        log(&names.page_log_group),
        async {
            // An empty one has a list of images, too.
            let found = session.ecr.describe_images().repository_name(&names.repository).max_results(1).send().await;
            let what = format!("image repository {}", names.repository);
            present(found, &["RepositoryNotFoundException"], &what)
        },
        async {
            let mut left = Vec::new();
            for role in roles {
                let found = session.iam.get_role().role_name(role).send().await;
                left.extend(present(found, &["NoSuchEntity"], &format!("role {role}"))?);
            }
            anyhow::Ok(left)
        },
        async {
            let left = if keep_data { vec![] } else { holdings::buckets(config, session, None).await? };
            Ok(left.first().map(|bucket| format!("bucket {bucket}")))
        },
    )?;
    let left: Vec<String> =
        [function, page, log, page_log, repository, bucket].into_iter().flatten().chain(roles).chain(tagged).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(failure(
        format!("everything was deleted, and yet this is left:\n  {}", left.join("\n  ")),
        "run `quackctl down` again; what stays was made by other means, or kept when a setting changed: delete it by hand",
    ))
}

/// Buckets with the stage's tags, but for the one that is asked for by name. All else is found by its name; the tags find
/// what a change of settings left behind.
async fn tagged(config: &Config, session: &Session) -> Result<Vec<String>> {
    let filter = |key: &str, value: &str| {
        aws_sdk_resourcegroupstagging::types::TagFilter::builder().key(key).values(value).build()
    };
    let request = session.tagging.get_resources().resource_type_filters("s3");
    let request =
        request.tag_filters(filter(PROJECT_TAG, &config.project)).tag_filters(filter(STAGE_TAG, &config.stage));
    let found = request.send().await.map_err(|error| explain(error, "look for what has the stage's tags"))?;
    let mut left = Vec::new();
    for arn in found.resource_tag_mapping_list().iter().filter_map(|mapping| mapping.resource_arn()) {
        let Some((_, bucket)) = arn.split_once(":::") else { continue };
        // The service is a little behind: what it lists may be gone already.
        let is_other = bucket != session.names.bucket;
        if is_other && session.s3.head_bucket().bucket(bucket).send().await.is_ok() {
            left.push(format!("bucket {bucket}"));
        }
    }
    Ok(left)
}

/// `what` when the service still has it.
fn present<T, E>(
    found: Result<T, aws_sdk_s3::error::SdkError<E>>,
    missing: &[&str],
    what: &str,
) -> Result<Option<String>>
where
    E: std::error::Error + Send + Sync + 'static + aws_sdk_s3::error::ProvideErrorMetadata,
{
    match found {
        Ok(_) => Ok(Some(what.to_owned())),
        Err(error) if errors::is_code(&error, missing) => Ok(None),
        Err(error) => Err(explain(error, &format!("look for the {what}"))),
    }
}
