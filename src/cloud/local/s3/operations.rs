//! S3's operations, each a few lines between the protocol and the [`Store`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::conditions::{Conditions, Precondition};
use super::headers::{self, Headers};
use super::list::{self, Page, Query};
use super::multipart::Upload;
use super::store::{Stat, Store, failed};
use super::{Storage, body};

/// The most keys that one page of a listing names.
const MAX_KEYS: i32 = 1000;

impl Storage {
    /// Runs `work` where it may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let store = self.0.clone();
        spawn_blocking(move || work(&store)).await.map_err(S3Error::internal_error)?
    }

    async fn page(&self, bucket: &str, query: PageQuery) -> S3Result<Page> {
        let bucket = bucket.to_owned();
        self.blocking(move |store| {
            let PageQuery { prefix, delimiter, after, max } = &query;
            let query = Query { prefix, delimiter, after, max: *max };
            list::list(&store.bucket_path(&bucket)?, &query).map_err(failed)
        })
        .await
    }

    /// Copies the bytes `range` of an object (all without one) to a new file, if the source is as `conditions` want it.
    fn copy_source(
        store: &Store,
        source: &CopySource,
        conditions: &Conditions<'_>,
        range: Option<&str>,
    ) -> S3Result<(super::store::Scratch, Headers)> {
        use std::io::{Read, Seek, SeekFrom};
        let CopySource::Bucket { bucket, key, .. } = source else { return Err(s3_error!(NotImplemented)) };
        let (mut file, stat) = store.object(bucket, key)?;
        conditions.check(&stat).map_err(|_| s3_error!(PreconditionFailed))?;
        let headers = headers::read(&file);
        let scratch = match range {
            None => store.copy(&mut file)?,
            Some(range) => {
                let range = Range::parse(range).map_err(|_| s3_error!(InvalidArgument))?.check(stat.size)?;
                file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
                store.copy(&mut file.take(range.end - range.start))?
            }
        };
        Ok((scratch, headers))
    }
}

/// Owned parts of a [`Query`].
struct PageQuery {
    prefix: String,
    delimiter: String,
    after: String,
    max: usize,
}

fn max_keys(asked: Option<i32>) -> S3Result<usize> {
    usize::try_from(asked.unwrap_or(MAX_KEYS).min(MAX_KEYS))
        .map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))
}

/// Headers of an object from any of the requests that give them.
macro_rules! headers {
    ($input:expr) => {
        Headers {
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            metadata: $input.metadata.take().unwrap_or_default(),
        }
    };
}

/// What a client says its body adds up to, from any of the requests that have one.
macro_rules! expected {
    ($input:expr, $trailers:expr) => {
        body::Expected {
            md5: $input.content_md5.take(),
            algorithm: $input.checksum_algorithm.take().map(|algorithm| algorithm.as_str().to_owned()),
            checksum: Checksum {
                checksum_crc32: $input.checksum_crc32.take(),
                checksum_crc32c: $input.checksum_crc32c.take(),
                checksum_crc64nvme: $input.checksum_crc64nvme.take(),
                checksum_sha1: $input.checksum_sha1.take(),
                checksum_sha256: $input.checksum_sha256.take(),
                ..Default::default()
            },
            trailers: $trailers,
        }
    };
}

fn size(bytes: u64) -> Option<i64> {
    i64::try_from(bytes).ok()
}

fn object((key, stat): (String, Stat)) -> Object {
    Object {
        e_tag: Some(stat.e_tag()),
        size: size(stat.size),
        last_modified: Some(stat.modified.into()),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        key: Some(key),
        ..Default::default()
    }
}

fn common_prefix(prefix: String) -> CommonPrefix {
    CommonPrefix { prefix: Some(prefix) }
}

#[async_trait::async_trait]
impl S3 for Storage {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = req.input.bucket;
        let location = Some(format!("/{bucket}"));
        self.blocking(move |store| store.create_bucket(&bucket)).await?;
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.blocking(move |store| store.delete_bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.blocking(move |store| store.bucket_path(&req.input.bucket)).await?;
        Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(super::REGION.into()), ..Default::default() }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.blocking(move |store| store.bucket_path(&req.input.bucket)).await?;
        // us-east-1 is the region that S3 answers with nothing.
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.blocking(|store| store.list_buckets().map_err(failed)).await?;
        let bucket = |(name, created): (String, std::time::SystemTime)| Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            ..Default::default()
        };
        let buckets = Some(buckets.into_iter().map(bucket).collect());
        Ok(S3Response::new(ListBucketsOutput { buckets, ..Default::default() }))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let mut input = req.input;
        let headers = headers!(input);
        let expected = expected!(input, req.trailing_headers);
        let PutObjectInput { bucket, key, body, if_match, if_none_match, .. } = input;
        let precondition = Precondition { if_match, if_none_match };
        let scratch = self.0.scratch()?;
        let checksum = match body {
            Some(body) => body::write(body, &scratch.file, expected).await?,
            None => Checksum::default(),
        };
        let stat = self.blocking(move |store| store.commit(scratch, &bucket, &key, &headers, &precondition)).await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(stat.e_tag()),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let output = self.blocking(move |store| {
            let input = req.input;
            let (file, stat) = store.object(&input.bucket, &input.key)?;
            Conditions {
                if_match: input.if_match.as_ref(),
                if_none_match: input.if_none_match.as_ref(),
                if_modified_since: input.if_modified_since.as_ref(),
                if_unmodified_since: input.if_unmodified_since.as_ref(),
            }
            .check(&stat)?;
            let range = match input.range {
                Some(range) => range.check(stat.size)?,
                None => 0..stat.size,
            };
            let content_range =
                input.range.map(|_| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), stat.size));
            let headers = headers::read(&file);
            Ok(GetObjectOutput {
                accept_ranges: Some("bytes".to_owned()),
                content_length: size(range.end - range.start),
                content_range,
                body: Some(body::read(file, range).map_err(failed)?),
                last_modified: Some(stat.modified.into()),
                e_tag: Some(stat.e_tag()),
                content_type: headers.content_type.or_else(|| Some("binary/octet-stream".to_owned())),
                content_encoding: headers.content_encoding,
                content_disposition: headers.content_disposition,
                content_language: headers.content_language,
                cache_control: headers.cache_control,
                metadata: Some(headers.metadata),
                ..Default::default()
            })
        });
        Ok(S3Response::new(output.await?))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let output = self.blocking(move |store| {
            let input = req.input;
            let (file, stat) = store.object(&input.bucket, &input.key)?;
            Conditions {
                if_match: input.if_match.as_ref(),
                if_none_match: input.if_none_match.as_ref(),
                if_modified_since: input.if_modified_since.as_ref(),
                if_unmodified_since: input.if_unmodified_since.as_ref(),
            }
            .check(&stat)?;
            let headers = headers::read(&file);
            Ok(HeadObjectOutput {
                accept_ranges: Some("bytes".to_owned()),
                content_length: size(stat.size),
                last_modified: Some(stat.modified.into()),
                e_tag: Some(stat.e_tag()),
                content_type: headers.content_type.or_else(|| Some("binary/octet-stream".to_owned())),
                content_encoding: headers.content_encoding,
                content_disposition: headers.content_disposition,
                content_language: headers.content_language,
                cache_control: headers.cache_control,
                metadata: Some(headers.metadata),
                ..Default::default()
            })
        });
        Ok(S3Response::new(output.await?))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let mut input = req.input;
        let stat = self.blocking(move |store| {
            let conditions = Conditions {
                if_match: input.copy_source_if_match.as_ref(),
                if_none_match: input.copy_source_if_none_match.as_ref(),
                if_modified_since: input.copy_source_if_modified_since.as_ref(),
                if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
            };
            let (scratch, headers) = Self::copy_source(store, &input.copy_source, &conditions, None)?;
            let replace = input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
            let headers = if replace { headers!(input) } else { headers };
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

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.blocking(move |store| store.delete(&req.input.bucket, &req.input.key, req.input.if_match)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let output = self.blocking(move |store| {
            let DeleteObjectsInput { bucket, delete, .. } = req.input;
            store.bucket_path(&bucket)?;
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for ObjectIdentifier { key, e_tag, .. } in delete.objects {
                match store.delete(&bucket, &key, e_tag.map(ETagCondition::ETag)) {
                    Ok(()) => deleted.push(DeletedObject { key: Some(key), ..Default::default() }),
                    Err(error) => errors.push(Error {
                        code: Some(error.code().as_str().to_owned()),
                        message: error.message().map(str::to_owned),
                        key: Some(key),
                        ..Default::default()
                    }),
                }
            }
            let deleted = (delete.quiet != Some(true)).then_some(deleted);
            Ok(DeleteObjectsOutput { deleted, errors: Some(errors), ..Default::default() })
        });
        Ok(S3Response::new(output.await?))
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = req.input;
        let max = max_keys(input.max_keys)?;
        let query = PageQuery {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after: input.marker.clone().unwrap_or_default(),
            max,
        };
        let page = self.page(&input.bucket, query).await?;
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

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
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
        let page = self.page(&input.bucket, query).await?;
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

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let mut input = req.input;
        let headers = headers!(input);
        let upload = Upload {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            headers,
            initiated: std::time::SystemTime::now(),
        };
        let upload_id = self.blocking(move |store| store.create_upload(&upload)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..Default::default()
        }))
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let mut input = req.input;
        let expected = expected!(input, req.trailing_headers);
        let UploadPartInput { bucket, key, upload_id, part_number, body, .. } = input;
        let scratch = self.0.scratch()?;
        let checksum = match body {
            Some(body) => body::write(body, &scratch.file, expected).await?,
            None => Checksum::default(),
        };
        let stat = self.blocking(move |store| store.put_part(&upload_id, &bucket, &key, part_number, scratch)).await?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(stat.e_tag()),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = req.input;
        let stat = self.blocking(move |store| {
            let conditions = Conditions {
                if_match: input.copy_source_if_match.as_ref(),
                if_none_match: input.copy_source_if_none_match.as_ref(),
                if_modified_since: input.copy_source_if_modified_since.as_ref(),
                if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
            };
            let range = input.copy_source_range.as_deref();
            let (scratch, _) = Self::copy_source(store, &input.copy_source, &conditions, range)?;
            store.put_part(&input.upload_id, &input.bucket, &input.key, input.part_number, scratch)
        });
        let stat = stat.await?;
        let copy_part_result = Some(CopyPartResult {
            e_tag: Some(stat.e_tag()),
            last_modified: Some(stat.modified.into()),
            ..Default::default()
        });
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result, ..Default::default() }))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput { bucket, key, upload_id, .. } = req.input;
        let (b, k, id) = (bucket.clone(), key.clone(), upload_id.clone());
        let parts = self.blocking(move |store| store.list_parts(&id, &b, &k)).await?;
        let part = |(number, stat): (i32, Stat)| Part {
            part_number: Some(number),
            e_tag: Some(stat.e_tag()),
            size: size(stat.size),
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

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let ListMultipartUploadsInput { bucket, prefix, .. } = req.input;
        let b = bucket.clone();
        let uploads = self.blocking(move |store| store.list_uploads(&b)).await?;
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

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let CompleteMultipartUploadInput { bucket, key, upload_id, multipart_upload, if_match, if_none_match, .. } =
            req.input;
        let parts = multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let precondition = Precondition { if_match, if_none_match };
        let (b, k) = (bucket.clone(), key.clone());
        let complete = move |store: &Store| store.complete_upload(&upload_id, &b, &k, &parts, &precondition);
        let stat = self.blocking(complete).await?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{bucket}/{key}")),
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(stat.e_tag()),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput { bucket, key, upload_id, .. } = req.input;
        self.blocking(move |store| store.abort_upload(&upload_id, &bucket, &key)).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
