//! Operations on uploads in parts.

use std::time::SystemTime;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::body::Expected;
use super::checksums::Summing;
use super::conditions::{Conditions, Precondition};
use super::headers::Headers;
use super::multipart::{Completion, Upload};
use super::shapes::{Storage, copy_source, expected, given, receive, received, source_conditions, sums};
use super::stat::Stat;
use super::store::Store;

pub(super) async fn create(
    storage: &Storage,
    req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let mut input = req.input;
    let headers = given!(input);
    let summing = Summing::asked(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let upload = Upload { bucket, key, headers, summing, initiated: SystemTime::now() };
    let upload_id = storage.blocking(move |store| store.create_upload(&upload)).await?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: summing.map(|summing| ChecksumAlgorithm::from_static(summing.algorithm.name())),
        checksum_type: summing.map(|summing| ChecksumType::from_static(summing.kind())),
        ..Default::default()
    }))
}

pub(super) async fn put_part(
    storage: &Storage,
    req: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let mut input = req.input;
    let expected = expected!(input, req.headers, req.trailing_headers);
    let UploadPartInput { bucket, key, upload_id, part_number, body, .. } = input;
    let (scratch, checksum) = receive(storage, body, expected).await?;
    let put = move |store: &Store| store.put_part(&upload_id, &bucket, &key, part_number, scratch, Some(checksum));
    let (stat, checksum) = storage.blocking(put).await?;
    Ok(S3Response::new(received!(UploadPartOutput, stat, checksum)))
}

pub(super) async fn copy_part(
    storage: &Storage,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let mut input = req.input;
    let copied = storage.blocking(move |store| {
        let conditions = source_conditions!(input);
        let range = input.copy_source_range.as_deref();
        let (scratch, _) = copy_source(store, &input.copy_source, &conditions, range)?;
        store.put_part(&input.upload_id, &input.bucket, &input.key, input.part_number, scratch, None)
    });
    let (stat, checksum) = copied.await?;
    let last_modified = Some(stat.modified.into());
    let copy_part_result = Some(CopyPartResult { last_modified, ..received!(CopyPartResult, stat, checksum) });
    Ok(S3Response::new(UploadPartCopyOutput { copy_part_result, ..Default::default() }))
}

pub(super) async fn list_parts(
    storage: &Storage,
    req: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let ListPartsInput { bucket, key, upload_id, .. } = req.input;
    let (b, k, id) = (bucket.clone(), key.clone(), upload_id.clone());
    let parts = storage.blocking(move |store| store.list_parts(&id, &b, &k)).await?;
    let part = |(number, stat): (i32, Stat)| Part {
        part_number: Some(number),
        e_tag: Some(stat.e_tag()),
        size: stat.length(),
        last_modified: Some(stat.modified.into()),
        ..Default::default()
    };
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(upload_id),
        is_truncated: Some(false),
        parts: Some(parts.into_iter().map(part).collect()),
        ..Default::default()
    }))
}

pub(super) async fn list(
    storage: &Storage,
    req: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let ListMultipartUploadsInput { bucket, prefix, .. } = req.input;
    let b = bucket.clone();
    let uploads = storage.blocking(move |store| store.list_uploads(&b)).await?;
    let wanted = |upload: &Upload| upload.key.starts_with(prefix.as_deref().unwrap_or_default());
    let uploads = uploads.into_iter().filter(|(_, upload)| wanted(upload)).map(|(id, upload)| MultipartUpload {
        upload_id: Some(id),
        key: Some(upload.key),
        initiated: Some(upload.initiated.into()),
        ..Default::default()
    });
    let uploads = Some(uploads.collect());
    let is_truncated = Some(false);
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(bucket),
        prefix,
        is_truncated,
        uploads,
        ..Default::default()
    }))
}

pub(super) async fn complete(
    storage: &Storage,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let mut input = req.input;
    let checksum = Checksum { checksum_type: input.checksum_type.take(), ..sums!(input) };
    let CompleteMultipartUploadInput { bucket, key, upload_id, multipart_upload, if_match, if_none_match, .. } = input;
    let completion = Completion {
        parts: multipart_upload.and_then(|upload| upload.parts).unwrap_or_default(),
        precondition: Precondition { if_match, if_none_match },
        checksum,
        size: input.mpu_object_size,
    };
    let (b, k) = (bucket.clone(), key.clone());
    let complete = move |store: &Store| {
        let (stat, checksum) = store.complete_upload(&upload_id, &b, &k, &completion)?;
        Ok((store.settings.versioned(&b).then(|| stat.version().to_owned()), stat, checksum))
    };
    let (version_id, stat, checksum) = storage.blocking(complete).await?;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{bucket}/{key}")),
        bucket: Some(bucket),
        key: Some(key),
        version_id,
        checksum_type: checksum.checksum_type.clone(),
        ..received!(CompleteMultipartUploadOutput, stat, checksum)
    }))
}

pub(super) async fn abort(
    storage: &Storage,
    req: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let AbortMultipartUploadInput { bucket, key, upload_id, .. } = req.input;
    storage.blocking(move |store| store.abort_upload(&upload_id, &bucket, &key)).await?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}
