//! Drift: what was changed by other means than CloudFormation.

use anyhow::Result;
use aws_sdk_cloudformation::types::{StackDriftDetectionStatus, StackResourceDriftStatus};

use super::errors::explain;
use super::session::Session;
use super::stack::Pace;
use crate::cloud::place::{DriftedProperty, DriftedResource};
use crate::error::failure;

/// Has CloudFormation compare the stack with what is there, and tells what differs.
///
/// # Errors
/// A detection that fails; what AWS says.
pub(super) async fn detect(session: &Session, stack: &str) -> Result<Vec<DriftedResource>> {
    let doing = format!("detect the drift of the stack {stack}");
    let started = session.cloudformation.detect_stack_drift().stack_name(stack).send().await;
    let id = started.map_err(|error| explain(error, &doing))?.stack_drift_detection_id.unwrap_or_default();
    let mut pace = Pace::new();
    loop {
        let request = session.cloudformation.describe_stack_drift_detection_status().stack_drift_detection_id(&id);
        let found = request.send().await.map_err(|error| explain(error, &doing))?;
        match found.detection_status() {
            Some(StackDriftDetectionStatus::DetectionInProgress) => pace.wait().await,
            Some(StackDriftDetectionStatus::DetectionFailed) => {
                let reason = found.detection_status_reason().unwrap_or("AWS gave no reason");
                return Err(failure(format!("cannot {doing}: {reason}"), "`quackctl doctor` tells what is missing"));
            }
            _ => break,
        }
    }
    let request = session.cloudformation.describe_stack_resource_drifts().stack_name(stack);
    let request = request
        .stack_resource_drift_status_filters(StackResourceDriftStatus::Modified)
        .stack_resource_drift_status_filters(StackResourceDriftStatus::Deleted);
    let found = request.send().await.map_err(|error| explain(error, &doing))?;
    let drifts = found.stack_resource_drifts().iter();
    Ok(drifts
        .map(|drift| DriftedResource {
            resource: drift.logical_resource_id().unwrap_or_default().to_owned(),
            kind: drift.resource_type().unwrap_or_default().to_owned(),
            name: drift.physical_resource_id().unwrap_or_default().to_owned(),
            status: drift.stack_resource_drift_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            properties: drift
                .property_differences()
                .iter()
                .map(|difference| DriftedProperty {
                    path: difference.property_path().unwrap_or_default().to_owned(),
                    expected: difference.expected_value().unwrap_or_default().to_owned(),
                    actual: difference.actual_value().unwrap_or_default().to_owned(),
                })
                .collect(),
        })
        .collect())
}
