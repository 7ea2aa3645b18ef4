//! Objects of S3 that are loaded, the lake's or any other that the caller may read: found by their keys, and brought here.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;

use super::stop::Stop;
use crate::error::{Kind, failure, failure_of, usage};

/// Most objects that one address may name: to be loaded, and to be a table as they lie there.
const MOST: usize = 10_000;
const MOST_LISTED: usize = 200_000;

/// Objects under way at once.
const WINDOW: usize = 8;

/// Times that an object is asked for again because its body broke off.
const READS: u32 = 4;

const SCHEME: &str = "s3://";

/// What an address of S3 names.
#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    bucket: &'a str,
    /// A key, or a glob of keys.
    key: &'a str,
}

/// Whether a source is an address of S3.
pub(super) fn is_address(source: &str) -> bool {
    source.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// An object, as S3 lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub key: String,
    pub bytes: u64,
}

/// The objects that `source` names, in the order of their keys, and the bucket that they are in.
///
/// # Errors
/// An address that names nothing, or that is none of S3's; what S3 says.
pub(crate) async fn list(s3: &Client, source: &str) -> Result<(String, Vec<Object>)> {
    if !is_address(source) {
        return Err(usage(
            format!("`{source}` is no address of S3"),
            "write s3://BUCKET/KEY, where KEY may be a glob; `quackctl load` takes files and URLs",
        ));
    }
    let address = Address::parse(source)?;
    let objects = match address.wild() {
        Some(wild) => {
            let help = "register a part of them as a table, and the others as another";
            address.matches(s3, wild, source, (MOST_LISTED, help), &Stop::default()).await?
        }
        None => {
            let head = s3.head_object().bucket(address.bucket).key(address.key).send().await;
            let head = head.map_err(|error| refused(error, address.bucket, address.key))?;
            let bytes = u64::try_from(head.content_length.unwrap_or_default()).unwrap_or_default();
            vec![Object { key: address.key.to_owned(), bytes }]
        }
    };
    Ok((address.bucket.to_owned(), objects))
}

/// Brings the objects that `source` names to the folder `to`. Gives where each is, and the name that it goes by.
///
/// # Errors
/// An address that names nothing; what S3 says; a disk that is full; Ctrl-C.
pub(super) async fn fetch(
    s3: &Client,
    source: &str,
    to: &Path,
    bar: &ProgressBar,
    stop: &Stop,
) -> Result<Vec<(PathBuf, String)>> {
    let address = Address::parse(source)?;
    let keys = match address.wild() {
        None => vec![address.key.to_owned()],
        Some(wild) => {
            let help = "load a part of them, and the others with --append";
            let found = address.matches(s3, wild, source, (MOST, help), stop).await?;
            found.into_iter().map(|object| object.key).collect()
        }
    };
    std::fs::create_dir_all(to).with_context(|| format!("cannot write {}", to.display()))?;
    let bucket = address.bucket;
    stream::iter(keys.into_iter().enumerate())
        .map(|(number, key)| async move {
            let path = to.join(number.to_string());
            download(s3, bucket, &key, &path, bar, stop).await?;
            let name = key.rsplit('/').next().unwrap_or(&key).to_owned();
            Ok((path, name))
        })
        .buffered(WINDOW)
        .try_collect()
        .await
}

impl<'a> Address<'a> {
    fn parse(source: &'a str) -> Result<Self> {
        let rest = source.get(SCHEME.len()..).unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['*', '?', '[']) {
            return Err(usage(format!("`{source}` names no bucket"), "write s3://BUCKET/KEY, where KEY may be a glob"));
        }
        if key.is_empty() || key.ends_with('/') {
            let folder = source.trim_end_matches('/');
            return Err(usage(
                format!("`{source}` is a folder"),
                format!("name the objects in it, e.g. '{folder}/*.parquet'"),
            ));
        }
        Ok(Self { bucket, key })
    }

    /// Where the glob begins, if the key is one.
    fn wild(&self) -> Option<usize> {
        self.key.find(['*', '?', '['])
    }

    /// The objects that match, in the order of their keys, no more than `most`, beside which stands what to do then; `wild` is where
    /// the glob begins.
    async fn matches(
        &self,
        s3: &Client,
        wild: usize,
        source: &str,
        (most, help): (usize, &str),
        stop: &Stop,
    ) -> Result<Vec<Object>> {
        let glob = glob::Pattern::new(self.key).map_err(|error| {
            usage(format!("`{source}` is not a glob: {error}"), "use `*`, `?`, `**` and `[abc]`, in quotes")
        })?;
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let prefix = &self.key[..wild];
        let mut pages = s3.list_objects_v2().bucket(self.bucket).prefix(prefix).into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            stop.check()?;
            let page = page.map_err(|error| refused(error, self.bucket, prefix))?;
            let found = page.contents().iter().filter_map(|object| Some((object.key()?, object.size())));
            let found = found.filter(|(key, _)| !key.ends_with('/') && glob.matches_with(key, options));
            objects.extend(found.map(|(key, bytes)| Object {
                key: key.to_owned(),
                bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            }));
            if objects.len() > most {
                return Err(usage(format!("`{source}` matches more than {most} objects"), help));
            }
        }
        match objects.is_empty() {
            true => Err(failure(
                format!("no object matches `{source}`"),
                format!(
                    "look at what there is: aws s3 ls 's3://{}/{}'",
                    self.bucket,
                    prefix.rsplit_once('/').map_or("", |(folder, _)| folder)
                ),
            )),
            false => Ok(objects),
        }
    }
}

/// Writes an object to the file `path`; where its body breaks off, what is missing is asked for, of the same version.
async fn download(s3: &Client, bucket: &str, key: &str, path: &Path, bar: &ProgressBar, stop: &Stop) -> Result<()> {
    let cannot = || format!("cannot write {}; set TMPDIR to a folder on a larger disk", path.display());
    let mut file = std::fs::File::create(path).with_context(cannot)?;
    let (mut have, mut version, mut reads) = (0_u64, None, 0);
    loop {
        stop.check()?;
        let range = (have > 0).then(|| format!("bytes={have}-"));
        let get = s3.get_object().bucket(bucket).key(key).set_range(range).set_if_match(version.clone());
        let object = get.send().await.map_err(|error| refused(error, bucket, key))?;
        if have == 0 {
            bar.inc_length(u64::try_from(object.content_length.unwrap_or_default()).unwrap_or_default());
        }
        version = object.e_tag;
        let mut body = object.body;
        let broken = loop {
            stop.check()?;
            match body.try_next().await {
                Ok(Some(chunk)) => {
                    file.write_all(&chunk).with_context(cannot)?;
                    have += chunk.len() as u64;
                    bar.inc(chunk.len() as u64);
                }
                Ok(None) => return file.flush().with_context(cannot),
                Err(error) => break error,
            }
        };
        reads += 1;
        if reads > READS {
            return Err(anyhow::Error::from(broken).context(format!("cannot read s3://{bucket}/{key}")));
        }
    }
}

/// The keys in a bucket that begin with `prefix`, no more than `most` of them.
///
/// # Errors
/// There are more; what S3 says.
pub(crate) async fn in_bucket(s3: &Client, bucket: &str, prefix: &str, most: usize) -> Result<Vec<String>> {
    let mut pages = s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| refused(error, bucket, prefix))?;
        keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        if keys.len() > most {
            let help = "name one of them by its own address";
            return Err(usage(format!("`s3://{bucket}/{prefix}` has more than {most} objects"), help));
        }
    }
    Ok(keys)
}

/// What S3 does not give, and what to do.
pub(crate) fn refused<E>(error: E, bucket: &str, key: &str) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let fetch_first = "or fetch it first, as one who may: aws s3 cp";
    match error.code() {
        Some("NoSuchKey" | "NotFound") => failure_of(
            Kind::Missing,
            format!("there is no object `s3://{bucket}/{key}`"),
            format!(
                "look at what there is: aws s3 ls 's3://{bucket}/{}'",
                key.rsplit_once('/').map_or("", |(folder, _)| folder)
            ),
        ),
        Some("NoSuchBucket") => failure_of(
            Kind::Missing,
            format!("there is no bucket `{bucket}` where the lake is"),
            format!("the local target has an S3 of its own: --target aws reads AWS's, {fetch_first}"),
        ),
        Some("AccessDenied") => failure_of(
            Kind::Denied,
            format!("you may not read s3://{bucket}/{key}"),
            format!("objects are found with your own rights: s3:GetObject, for a glob s3:ListBucket; {fetch_first}"),
        ),
        Some("PermanentRedirect") => failure(
            format!("the bucket `{bucket}` is in another region than the lake"),
            "fetch it first, and load the file: aws s3 cp",
        ),
        _ => anyhow::Error::from(error).context(format!("cannot read s3://{bucket}/{key}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_keys() {
        let parsed = |source| Address::parse(source).map_err(|error| error.to_string());
        assert_eq!(parsed("S3://b/x/*.csv"), Ok(Address { bucket: "b", key: "x/*.csv" }));
        for source in ["s3://", "s3:///x", "s3://b*/x"] {
            assert!(parsed(source).unwrap_err().contains("names no bucket"), "{source}");
        }
        for source in ["s3://b", "s3://b/", "s3://b/x/"] {
            assert!(parsed(source).unwrap_err().contains("is a folder"), "{source}");
        }
        assert!(is_address("s3://b") && is_address("S3://") && !is_address("s3:/b") && !is_address("ä3://"));
    }
}
