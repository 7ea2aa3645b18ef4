//! Where another program's table has its newest metadata.

use anyhow::{Context as _, Result};
use bytes::Bytes;

use crate::bucket::{Bucket, object};
use crate::error::{failure, usage};
use crate::lake::load::objects::{in_bucket, refused};

const SCHEME: &str = "s3://";

/// What Hadoop calls S3.
const OTHERS: [&str; 2] = ["s3a://", "s3n://"];

/// What the name of metadata ends with, packed or not.
const ENDINGS: [&str; 3] = [".metadata.json", ".gz.metadata.json", ".metadata.json.gz"];

/// Most objects in a folder of metadata that are looked at.
const MOST: usize = 200_000;

/// Most bytes of metadata, of a list and of a manifest: each is in memory as a whole.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// Longest text that names the newest metadata, bytes.
const HINT_BYTES: usize = 1024;

/// The address in S3's own words.
pub(super) fn as_s3(address: &str) -> String {
    let is = |scheme: &&&str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    match OTHERS.iter().chain([&SCHEME]).find(is) {
        Some(scheme) => format!("{SCHEME}{}", &address[scheme.len()..]),
        None => address.to_owned(),
    }
}

/// Bucket and key of an address.
fn parts(address: &str) -> Result<(&str, &str)> {
    let parts = address.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/'));
    parts.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()).ok_or_else(|| {
        let shown: String = address.chars().take(200).collect();
        usage(
            format!("`{shown}` is no address of S3"),
            "write s3://BUCKET/TABLE/metadata/NAME.metadata.json, or the table's folder: s3://BUCKET/TABLE",
        )
    })
}

/// The object at an address.
///
/// # Errors
/// What S3 says.
pub(super) async fn get(bucket: &Bucket, address: &str) -> Result<Bytes> {
    let (of, key) = parts(address)?;
    match object::within(bucket.s3.get_object().bucket(of).key(key), MOST_BYTES).await {
        Ok((bytes, _)) => Ok(bytes),
        Err(error) => Err(refused(error, of, key)),
    }
}

/// The address of a table's metadata, and what is there: `source` is it, or the table's folder.
///
/// # Errors
/// There is no table; several are the newest; what S3 says.
pub(crate) async fn find(bucket: &Bucket, source: &str) -> Result<(String, Bytes)> {
    let source = as_s3(source.trim_end_matches('/'));
    let (of, key) = parts(&source)?;
    let address = match ENDINGS.iter().any(|ending| key.ends_with(ending)) {
        true => source,
        false => {
            let folder = format!("{key}/metadata/");
            format!("{SCHEME}{of}/{folder}{}", newest(bucket, of, &folder, &source).await?)
        }
    };
    let bytes = get(bucket, &address).await?;
    Ok((address, bytes))
}

/// The name of the newest metadata in a folder.
async fn newest(bucket: &Bucket, of: &str, folder: &str, source: &str) -> Result<String> {
    let listed = in_bucket(&bucket.s3, of, folder, MOST).await?;
    let all: Vec<&str> = listed.iter().filter_map(|key| key.strip_prefix(folder)).collect();
    let is_metadata = |name: &&str| !name.contains('/') && ENDINGS.iter().any(|ending| name.ends_with(ending));
    let names: Vec<&str> = all.iter().copied().filter(is_metadata).collect();
    let hint = match all.contains(&HINT) {
        true => {
            let address = format!("{SCHEME}{of}/{folder}{HINT}");
            let bytes = get(bucket, &address).await?;
            let text = std::str::from_utf8(&bytes).ok().map(str::trim).filter(|text| text.len() <= HINT_BYTES);
            Some(text.with_context(|| format!("`{address}` names no metadata"))?.to_owned())
        }
        false => None,
    };
    choose(&names, hint.as_deref()).map(str::to_owned).map_err(|what| {
        failure(
            format!("`{source}` {what}"),
            "give the address of the metadata, s3://BUCKET/TABLE/metadata/NAME.metadata.json, as the table's catalog has it",
        )
    })
}

/// Name of the object that tells which metadata is the newest.
const HINT: &str = "version-hint.text";

/// The newest of `names`: the one that the hint names, else the one with the greatest number.
fn choose<'a>(names: &[&'a str], hint: Option<&str>) -> Result<&'a str, String> {
    let is_hinted = |name: &str| {
        hint.is_some_and(|hint| {
            let stem = ENDINGS.iter().rev().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
            name == hint || stem == hint || stem.strip_prefix('v') == Some(hint)
        })
    };
    let found: Vec<&str> = match hint {
        Some(hint) => {
            let hinted: Vec<&str> = names.iter().copied().filter(|name| is_hinted(name)).collect();
            if hinted.is_empty() {
                let shown: String = hint.chars().take(80).collect();
                return Err(format!("has no metadata {shown:?}, which its {HINT} names"));
            }
            hinted
        }
        None => {
            let most = names.iter().filter_map(|name| number(name)).max();
            names.iter().copied().filter(|name| most.is_some() && number(name) == most).collect()
        }
    };
    match found.as_slice() {
        [] => Err("is no folder of an Iceberg table: there is no metadata in it".to_owned()),
        [only] => Ok(only),
        [one, other, ..] => Err(format!("has several that may be the newest, {one} and {other}")),
    }
}

/// The number in the name of metadata: `v3.metadata.json`, `00003-....metadata.json`.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix('v').unwrap_or(name);
    digits.split(['-', '.']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_s3s_own() {
        for address in ["s3a://b/k", "S3N://b/k", "s3://b/k", "S3://b/k"] {
            assert_eq!(as_s3(address), "s3://b/k");
        }
        for address in ["file:///k", "/k", "hdfs://b/k", "äää", ""] {
            assert_eq!(as_s3(address), address);
            assert!(parts(address).is_err());
        }
    }

    #[test]
    fn the_newest_metadata_is_found() {
        let many = ["00000-a.metadata.json", "00010-b.metadata.json", "00009-c.gz.metadata.json"];
        assert_eq!(choose(&many, None), Ok("00010-b.metadata.json"));
        assert_eq!(choose(&many, Some("00009-c")), Ok("00009-c.gz.metadata.json"));
        assert_eq!(choose(&many, Some("00000-a.metadata.json")), Ok("00000-a.metadata.json"));
        let hadoop = ["v1.metadata.json", "v2.gz.metadata.json", "v10.metadata.json.gz"];
        assert_eq!(choose(&hadoop, Some("2")), Ok("v2.gz.metadata.json"));
        assert_eq!(choose(&hadoop, None), Ok("v10.metadata.json.gz"));
        assert!(choose(&hadoop, Some("3")).unwrap_err().contains("\"3\""));
        let two = ["00001-a.metadata.json", "00001-b.metadata.json"];
        assert!(choose(&two, None).unwrap_err().contains("several"));
        assert!(choose(&[], None).unwrap_err().contains("no folder"));
    }
}
