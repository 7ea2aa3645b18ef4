//! Operations on buckets.

use std::time::SystemTime;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::failure::failed;
use super::shapes::Storage;
use crate::cloud::target::REGION;

pub(super) async fn create(
    storage: &Storage,
    req: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let bucket = req.input.bucket;
    let location = Some(format!("/{bucket}"));
    storage.blocking(move |store| store.create_bucket(&bucket)).await?;
    Ok(S3Response::new(CreateBucketOutput { location }))
}

pub(super) async fn delete(
    storage: &Storage,
    req: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    storage.blocking(move |store| store.delete_bucket(&req.input.bucket)).await?;
    Ok(S3Response::new(DeleteBucketOutput::default()))
}

pub(super) async fn head(storage: &Storage, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
    storage.blocking(move |store| store.bucket_path(&req.input.bucket)).await?;
    Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(REGION.into()), ..Default::default() }))
}

pub(super) async fn location(
    storage: &Storage,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    storage.blocking(move |store| store.bucket_path(&req.input.bucket)).await?;
    // us-east-1 is the region that S3 answers with nothing.
    Ok(S3Response::new(GetBucketLocationOutput::default()))
}

pub(super) async fn list(storage: &Storage, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
    let buckets = storage.blocking(|store| store.list_buckets().map_err(failed)).await?;
    let bucket = |(name, created): (String, SystemTime)| Bucket {
        name: Some(name),
        creation_date: Some(created.into()),
        ..Default::default()
    };
    let buckets = Some(buckets.into_iter().map(bucket).collect());
    Ok(S3Response::new(ListBucketsOutput { buckets, ..Default::default() }))
}
