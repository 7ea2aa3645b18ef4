//! A result that a function may write to the bucket: it has a name that we gave it and that nobody guesses, so it is removed
//! again when nobody takes it, even one that is not written yet.

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use chrono::{TimeDelta, Utc};
use quack_function::wire::{LEFT, ROWS};

use crate::bucket::{Bucket, upload};
use crate::private;

/// How long a single request may hold up whoever waits for the end.
const WITHIN: Duration = Duration::from_secs(2);

/// How long a function that is told that nobody waits any more is waited for: it looks for that every two seconds. One that
/// takes longer tidies up itself.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// What nobody took for so long is nobody's.
const AGE: TimeDelta = TimeDelta::days(1);

/// A result's name.
#[derive(Debug, Clone)]
pub(crate) struct Pending<'a> {
    bucket: &'a Bucket,
    name: String,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(bucket: &'a Bucket) -> Self {
        Self { bucket, name: private::name() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the rows are, when they were spilled.
    pub(crate) fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket.name, self.key(ROWS))
    }

    /// Key prefix of what is written in its place, where that is more than one object. What the function is told lies beside.
    pub(crate) fn written(&self) -> String {
        self.key("written/")
    }

    fn key(&self, object: &str) -> String {
        format!("{}{}/{object}", self.bucket.layout.results, self.name)
    }

    /// The address of what is written.
    pub(super) fn address(&self, name: &str) -> String {
        format!("s3://{}/{}{name}", self.bucket.name, self.written())
    }

    /// Tells the function that nobody waits for it any more, and removes what it has written, or writes while `answer` comes.
    pub(crate) async fn withdraw<T>(&self, answer: impl Future<Output = T>) {
        self.leave().await;
        let answered = tokio::time::timeout(GRACE, answer).await.is_ok();
        self.remove(answered).await;
    }

    /// Tells the function that nobody waits for it any more.
    pub(crate) async fn leave(&self) {
        let put = self.bucket.s3.put_object().bucket(&self.bucket.name).key(self.key(LEFT));
        // A bucket that takes no word has nothing to be told.
        let _ = tokio::time::timeout(WITHIN, put.body(ByteStream::from_static(b"")).send()).await;
    }

    /// Removes the rows; and, once the function has `answered`, what it was told.
    pub(crate) async fn remove(&self, answered: bool) {
        let keys = [Some(self.key(ROWS)), answered.then(|| self.key(LEFT))];
        let _ = tokio::time::timeout(WITHIN, upload::delete(self.bucket, keys.into_iter().flatten())).await;
    }
}

/// Removes results that are left of callers who were killed; a bucket that is quackctl's own has a rule for them.
pub(crate) async fn sweep(bucket: &Bucket) {
    let listed = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(&bucket.layout.results).send().await;
    let before = (Utc::now() - AGE).timestamp();
    let objects = listed.ok().and_then(|page| page.contents).unwrap_or_default();
    let old = objects.into_iter().filter(|object| object.last_modified().is_some_and(|time| time.secs() < before));
    upload::delete(bucket, old.filter_map(|object| object.key).filter(|key| bucket.layout.is_result(key))).await;
}
