//! Operations that list objects, page by page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::failure::failed;
use super::list::{self, Page, Query};
use super::shapes::Storage;
use super::stat::Stat;

/// The most keys that one page of a listing names.
pub(super) const MAX_KEYS: usize = 1000;

/// Owned parts of a [`Query`].
struct PageQuery {
    prefix: String,
    delimiter: String,
    after: String,
    max: usize,
}

async fn page(storage: &Storage, bucket: &str, query: PageQuery) -> S3Result<Page> {
    let bucket = bucket.to_owned();
    storage
        .blocking(move |store| {
            let PageQuery { prefix, delimiter, after, max } = &query;
            let query = Query { prefix, delimiter, after, max: *max };
            list::list(&store.bucket_path(&bucket)?, &query).map_err(failed)
        })
        .await
}

pub(super) fn max_keys(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.map_or(Ok(MAX_KEYS), usize::try_from);
    asked.map(|asked| asked.min(MAX_KEYS)).map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))
}

fn object((key, stat): (String, Stat)) -> Object {
    Object {
        e_tag: Some(stat.e_tag()),
        size: stat.length(),
        last_modified: Some(stat.modified.into()),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        key: Some(key),
        ..Default::default()
    }
}

fn common_prefix(prefix: String) -> CommonPrefix {
    CommonPrefix { prefix: Some(prefix) }
}

pub(super) async fn list(
    storage: &Storage,
    req: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let input = req.input;
    let max = max_keys(input.max_keys)?;
    let query = PageQuery {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: input.marker.clone().unwrap_or_default(),
        max,
    };
    let page = page(storage, &input.bucket, query).await?;
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(input.prefix.unwrap_or_default()),
        delimiter: input.delimiter,
        marker: Some(input.marker.unwrap_or_default()),
        max_keys: i32::try_from(max).ok(),
        is_truncated: Some(page.next.is_some()),
        next_marker: page.next,
        contents: Some(page.objects.into_iter().map(object).collect()),
        common_prefixes: Some(page.prefixes.into_iter().map(common_prefix).collect()),
        ..Default::default()
    }))
}

pub(super) async fn list_v2(
    storage: &Storage,
    req: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = req.input;
    let max = max_keys(input.max_keys)?;
    let after = match &input.continuation_token {
        None => input.start_after.clone().unwrap_or_default(),
        Some(token) => URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|key| String::from_utf8(key).ok())
            .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
    };
    let query = PageQuery {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after,
        max,
    };
    let page = page(storage, &input.bucket, query).await?;
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(input.prefix.unwrap_or_default()),
        delimiter: input.delimiter,
        start_after: input.start_after,
        continuation_token: input.continuation_token,
        max_keys: i32::try_from(max).ok(),
        key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(|next| URL_SAFE_NO_PAD.encode(next)),
        contents: Some(page.objects.into_iter().map(object).collect()),
        common_prefixes: Some(page.prefixes.into_iter().map(common_prefix).collect()),
        ..Default::default()
    }))
}
