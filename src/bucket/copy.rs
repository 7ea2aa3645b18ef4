//! Objects copied inside the bucket, by S3 itself.

use anyhow::{Context as _, Result};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use futures::{StreamExt, TryStreamExt, stream};

use super::Bucket;

/// What S3 copies in one request at most, bytes.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>.
const MOST_BYTES: u64 = 5 << 30;

/// What of a larger object goes in one request, bytes: 10,000 of them are more than an object has.
const PART_BYTES: u64 = 1 << 30;

/// Parts that are copied at once.
const WINDOW: usize = 8;

/// An object that is copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub key: &'a str,
    /// Of its versions, the current one without.
    pub version: Option<&'a str>,
    pub bytes: u64,
}

/// Copies an object to `to`, in parts where it is larger than S3 copies at once.
///
/// # Errors
/// What S3 says; nothing of it is at `to` then.
pub(crate) async fn copy(bucket: &Bucket, source: Source<'_>, to: &str) -> Result<()> {
    copy_within(bucket, source, to, MOST_BYTES, PART_BYTES).await
}

/// The same; what has more than `most` bytes goes in parts of `part`.
pub(crate) async fn copy_within(bucket: &Bucket, source: Source<'_>, to: &str, most: u64, part: u64) -> Result<()> {
    let from = address(bucket, source);
    let copied = if source.bytes <= most {
        let copied = bucket.s3.copy_object().bucket(&bucket.name).key(to).copy_source(from).send().await;
        copied.map(drop).map_err(anyhow::Error::from)
    } else {
        copy_in_parts(bucket, source, &from, to, part).await
    };
    copied.with_context(|| format!("cannot copy {} to {to}", source.key))
}

async fn copy_in_parts(bucket: &Bucket, source: Source<'_>, from: &str, to: &str, part: u64) -> Result<()> {
    let Bucket { s3, name, .. } = bucket;
    // All parts have to be of one object, also where somebody writes another in its place meanwhile.
    let found = s3.head_object().bucket(name).key(source.key).set_version_id(source.version.map(str::to_owned));
    let e_tag = found.send().await?.e_tag;
    let created = s3.create_multipart_upload().bucket(name).key(to).checksum_algorithm(ChecksumAlgorithm::Crc32);
    let id = created.send().await?.upload_id.context("the bucket gave no upload id")?;
    let copy_part = |(start, number): (u64, i32)| {
        let end = source.bytes.min(start + part) - 1;
        let request = s3.upload_part_copy().bucket(name).key(to).upload_id(&id).part_number(number);
        let request = request.copy_source(from).copy_source_range(format!("bytes={start}-{end}"));
        let request = request.set_copy_source_if_match(e_tag.clone());
        async move {
            let copied = request.send().await?.copy_part_result;
            let (e_tag, sum) = copied.map(|copied| (copied.e_tag, copied.checksum_crc32)).unwrap_or_default();
            anyhow::Ok(CompletedPart::builder().part_number(number).set_e_tag(e_tag).set_checksum_crc32(sum).build())
        }
    };
    let all = async {
        let starts = (0..source.bytes.div_ceil(part)).map(|index| index * part).zip(1..);
        let parts: Vec<CompletedPart> = stream::iter(starts).map(copy_part).buffered(WINDOW).try_collect().await?;
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = s3.complete_multipart_upload().bucket(name).key(to).upload_id(&id).multipart_upload(parts);
        anyhow::Ok(request.send().await?)
    };
    if let Err(error) = all.await {
        // What cannot be removed goes after a day (lifecycle rule).
        _ = s3.abort_multipart_upload().bucket(name).key(to).upload_id(&id).send().await;
        return Err(error);
    }
    Ok(())
}

/// An object as `x-amz-copy-source` takes it.
fn address(bucket: &Bucket, source: Source<'_>) -> String {
    let version = source.version.map(|version| format!("?versionId={}", escaped(version))).unwrap_or_default();
    format!("{}/{}{version}", bucket.name, escaped(source.key))
}

/// A key as `x-amz-copy-source` takes it.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>, "must be URL-encoded".
fn escaped(key: &str) -> String {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.~/".contains(&c);
    key.bytes().map(|c| if plain(c) { char::from(c).to_string() } else { format!("%{c:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_a_copys_source() {
        assert_eq!(escaped("tables/t/x=a%20b/é.parquet"), "tables/t/x%3Da%2520b/%C3%A9.parquet");
    }
}
