//! A folder of somebody else's bucket (`lake.manage` is false): several projects and stages may name the same one, and then
//! they have the same tables. The first one's mark is in it, and nobody else's `down` deletes what is there.

use anyhow::Result;
use aws_sdk_s3::primitives::ByteStream;

use super::bucket::{self, Mark};
use super::errors::{self, explain};
use super::session::Session;
use crate::bucket::layout::Layout;
use crate::config::Config;

/// Whether what is in the folder is this stage's to delete: unless another one's mark is there.
///
/// # Errors
/// What AWS says.
pub(super) async fn is_ours(config: &Config, session: &Session) -> Result<bool> {
    let mark = Layout::new(&config.lake).mark;
    Ok(bucket::mark_at(session, &session.names.bucket, &mark).await?.is_none_or(|mark| mark.is_of(config)))
}

/// Marks the folder as this stage's, and gives the mark that was there first if it is another one's.
///
/// # Errors
/// What AWS says.
pub(super) async fn claim(config: &Config, session: &Session) -> Result<Option<Mark>> {
    let (bucket, key) = (&session.names.bucket, Layout::new(&config.lake).mark);
    let body = ByteStream::from(serde_json::to_vec(&Mark::of(config, Vec::new()))?);
    let put = session.s3.put_object().bucket(bucket).key(&key).if_none_match("*").body(body).send().await;
    match put {
        Ok(_) => Ok(None),
        Err(error) if errors::is_status(&error, 412) || errors::is_status(&error, 409) => {
            Ok(bucket::mark_at(session, bucket, &key).await?.filter(|mark| !mark.is_of(config)))
        }
        Err(error) => Err(explain(error, &format!("write to the bucket {bucket}"))),
    }
}
