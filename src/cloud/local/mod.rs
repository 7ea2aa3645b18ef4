//! The local target: an embedded cloud. One background process on loopback serves S3 and AWS Lambda's own API, so that
//! the same SDK calls work against it and against AWS.

mod claim;
mod connections;
mod credentials;
pub(crate) mod daemon;
pub(crate) mod doctor;
mod door;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod grants;
mod lambda;
mod meter;
mod paths;
mod process;
mod provision;
mod s3;
mod stages;
mod stalled;
mod tail;
#[cfg(test)]
pub(crate) mod testing;
mod wanted;

pub(crate) use self::stages::{down, holdings, lake, logs, open, plan, stages_up, stands, status, up};
