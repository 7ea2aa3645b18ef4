//! Objects copied inside the bucket, by S3 itself.

use anyhow::{Context as _, Result};

use super::Bucket;

/// Copies the object at `from` to `to`.
///
/// # Errors
/// What S3 says: a copy in one request takes 5 GB at most.
pub(crate) async fn copy(bucket: &Bucket, from: String, to: &str) -> Result<()> {
    let source = format!("{}/{}", bucket.name, escaped(&from));
    let copied = bucket.s3.copy_object().bucket(&bucket.name).key(to).copy_source(source).send().await;
    copied.with_context(|| format!("cannot copy {from} to {to}"))?;
    Ok(())
}

/// A key as `x-amz-copy-source` takes it.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>, "must be URL-encoded".
pub(crate) fn escaped(key: &str) -> String {
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
