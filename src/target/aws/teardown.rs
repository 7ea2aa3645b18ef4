//! `down` on AWS: the bucket's contents, the stacks, and then a look whether anything is left. Like `up` it begins
//! anywhere.

use anyhow::Result;

use super::change_set::{self, Outcome};
use super::errors::{self, explain};
use super::names::{PROJECT_TAG, STAGE_TAG};
use super::session::Session;
use super::stack::{self, Phase, Stack};
use super::template::{BUCKET, Wanted};
use super::{bucket, code};
use crate::config::Config;
use crate::context::Context;
use crate::error::failure;
use crate::lake::layout::Layout;

/// Times that the bucket is emptied because something wrote to it meanwhile.
const ATTEMPTS: u32 = 3;

/// Removes everything that `up` made, or all but the bucket. False if there was nothing.
///
/// # Errors
/// What cannot be removed, and what is left when all was done.
pub async fn down(context: &Context, keep_data: bool) -> Result<bool> {
    let config = &context.config;
    let session = Session::open(config).await?;
    let session = &session;
    let names = &session.names;
    let (main, registry) = tokio::try_join!(
        stack::settle(context, session, &names.stack),
        stack::settle(context, session, &names.registry_stack)
    )?;
    let found = main.is_some() || registry.is_some();
    let role = role_name(session, main.as_ref()).await?;
    let bucket_there = config.lake.manage && bucket_in(main.as_ref()) || is_kept(config, session).await?;
    let previous = bucket::previous(config, session, &names.bucket).await?;

    let registry_gone = async {
        match &registry {
            Some(registry) => stack::delete(context, session, registry, vec![]).await,
            None => Ok(()),
        }
    };
    let main_gone = async {
        if keep_data {
            return keep_bucket(context, session, main.as_ref()).await;
        }
        remove_with_data(context, session, main.as_ref(), bucket_there, &previous).await
    };
    tokio::try_join!(registry_gone, main_gone)?;
    verify(config, session, role.as_deref(), keep_data).await?;
    Ok(found || bucket_there && !keep_data)
}

/// Whether the stack has a bucket of its own.
fn bucket_in(stack: Option<&Stack>) -> bool {
    stack.is_some_and(|stack| stack.phase() != Phase::Draft && stack.parameter("ManageBucket") != Some("false"))
}

/// Whether `down --keep-data` left the bucket.
async fn is_kept(config: &Config, session: &Session) -> Result<bool> {
    Ok(config.lake.manage && bucket::is_ours(config, session, &session.names.bucket).await?)
}

/// The role that the stack made: tags do not find roles.
async fn role_name(session: &Session, stack: Option<&Stack>) -> Result<Option<String>> {
    let Some(stack) = stack else { return Ok(None) };
    let found = session.cloudformation.describe_stack_resources().stack_name(&stack.name).send().await;
    match found {
        Ok(found) => Ok(found
            .stack_resources()
            .iter()
            .find(|resource| resource.resource_type() == Some("AWS::IAM::Role"))
            .and_then(|role| role.physical_resource_id().map(str::to_owned))),
        Err(error) if errors::text(&error).contains("does not exist") => Ok(None),
        Err(error) => Err(explain(error, &format!("list the resources of the stack {}", stack.name))),
    }
}

async fn remove_with_data(
    context: &Context,
    session: &Session,
    stack: Option<&Stack>,
    bucket_there: bool,
    previous: &[String],
) -> Result<()> {
    let config = &context.config;
    let name = &session.names.bucket;
    if !config.lake.manage {
        // Only what quackctl itself wrote: the bucket is somebody else's.
        bucket::empty(context, session, name, &Layout::new(&config.lake).owned()).await?;
    }
    for bucket in previous {
        if bucket::is_ours(config, session, bucket).await? {
            bucket::delete(context, session, bucket).await?;
        }
    }
    let mut attempt = 1;
    loop {
        if bucket_there {
            bucket::empty(context, session, name, &[String::new()]).await?;
        }
        let Some(stack) = stack else { break };
        match stack::delete(context, session, stack, vec![]).await {
            Ok(()) => break,
            // A query that ran meanwhile may have written its result.
            Err(_) if attempt < ATTEMPTS && bucket_there => attempt += 1,
            Err(error) => return Err(error),
        }
    }
    // A bucket that was kept is in no stack.
    if bucket_there { bucket::delete(context, session, name).await } else { Ok(()) }
}

/// Deletes the stack around its bucket.
async fn keep_bucket(context: &Context, session: &Session, stack: Option<&Stack>) -> Result<()> {
    let config = &context.config;
    let Some(stack) = stack else { return Ok(()) };
    if !config.lake.manage || !bucket_in(Some(stack)) {
        return stack::delete(context, session, stack, vec![]).await;
    }
    bucket::mark(config, session, None).await?;
    match stack.phase() {
        Phase::Ready => retain_bucket(context, session, stack).await?,
        Phase::Broken if stack.status.as_str() == "DELETE_FAILED" => {
            return stack::delete(context, session, stack, vec![BUCKET.to_owned()]).await;
        }
        _ => {}
    }
    stack::delete(context, session, stack, vec![]).await
}

/// Tells the stack to leave its bucket alone when it is deleted.
async fn retain_bucket(context: &Context, session: &Session, stack: &Stack) -> Result<()> {
    let mut wanted = Wanted::as_it_is(&context.config, session, stack);
    wanted.parameters.insert("BucketOnDelete", "Retain".to_owned());
    if let Outcome::Done(set) = change_set::create(session, Some(stack), &wanted).await? {
        set.execute(context, session).await?;
    }
    // Whatever happened meanwhile: nothing is deleted unless the stack itself says that the bucket stays.
    let now = stack::settle(context, session, &stack.name).await?;
    match now.as_ref().and_then(|stack| stack.parameter("BucketOnDelete")) {
        Some("Retain") => Ok(()),
        _ => Err(failure(
            format!("somebody else changed the stack {} at this moment", stack.name),
            "nothing was deleted: run `quackctl down --keep-data` again",
        )),
    }
}

/// Asks every service whether something of the stage is left.
async fn verify(config: &Config, session: &Session, role: Option<&str>, keep_data: bool) -> Result<()> {
    let names = &session.names;
    let (tagged, function, log, repository, role, bucket) = tokio::try_join!(
        tagged(config, session),
        async {
            let found = session.lambda.get_function_configuration().function_name(&names.stack).send().await;
            present(found, &["ResourceNotFoundException"], &format!("function {}", names.stack))
        },
        async {
            let found = session.logs.describe_log_groups().log_group_name_prefix(&names.log_group).send().await;
            let found = found.map_err(|error| explain(error, "list the log groups"))?;
            let is_ours = |name: Option<&str>| name == Some(names.log_group.as_str());
            let left = found.log_groups().iter().any(|group| is_ours(group.log_group_name()));
            Ok(left.then(|| format!("log group {}", names.log_group)))
        },
        async {
            let bytes = code::image_bytes(session).await;
            // A repository that is gone has no images, one that is empty is listed by its tags.
            Ok(bytes?.gt(&0).then(|| format!("image repository {}", names.repository)))
        },
        async {
            let Some(role) = role else { return Ok(None) };
            let found = session.iam.get_role().role_name(role).send().await;
            present(found, &["NoSuchEntity"], &format!("role {role}"))
        },
        async {
            let looked_for = config.lake.manage && !keep_data;
            let left = looked_for && is_kept(config, session).await?;
            Ok(left.then(|| format!("bucket {}", names.bucket)))
        },
    )?;
    let kept = format!(":::{}", names.bucket);
    let tagged = tagged.into_iter().filter(|arn| !(keep_data && arn.ends_with(&kept)));
    let left: Vec<String> = [function, log, repository, role, bucket].into_iter().flatten().chain(tagged).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(failure(
        format!("everything was deleted, and yet this is left:\n  {}", left.join("\n  ")),
        "run `quackctl down` again; what stays was made by other means, or kept when a setting changed: delete it by hand",
    ))
}

/// ARNs of what has the stage's tags. The service is a little behind: what it lists may be gone already.
async fn tagged(config: &Config, session: &Session) -> Result<Vec<String>> {
    let filter = |key: &str, value: &str| {
        aws_sdk_resourcegroupstagging::types::TagFilter::builder().key(key).values(value).build()
    };
    let request = session.tagging.get_resources();
    let request =
        request.tag_filters(filter(PROJECT_TAG, &config.project)).tag_filters(filter(STAGE_TAG, &config.stage));
    let found = request.send().await.map_err(|error| explain(error, "look for what has the stage's tags"))?;
    let arns = found.resource_tag_mapping_list().iter().filter_map(|mapping| mapping.resource_arn().map(str::to_owned));
    // Buckets are asked for themselves, the rest by name; the tags find what a change of settings left behind.
    Ok(arns.filter(|arn| arn.starts_with("arn:") && arn.contains(":s3:::")).collect())
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
