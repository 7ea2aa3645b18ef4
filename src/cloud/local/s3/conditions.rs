//! Conditions of requests: what must hold of an object for it to be read or replaced.

use std::time::{Duration, UNIX_EPOCH};

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

use super::stat::Stat;

/// What must hold of the object that a write replaces.
#[derive(Debug, Default)]
pub(super) struct Precondition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

impl Precondition {
    /// # Errors
    /// `PreconditionFailed`; `NoSuchKey` when an ETag is wanted of what is not there; `NotImplemented` when an ETag is not
    /// wanted: S3's writes know `If-None-Match: *` alone.
    pub(super) fn check(&self, now: Option<&Stat>) -> S3Result<()> {
        if let Some(ETagCondition::ETag(_)) = &self.if_none_match {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented: If-None-Match with an ETag"
            ));
        }
        match (&self.if_match, now) {
            (Some(ETagCondition::ETag(_)), None) => return Err(s3_error!(NoSuchKey)),
            (Some(_), None) => return Err(s3_error!(PreconditionFailed)),
            (Some(condition), Some(stat)) if !matches(condition, stat) => return Err(s3_error!(PreconditionFailed)),
            _ => {}
        }
        match (&self.if_none_match, now) {
            (Some(_), Some(_)) => Err(s3_error!(PreconditionFailed)),
            _ => Ok(()),
        }
    }
}

/// Conditions under which an object is read.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// The four headers of a request that reads or copies, in the order of their names in HTTP's own list.
    pub(super) fn of(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
        if_modified_since: Option<Timestamp>,
        if_unmodified_since: Option<Timestamp>,
    ) -> Self {
        Self { if_match, if_none_match, if_modified_since, if_unmodified_since }
    }

    /// # Errors
    /// `PreconditionFailed`, `NotModified`. ETags win over dates, as HTTP has it.
    pub(super) fn check(&self, stat: &Stat) -> S3Result<()> {
        // Dates in HTTP have whole seconds.
        let seconds = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let modified = Timestamp::from(UNIX_EPOCH + Duration::from_secs(seconds(stat.modified)));
        let fails = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => !matches(condition, stat),
            (None, Some(since)) => modified > *since,
            (None, None) => false,
        };
        if fails {
            return Err(s3_error!(PreconditionFailed));
        }
        let unchanged = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, stat),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        if unchanged { Err(s3_error!(NotModified)) } else { Ok(()) }
    }
}

fn matches(condition: &ETagCondition, stat: &Stat) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(e_tag) => e_tag.value() == stat.e_tag,
    }
}
