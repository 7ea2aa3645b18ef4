//! Operations on single objects.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::body::{self, Expected};
use super::conditions::{Conditions, Precondition};
use super::deleted::Deleted;
use super::failure::failed;
use super::headers::{self, Headers};
use super::shapes::{Storage, copy_source, described, expected, given, receive, received, source_conditions};
use super::stat::Stat;
use super::store::Store;

pub(super) async fn put(storage: &Storage, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let mut input = req.input;
    let headers = given!(input);
    let expected = expected!(input, req.headers, req.trailing_headers);
    let PutObjectInput { bucket, key, body, if_match, if_none_match, .. } = input;
    let precondition = Precondition { if_match, if_none_match };
    let (scratch, checksum) = receive(storage, body, expected).await?;
    let commit = move |store: &Store| {
        let stat = store.commit(scratch, &bucket, &key, &headers, &precondition)?;
        Ok((version(store, &bucket, &stat), stat))
    };
    let (version_id, stat) = storage.blocking(commit).await?;
    Ok(S3Response::new(PutObjectOutput { version_id, ..received!(PutObjectOutput, stat, checksum) }))
}

pub(super) async fn get(storage: &Storage, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let output = storage.blocking(move |store| {
        let input = req.input;
        let (file, stat) = store.read(&input.bucket, &input.key, input.version_id.as_deref())?;
        Conditions::of(input.if_match, input.if_none_match, input.if_modified_since, input.if_unmodified_since)
            .check(&stat)?;
        let range = match input.range {
            Some(range) => range.check(stat.size)?,
            None => 0..stat.size,
        };
        let content_range =
            input.range.map(|_| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), stat.size));
        let headers = headers::read(&file);
        Ok(GetObjectOutput {
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            body: Some(body::read(file, range).map_err(failed)?),
            version_id: version(store, &input.bucket, &stat),
            ..described!(GetObjectOutput, stat, headers)
        })
    });
    Ok(S3Response::new(output.await?))
}

pub(super) async fn head(storage: &Storage, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let output = storage.blocking(move |store| {
        let input = req.input;
        let (file, stat) = store.read(&input.bucket, &input.key, input.version_id.as_deref())?;
        Conditions::of(input.if_match, input.if_none_match, input.if_modified_since, input.if_unmodified_since)
            .check(&stat)?;
        Ok(HeadObjectOutput {
            version_id: version(store, &input.bucket, &stat),
            ..described!(HeadObjectOutput, stat, headers::read(&file))
        })
    });
    Ok(S3Response::new(output.await?))
}

pub(super) async fn copy(storage: &Storage, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
    let mut input = req.input;
    let stat = storage.blocking(move |store| {
        let conditions = source_conditions!(input);
        let (scratch, headers) = copy_source(store, &input.copy_source, &conditions, None)?;
        let replace = input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        let headers = if replace { given!(input) } else { headers };
        store.commit(scratch, &input.bucket, &input.key, &headers, &Precondition::default())
    });
    let stat = stat.await?;
    let copy_object_result = Some(CopyObjectResult {
        e_tag: Some(stat.e_tag()),
        last_modified: Some(stat.modified.into()),
        ..Default::default()
    });
    Ok(S3Response::new(CopyObjectOutput { copy_object_result, ..Default::default() }))
}

pub(super) async fn delete(
    storage: &Storage,
    req: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let DeleteObjectInput { bucket, key, version_id, if_match, .. } = req.input;
    let delete = move |store: &Store| remove(store, &bucket, &key, version_id.as_deref(), if_match);
    let Deleted { version, marker } = storage.blocking(delete).await?;
    let delete_marker = marker.then_some(true);
    Ok(S3Response::new(DeleteObjectOutput { version_id: version, delete_marker, ..Default::default() }))
}

/// Deletes an object or one of its versions.
fn remove(
    store: &Store,
    bucket: &str,
    key: &str,
    version: Option<&str>,
    if_match: Option<ETagCondition>,
) -> S3Result<Deleted> {
    match version {
        None => store.delete(bucket, key, if_match),
        Some(_) if if_match.is_some() => Err(s3_error!(NotImplemented, "a version is what it is: no If-Match")),
        Some(id) => store.delete_version(bucket, key, id),
    }
}

/// The version that an object of a bucket which keeps them is.
fn version(store: &Store, bucket: &str, stat: &Stat) -> Option<String> {
    store.settings.versioned(bucket).then(|| stat.version().to_owned())
}

pub(super) async fn delete_many(
    storage: &Storage,
    req: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let output = storage.blocking(move |store| {
        let DeleteObjectsInput { bucket, delete, .. } = req.input;
        store.bucket_path(&bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for ObjectIdentifier { key, e_tag, version_id, .. } in delete.objects {
            match remove(store, &bucket, &key, version_id.as_deref(), e_tag.map(ETagCondition::ETag)) {
                Ok(Deleted { version, marker }) => deleted.push(DeletedObject {
                    key: Some(key),
                    delete_marker: marker.then_some(true),
                    delete_marker_version_id: version.filter(|_| marker),
                    version_id,
                }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    key: Some(key),
                    version_id,
                }),
            }
        }
        let deleted = (delete.quiet != Some(true)).then_some(deleted);
        Ok(DeleteObjectsOutput { deleted, errors: Some(errors), ..Default::default() })
    });
    Ok(S3Response::new(output.await?))
}
