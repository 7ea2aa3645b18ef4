//! What is up on AWS: the stack, the function, the image, and what it costs while nobody asks it anything.

use anyhow::Result;

use super::errors::{self, explain};
use super::session::Session;
use super::stack::Phase;
use super::{logs, stack};
use crate::cloud::place::{AwsStatus, RestCost};

/// What is known of the stage; nothing if it is not up.
///
/// # Errors
/// What AWS says.
pub(super) async fn status(session: &Session, with_drift: bool) -> Result<Option<AwsStatus>> {
    let names = &session.names;
    let found = stack::find(session, &names.stack).await?;
    let Some(stack) = found.filter(|stack| stack.phase() != Phase::Draft) else { return Ok(None) };
    let function = async {
        match session.lambda.get_function_configuration().function_name(&names.stack).send().await {
            Ok(found) => Ok(Some(found)),
            Err(error) if errors::is_code(&error, &["ResourceNotFoundException"]) => Ok(None),
            Err(error) => Err(explain(error, &format!("look at the function {}", names.stack))),
        }
    };
    let log = async {
        let bytes = async |name: &str| {
            let group = logs::group(session, name).await?;
            anyhow::Ok(group.and_then(|group| u64::try_from(group.stored_bytes()?).ok()).unwrap_or(0))
        };
        anyhow::Ok(bytes(&names.log_group).await? + bytes(&names.page_log_group).await?)
    };
    let (function, log_bytes, image_bytes, drift) = tokio::try_join!(function, log, image_bytes(session), async {
        match with_drift {
            true => super::drift::detect(session, &stack.name).await.map(Some),
            false => Ok(None),
        }
    })?;
    let state = function.as_ref().and_then(|function| function.state()).map(|state| state.as_str().to_owned());
    Ok(Some(AwsStatus {
        account: session.account.clone(),
        region: session.region.clone(),
        stack: stack.name.clone(),
        stack_status: stack.status.as_str().to_owned(),
        stack_reason: stack.reason.clone(),
        function_state: state.unwrap_or_else(|| "missing".to_owned()),
        architecture: stack.parameter("Architecture").map(str::to_owned),
        code: match stack.parameter("Package") {
            Some("image") => stack.parameter("ImageUri").map(str::to_owned),
            _ => stack.parameter("CodeKey").map(|key| format!("s3://{}/{key}", names.bucket)),
        },
        at_rest: RestCost::new(0, image_bytes, log_bytes),
        drift,
    }))
}

/// What the images in the repository take.
async fn image_bytes(session: &Session) -> Result<u64> {
    let described = session.ecr.describe_images().repository_name(&session.names.repository).send().await;
    match described {
        Ok(found) => {
            Ok(found.image_details().iter().filter_map(|image| u64::try_from(image.image_size_in_bytes()?).ok()).sum())
        }
        Err(error) if errors::is_code(&error, &["RepositoryNotFoundException"]) => Ok(0),
        Err(error) => Err(explain(error, "list the images")),
    }
}
