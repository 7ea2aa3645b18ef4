//! The catalog: one object in the bucket that names every table's files and statistics. It is read as if somebody else
//! had written it, and changed in one step.

use anyhow::{Context as _, Result};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use serde::Deserialize;

use super::check;
use super::table::VERSION;
pub(crate) use super::table::{Catalog, ColumnStats, DataFile, FileColumn, Table};
use crate::bucket::Bucket;
use crate::bucket::layout::Layout;
use crate::bucket::object;
use crate::error::{Kind, failure, failure_of};

/// Times that an update begins anew because somebody else's came first.
const ATTEMPTS: u32 = 20;

/// What to do with a catalog that is not as this program writes it.
const MEND: &str = "`quackctl recover` lists the catalogs that are kept, `quackctl recover --at VERSION` brings one back; if \
                    others may write to the bucket, find out who did";

/// Reads a catalog that lies at `place`, of a bucket that is laid out as `layout` says.
///
/// # Errors
/// What is no catalog, names what no load makes, or is of a newer program.
pub(crate) fn parse(bytes: &[u8], place: &str, layout: &Layout) -> Result<Catalog> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let corrupt = |error: serde_json::Error| failure(format!("the catalog {place} cannot be read: {error}"), MEND);
    let head: Head = serde_json::from_slice(bytes).map_err(corrupt)?;
    if head.version > VERSION {
        return Err(failure(
            format!("the catalog {place} is of version {}, this program knows {VERSION}", head.version),
            "use the newer quackctl that wrote it",
        ));
    }
    if head.version < VERSION {
        return Err(failure(format!("the catalog {place} is of version {}, which never was", head.version), MEND));
    }
    let catalog: Catalog = serde_json::from_slice(bytes).map_err(corrupt)?;
    check::check(&catalog, layout)
        .map_err(|what| failure(format!("the catalog {place} is not to be trusted: {what}"), MEND))?;
    Ok(catalog)
}

/// Reads the catalog; an empty one when nothing has been loaded yet.
///
/// # Errors
/// When the bucket cannot be reached, or the catalog is damaged or newer than this program.
pub(crate) async fn read(bucket: &Bucket) -> Result<Catalog> {
    fetch(bucket).await?.0
}

/// Changes the catalog as one step: either `change` is applied to the newest catalog and stored, or nothing happens.
/// `change` runs again when somebody else's change came first.
///
/// # Errors
/// Those of [`read`] and of `change`.
pub(crate) async fn update<T>(bucket: &Bucket, mut change: impl FnMut(&mut Catalog) -> Result<T>) -> Result<T> {
    replace(bucket, |current| {
        let mut catalog = current?;
        let result = change(&mut catalog)?;
        Ok((catalog, result))
    })
    .await
}

/// As [`update`], where `change` is given the newest catalog even if it cannot be read, and gives the one to store.
///
/// # Errors
/// A bucket that cannot be reached, and those of `change`.
pub(crate) async fn replace<T>(
    bucket: &Bucket,
    mut change: impl FnMut(Result<Catalog>) -> Result<(Catalog, T)>,
) -> Result<T> {
    for _ in 0..ATTEMPTS {
        let (current, tag) = fetch(bucket).await?;
        let (catalog, result) = change(current)?;
        // What could not be read again is not stored.
        check::check(&catalog, &bucket.layout)
            .map_err(|what| failure(format!("the catalog would not be one: {what}"), "nothing was changed"))?;
        let body = ByteStream::from(serde_json::to_vec(&catalog)?);
        let put = bucket.s3.put_object().bucket(&bucket.name).key(&bucket.layout.catalog);
        let put = put.content_type("application/json").body(body);
        let put = match tag {
            Some(tag) => put.if_match(tag),
            None => put.if_none_match("*"),
        };
        match put.send().await {
            Ok(_) => return Ok(result),
            Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                Some(409 | 412) => {}
                _ => return Err(error).with_context(|| format!("cannot store the catalog {}", place(bucket))),
            },
        }
    }
    Err(failure(format!("others keep changing the catalog {}", place(bucket)), "try again when they are done"))
}

/// Whether there are files of tables, none of which a catalog without tables names.
///
/// # Errors
/// When the bucket cannot be listed.
pub(crate) async fn is_lost(bucket: &Bucket) -> Result<bool> {
    let list = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(&bucket.layout.tables).max_keys(1);
    let listed = list.send().await.with_context(|| format!("cannot list s3://{}", bucket.name))?;
    Ok(!listed.contents().is_empty())
}

/// The catalog, if it can be read, and the tag of the version that was.
async fn fetch(bucket: &Bucket) -> Result<(Result<Catalog>, Option<String>)> {
    let place = place(bucket);
    let request = bucket.s3.get_object().bucket(&bucket.name).key(&bucket.layout.catalog);
    let (bytes, tag) = match object::whole(request).await {
        Ok(found) => found,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
            return Ok((Ok(Catalog::default()), None));
        }
        Err(error) if error.code() == Some("NoSuchBucket") => {
            let message = format!("nothing is up: there is no bucket {}", bucket.name);
            return Err(failure_of(Kind::Missing, message, "run `quackctl up`"));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read the catalog {place}")),
    };
    Ok((parse(&bytes, &place, &bucket.layout), tag))
}

/// The catalog's address, as errors name it.
pub(super) fn place(bucket: &Bucket) -> String {
    format!("s3://{}/{}", bucket.name, bucket.layout.catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Catalog> {
        super::parse(text.as_bytes(), "s3://b/k", &layout())
    }

    fn layout() -> Layout {
        Layout::new(&crate::config::Lake { bucket: None, manage: true, prefix: String::new(), read: Vec::new() })
    }

    #[test]
    fn a_damaged_or_newer_catalog_is_told_apart() {
        assert_eq!(parse(r#"{"version":1,"tables":{}}"#).unwrap(), Catalog::default());
        assert!(parse("{").unwrap_err().to_string().contains("s3://b/k cannot be read"));
        assert!(parse(r#"{"version":1,"tables":[]}"#).unwrap_err().to_string().contains("cannot be read"));
        assert!(parse(r#"{"version":2,"tables":[]}"#).unwrap_err().to_string().contains("is of version 2"));
    }
}
