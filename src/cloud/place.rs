//! Where a stage is, for a person or a program that wants to talk to it.

use std::fmt;
use std::path::PathBuf;

use indicatif::HumanBytes;
use serde::Serialize;

/// The place, as its kind of target has it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Place {
    Local(LocalPlace),
    Aws(AwsStatus),
}

impl Place {
    /// Whether its process has ended.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, Self::Local(local) if !local.running)
    }

    /// Why nobody answers there, and what to do about it.
    pub(crate) fn silence(&self) -> Option<String> {
        match self {
            Self::Local(LocalPlace { halted: true, pid: Some(pid), .. }) => {
                Some(format!("its process {pid} was halted, and answers nobody; let it go on: kill -CONT {pid}"))
            }
            _ => None,
        }
    }

    /// The place, whose tables hold `table_bytes`: where storage is paid for, that has its cost.
    pub(crate) fn with_tables(self, table_bytes: u64) -> Self {
        match self {
            Self::Aws(mut aws) => {
                aws.at_rest = RestCost::new(table_bytes, aws.at_rest.image_bytes, aws.at_rest.log_bytes);
                Self::Aws(aws)
            }
            local => local,
        }
    }
}

/// The lines that each kind of place has of its own in `quackctl status`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(local) => {
                match local.pid {
                    Some(pid) => writeln!(f, "  {:<12}{} (process {pid})", "endpoint", local.endpoint)?,
                    None => writeln!(f, "  {:<12}{}", "endpoint", local.endpoint)?,
                }
                writeln!(f, "  {:<12}{}", "keys", local.credentials_file.display())
            }
            Self::Aws(aws) => {
                writeln!(f, "  {:<12}{} in {}", "account", aws.account, aws.region)?;
                let reason = aws.stack_reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                writeln!(f, "  {:<12}{}, {}{reason}", "stack", aws.stack, aws.stack_status)?;
                let arch = aws.architecture.as_deref().unwrap_or("?");
                writeln!(
                    f,
                    "  {:<12}{} ({arch}), from {}",
                    "state",
                    aws.function_state,
                    aws.code.as_deref().unwrap_or("?")
                )?;
                let rest = &aws.at_rest;
                let bytes = HumanBytes(rest.table_bytes + rest.image_bytes + rest.log_bytes);
                writeln!(
                    f,
                    "  {:<12}${:.4} a month for {bytes} of tables, images and logs",
                    "at rest", rest.usd_per_month
                )?;
                match aws.drift.as_deref() {
                    None => Ok(()),
                    Some([]) => writeln!(f, "  {:<12}none: everything is as the template has it", "drift"),
                    Some(drift) => drift.iter().try_for_each(|resource| writeln!(f, "  {:<12}{resource}", "drift")),
                }
            }
        }
    }
}

/// A stage on this machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LocalPlace {
    /// False when its process has ended; the next command starts it again.
    pub running: bool,
    /// True when its process was halted: it is there and answers nobody.
    pub halted: bool,
    /// URL of S3 and of the Lambda API.
    pub endpoint: String,
    pub region: String,
    pub pid: Option<i32>,
    /// When its process was ready, RFC 3339.
    pub started_at: Option<String>,
    /// The keys, as `AWS_SHARED_CREDENTIALS_FILE` wants them.
    pub credentials_file: PathBuf,
    /// Where the data lie.
    pub data: PathBuf,
}

/// A stage on AWS.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AwsStatus {
    pub account: String,
    pub region: String,
    pub stack: String,
    /// CloudFormation's word for the stack's state.
    pub stack_status: String,
    pub stack_reason: Option<String>,
    /// Lambda's word for the function's state; `missing` when there is none.
    pub function_state: String,
    pub architecture: Option<String>,
    /// Address of the image, with its digest, or of the zip file.
    pub code: Option<String>,
    pub at_rest: RestCost,
    /// What differs from the template; only when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<DriftedResource>>,
}

/// What is stored while nobody asks anything, and what that costs.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct RestCost {
    /// Bytes of the tables in the bucket.
    pub table_bytes: u64,
    /// Bytes of the images in the repository.
    pub image_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// US dollars a month, at public prices.
    pub usd_per_month: f64,
}

/// US dollars for a GB and month, US East (N. Virginia), first tier, without free tiers.
/// Sources: <https://aws.amazon.com/s3/pricing/>, <https://aws.amazon.com/ecr/pricing/>,
/// <https://aws.amazon.com/cloudwatch/pricing/>.
const S3_USD: f64 = 0.023;
const ECR_USD: f64 = 0.10;
const LOGS_USD: f64 = 0.03;

impl RestCost {
    /// The cost of these bytes.
    pub(crate) fn new(table_bytes: u64, image_bytes: u64, log_bytes: u64) -> Self {
        let gb = |bytes: u64| bytes as f64 / f64::from(1u32 << 30);
        let usd_per_month = gb(table_bytes) * S3_USD + gb(image_bytes) * ECR_USD + gb(log_bytes) * LOGS_USD;
        Self { table_bytes, image_bytes, log_bytes, usd_per_month }
    }
}

/// A resource that was changed by other means than CloudFormation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DriftedResource {
    pub resource: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    /// `MODIFIED` or `DELETED`.
    pub status: String,
    pub properties: Vec<DriftedProperty>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct DriftedProperty {
    pub path: String,
    pub expected: String,
    pub actual: String,
}

impl fmt::Display for DriftedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) {}: {}", self.resource, self.kind, self.name, self.status)?;
        for DriftedProperty { path, expected, actual } in &self.properties {
            write!(f, "\n    {path}: {expected} expected, {actual} found")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_there_costs_what_aws_asks_for_it() {
        let gb = 1 << 30;
        assert!((RestCost::new(100 * gb, 0, 0).usd_per_month - 2.30).abs() < 1e-9);
        assert!((RestCost::new(0, gb / 10, gb).usd_per_month - 0.04).abs() < 1e-9);
    }
}
